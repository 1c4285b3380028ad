/** Shows a text exactly, so that people can decide on it: nothing is dropped, hidden or reordered; knows no view. */
import { visibleWidth } from "pi-tui";
import type { Style } from "../theme.ts";

// What a terminal would act on, not show, or show as something else: control and format characters (those that reorder
// text among them), halves of characters, line separators, spaces that are none, fillers and variation selectors.
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}\ufffe\uffff]/u;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** Each character is one column, and none is hidden. */
const PLAIN = /^[ -~]*$/;
const TAB = "→   ";
/** Stands for a character that is wider than the whole row. */
const TOO_WIDE = "?";

interface Cell {
  readonly text: string;
  readonly width: number;
  /** A sign for a character, not the character. */
  readonly isSign: boolean;
}

/** Whether the text has characters that only a sign can show. */
export function hasHidden(text: string): boolean {
  return HIDDEN.test(text.replace(/\r?\n|\t/g, ""));
}

/** The text with a sign such as `\u{202e}` in the place of each character that nobody would see; tabs and line ends stay. */
export function revealed(text: string): string {
  if (!hasHidden(text)) return text;
  return [...text.matchAll(/\r\n|[\n\t]|[\s\S]/gu)].map(([character]) =>
    /^[\r\n\t]{2}$|^[\n\t]$/.test(character) ? character : signOf(character) ?? character
  ).join("");
}

/**
 * The rows of the text, broken where the width ends and nowhere else, so that every space counts. Signs for characters
 * that cannot be shown have a style of their own, which tells them from the same letters in the text.
 */
export function exactRows(
  text: string,
  { width, style, signStyle }: {
    readonly width: number;
    readonly style: Style;
    readonly signStyle: Style;
  },
): string[] {
  const rows: string[] = [];
  for (const line of text.split("\n")) {
    if (width > 0 && PLAIN.test(line)) {
      rows.push(...plainRows(line, width).map(style));
      continue;
    }
    let row: Cell[] = [];
    let used = 0;
    const flush = () => {
      rows.push(painted(row, { style, signStyle }));
      row = [];
      used = 0;
    };
    for (const cell of cellsOf(line, width)) {
      if (used + cell.width > width) flush();
      row.push(cell);
      used += cell.width;
    }
    flush();
  }
  return rows;
}

/** Most lines are such ones, and to find the characters of a text is dear. */
function plainRows(line: string, width: number): string[] {
  const count = Math.max(1, Math.ceil(line.length / width));
  return Array.from(
    { length: count },
    (_, index) => line.slice(index * width, (index + 1) * width),
  );
}

function* cellsOf(line: string, width: number): Generator<Cell> {
  for (const { segment } of GRAPHEMES.segment(line)) {
    const columns = visibleWidth(segment);
    // A character may hide behind another one, as a variation selector does; and what has no width of its own would
    // stand on the character before it, which may be in another row.
    if (columns === 0 || [...segment].some((character) => HIDDEN.test(character))) {
      for (const character of segment) yield* cellsOfCharacter(character, width);
    } else yield cellOf(segment, { columns, width });
  }
}

function* cellsOfCharacter(character: string, width: number): Generator<Cell> {
  const columns = visibleWidth(character);
  const sign = signOf(character) ?? (columns === 0 ? codeOf(character) : null);
  if (sign === null) yield cellOf(character, { columns, width });
  else for (const letter of sign) yield { text: letter, width: visibleWidth(letter), isSign: true };
}

function cellOf(
  text: string,
  { columns, width }: { readonly columns: number; readonly width: number },
): Cell {
  return columns > width
    ? { text: TOO_WIDE, width: 1, isSign: true }
    : { text, width: columns, isSign: false };
}

function signOf(character: string): string | null {
  if (character === "\t") return TAB;
  if (!HIDDEN.test(character)) return null;
  return codeOf(character);
}

function codeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function painted(
  cells: readonly Cell[],
  { style, signStyle }: { readonly style: Style; readonly signStyle: Style },
): string {
  let row = "";
  let part = "";
  let isSign = false;
  const flush = () => {
    row += isSign ? signStyle(part) : style(part);
    part = "";
  };
  for (const cell of cells) {
    if (cell.isSign !== isSign) flush();
    isSign = cell.isSign;
    part += cell.text;
  }
  flush();
  return row;
}

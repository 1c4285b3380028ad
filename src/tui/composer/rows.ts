/** Breaks a text with chips into the rows of a screen; must not know colours or what the text is for. */
import { visibleWidth } from "pi-tui";
import { graphemesOf } from "./boundaries.ts";
import { isChipCharacter } from "./chips.ts";

/** What is drawn for one character, or for a piece of a chip's label. */
export interface Cell {
  /** Where its character begins and ends in the line; both are the end for the later pieces of a label. */
  readonly at: number;
  readonly end: number;
  readonly text: string;
  readonly width: number;
  readonly isChip: boolean;
}

/** A part of a line that fits into the width. */
interface LineRow {
  readonly cells: readonly Cell[];
  readonly start: number;
}

/** One row; offsets of its cells count from `base`. */
export interface Row {
  /** Where its line begins in the text. */
  readonly base: number;
  /** Where it begins in the text. */
  readonly start: number;
  readonly cells: readonly Cell[];
}

const TAB = "    ";
/** What does not fit into the whole width is shown as this. */
const TOO_WIDE = "·";
// Scripts that are written without spaces may be broken anywhere.
const BREAKS_ANYWHERE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u;

/** The rows of a text, kept line by line, so that a keystroke costs what its own line costs. */
export class RowLayout {
  #key = "";
  #lines = new Map<string, readonly LineRow[]>();

  /** At least one row. `labels` has the names of the chips. */
  rows(text: string, options: {
    readonly width: number;
    readonly labels: ReadonlyMap<string, string>;
  }): readonly Row[] {
    const { width, labels } = options;
    const key = `${width} ${[...labels.values()].join("")}`;
    if (key !== this.#key) this.#lines.clear();
    this.#key = key;
    const lines = new Map<string, readonly LineRow[]>();
    const rows: Row[] = [];
    let base = 0;
    for (const line of text.split("\n")) {
      const known = this.#lines.get(line) ?? lines.get(line) ??
        breakLine(cellsOf(line, options), width);
      lines.set(line, known);
      for (const { cells, start } of known) rows.push({ base, start: base + start, cells });
      base += line.length + 1;
    }
    this.#lines = lines;
    return rows;
  }
}

/** Where an offset of the text is on the screen. Between two rows of a line it is at the start of the second. */
export function placeOf(
  rows: readonly Row[],
  offset: number,
): { readonly row: number; readonly column: number } {
  let at = rows.length - 1;
  while (at > 0 && (rows[at]?.start ?? 0) > offset) at--;
  const row = rows[at];
  if (!row) return { row: 0, column: 0 };
  let column = 0;
  for (const cell of row.cells) if (row.base + cell.end <= offset) column += cell.width;
  return { row: at, column };
}

/** The offset of the text that is nearest to a column of a row. */
export function offsetAt(
  rows: readonly Row[],
  place: { readonly row: number; readonly column: number },
): number {
  const row = rows[place.row];
  if (!row) return 0;
  let column = 0;
  for (const cell of row.cells) {
    if (place.column < column + cell.width) return row.base + cell.at;
    column += cell.width;
  }
  const last = row.cells.at(-1);
  if (!last) return row.start;
  // Behind the last character of a row that goes on would already be the next row.
  const goesOn = rows[place.row + 1]?.base === row.base;
  return row.base + (goesOn ? last.at : last.end);
}

function cellsOf(
  line: string,
  { width, labels }: { readonly width: number; readonly labels: ReadonlyMap<string, string> },
): Cell[] {
  const cells: Cell[] = [];
  for (const { text, at } of graphemesOf(line)) {
    const end = at + text.length;
    if (!isChipCharacter(text)) {
      cells.push({ at, end, ...shown(text, width), isChip: false });
      continue;
    }
    const label = labels.get(text) ?? "";
    const pieces = visibleWidth(label) <= width
      ? [label]
      : graphemesOf(label).map((piece) => piece.text);
    pieces.forEach((piece, index) =>
      cells.push({ at: index === 0 ? at : end, end, ...shown(piece, width), isChip: true })
    );
  }
  return cells;
}

function shown(grapheme: string, max: number): { readonly text: string; readonly width: number } {
  const text = grapheme === "\t" ? TAB.slice(0, max) : grapheme;
  const width = visibleWidth(text);
  return width <= max ? { text, width } : { text: TOO_WIDE, width: 1 };
}

function breakLine(cells: readonly Cell[], width: number): LineRow[] {
  const rows: LineRow[] = [];
  let from = 0;
  let used = 0;
  /** The last place after which the row may end. */
  let breakAt = 0;
  const close = (to: number) => {
    rows.push({ cells: cells.slice(from, to), start: cells[from]?.at ?? 0 });
    from = to;
    used = 0;
  };
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index];
    if (!cell) break;
    // What moves to the next row can fill it by itself.
    while (used + cell.width > width && from < index) {
      close(breakAt > from ? breakAt : index);
      for (let at = from; at < index; at++) used += cells[at]?.width ?? 0;
    }
    used += cell.width;
    if (mayBreakAfter(cell, cells[index + 1])) breakAt = index + 1;
  }
  close(cells.length);
  return rows;
}

function mayBreakAfter(cell: Cell, next: Cell | undefined): boolean {
  if (!next || next.text.trim() === "") return false;
  if (cell.text.trim() === "" || cell.isChip !== next.isChip) return true;
  return BREAKS_ANYWHERE.test(cell.text) || BREAKS_ANYWHERE.test(next.text);
}

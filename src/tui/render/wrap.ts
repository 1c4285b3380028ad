/** Breaks clean text into lines of a width; must not know styles: text is wrapped first and styled then. */
import { sliceByColumn, visibleWidth } from "pi-tui";
import { sanitizeText } from "../../lib/sanitize.ts";

const TAB = "    ";
const LINE_END = /[\n\u2028\u2029]/;
const LINE_ENDS = new RegExp(LINE_END, "g");
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// Lines may be broken on either side of these.
const IDEOGRAPHS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60]/u;
// deno-lint-ignore no-control-regex -- Control characters are what it is about.
const ONLY_ASCII = /^[\u0000-\u007f]*$/;

/** Text that a terminal shows as it is meant: no control characters, tabs as spaces, no half characters. */
export function cleanText(text: string): string {
  return sanitizeText(text).replaceAll("\t", TAB);
}

/** The same on one line. */
export function cleanLine(text: string): string {
  const clean = cleanText(text);
  if (!LINE_END.test(clean)) return clean;
  // A pattern with spaces on both sides would take a time that grows with their square.
  return clean.split(LINE_END).map((line) => line.trim()).join(" ");
}

/** A line of a file or of an output: what would end it is a space, and what indents it stays. */
export function cleanRow(line: string): string {
  return cleanText(line).replaceAll(LINE_ENDS, " ");
}

/** The lines of a clean text, none wider than `width`; words stay whole where they can. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const line of text.split("\n")) pushWrapped(line, width, lines);
  return lines;
}

function pushWrapped(line: string, width: number, lines: string[]): void {
  if (line.length <= width && ONLY_ASCII.test(line)) {
    lines.push(line.trimEnd());
    return;
  }
  const ranges = wrapRanges(line, width);
  for (let i = 0; i < ranges.length; i += 2) {
    lines.push(fit(line.slice(ranges[i], ranges[i + 1]).trimEnd(), width));
  }
}

/**
 * Where the rows of one line start and end, as pairs. All but the last one stay so when the line grows, as long as
 * `isAscii` stays the same: whether this line, or the text that it belongs to, is ASCII only.
 */
export function wrapRanges(
  line: string,
  width: number,
  { isAscii = isAsciiOnly(line) }: { readonly isAscii?: boolean } = {},
): number[] {
  return isAscii ? asciiRanges(line, width) : graphemeRanges(line, width);
}

/** Whether each character is one column, or none. */
export function isAsciiOnly(text: string): boolean {
  return ONLY_ASCII.test(text);
}

function asciiRanges(line: string, width: number): number[] {
  const ranges: number[] = [];
  let start = 0;
  while (line.length - start > width) {
    const space = line.lastIndexOf(" ", start + width);
    const isBroken = space > start && !isBlank(line, start, space);
    const end = isBroken ? space : start + width;
    ranges.push(start, end);
    start = isBroken ? afterSpaces(line, end) : end;
  }
  if (start < line.length || ranges.length === 0) ranges.push(start, line.length);
  return ranges;
}

function graphemeRanges(line: string, width: number): number[] {
  const ranges: number[] = [];
  let start = 0;
  let column = 0;
  /** The last place where the row may end, and its column. */
  let breakAt = -1;
  let breakColumn = 0;
  let wasIdeograph = false;
  let wasSpace = true;
  for (const { segment, index } of GRAPHEMES.segment(line)) {
    // Spaces that a row was broken at are not carried over.
    if (index < start) continue;
    const columns = widthOf(segment);
    const isSpace = segment === " ";
    const isIdeograph = IDEOGRAPHS.test(segment);
    if (index > start && !wasSpace && (isSpace || isIdeograph || wasIdeograph)) {
      breakAt = index;
      breakColumn = column;
    } else if (index > start && wasSpace && !isSpace && !isBlank(line, start, index)) {
      breakAt = index;
      breakColumn = column;
    }
    if (column + columns > width && index > start) {
      const end = breakAt > start ? breakAt : index;
      ranges.push(start, end);
      const carriedColumns = breakAt > start ? column - breakColumn : 0;
      start = line[end] === " " ? afterSpaces(line, end) : end;
      column = Math.max(0, carriedColumns - (start - end));
      breakAt = -1;
      if (index < start) {
        column = 0;
        wasSpace = true;
        wasIdeograph = false;
        continue;
      }
    }
    column += columns;
    wasSpace = isSpace;
    wasIdeograph = isIdeograph;
  }
  if (start < line.length || ranges.length === 0) ranges.push(start, line.length);
  return ranges;
}

const WIDTHS_MAX = 4_000;
const widths = new Map<string, number>();

/** Columns of one character; ideographs come again and again. */
function widthOf(grapheme: string): number {
  const code = grapheme.length === 1 ? grapheme.charCodeAt(0) : 0;
  if (code >= 0x20 && code < 0x7f) return 1;
  const known = widths.get(grapheme);
  if (known !== undefined) return known;
  const columns = visibleWidth(grapheme);
  if (widths.size >= WIDTHS_MAX) widths.clear();
  widths.set(grapheme, columns);
  return columns;
}

/** The line, cut where it is wider than the screen: a wide character in a narrow column cannot be shown at all. */
export function fit(line: string, width: number): string {
  return visibleWidth(line) <= width ? line : sliceByColumn(line, 0, width, true);
}

/** The text without what is far beyond so many columns, which need not be cleaned or measured. */
export function nearStart(text: string, columns: number): string {
  return text.length > columns * 16 ? text.slice(0, columns * 16).toWellFormed() : text;
}

/** One clean line, shortened with a sign where it is too long. */
export function clip(line: string, width: number): string {
  if (line.length <= width && ONLY_ASCII.test(line)) return line;
  const near = nearStart(line, width);
  if (near === line && visibleWidth(line) <= width) return line;
  return width <= 0 ? "" : `${sliceByColumn(near, 0, width - 1, true).trimEnd()}…`;
}

/** As much of the end of a clean line as fits: where somebody types. */
export function lineEnd(line: string, width: number): string {
  // Far more than fits need not be measured.
  const near = line.slice(-width * 16).toWellFormed();
  const columns = visibleWidth(near);
  return columns <= width ? near : sliceByColumn(near, columns - width, width, true);
}

/** One clean line, shortened at its beginning: of a path, the name is worth more than its folders. */
export function clipStart(line: string, width: number): string {
  if (clip(line, width) === line) return line;
  return width <= 0 ? "" : `…${lineEnd(line, width - 1)}`;
}

function isBlank(line: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (line.charCodeAt(i) !== 0x20) return false;
  return true;
}

function afterSpaces(line: string, start: number): number {
  let at = start;
  while (line.charCodeAt(at) === 0x20) at++;
  return at;
}

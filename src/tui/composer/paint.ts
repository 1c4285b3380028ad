/** Turns the rows of a prompt into lines of a terminal; must not know what the prompt is for. */
import { CURSOR_MARKER, truncateToWidth, visibleWidth } from "pi-tui";
import type { Style } from "../theme.ts";
import type { Row } from "./rows.ts";

const INVERSE = "\u001b[7m";
const NOT_INVERSE = "\u001b[27m";

/** How a row is drawn. */
export interface RowStyle {
  /** Where the cursor is in the text, when it is in this row. */
  readonly cursor: number | null;
  /** Whether keys go here: the place of the cursor is then told to the terminal, for input methods. */
  readonly focused: boolean;
  readonly chip: Style;
}

/** One row as text with styles. */
export function paintRow(row: Row, { cursor, focused, chip }: RowStyle): string {
  let line = "";
  let hasCursor = cursor === null;
  for (const cell of row.cells) {
    const isHere = !hasCursor && cursor !== null && row.base + cell.end > cursor;
    const text = cell.isChip ? chip(cell.text) : cell.text;
    line += isHere ? paintCursor(text, focused) : text;
    hasCursor ||= isHere;
  }
  return hasCursor ? line : line + paintCursor(" ", focused);
}

/** The text, or a space, as the cursor stands on it. */
export function paintCursor(text: string, focused: boolean): string {
  return focused ? `${CURSOR_MARKER}${INVERSE}${text}${NOT_INVERSE}` : text;
}

/** A horizontal line with words in it, as far as they fit. */
export function paintRule(
  width: number,
  { words, style, wordStyle }: {
    readonly words: string;
    readonly style: Style;
    readonly wordStyle: Style;
  },
): string {
  const room = width - 6;
  const shown = words === "" || room < 1 ? "" : truncateToWidth(words, room, "…");
  if (shown === "") return style("─".repeat(width));
  const rest = width - visibleWidth(shown) - 4;
  return `${style("──")} ${wordStyle(shown)} ${style("─".repeat(Math.max(0, rest)))}`;
}

/** Rows that views are made of; must not know any view. */
import { visibleWidth } from "pi-tui";
import { cleanLine, clip, fit } from "../render/wrap.ts";
import type { Style, Theme } from "../theme.ts";

/** A key and what it does. */
export type Hint = readonly [key: string, what: string];

const SEPARATOR = " · ";
/** A row with two parts gives the right one at most this share. */
const RIGHT_SHARE = 0.45;
/** Fewer columns of a long text say nothing. */
const RIGHT_MIN = 8;
const GAP = 2;
/** Narrower rows have room for one part only. */
const TWO_PARTS_MIN = 30;

/** The keys of a view in one row; those at the end are left out where there is no room. */
export function hintRow(
  hints: readonly Hint[],
  { theme, width }: { readonly theme: Theme; readonly width: number },
): string {
  let row = "";
  for (const [key, what] of hints) {
    const next = row === "" ? `${key} ${what}` : `${row}${SEPARATOR}${key} ${what}`;
    if (visibleWidth(next) > width) break;
    row = next;
  }
  return theme.dim(row === "" ? clip(hints[0]?.join(" ") ?? "", width) : row);
}

/** Text at the left, and less important text at the right where there is room for both. */
export function splitRow(
  { left, right }: { readonly left: string; readonly right: string },
  { width, leftStyle, rightStyle }: {
    readonly width: number;
    readonly leftStyle: Style;
    readonly rightStyle: Style;
  },
): string {
  const cleanLeft = cleanLine(left);
  const wanted = clip(cleanLine(right), rightRoom(cleanLine(right), { left: cleanLeft, width }));
  const rightWidth = visibleWidth(wanted);
  const leftRoom = rightWidth === 0 ? width : width - rightWidth - GAP;
  const shown = clip(cleanLeft, Math.max(0, leftRoom));
  if (rightWidth === 0) return fit(leftStyle(shown), width);
  const gap = " ".repeat(Math.max(0, width - visibleWidth(shown) - rightWidth));
  return fit(`${leftStyle(shown)}${gap}${rightStyle(wanted)}`, width);
}

/** What is short is shown whole; what is long gets the columns that the left part leaves. */
function rightRoom(
  right: string,
  { left, width }: { readonly left: string; readonly width: number },
): number {
  if (width < TWO_PARTS_MIN) return 0;
  const share = Math.floor(width * RIGHT_SHARE);
  if (visibleWidth(right) <= share) return share;
  const rest = width - visibleWidth(left) - GAP;
  return rest < RIGHT_MIN ? 0 : rest;
}

/** The row, filled with spaces up to the width. */
export function padded(row: string, width: number): string {
  return row + " ".repeat(Math.max(0, width - visibleWidth(row)));
}

/** The first row of a window of `height` rows so that row `index` is in it, moved as little as possible. */
export function windowStart(
  { start, index, height, count }: {
    readonly start: number;
    readonly index: number;
    readonly height: number;
    readonly count: number;
  },
): number {
  const last = Math.max(0, count - height);
  if (index < start) return Math.min(index, last);
  if (index >= start + height) return Math.min(index - height + 1, last);
  return Math.min(Math.max(0, start), last);
}

/** Draws what a person wrote; must not know what comes of it. */
import { visibleWidth } from "pi-tui";
import type { UserBlock } from "../blocks.ts";
import { type Margin, marginFor, type RenderContext, withMargin } from "./context.ts";
import { fold, foldedNote } from "./fold.ts";
import { cleanLine, cleanText, clip, wrapText } from "./wrap.ts";

const MARGIN: Margin = { first: "› ", rest: "  ", columns: 2 };
/** Of a text that was pasted, perhaps; more is shown when everything is. */
const ROWS_MAX = 30;

/** Its rows on a background of their own. */
export function renderUser(block: UserBlock, context: RenderContext): string[] {
  const { theme, width, isExpanded } = context;
  const margin = marginFor(width, MARGIN);
  const inner = width - margin.columns;
  const text = cleanText(block.text).replace(/^\n+|\s+$/g, "");
  const rows = text === "" ? [] : wrapText(text, inner);
  const note = (count: number) => clip(foldedNote(count), inner);
  const shown = isExpanded ? rows : fold(rows, { first: ROWS_MAX - 1, last: 0, note });
  const images = block.images.map((name) => clip(`[${cleanLine(name)}]`, inner));
  return withMargin([...shown, ...images], margin).map((row) => {
    const padding = " ".repeat(Math.max(0, width - visibleWidth(row)));
    return theme.userMessage(`${row}${theme.isColored ? padding : ""}`);
  });
}

/** Guesses how many lines a block will take, without drawing it; must not know how it is drawn in detail. */
import type { Block } from "../blocks.ts";

/** An empty line and about so many rows. */
export function estimatedRows(block: Block, width: number): number {
  return 1 + rowsOf(block, Math.max(1, width - 4));
}

function rowsOf(block: Block, width: number): number {
  const rows = (text: string) => Math.ceil(text.length / width) + newlines(text);
  switch (block.type) {
    case "user":
    case "message":
    case "notice":
      return rows(block.text);
    case "reasoning":
      return block.parts.reduce((sum, part) => sum + rows(part), 0);
    case "command":
      return Math.min(6, 1 + newlines(block.output));
    case "changes":
      return block.changes.reduce((sum, { diff }) => sum + 1 + Math.min(40, newlines(diff)), 0);
    case "plan":
      return 1 + block.steps.length;
    case "action":
    case "turnEnd":
      return 1;
  }
}

const COUNTED_MAX = 200;

/** A text is as long as it is, but its lines are soon enough. */
function newlines(text: string): number {
  let count = 0;
  for (
    let at = text.indexOf("\n");
    at >= 0 && count < COUNTED_MAX;
    at = text.indexOf("\n", at + 1)
  ) {
    count++;
  }
  return count;
}

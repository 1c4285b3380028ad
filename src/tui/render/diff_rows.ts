/** Reads the diff of one file into numbered rows; must not know how they look. */
import type { FileChange } from "../../protocol/item.ts";

/** One row of a diff; `number` counts lines of the new file, of the old one for what was removed. */
export interface DiffRow {
  readonly sign: "+" | "-" | " ";
  readonly number: number;
  readonly text: string;
}

/** A diff, with a null where lines between two places are left out. */
export interface Diff {
  readonly rows: readonly (DiffRow | null)[];
  readonly addedCount: number;
  readonly removedCount: number;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** The rows of a change. New and removed files come as their raw content. */
export function diffOf({ kind, diff }: FileChange): Diff {
  if (kind.type === "update") return hunksOf(linesOf(diff));
  const sign = kind.type === "add" ? "+" : "-";
  const rows = linesOf(diff).map((text, index): DiffRow => ({ sign, number: index + 1, text }));
  const isAdded = sign === "+";
  return { rows, addedCount: isAdded ? rows.length : 0, removedCount: isAdded ? 0 : rows.length };
}

function hunksOf(lines: readonly string[]): Diff {
  const rows: (DiffRow | null)[] = [];
  let [oldNumber, newNumber, addedCount, removedCount] = [1, 1, 0, 0];
  for (const line of lines) {
    const hunk = HUNK.exec(line);
    const text = line.slice(1);
    if (hunk) {
      if (rows.length > 0) rows.push(null);
      oldNumber = Number(hunk[1]);
      newNumber = Number(hunk[2]);
    } else if (line.startsWith("+")) {
      rows.push({ sign: "+", number: newNumber++, text });
      addedCount++;
    } else if (line.startsWith("-")) {
      rows.push({ sign: "-", number: oldNumber++, text });
      removedCount++;
    } else if (!line.startsWith("\\")) {
      rows.push({ sign: " ", number: newNumber++, text });
      oldNumber++;
    }
  }
  return { rows, addedCount, removedCount };
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

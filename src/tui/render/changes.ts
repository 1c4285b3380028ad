/** Draws changes of files as numbered diffs; must not know whether they were approved, only how they went. */
import type { ChangesBlock } from "../blocks.ts";
import type { FileChange } from "../../protocol/item.ts";
import { marginFor, type RenderContext, shownPath } from "./context.ts";
import { foldedNote } from "./fold.ts";
import { type Diff, diffOf, type DiffRow } from "./diff_rows.ts";
import { cleanLine, cleanRow, clip, clipStart, wrapText } from "./wrap.ts";

/** Rows of all files of a folded block together; a file that has been reached shows a few in any case. */
const ROWS_MAX = 40;
const ROWS_MIN = 4;
const EXPANDED_ROWS_MAX = 5_000;

const VERBS = {
  add: { asked: "Wants to add", doing: "Adding", done: "Added" },
  delete: { asked: "Wants to delete", doing: "Deleting", done: "Deleted" },
  update: { asked: "Wants to change", doing: "Editing", done: "Edited" },
} as const;

/** Each file with its diff. */
export function renderChanges(block: ChangesBlock, context: RenderContext): string[] {
  const { theme, width, isExpanded } = context;
  const files = block.changes.map((change) => ({ change, diff: diffOf(change) }));
  const [only] = files;
  const isOne = only !== undefined && files.length === 1;
  const verb = verbOf(block, isOne ? only.change : null);
  const isBad = block.status === "failed" || block.status === "declined";
  const bullet = isBad ? theme.error("•") : theme.accent("•");
  const title = isOne ? pathOf(only.change, context) : `${files.length} files`;
  const total = isOne ? only.diff : {
    addedCount: files.reduce((sum, { diff }) => sum + diff.addedCount, 0),
    removedCount: files.reduce((sum, { diff }) => sum + diff.removedCount, 0),
  };
  const lines = [titleLine({ lead: `• ${verb} `, styled: `${bullet} ${theme.bold(verb)} ` }, {
    title,
    total,
    context,
  })];
  let room = isExpanded ? EXPANDED_ROWS_MAX : ROWS_MAX;
  for (const { change, diff } of files) {
    if (!isOne) {
      const lead = marginFor(width, { first: "  └ ", rest: "", columns: 4 }).first;
      const path = `${signOf(change)} ${pathOf(change, context)}`;
      lines.push(
        titleLine({ lead, styled: theme.dim(lead) }, { title: path, total: diff, context }),
      );
    }
    // The question below shows them.
    if (block.isAsked && !isExpanded) continue;
    const rows = diffLines(diff, { rowsMax: Math.max(ROWS_MIN, room), context });
    room -= rows.length;
    lines.push(...rows);
  }
  return lines;
}

function verbOf({ status, isAsked }: ChangesBlock, only: FileChange | null): string {
  if (status === "declined") return "Declined changes of";
  if (status === "failed") return "Could not change";
  const { asked, doing, done } = VERBS[only?.kind.type ?? "update"];
  return status === "completed" ? done : isAsked ? asked : doing;
}

function signOf({ kind }: FileChange): string {
  return kind.type === "add" ? "A" : kind.type === "delete" ? "D" : "M";
}

function pathOf({ path, kind }: FileChange, { cwd }: RenderContext): string {
  const from = shownPath(path, cwd);
  const isMoved = kind.type === "update" && kind.move_path !== null;
  return cleanLine(isMoved ? `${from} → ${shownPath(kind.move_path ?? "", cwd)}` : from);
}

/** A path between what is before it and its counts. It is what is shortened: its end says more than its beginning. */
function titleLine(
  { lead, styled }: { readonly lead: string; readonly styled: string },
  { title, total, context: { theme, width } }: {
    readonly title: string;
    readonly total: Pick<Diff, "addedCount" | "removedCount">;
    readonly context: RenderContext;
  },
): string {
  const [added, removed] = [`+${total.addedCount}`, `-${total.removedCount}`];
  const counts = ` (${added} ${removed})`;
  const room = width - lead.length - counts.length;
  if (room < 4) return clip(`${lead}${title}`, width);
  return `${styled}${clipStart(title, room)} (${theme.added(added)} ${theme.removed(removed)})`;
}

function diffLines(
  { rows }: Diff,
  { rowsMax, context }: { readonly rowsMax: number; readonly context: RenderContext },
): string[] {
  const { theme, width } = context;
  const shown = rows.length <= rowsMax + 1 ? rows : rows.slice(0, rowsMax);
  const digits = String(shown.reduce((most, row) => Math.max(most, row?.number ?? 0), 0)).length;
  const margin = marginFor(width, { first: "    ", rest: "    ", columns: 4 });
  const gutter = margin.columns === 0 ? 0 : margin.columns + digits + 1;
  const lines = shown.flatMap((row) => {
    if (row === null) return [theme.dim(clip(`${margin.rest}${" ".repeat(digits - 1)}⋮`, width))];
    return rowLines(row, { digits, gutter, context, indent: margin.rest });
  });
  const left = rows.length - shown.length;
  if (left === 0) return lines;
  const note = foldedNote(left, context.isExpanded);
  return [...lines, theme.dim(clip(`${margin.rest}${note}`, width))];
}

function rowLines(
  { sign, number, text }: DiffRow,
  { digits, gutter, indent, context: { theme, width } }: {
    readonly digits: number;
    /** Columns before the sign. */
    readonly gutter: number;
    readonly indent: string;
    readonly context: RenderContext;
  },
): string[] {
  const style = sign === "+" ? theme.added : sign === "-" ? theme.removed : (line: string) => line;
  const columns = gutter === 0 ? 0 : gutter + 1;
  const rows = wrapText(cleanRow(text), Math.max(1, width - columns));
  return rows.map((row, index) => {
    if (gutter === 0) return style(clip(index === 0 ? `${sign}${row}` : row, width));
    const head = index === 0 ? String(number).padStart(digits) : " ".repeat(digits);
    const signed = style(`${index === 0 ? sign : " "}${row}`.trimEnd());
    return `${indent}${theme.dim(head)} ${signed}`.trimEnd();
  });
}

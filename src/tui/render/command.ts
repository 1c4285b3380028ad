/** Draws a command with what it printed; must not know what a command is run by. */
import { visibleWidth } from "pi-tui";
import type { CommandBlock } from "../blocks.ts";
import { formatDuration } from "../duration.ts";
import { type Margin, marginFor, type RenderContext, withMargin } from "./context.ts";
import { fold, foldedNote } from "./fold.ts";
import { shownCommand } from "./shown_command.ts";
import { cleanRow, cleanText, clip, fit, wrapRanges, wrapText } from "./wrap.ts";

/** Rows of a folded command, and of its folded output. */
const COMMAND_ROWS = 3;
const OUTPUT_FIRST = 2;
const OUTPUT_LAST = 3;
/** What a person ran is what they want to read. */
const USER_OUTPUT_FIRST = 20;
const USER_OUTPUT_LAST = 20;
const EXPANDED_ROWS = 1_000;
/** Shorter ones took no time worth a word. */
const SHOWN_MS = 1_000;

/** Seconds that a running command shows; null for one that shows no time. */
export function shownSeconds(block: CommandBlock, nowMs: number): number | null {
  if (block.status !== "inProgress" || block.startedMs === null || block.isAsked) return null;
  return Math.max(0, Math.floor((nowMs - block.startedMs) / 1000));
}

/** The command, how it went, and its output. */
export function renderCommand(block: CommandBlock, context: RenderContext): string[] {
  return [...headerLines(block, context), ...outputLines(block, context)];
}

function headerLines(block: CommandBlock, { theme, width, isExpanded, nowMs }: RenderContext) {
  const { sign, verb, note } = stateOf(block, nowMs);
  const style = sign === "failed" ? theme.error : sign === "good" ? theme.success : theme.dim;
  const label = `${style("•")} ${theme.bold(verb)} `;
  const labelColumns = verb.length + 3;
  const margin = marginFor(width, { first: label, rest: theme.dim("  │ "), columns: labelColumns });
  const isNarrow = margin.columns === 0;
  const text = cleanText(shownCommand(block.command)).trim();
  const restWidth = isNarrow ? width : width - OUTPUT_MARGIN.columns;
  const rows = commandRows(isNarrow ? `• ${verb} ${text}` : text, {
    firstWidth: width - margin.columns,
    restWidth,
  });
  const shown = isExpanded ? rows.slice(0, EXPANDED_ROWS) : fold(rows, {
    first: COMMAND_ROWS,
    last: 0,
    note: (count) => theme.dim(clip(foldedNote(count), restWidth)),
  });
  const marked = withMargin(shown, margin);
  return note === "" ? marked : withNote(marked, { note, width, theme });
}

/** The first row begins further right than the others. */
function commandRows(
  text: string,
  { firstWidth, restWidth }: { readonly firstWidth: number; readonly restWidth: number },
): string[] {
  const [line = "", ...others] = text.split("\n");
  const [start = 0, end = 0, next] = wrapRanges(line, firstWidth);
  return [
    fit(line.slice(start, end).trimEnd(), firstWidth),
    ...next === undefined ? [] : wrapText(line.slice(next), restWidth),
    ...others.flatMap((other) => wrapText(other, restWidth)),
  ];
}

/** The note behind the last line, or below it where it has no room. */
function withNote(
  lines: string[],
  { note, width, theme }:
    & { readonly note: string; readonly width: number }
    & Pick<
      RenderContext,
      "theme"
    >,
): string[] {
  const last = lines.at(-1) ?? "";
  const text = theme.dim(`(${note})`);
  if (visibleWidth(last) + note.length + 3 <= width) {
    return [...lines.slice(0, -1), `${last} ${text}`];
  }
  const indent = width > 2 ? "  " : "";
  return [...lines, indent + theme.dim(clip(`(${note})`, width - indent.length))];
}

interface CommandState {
  readonly sign: "good" | "failed" | "neutral";
  readonly verb: string;
  /** How long, and how it ended. */
  readonly note: string;
}

function stateOf(block: CommandBlock, nowMs: number): CommandState {
  const who = block.isOfUser ? "You ran" : "Ran";
  const { status, exitCode, durationMs } = block;
  const time = durationMs !== null && durationMs >= SHOWN_MS ? formatDuration(durationMs) : "";
  switch (status) {
    case "inProgress": {
      const seconds = shownSeconds(block, nowMs);
      const note = seconds === null ? "" : formatDuration(seconds * 1000);
      return { sign: "neutral", verb: block.isAsked ? "Wants to run" : "Running", note };
    }
    case "declined":
      return { sign: "failed", verb: "Declined", note: "" };
    case "failed": {
      const exit = exitCode === null ? "did not finish" : `exit ${exitCode}`;
      return { sign: "failed", verb: who, note: time === "" ? exit : `${exit}, ${time}` };
    }
    case "completed":
      return { sign: "good", verb: who, note: time };
  }
}

const OUTPUT_MARGIN: Margin = { first: "  └ ", rest: "    ", columns: 4 };

function outputLines(block: CommandBlock, { theme, width, isExpanded }: RenderContext): string[] {
  const margin = marginFor(width, OUTPUT_MARGIN);
  const inner = width - margin.columns;
  const all = printedLines(block.output);
  if (all.length === 0) {
    const isSilent = block.status === "completed" && !block.isOfUser;
    return isSilent ? withMargin([clip("(no output)", inner)], margin).map(theme.dim) : [];
  }
  const isRunning = block.status === "inProgress";
  const first = isRunning ? 0 : block.isOfUser ? USER_OUTPUT_FIRST : OUTPUT_FIRST;
  const last = block.isOfUser
    ? USER_OUTPUT_LAST
    : isRunning
    ? OUTPUT_FIRST + OUTPUT_LAST
    : OUTPUT_LAST;
  const note = (count: number) => foldedNote(count, isExpanded);
  const rows = isExpanded
    ? fold(all.flatMap((line) => wrapText(cleanPrinted(line), inner)), {
      first: EXPANDED_ROWS / 2,
      last: EXPANDED_ROWS / 2,
      note,
    })
    : fold(all, { first, last, note }).map((line) => clip(cleanPrinted(line), inner));
  return withMargin(rows, margin).map((row) => row === "" ? "" : theme.dim(row));
}

/** The lines of an output, as they came; empty ones at its ends are left out. */
function printedLines(output: string): string[] {
  const trimmed = output.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd();
  return trimmed === "" ? [] : trimmed.split("\n");
}

/** What is left of a line that was written over, as progress bars do. */
function cleanPrinted(line: string): string {
  const written = line.replace(/\r+$/, "");
  return cleanRow(written.slice(written.lastIndexOf("\r") + 1)).trimEnd();
}

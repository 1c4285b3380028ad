/** Draws the short blocks: plans, actions, notices and ends of turns; must not know the long ones. */
import { visibleWidth } from "pi-tui";
import type { ActionBlock, NoticeBlock, PlanBlock, TurnEndBlock } from "../blocks.ts";
import { formatDuration } from "../duration.ts";
import type { Style } from "../theme.ts";
import { type Margin, marginFor, type RenderContext, withMargin } from "./context.ts";
import { cleanLine, cleanText, wrapText } from "./wrap.ts";

/** A plan as a checklist. */
export function renderPlan({ explanation, steps }: PlanBlock, context: RenderContext): string[] {
  const { theme } = context;
  const done = steps.filter(({ status }) => status === "completed").length;
  const lines = marked(`Plan (${done} of ${steps.length} done)`, {
    margin: { first: `${theme.accent("•")} `, rest: "  ", columns: 2 },
    style: theme.bold,
    context,
  });
  if (explanation !== null) {
    const margin: Margin = { first: "  ", rest: "  ", columns: 2 };
    const style = (text: string) => theme.dim(theme.italic(text));
    lines.push(...marked(explanation, { margin, style, context }));
  }
  for (const { step, status } of steps) {
    const style = status === "completed"
      ? (text: string) => theme.dim(theme.strikethrough(text))
      : status === "inProgress"
      ? theme.bold
      : null;
    const sign = status === "completed" ? "✔" : status === "inProgress" ? "▸" : "□";
    const color = status === "completed" ? theme.success : theme.accent;
    const margin = { first: `  ${color(sign)} `, rest: "    ", columns: 4 };
    lines.push(...marked(cleanLine(step), { margin, style, context }));
  }
  return lines;
}

/** One line about something that was done. */
export function renderAction(
  { label, detail, isFinal }: ActionBlock,
  context: RenderContext,
): string[] {
  const { theme } = context;
  const bullet = isFinal ? theme.dim("•") : theme.accent("•");
  const name = cleanLine(label);
  const words = cleanLine(detail);
  const rows = marked(words === "" ? name : `${name} ${words}`, {
    margin: { first: `${bullet} `, rest: "  ", columns: 2 },
    style: null,
    context,
  });
  // The name is bold where it has stayed whole.
  const [first = "", ...others] = rows;
  return name === "" ? rows : [first.replace(name, () => theme.bold(name)), ...others];
}

const NOTICE_SIGNS: Readonly<Record<NoticeBlock["level"], string>> = {
  info: "•",
  warning: "▲",
  error: "■",
};

/** What the interface says. */
export function renderNotice({ level, text }: NoticeBlock, context: RenderContext): string[] {
  const { theme } = context;
  const color = level === "info" ? theme.dim : level === "warning" ? theme.warning : theme.error;
  const margin = { first: `${color(NOTICE_SIGNS[level])} `, rest: "  ", columns: 2 };
  if (level !== "info") return marked(text, { margin, style: color, context });
  const used = marginFor(context.width, margin);
  const lines = cleanText(text).trim().split("\n");
  return withMargin(lines.flatMap((line) => tableRows(line, context.width - used.columns)), used);
}

/** A name, spaces, and a value; the value stays in its column. */
const TABLE_ROW = /^(\S+(?: \S+)* {2,})(\S.*)$/;
/** A column with less room is none. */
const VALUE_COLUMNS_MIN = 16;

function tableRows(line: string, width: number): string[] {
  const [, name = "", value = ""] = TABLE_ROW.exec(line) ?? [];
  const column = visibleWidth(name);
  if (name === "" || width - column < VALUE_COLUMNS_MIN) return wrapText(line, width);
  const rows = wrapText(value, width - column);
  return rows.map((row, index) => (index === 0 ? name : " ".repeat(column)) + row);
}

/** How a turn ended, and how long it took; nothing for one that was over at once. */
export function renderTurnEnd(
  { status, durationMs, error }: TurnEndBlock,
  context: RenderContext,
): string[] {
  const { theme } = context;
  const time = durationMs === null || durationMs < 1000 ? "" : formatDuration(durationMs);
  const margin: Margin = { first: "  ", rest: "  ", columns: 2 };
  switch (status) {
    case "inProgress":
      return [];
    case "completed":
      return time === "" ? [] : marked(`worked for ${time}`, { margin, style: theme.dim, context });
    case "interrupted": {
      const text = time === "" ? "Interrupted" : `Interrupted after ${time}`;
      const first = `${theme.warning("■")} `;
      return marked(text, { margin: { ...margin, first }, style: theme.warning, context });
    }
    case "failed": {
      const text = error === null ? "The turn failed" : `The turn failed: ${error}`;
      const first = `${theme.error("■")} `;
      return marked(text, { margin: { ...margin, first }, style: theme.error, context });
    }
  }
}

/** Text behind a margin, wrapped and in one style. */
function marked(
  text: string,
  { margin, style, context: { width } }: {
    readonly margin: Margin;
    readonly style: Style | null;
    readonly context: RenderContext;
  },
): string[] {
  const used = marginFor(width, margin);
  const rows = wrapText(cleanText(text).trim(), width - used.columns);
  return withMargin(style === null ? rows : rows.map(style), used);
}

/** Folds the notifications of a run into lines for a person; pure, must not print. */
import { sanitizeLine, sanitizeText } from "../../lib/sanitize.ts";
import type { CommandExecutionItem, FileChangeItem, ThreadItem } from "../../protocol/item.ts";
import type { PlanStep, TokenUsage } from "../../protocol/turn_types.ts";
import { errorText, type ServerNotification } from "./notification.ts";
import type { Style } from "./style.ts";

/** What has been shown so far, as far as it decides about what follows. */
export interface HumanState {
  /** The item that was announced last: what completes at once needs no second heading. */
  readonly lastStarted: string | null;
  /** The diff is sent again and again while it grows; only its last form is shown. */
  readonly diff: string;
  readonly usage: TokenUsage | null;
  /** The last final error, which the failed turn repeats. */
  readonly error: string | null;
}

interface Step {
  readonly state: HumanState;
  /** Lines for stderr, each with its newline; empty for nothing. */
  readonly text: string;
}

/** Nothing shown yet. */
export const initialHumanState: HumanState = {
  lastStarted: null,
  diff: "",
  usage: null,
  error: null,
};

/** What a notification says to a person, and the state after it. */
export function reduceHuman(
  state: HumanState,
  notification: ServerNotification,
  { style }: { readonly style: Style },
): Step {
  switch (notification.method) {
    case "item/started":
      return startItem(state, notification.params.item, { style });
    case "item/completed":
      return { state, text: completeItem(state, notification.params.item, { style }) };
    case "turn/plan/updated":
      return { state, text: planText(notification.params, style) };
    case "turn/diff/updated":
      return { state: { ...state, diff: notification.params.diff }, text: "" };
    case "thread/tokenUsage/updated":
      return { state: { ...state, usage: notification.params.tokenUsage.total }, text: "" };
    case "configWarning": {
      const { summary, details } = notification.params;
      const text = [summary, details ?? ""].filter((part) => part !== "").join("\n");
      return { state, text: `${style.note("warning:")} ${sanitizeText(text)}\n` };
    }
    case "error": {
      const message = errorText(notification.params.error);
      const error = notification.params.willRetry ? state.error : message;
      return { state: { ...state, error }, text: failure(message, style) };
    }
    case "turn/completed":
      return { state, text: completeTurn(state, notification.params.turn, { style }) };
    default:
      return { state, text: "" };
  }
}

function startItem(state: HumanState, item: ThreadItem, { style }: { style: Style }): Step {
  const text = heading(item, style);
  return { state: text === "" ? state : { ...state, lastStarted: item.id }, text };
}

/** What is said before an item is complete: only what may take long. */
function heading(item: ThreadItem, style: Style): string {
  if (item.type === "commandExecution") {
    return `${style.heading("exec")}\n${commandLine(item, style)}`;
  }
  return item.type === "fileChange" ? `${style.bold("apply patch")}\n` : "";
}

function commandLine(item: CommandExecutionItem, style: Style): string {
  return `${style.bold(sanitizeText(item.command))} in ${sanitizeLine(item.cwd)}\n`;
}

function completeItem(state: HumanState, item: ThreadItem, { style }: { style: Style }): string {
  // Commands may run side by side: say again which one it was unless that is clear.
  const again = state.lastStarted === item.id ? "" : heading(item, style);
  switch (item.type) {
    case "agentMessage":
      return `${style.heading("codex")}\n${block(item.text)}`;
    case "reasoning":
      return item.summary.length === 0
        ? ""
        : `${style.dim(sanitizeText(item.summary.join("\n")))}\n`;
    case "commandExecution":
      return again + commandResult(item, style);
    case "fileChange":
      return again + patchResult(item, style);
    case "webSearch":
      return `${style.bold("web search:")} ${sanitizeLine(item.query)}\n`;
    case "imageView":
      return `${style.bold("view image:")} ${sanitizeLine(item.path)}\n`;
    case "contextCompaction":
      return `${style.dim("earlier messages were summarised")}\n`;
    default:
      return "";
  }
}

function commandResult(item: CommandExecutionItem, style: Style): string {
  const took = item.durationMs === null ? "" : ` in ${item.durationMs}ms`;
  const output = block(item.aggregatedOutput ?? "");
  if (item.status === "declined") return `${style.bad(" declined")}\n`;
  if (item.status === "completed") return `${style.good(` succeeded${took}:`)}\n${output}`;
  const code = item.exitCode === null ? " failed" : ` exited ${item.exitCode}`;
  return `${style.bad(`${code}${took}:`)}\n${output}`;
}

function patchResult(item: FileChangeItem, style: Style): string {
  const paths = item.changes.map(({ path }) => `${style.dim(sanitizeLine(path))}\n`).join("");
  return `${style.bold("patch:")} ${item.status}\n${paths}`;
}

const STEP_MARKS = { completed: "✓", inProgress: "→", pending: "•" } as const;

function planText(
  update: { readonly explanation: string | null; readonly plan: readonly PlanStep[] },
  style: Style,
): string {
  const paint = { completed: style.good, inProgress: style.note, pending: style.dim };
  const steps = update.plan.map(({ step, status }) =>
    `  ${paint[status](STEP_MARKS[status])} ${sanitizeLine(step)}\n`
  );
  const title = update.explanation ? style.italic(sanitizeLine(update.explanation)) : "plan";
  return `${title}\n${steps.join("")}`;
}

function completeTurn(
  state: HumanState,
  turn: Extract<ServerNotification, { method: "turn/completed" }>["params"]["turn"],
  { style }: { style: Style },
): string {
  const message = turn.error ? errorText(turn.error) : "The turn failed";
  const isNews = turn.status === "failed" && message !== state.error;
  const end = turn.status === "interrupted" ? "turn interrupted\n" : "";
  return block(state.diff) + end + (isNews ? failure(message, style) : "") +
    usageText(state, style);
}

/** Tokens that were paid in full: cached input costs next to nothing. */
function usageText({ usage }: HumanState, style: Style): string {
  if (usage === null) return "";
  const tokens = usage.inputTokens - usage.cachedInputTokens + usage.outputTokens;
  return `${style.dim("tokens used")}\n${tokens.toLocaleString("en-US")}\n`;
}

function failure(message: string, style: Style): string {
  return `${style.bad("ERROR:")} ${sanitizeText(message)}\n`;
}

/** Foreign text on lines of its own. */
function block(text: string): string {
  const clean = sanitizeText(text);
  return clean === "" || clean.endsWith("\n") ? clean : `${clean}\n`;
}

/** Items as `codex exec --json` prints them; must not know the order of events. */
import type { ThreadItem } from "../../protocol/item.ts";
import type { PlanStep } from "../../protocol/turn_types.ts";

/** An item without its id, which the order of events decides. */
export type JsonlItem =
  | { readonly type: "agent_message" | "reasoning"; readonly text: string }
  | {
    readonly type: "command_execution";
    readonly command: string;
    readonly aggregated_output: string;
    readonly exit_code: number | null;
    readonly status: "in_progress" | "completed" | "failed" | "declined";
  }
  | {
    readonly type: "file_change";
    readonly changes: readonly { readonly path: string; readonly kind: string }[];
    readonly status: "in_progress" | "completed" | "failed";
  }
  | { readonly type: "web_search"; readonly query: string; readonly action: unknown }
  | { readonly type: "todo_list"; readonly items: readonly TodoItem[] }
  | { readonly type: "error"; readonly message: string };

interface TodoItem {
  readonly text: string;
  readonly completed: boolean;
}

/** The printed form of an item; null for what is not printed. */
export function jsonlItem(item: ThreadItem): JsonlItem | null {
  switch (item.type) {
    case "agentMessage":
      return { type: "agent_message", text: item.text };
    case "reasoning":
      return textItem(item.summary.join("\n"));
    case "commandExecution":
      return {
        type: "command_execution",
        command: item.command,
        aggregated_output: item.aggregatedOutput ?? "",
        exit_code: item.exitCode,
        status: item.status === "inProgress" ? "in_progress" : item.status,
      };
    case "fileChange":
      return {
        type: "file_change",
        changes: item.changes.map(({ path, kind }) => ({ path, kind: kind.type })),
        status: fileChangeStatus(item.status),
      };
    case "webSearch":
      // Upstream prints a second `id` here; an object with two equal keys is no use to anybody.
      return { type: "web_search", query: item.query, action: item.action ?? { type: "other" } };
    default:
      return null;
  }
}

/** Only these are announced before they are complete, as upstream. */
export function isAnnounced(item: JsonlItem): boolean {
  return item.type !== "agent_message" && item.type !== "reasoning";
}

/** The plan as a list of things to do. */
export function todoList(plan: readonly PlanStep[]): JsonlItem {
  const items = plan.map(({ step, status }) => ({ text: step, completed: status === "completed" }));
  return { type: "todo_list", items };
}

function textItem(text: string): JsonlItem | null {
  return text.trim() === "" ? null : { type: "reasoning", text };
}

function fileChangeStatus(
  status: Extract<ThreadItem, { type: "fileChange" }>["status"],
): "in_progress" | "completed" | "failed" {
  if (status === "inProgress") return "in_progress";
  // The printed form has no word for a declined patch.
  return status === "completed" ? "completed" : "failed";
}

/** Notifications of a run, as data for the tests of both outputs of `codex exec`. */
import type { ServerNotification } from "../../src/programs/exec/notification.ts";
import type { ThreadItem } from "../../src/protocol/item.ts";
import type { Turn, TurnError } from "../../src/protocol/turn_types.ts";

const place = { threadId: "t1", turnId: "u1" };

/** A command item; `done` makes it complete. */
export function command(id: string, done?: { exitCode: number; output: string }): ThreadItem {
  return {
    type: "commandExecution",
    id,
    command: "/bin/bash -lc 'cat a.txt'",
    cwd: "/proj",
    processId: "7",
    source: "unifiedExecStartup",
    status: done === undefined ? "inProgress" : done.exitCode === 0 ? "completed" : "failed",
    commandActions: [],
    aggregatedOutput: done?.output ?? null,
    exitCode: done?.exitCode ?? null,
    durationMs: done ? 12 : null,
  };
}

/** A patch item. */
export function patch(id: string, status: "inProgress" | "completed" | "declined"): ThreadItem {
  return {
    type: "fileChange",
    id,
    status,
    changes: [
      { path: "/proj/ex.txt", kind: { type: "add" }, diff: "hello\n" },
      { path: "/proj/a.txt", kind: { type: "update", move_path: null }, diff: "@@ -1 +1 @@\n" },
    ],
  };
}

/** An agent message. */
export function message(id: string, text: string): ThreadItem {
  return { type: "agentMessage", id, text, phase: null, memoryCitation: null };
}

/** A reasoning item with the parts of its summary. */
export function reasoning(id: string, ...summary: string[]): ThreadItem {
  return { type: "reasoning", id, summary, content: [] };
}

/** `item/started`. */
export function started(item: ThreadItem): ServerNotification {
  return { method: "item/started", params: { ...place, item, startedAtMs: 1 } };
}

/** `item/completed`. */
export function completed(item: ThreadItem): ServerNotification {
  return { method: "item/completed", params: { ...place, item, completedAtMs: 2 } };
}

/** `turn/started`. */
export const turnStarted: ServerNotification = {
  method: "turn/started",
  params: { threadId: "t1", turn: turn("inProgress") },
};

/** `turn/completed`. */
export function turnCompleted(status: Turn["status"], error?: TurnError): ServerNotification {
  return { method: "turn/completed", params: { threadId: "t1", turn: turn(status, error) } };
}

/** `turn/plan/updated`. */
export function plan(
  ...steps: ["pending" | "inProgress" | "completed", string][]
): ServerNotification {
  return {
    method: "turn/plan/updated",
    params: {
      ...place,
      explanation: "why",
      plan: steps.map(([status, step]) => ({ step, status })),
    },
  };
}

/** `error`. */
export function failure(
  text: string,
  options: { retry: boolean; details?: string },
): ServerNotification {
  const error = turnError(text, options.details);
  return { method: "error", params: { ...place, error, willRetry: options.retry } };
}

/** `turn/diff/updated`. */
export function diff(text: string): ServerNotification {
  return { method: "turn/diff/updated", params: { ...place, diff: text } };
}

/** `thread/tokenUsage/updated`: a thousand tokens in, 200 of them cached, 300 out. */
export const tokenUsage: ServerNotification = {
  method: "thread/tokenUsage/updated",
  params: {
    ...place,
    tokenUsage: {
      total: {
        totalTokens: 1300,
        inputTokens: 1000,
        cachedInputTokens: 200,
        outputTokens: 300,
        reasoningOutputTokens: 30,
      },
      last: {
        totalTokens: 1,
        inputTokens: 1,
        cachedInputTokens: 0,
        outputTokens: 0,
        reasoningOutputTokens: 0,
      },
      modelContextWindow: null,
    },
  },
};

/** The error of a turn. */
export function turnError(text: string, details: string | null = null): TurnError {
  return { message: text, codexErrorInfo: "other", additionalDetails: details };
}

function turn(status: Turn["status"], error: TurnError | null = null): Turn {
  return {
    id: "u1",
    items: [],
    status,
    error,
    startedAt: 1,
    completedAt: null,
    durationMs: null,
  };
}

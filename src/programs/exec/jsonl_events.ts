/** Folds the notifications of a run into the events of `codex exec --json`; pure, must not print. */
import type { TokenUsage } from "../../protocol/turn_types.ts";
import type { ThreadItem } from "../../protocol/item.ts";
import { isAnnounced, type JsonlItem, jsonlItem, todoList } from "./jsonl_items.ts";
import { errorText, type ServerNotification } from "./notification.ts";

/** One line on stdout. */
export type JsonlEvent =
  | { readonly type: "thread.started"; readonly thread_id: string }
  | { readonly type: "turn.started" }
  | {
    readonly type: "item.started" | "item.updated" | "item.completed";
    readonly item: { readonly id: string } & JsonlItem;
  }
  | { readonly type: "turn.completed"; readonly usage: JsonlUsage }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "turn.failed"; readonly error: { readonly message: string } };

interface JsonlUsage {
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly cache_write_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_output_tokens: number;
}

/** What has been printed so far, as far as it decides about what follows. */
export interface JsonlState {
  readonly nextId: number;
  /** The printed ids of announced items, by the server's ids; gone once the item is complete. */
  readonly open: ReadonlyMap<string, string>;
  readonly todo: { readonly id: string; readonly item: JsonlItem } | null;
  readonly usage: JsonlUsage;
  /** The last final error; the failed turn repeats it. */
  readonly error: string | null;
}

interface Step {
  readonly state: JsonlState;
  readonly events: readonly JsonlEvent[];
}

/** Nothing printed yet. */
export const initialJsonlState: JsonlState = {
  nextId: 0,
  open: new Map(),
  todo: null,
  usage: {
    input_tokens: 0,
    cached_input_tokens: 0,
    cache_write_input_tokens: 0,
    output_tokens: 0,
    reasoning_output_tokens: 0,
  },
  error: null,
};

/** The events that a notification causes, and the state after it. */
export function reduceJsonl(state: JsonlState, notification: ServerNotification): Step {
  switch (notification.method) {
    case "turn/started":
      return { state, events: [{ type: "turn.started" }] };
    case "item/started":
      return startItem(state, notification.params.item);
    case "item/completed":
      return completeItem(state, notification.params.item);
    case "turn/plan/updated":
      return updateTodo(state, todoList(notification.params.plan));
    case "thread/tokenUsage/updated":
      return quiet({ ...state, usage: usageOf(notification.params.tokenUsage.total) });
    case "configWarning":
      return warn(state, notification.params);
    case "error": {
      const message = errorText(notification.params.error);
      const error = notification.params.willRetry ? state.error : message;
      return { state: { ...state, error }, events: [{ type: "error", message }] };
    }
    case "turn/completed":
      return completeTurn(state, notification.params.turn);
    default:
      return quiet(state);
  }
}

function quiet(state: JsonlState): Step {
  return { state, events: [] };
}

function startItem(state: JsonlState, source: ThreadItem): Step {
  const item = jsonlItem(source);
  if (item === null || !isAnnounced(item)) return quiet(state);
  const id = `item_${state.nextId}`;
  const open = new Map(state.open).set(source.id, id);
  const next = { ...state, nextId: state.nextId + 1, open };
  return { state: next, events: [{ type: "item.started", item: { id, ...item } }] };
}

function completeItem(state: JsonlState, source: ThreadItem): Step {
  const item = jsonlItem(source);
  if (item === null) return quiet(state);
  const known = state.open.get(source.id);
  const id = known ?? `item_${state.nextId}`;
  const open = new Map(state.open);
  open.delete(source.id);
  const nextId = known === undefined ? state.nextId + 1 : state.nextId;
  return {
    state: { ...state, nextId, open },
    events: [{ type: "item.completed", item: { id, ...item } }],
  };
}

/** There is one list per run: the first plan starts it, later ones update it, the turn's end completes it. */
function updateTodo(state: JsonlState, item: JsonlItem): Step {
  const id = state.todo?.id ?? `item_${state.nextId}`;
  const nextId = state.todo ? state.nextId : state.nextId + 1;
  const type = state.todo ? "item.updated" : "item.started";
  return {
    state: { ...state, nextId, todo: { id, item } },
    events: [{ type, item: { id, ...item } }],
  };
}

function warn(
  state: JsonlState,
  warning: { readonly summary: string; readonly details: string | null },
): Step {
  const message = warning.details ? `${warning.summary} (${warning.details})` : warning.summary;
  const item = { id: `item_${state.nextId}`, type: "error" as const, message };
  return {
    state: { ...state, nextId: state.nextId + 1 },
    events: [{ type: "item.completed", item }],
  };
}

function completeTurn(
  state: JsonlState,
  turn: Extract<ServerNotification, { method: "turn/completed" }>["params"]["turn"],
): Step {
  // Upstream says nothing more once a turn is interrupted.
  if (turn.status === "interrupted" || turn.status === "inProgress") return quiet(state);
  const { todo, ...rest } = state;
  const events: JsonlEvent[] = [];
  if (todo) events.push({ type: "item.completed", item: { id: todo.id, ...todo.item } });
  if (turn.status === "completed") events.push({ type: "turn.completed", usage: state.usage });
  else {
    const message = turn.error ? errorText(turn.error) : state.error ?? "The turn failed";
    events.push({ type: "turn.failed", error: { message } });
  }
  return { state: { ...rest, todo: null }, events };
}

function usageOf(total: TokenUsage): JsonlUsage {
  return {
    input_tokens: total.inputTokens,
    cached_input_tokens: total.cachedInputTokens,
    cache_write_input_tokens: total.cacheWriteInputTokens ?? 0,
    output_tokens: total.outputTokens,
    reasoning_output_tokens: total.reasoningOutputTokens,
  };
}

/** One event as a line. DEL and C1 are escaped as well: a terminal that shows the line must not obey it. */
export function jsonlLine(event: JsonlEvent): string {
  const text = JSON.stringify(event).replace(
    /[\u007f-\u009f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

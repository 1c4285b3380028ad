/** Turns the events of one model response into items of the turn; must not know tools or retries. */
import type { ThreadItem } from "../protocol/item.ts";
import type { ContentPart, ResponseItem } from "../protocol/response_item.ts";
import type { ThreadEvent } from "./events.ts";
import type { ModelEvent } from "./model/port.ts";

/** Where a response stream reports to. */
export interface ResponseSink {
  readonly turnId: string;
  now(): number;
  newItemId(): string;
  emit(event: ThreadEvent): void;
  /** The item is final: it belongs to history and to the rollout. Comes before it is told as complete. */
  itemDone(item: ResponseItem): void;
}

/** The event handler of one response: visible items in order, deltas as they come. */
export function responseStream(sink: ResponseSink): (event: ModelEvent) => void {
  const started = new Set<string>();
  const { turnId } = sink;
  /** Starts the item unless it has been; deltas may come before, or without, `itemAdded`. */
  const start = (item: ThreadItem) => {
    if (started.has(item.id)) return;
    started.add(item.id);
    sink.emit({ type: "itemStarted", turnId, item, atMs: sink.now() });
  };
  return (event) => {
    switch (event.type) {
      case "itemAdded": {
        const item = visibleItem(event.item, { id: idOf(event.item), empty: true });
        if (item) start(item);
        break;
      }
      case "textDelta":
        start(agentMessage(event.itemId, ""));
        sink.emit({ type: "agentMessageDelta", turnId, itemId: event.itemId, delta: event.delta });
        break;
      case "reasoningPartAdded":
        start(reasoning(event.itemId));
        sink.emit({ ...event, turnId });
        break;
      case "reasoningSummaryDelta":
      case "reasoningTextDelta":
        start(reasoning(event.itemId));
        sink.emit({ ...event, turnId });
        break;
      case "itemDone": {
        const item = visibleItem(event.item, {
          id: idOf(event.item) ?? sink.newItemId(),
          empty: false,
        });
        if (item) start(visibleItem(event.item, { id: item.id, empty: true }) ?? item);
        // What is told as complete is on disk.
        sink.itemDone(event.item);
        if (item) sink.emit({ type: "itemCompleted", turnId, item, atMs: sink.now() });
        break;
      }
      case "rateLimits":
        sink.emit({ type: "rateLimitsUpdated", rateLimits: event.rateLimits });
        break;
    }
  };
}

function idOf(item: ResponseItem): string | null {
  return "id" in item ? item.id ?? null : null;
}

/** The item as clients see it, or null for items that tools show themselves (calls and their outputs). */
function visibleItem(
  item: ResponseItem,
  options: { readonly id: string | null; readonly empty: boolean },
): ThreadItem | null {
  const { id, empty } = options;
  if (id === null) return null;
  switch (item.type) {
    case "message":
      if (item.role !== "assistant") return null;
      return { ...agentMessage(id, empty ? "" : textOf(item.content)), phase: item.phase ?? null };
    case "reasoning":
      if (empty) return reasoning(id);
      return {
        type: "reasoning",
        id,
        summary: item.summary.map((part) => part.text ?? ""),
        content: (item.content ?? []).map((part) => part.text ?? ""),
      };
    case "web_search_call":
      return {
        type: "webSearch",
        id,
        query: empty ? "" : item.action?.query ?? "",
        action: empty ? { type: "other" } : item.action ?? { type: "other" },
      };
    default:
      return null;
  }
}

/** The plain text of a message. */
export function textOf(content: readonly ContentPart[]): string {
  return content.map((part) => part.text ?? "").join("");
}

function agentMessage(id: string, text: string): Extract<ThreadItem, { type: "agentMessage" }> {
  return { type: "agentMessage", id, text, phase: null, memoryCitation: null };
}

function reasoning(id: string): ThreadItem {
  return { type: "reasoning", id, summary: [], content: [] };
}

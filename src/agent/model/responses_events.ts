/** Events of a Responses API stream as `ModelEvent`s; must not know where the bytes come from. */
import type { ContentPart, ResponseItem } from "../../protocol/response_item.ts";
import type { TokenUsage } from "../../protocol/turn_types.ts";
import { failedResponse, incompleteResponse } from "./failure.ts";
import { arrayOf, type JsonObject, numberOf, objectOf, parseJson, stringOf } from "./json.ts";
import type { ModelEvent } from "./port.ts";

/** The names of the events that mean something here. Others of the API are not even parsed. */
const KNOWN_EVENTS: ReadonlySet<string> = new Set([
  "response.output_item.added",
  "response.output_item.done",
  "response.output_text.delta",
  "response.refusal.delta",
  "response.reasoning_summary_part.added",
  "response.reasoning_summary_text.delta",
  "response.reasoning_text.delta",
  "response.completed",
  "response.done",
  "response.failed",
  "response.incomplete",
]);

/** The end of a response; a provider may leave the usage out. */
export interface ResponseCompleted {
  readonly type: "completed";
  readonly usage: TokenUsage | null;
}

/**
 * One server-sent event, or null for one that says nothing new (unknown, broken or redundant).
 * Throws a `ModelError` for a response that failed; `now` is read only then, in Unix milliseconds.
 */
export function parseResponsesEvent(
  name: string,
  data: string,
  options: { readonly now: () => number },
): ModelEvent | ResponseCompleted | null {
  if (name.startsWith("response.") && !KNOWN_EVENTS.has(name)) return null;
  const event = objectOf(parseJson(data));
  return event && responsesEvent(event, options);
}

/** The same for an event that is an object already. */
export function responsesEvent(
  event: JsonObject,
  options: { readonly now: () => number },
): ModelEvent | ResponseCompleted | null {
  switch (event["type"]) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      return delta(event, (itemId, text) => ({ type: "textDelta", itemId, delta: text }));
    case "response.reasoning_summary_text.delta": {
      const summaryIndex = numberOf(event["summary_index"]) ?? 0;
      return delta(
        event,
        (itemId, text) => ({ type: "reasoningSummaryDelta", itemId, summaryIndex, delta: text }),
      );
    }
    case "response.reasoning_text.delta": {
      const contentIndex = numberOf(event["content_index"]) ?? 0;
      return delta(
        event,
        (itemId, text) => ({ type: "reasoningTextDelta", itemId, contentIndex, delta: text }),
      );
    }
    case "response.reasoning_summary_part.added": {
      const itemId = stringOf(event["item_id"]);
      const summaryIndex = numberOf(event["summary_index"]) ?? 0;
      return itemId === null ? null : { type: "reasoningPartAdded", itemId, summaryIndex };
    }
    case "response.output_item.added":
    case "response.output_item.done": {
      const item = parseResponseItem(event["item"]);
      if (!item) return null;
      return { type: event["type"].endsWith(".done") ? "itemDone" : "itemAdded", item };
    }
    case "response.completed":
    case "response.done":
      return { type: "completed", usage: usageOf(objectOf(event["response"])) };
    case "response.failed":
      throw failedResponse(objectOf(objectOf(event["response"])?.["error"]), options.now());
    case "error":
      throw failedResponse(objectOf(event["error"]) ?? event, options.now());
    case "response.incomplete": {
      const details = objectOf(objectOf(event["response"])?.["incomplete_details"]);
      throw incompleteResponse(stringOf(details?.["reason"]));
    }
    default:
      return null;
  }
}

function delta(
  event: JsonObject,
  make: (itemId: string, text: string) => ModelEvent,
): ModelEvent | null {
  const itemId = stringOf(event["item_id"]);
  const text = stringOf(event["delta"]);
  return itemId === null || !text ? null : make(itemId, text);
}

/** An item of a response; null for types that this program does not know, and for broken ones. */
export function parseResponseItem(value: unknown): ResponseItem | null {
  const item = objectOf(value);
  if (!item) return null;
  const id = stringOf(item["id"]);
  const base = id ? { id } : {};
  switch (item["type"]) {
    case "message":
      return messageItem(item, base);
    case "reasoning": {
      const content = item["content"];
      const encrypted = stringOf(item["encrypted_content"]);
      return {
        type: "reasoning",
        ...base,
        summary: contentParts(item["summary"]),
        ...(Array.isArray(content) && content.length > 0 ? { content: contentParts(content) } : {}),
        ...(encrypted === null ? {} : { encrypted_content: encrypted }),
      };
    }
    case "function_call":
    case "custom_tool_call":
      return callItem(item, base);
    case "local_shell_call":
      return localShellItem(item, base);
    case "web_search_call": {
      const action = objectOf(item["action"]);
      const type = stringOf(action?.["type"]);
      const status = stringOf(item["status"]);
      return {
        type: "web_search_call",
        ...base,
        ...(status === null ? {} : { status }),
        ...(action && type !== null ? { action: { ...action, type } } : {}),
      };
    }
    default:
      return null;
  }
}

function messageItem(item: JsonObject, base: { readonly id?: string }): ResponseItem {
  const phase = stringOf(item["phase"]);
  return {
    type: "message",
    ...base,
    // Whatever a response calls it, what it says is the model's.
    role: "assistant",
    content: contentParts(item["content"]),
    ...(phase === null ? {} : { phase }),
  };
}

function callItem(item: JsonObject, base: { readonly id?: string }): ResponseItem | null {
  const callId = stringOf(item["call_id"]) ?? stringOf(item["id"]);
  const name = stringOf(item["name"]);
  if (!callId || name === null) return null;
  if (item["type"] === "custom_tool_call") {
    const input = stringOf(item["input"]) ?? "";
    return { type: "custom_tool_call", ...base, call_id: callId, name, input };
  }
  const args = item["arguments"];
  const text = typeof args === "string" ? args : JSON.stringify(args ?? {});
  return { type: "function_call", ...base, call_id: callId, name, arguments: text };
}

function localShellItem(item: JsonObject, base: { readonly id?: string }): ResponseItem | null {
  const callId = stringOf(item["call_id"]) ?? stringOf(item["id"]);
  const action = objectOf(item["action"]);
  if (!callId || !action) return null;
  const status = stringOf(item["status"]);
  return {
    type: "local_shell_call",
    ...base,
    call_id: callId,
    ...(status === null ? {} : { status }),
    action: {
      type: "exec",
      command: arrayOf(action["command"]).map(String),
      working_directory: stringOf(action["working_directory"]),
      timeout_ms: numberOf(action["timeout_ms"]),
    },
  };
}

/** Text parts without what only their first reader needs (annotations, probabilities). */
function contentParts(value: unknown): readonly ContentPart[] {
  const parts: ContentPart[] = [];
  for (const entry of arrayOf(value)) {
    const part = objectOf(entry);
    const type = stringOf(part?.["type"]);
    if (!part || type === null) continue;
    const text = stringOf(part["text"]);
    const refusal = stringOf(part["refusal"]);
    if (text !== null) parts.push({ type, text });
    else if (refusal !== null) parts.push({ type: "output_text", text: refusal });
  }
  return parts;
}

function usageOf(response: JsonObject | null): TokenUsage | null {
  const usage = objectOf(response?.["usage"]);
  if (!usage) return null;
  const inputTokens = count(usage["input_tokens"]);
  const outputTokens = count(usage["output_tokens"]);
  const details = objectOf(usage["input_tokens_details"]);
  return {
    totalTokens: count(usage["total_tokens"]) || inputTokens + outputTokens,
    inputTokens,
    cachedInputTokens: count(details?.["cached_tokens"]),
    cacheWriteInputTokens: count(details?.["cache_write_tokens"]),
    outputTokens,
    reasoningOutputTokens: count(objectOf(usage["output_tokens_details"])?.["reasoning_tokens"]),
  };
}

/** A token count as a whole number; providers leave it out or send null. */
export function count(value: unknown): number {
  return Math.max(0, Math.trunc(numberOf(value) ?? 0));
}

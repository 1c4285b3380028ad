/** Chunks of a Chat Completions stream as `ModelEvent`s; must not know where the bytes come from. */
import type { TokenUsage } from "../../protocol/turn_types.ts";
import { customInput } from "./chat_messages.ts";
import { errorInChunk, failedResponse, incompleteResponse } from "./failure.ts";
import { arrayOf, type JsonObject, numberOf, objectOf, stringOf } from "./json.ts";
import type { ModelEvent } from "./port.ts";
import { count } from "./responses_events.ts";

/** A call as its fragments come in. */
interface CallDraft {
  index: number | null;
  id: string;
  name: string;
  readonly args: string[];
}

/** What the answers of one request need to know of it. */
export interface ChatStreamOptions {
  /** Names of tools whose input is free text. */
  readonly customTools: ReadonlySet<string>;
  /** Call ids of the thread so far: some servers count from zero in every answer. */
  readonly usedCallIds: ReadonlySet<string>;
  readonly newId: () => string;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: ModelEvent) => void;
}

/**
 * Assembles one streamed answer.
 *
 * Reasoning, text and calls become items in that order, calls only once the answer is complete: until
 * then any of their fragments may still change.
 */
export class ChatStream {
  readonly #options: ChatStreamOptions;
  readonly #calls: CallDraft[] = [];
  readonly #text: string[] = [];
  readonly #reasoning: string[] = [];
  #textId: string | null = null;
  #reasoningId: string | null = null;
  #finishReason: string | null = null;
  #usage: TokenUsage | null = null;

  constructor(options: ChatStreamOptions) {
    this.#options = options;
  }

  /** The server said why it stopped; only the usage may still come. */
  get hasFinished(): boolean {
    return this.#finishReason !== null;
  }

  get usage(): TokenUsage | null {
    return this.#usage;
  }

  /** Takes one chunk, or a whole answer of a server that does not stream. Throws a `ModelError`. */
  push(chunk: JsonObject): void {
    const error = errorInChunk(chunk);
    if (error) throw failedResponse(error, this.#options.now());
    this.#usage = usageOf(objectOf(chunk["usage"])) ?? this.#usage;
    const choice = objectOf(arrayOf(chunk["choices"])[0]);
    if (!choice) return;
    const delta = objectOf(choice["delta"]) ?? objectOf(choice["message"]);
    if (delta) this.#delta(delta);
    const reason = stringOf(choice["finish_reason"]);
    if (reason) this.#finishReason ??= reason;
  }

  /** The answer is over: completes its items. Throws a `ModelError` where it was cut short. */
  finish(): void {
    this.#endReasoning();
    this.#endText();
    const reason = this.#finishReason;
    if (reason === "length") throw incompleteResponse("max_output_tokens");
    if (reason === "content_filter") throw incompleteResponse("content_filter");
    const taken = new Set(this.#options.usedCallIds);
    for (const call of this.#calls) this.#endCall(call, taken);
  }

  #delta(delta: JsonObject): void {
    const thought = stringOf(delta["reasoning_content"]) ?? stringOf(delta["reasoning"]) ??
      stringOf(delta["thinking"]);
    if (thought) this.#onReasoning(thought);
    const text = textOf(delta["content"]) || (stringOf(delta["refusal"]) ?? "");
    if (text !== "") this.#onText(text);
    for (const entry of arrayOf(delta["tool_calls"])) {
      const call = objectOf(entry);
      if (call) this.#onCall(call);
    }
  }

  #onReasoning(delta: string): void {
    const { newId, onEvent } = this.#options;
    if (this.#reasoningId === null) {
      this.#reasoningId = `rs_${newId()}`;
      onEvent({
        type: "itemAdded",
        item: { type: "reasoning", id: this.#reasoningId, summary: [] },
      });
    }
    this.#reasoning.push(delta);
    onEvent({ type: "reasoningTextDelta", itemId: this.#reasoningId, contentIndex: 0, delta });
  }

  #onText(delta: string): void {
    this.#endReasoning();
    const { newId, onEvent } = this.#options;
    if (this.#textId === null) {
      this.#textId = `msg_${newId()}`;
      onEvent({
        type: "itemAdded",
        item: { type: "message", id: this.#textId, role: "assistant", content: [] },
      });
    }
    this.#text.push(delta);
    onEvent({ type: "textDelta", itemId: this.#textId, delta });
  }

  #onCall(fragment: JsonObject): void {
    const fn = objectOf(fragment["function"]) ?? fragment;
    const index = numberOf(fragment["index"]);
    const id = stringOf(fragment["id"]) ?? "";
    const name = stringOf(fn["name"]) ?? "";
    const call = this.#draft({ index, id, name });
    if (id !== "") call.id = id;
    // A name comes whole, at times again with every fragment; few servers cut it in pieces.
    if (name !== "" && call.name !== name) call.name += name;
    const args = fn["arguments"];
    if (typeof args === "string") call.args.push(args);
    else if (objectOf(args)) call.args.push(JSON.stringify(args));
  }

  /** The call that a fragment belongs to, by index, else by id, else the last one. */
  #draft(key: { readonly index: number | null; readonly id: string; readonly name: string }) {
    const { index, id, name } = key;
    const last = this.#calls.at(-1);
    const found = index === null ? last : this.#calls.findLast((call) => call.index === index);
    // Another id, or a name without an index after a call that has one, begins a new call: some servers
    // send no index, or the same one, for all calls.
    const isOther = found !== undefined &&
      ((id !== "" && found.id !== "" && found.id !== id) ||
        (index === null && id === "" && name !== "" && found.name !== ""));
    if (found && !isOther) return found;
    const draft: CallDraft = { index, id, name: "", args: [] };
    this.#calls.push(draft);
    return draft;
  }

  #endReasoning(): void {
    if (this.#reasoningId === null || this.#reasoning.length === 0) return;
    const content = [{ type: "reasoning_text", text: this.#reasoning.join("") }];
    const id = this.#reasoningId;
    this.#reasoning.length = 0;
    this.#reasoningId = null;
    this.#options.onEvent({
      type: "itemDone",
      item: { type: "reasoning", id, summary: [], content },
    });
  }

  #endText(): void {
    if (this.#textId === null) return;
    const content = [{ type: "output_text", text: this.#text.join("") }];
    const id = this.#textId;
    this.#textId = null;
    this.#options.onEvent({
      type: "itemDone",
      item: { type: "message", id, role: "assistant", content },
    });
  }

  #endCall(call: CallDraft, taken: Set<string>): void {
    const { customTools, newId, onEvent } = this.#options;
    const args = call.args.join("");
    if (call.name === "" && args === "") return;
    const callId = call.id === "" || taken.has(call.id) ? `call_${newId()}` : call.id;
    taken.add(callId);
    // Without a name the model still gets an answer: that there is no such tool.
    const name = call.name || "unnamed_tool";
    const base = { id: `fc_${newId()}`, call_id: callId, name };
    onEvent({
      type: "itemDone",
      item: customTools.has(name)
        ? { type: "custom_tool_call", ...base, input: customInput(args) }
        : { type: "function_call", ...base, arguments: args === "" ? "{}" : args },
    });
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return arrayOf(content).map((part) => stringOf(objectOf(part)?.["text"]) ?? "").join("");
}

function usageOf(usage: JsonObject | null): TokenUsage | null {
  if (!usage) return null;
  const inputTokens = count(usage["prompt_tokens"]);
  const outputTokens = count(usage["completion_tokens"]);
  const input = objectOf(usage["prompt_tokens_details"]);
  const output = objectOf(usage["completion_tokens_details"]);
  return {
    totalTokens: count(usage["total_tokens"]) || inputTokens + outputTokens,
    inputTokens,
    cachedInputTokens: count(input?.["cached_tokens"]),
    cacheWriteInputTokens: 0,
    outputTokens,
    reasoningOutputTokens: count(output?.["reasoning_tokens"]),
  };
}

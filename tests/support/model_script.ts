/** The words in which tests write what a model answers; must not know whether HTTP is in between. */

export type Json = Record<string, unknown>;

/** One step of a scripted response. */
export type ScriptStep =
  | { readonly kind: "item"; readonly item: Json; readonly deltas: readonly string[] }
  | { readonly kind: "event"; readonly event: Json }
  | { readonly kind: "raw"; readonly bytes: string | Uint8Array }
  | { readonly kind: "gate"; readonly label: string }
  | { readonly kind: "usage"; readonly usage: Json | null }
  | { readonly kind: "split"; readonly size: number }
  | { readonly kind: "end"; readonly how: "close" | "drop" | "hang" }
  | {
    readonly kind: "status";
    readonly status: number;
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
  }
  | { readonly kind: "headers"; readonly headers: Readonly<Record<string, string>> };

/** One response: a step or several. Unless a step ends it otherwise, it completes with usage. */
export type ScriptedResponse = ScriptStep | readonly ScriptStep[];

/** A message of the model, streamed in `chunks` deltas. */
export function say(
  text: string,
  options: { readonly id?: string; readonly chunks?: number; readonly phase?: string } = {},
): ScriptStep {
  const { id, chunks = 3, phase } = options;
  const content = [{ type: "output_text", text, annotations: [] }];
  const item = { type: "message", role: "assistant", content, ...(phase ? { phase } : {}) };
  return { kind: "item", item: id ? { ...item, id } : item, deltas: cut(text, chunks) };
}

/** Reasoning with a summary, one part. */
export function think(summary: string, options: { readonly id?: string } = {}): ScriptStep {
  const item = {
    type: "reasoning",
    summary: [{ type: "summary_text", text: summary }],
    encrypted_content: "ENCRYPTED",
  };
  const deltas = cut(summary, 2);
  return { kind: "item", item: options.id ? { ...item, id: options.id } : item, deltas };
}

/** A function call; a string is sent as it is, so that broken JSON can be sent too. */
export function call(name: string, args: unknown, callId?: string): ScriptStep {
  const text = typeof args === "string" ? args : JSON.stringify(args);
  return callItem({ type: "function_call", name, arguments: text }, { callId, text });
}

/** A call of a custom tool, such as `apply_patch`. */
export function custom(name: string, input: string, callId?: string): ScriptStep {
  return callItem({ type: "custom_tool_call", name, input }, { callId, text: input });
}

/** A call of the provider's own shell tool. */
export function localShell(command: readonly string[], callId?: string): ScriptStep {
  const action = { type: "exec", command };
  return callItem({ type: "local_shell_call", status: "completed", action }, { callId, text: "" });
}

/** A finished web search. */
export function webSearch(query: string): ScriptStep {
  const item = { type: "web_search_call", status: "completed", action: { type: "search", query } };
  return { kind: "item", item, deltas: [] };
}

/** Any event of the Responses API. */
export function event(body: Json): ScriptStep {
  return { kind: "event", event: body };
}

/** Bytes as they are; only the HTTP mock sends them. */
export function raw(bytes: string | Uint8Array): ScriptStep {
  return { kind: "raw", bytes };
}

/** Stops until the test calls `release(label)`; `reached(label)` resolves here. */
export function gate(label: string): ScriptStep {
  return { kind: "gate", label };
}

/** The usage of the response; null leaves it out. */
export function usage(value: Json | null): ScriptStep {
  return { kind: "usage", usage: value };
}

/** Everything after this is sent in pieces of `size` bytes. */
export function splitEvery(size: number): ScriptStep {
  return { kind: "split", size };
}

/** Ends the stream cleanly, but before it is complete. */
export function closeEarly(): ScriptStep {
  return { kind: "end", how: "close" };
}

/** Breaks the connection. */
export function drop(): ScriptStep {
  return { kind: "end", how: "drop" };
}

/** Says nothing more and keeps the connection open. */
export function hang(): ScriptStep {
  return { kind: "end", how: "hang" };
}

/** An HTTP failure; an object is sent as JSON. Without a body: upstream's usual form. */
export function fail(
  status: number,
  body: unknown = { error: { message: `mock error ${status}`, type: "mock" } },
  headers: Readonly<Record<string, string>> = {},
): ScriptStep {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { kind: "status", status, body: text, headers };
}

/** A redirect to another address. */
export function redirect(location: string, status = 307): ScriptStep {
  return { kind: "status", status, body: "", headers: { location } };
}

/** A `response.failed` event. */
export function failed(code: string, message: string): readonly ScriptStep[] {
  const error = { code, message };
  return [event({ type: "response.failed", response: { error } }), closeEarly()];
}

/** Extra headers of the answer. */
export function withHeaders(headers: Readonly<Record<string, string>>): ScriptStep {
  return { kind: "headers", headers };
}

/** The steps of a response as a list. */
export function stepsOf(response: ScriptedResponse): readonly ScriptStep[] {
  return "kind" in response ? [response] : response;
}

/** What every scripted response reports unless it says otherwise. */
export const DEFAULT_USAGE: Json = {
  input_tokens: 120,
  input_tokens_details: { cached_tokens: 20 },
  output_tokens: 30,
  output_tokens_details: { reasoning_tokens: 10 },
  total_tokens: 150,
};

/** The events of one item in the Responses form: added, deltas, done. Ids are filled in. */
export function itemEvents(
  step: Extract<ScriptStep, { kind: "item" }>,
  options: { readonly responseId: string; readonly index: number },
): readonly Json[] {
  const { responseId, index } = options;
  const item: Json = {
    id: `${ITEM_PREFIX[String(step.item.type)]}_${responseId}_${index}`,
    ...step.item,
  };
  if ("call_id" in item && !item.call_id) item.call_id = `call_${responseId}_${index}`;
  const at = { item_id: item.id, output_index: index };
  const done = { type: "response.output_item.done", output_index: index, item };
  const added = (empty: Json) => ({
    type: "response.output_item.added",
    output_index: index,
    item: { ...item, ...empty, status: "in_progress" },
  });
  const deltas = (type: string, more: Json) =>
    step.deltas.map((delta) => ({ type, ...at, ...more, delta }));
  switch (step.item.type) {
    case "message":
      return [
        added({ content: [] }),
        ...deltas("response.output_text.delta", { content_index: 0 }),
        done,
      ];
    case "reasoning":
      return [
        added({ summary: [] }),
        { type: "response.reasoning_summary_part.added", ...at, summary_index: 0 },
        ...deltas("response.reasoning_summary_text.delta", { summary_index: 0 }),
        done,
      ];
    case "function_call":
      return [
        added({ arguments: "" }),
        ...deltas("response.function_call_arguments.delta", {}),
        done,
      ];
    case "custom_tool_call":
      return [added({ input: "" }), ...deltas("response.custom_tool_call_input.delta", {}), done];
    default:
      return [done];
  }
}

const ITEM_PREFIX: Readonly<Record<string, string>> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  custom_tool_call: "ctc",
  local_shell_call: "ls",
  web_search_call: "ws",
};

/** Points at which a script waits for its test, and a test for its script. */
export class Gates {
  readonly #reached = new Map<string, PromiseWithResolvers<void>>();
  readonly #released = new Map<string, PromiseWithResolvers<void>>();

  /** Resolves once the script is at the gate, also when it has passed it. */
  reached(label: string): Promise<void> {
    return promiseOf(this.#reached, label).promise;
  }

  /** Opens the gate, also before the script is there. */
  release(label: string): void {
    promiseOf(this.#released, label).resolve();
  }

  /** Called by the script. */
  async pass(label: string): Promise<void> {
    promiseOf(this.#reached, label).resolve();
    await promiseOf(this.#released, label).promise;
  }

  releaseAll(): void {
    for (const gate of this.#released.values()) gate.resolve();
  }
}

function promiseOf(map: Map<string, PromiseWithResolvers<void>>, label: string) {
  const existing = map.get(label);
  if (existing) return existing;
  const created = Promise.withResolvers<void>();
  map.set(label, created);
  return created;
}

function callItem(
  item: Json,
  options: { readonly callId: string | undefined; readonly text: string },
): ScriptStep {
  const { callId = "", text } = options;
  return {
    kind: "item",
    item: { ...item, call_id: callId },
    deltas: text === "" ? [] : cut(text, 2),
  };
}

function cut(text: string, pieces: number): readonly string[] {
  const size = Math.max(1, Math.ceil(text.length / pieces));
  const result: string[] = [];
  for (let at = 0; at < text.length; at += size) result.push(text.slice(at, at + size));
  return result;
}

/** Runs the tool calls of a turn, side by side where allowed; must not know any particular tool. */
import { elapsedMs } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { ContentPart, ResponseItem } from "../protocol/response_item.ts";
import type { ToolSpec } from "./model/port.ts";
import type { Tool, ToolCall, ToolContext } from "./tools/tool.ts";

/** The tools of a thread, found by the name that the model uses. */
export class ToolRegistry {
  /** What the model is offered; always the same array, since providers keep its text by identity. */
  readonly specs: readonly ToolSpec[];
  readonly #byName = new Map<string, Tool>();

  constructor(tools: readonly Tool[]) {
    this.specs = tools.filter((tool) => !tool.hidden).map((tool) => tool.spec);
    for (const tool of tools) {
      for (const name of [tool.spec.name, ...(tool.aliases ?? [])]) this.#byName.set(name, tool);
    }
  }

  find(name: string): Tool | undefined {
    return this.#byName.get(name);
  }
}

/** A tool call that a response item asks for, with the way to answer it. */
export interface RequestedCall {
  readonly call: ToolCall;
  answer(content: string | readonly ContentPart[]): ResponseItem;
}

/** The call that an item asks for, or null when it is not a call. */
export function requestedCall(item: ResponseItem): RequestedCall | null {
  switch (item.type) {
    case "function_call":
      return {
        call: { callId: item.call_id, name: item.name, input: item.arguments },
        answer: (output) => ({ type: "function_call_output", call_id: item.call_id, output }),
      };
    case "custom_tool_call":
      return {
        call: { callId: item.call_id, name: item.name, input: item.input },
        answer: (output) => ({ type: "custom_tool_call_output", call_id: item.call_id, output }),
      };
    case "local_shell_call":
      return {
        call: { callId: item.call_id, name: "local_shell", input: localShellInput(item.action) },
        answer: (output) => ({ type: "function_call_output", call_id: item.call_id, output }),
      };
    default:
      return null;
  }
}

/**
 * Keeps the ids of calls apart. Local servers count them anew in each response, but a conversation with
 * two calls of one id is refused by other providers, and clients would take two items for one.
 */
export class CallIds {
  readonly #history: () => readonly ResponseItem[];
  /** Made by the first call of a turn: most turns have none. */
  #used: Set<string> | null = null;

  constructor(history: () => readonly ResponseItem[]) {
    this.#history = history;
  }

  /** The item, with another call id where an earlier call has its own. Must be called before it is kept. */
  fresh(item: ResponseItem): ResponseItem {
    if (requestedCall(item) === null || !("call_id" in item)) return item;
    const used = this.#used ??= new Set(
      this.#history().flatMap((each) => "call_id" in each ? [each.call_id] : []),
    );
    let id = item.call_id;
    for (let count = 2; used.has(id); count++) id = `${item.call_id}_${count}`;
    used.add(id);
    return id === item.call_id ? item : { ...item, call_id: id };
  }
}

function localShellInput(
  action: Extract<ResponseItem, { type: "local_shell_call" }>["action"],
): string {
  return JSON.stringify({
    command: action.command,
    workdir: action.working_directory ?? undefined,
    timeout_ms: action.timeout_ms ?? undefined,
  });
}

/**
 * The calls of one model response. A parallel call waits for the exclusive calls before it, an exclusive
 * one for every call before it; outputs keep the order in which the model asked.
 */
export class ToolCalls {
  readonly #registry: ToolRegistry;
  readonly #context: ToolContext;
  readonly #afterEach: () => void;
  readonly #outputs: Promise<ResponseItem>[] = [];
  #lastExclusive: Promise<unknown> = Promise.resolve();

  /** `afterEach` runs when a call has its output, before any later exclusive call starts. */
  constructor(registry: ToolRegistry, options: { context: ToolContext; afterEach: () => void }) {
    this.#registry = registry;
    this.#context = options.context;
    this.#afterEach = options.afterEach;
  }

  get size(): number {
    return this.#outputs.length;
  }

  start(requested: RequestedCall): void {
    const tool = this.#registry.find(requested.call.name);
    const before = tool && !tool.parallel ? Promise.all(this.#outputs) : this.#lastExclusive;
    const output = this.#run(requested, { tool, before });
    this.#outputs.push(output);
    if (tool && !tool.parallel) this.#lastExclusive = output;
  }

  /** The outputs of all calls so far, in order; never rejects. */
  settled(): Promise<ResponseItem[]> {
    return Promise.all(this.#outputs);
  }

  async #run(
    requested: RequestedCall,
    options: { tool: Tool | undefined; before: Promise<unknown> },
  ): Promise<ResponseItem> {
    const { call, answer } = requested;
    const startedAtMs = this.#context.now();
    try {
      await options.before;
      if (!options.tool) return answer(`unsupported call: ${call.name}`);
      this.#context.signal.throwIfAborted();
      return answer((await options.tool.run(call, this.#context)).content);
    } catch (error) {
      if (this.#context.signal.aborted) {
        const seconds = (elapsedMs(this.#context, startedAtMs) / 1000).toFixed(1);
        return answer(`aborted by user after ${seconds}s`);
      }
      return answer(`${call.name} failed: ${messageOf(error)}`);
    } finally {
      this.#afterEach();
    }
  }
}

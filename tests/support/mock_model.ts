/** A model provider on loopback HTTP that answers from a script and records what it was asked. */
import {
  DEFAULT_USAGE,
  Gates,
  itemEvents,
  type Json,
  type ScriptedResponse,
  type ScriptStep,
  stepsOf,
} from "./model_script.ts";

export * from "./model_script.ts";

/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
  /** The body's text. */
  readonly text: string;
  /** The port that it came from: the same for requests over one connection. */
  readonly peerPort: number;
  /** Resolves when the answer is over, or when the client went away before. */
  readonly over: Promise<"sent" | "cancelled">;
}

/** A response, or a function that makes one from the request. */
export type MockAnswer = ScriptedResponse | ((request: RecordedRequest) => ScriptedResponse);

export interface MockModel {
  /** `http://127.0.0.1:PORT/v1`, for `base_url`. */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** The request with this index, once it has arrived. */
  request(index: number): Promise<RecordedRequest>;
  push(...answers: readonly MockAnswer[]): void;
  reached(label: string): Promise<void>;
  release(label: string): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a mock of `/v1/responses` and `/v1/chat/completions`. With nothing left it answers 400. */
export async function startMockModel(
  options: {
    readonly responses?: readonly MockAnswer[];
    readonly tls?: { readonly cert: string; readonly key: string };
    /** Answers requests that come beside the script, and are not recorded; null leaves one to the script. */
    readonly aside?: (text: string) => ScriptedResponse | null;
  } = {},
): Promise<MockModel> {
  const server = new MockServer(options.responses ?? [], options.aside ?? (() => null));
  const listener = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined, ...options.tls },
    (request, info) => server.answer(request, info.remoteAddr.port),
  );
  const close = async () => {
    server.stop();
    await listener.shutdown();
  };
  await Promise.resolve();
  const scheme = options.tls ? "https" : "http";
  const host = options.tls ? "localhost" : "127.0.0.1";
  return {
    url: `${scheme}://${host}:${listener.addr.port}/v1`,
    requests: server.requests,
    request: (index) => server.request(index),
    push: (...answers) => server.push(answers),
    reached: (label) => server.gates.reached(label),
    release: (label) => server.gates.release(label),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class MockServer {
  readonly requests: RecordedRequest[] = [];
  readonly gates = new Gates();
  readonly #answers: MockAnswer[];
  readonly #aside: (text: string) => ScriptedResponse | null;
  readonly #waiting = new Map<number, PromiseWithResolvers<RecordedRequest>>();
  readonly #stopped = Promise.withResolvers<"stopped">();

  constructor(
    answers: readonly MockAnswer[],
    aside: (text: string) => ScriptedResponse | null,
  ) {
    this.#answers = [...answers];
    this.#aside = aside;
  }

  push(answers: readonly MockAnswer[]): void {
    this.#answers.push(...answers);
  }

  request(index: number): Promise<RecordedRequest> {
    const arrived = this.requests[index];
    if (arrived) return Promise.resolve(arrived);
    const waiting = this.#waiting.get(index) ?? Promise.withResolvers<RecordedRequest>();
    this.#waiting.set(index, waiting);
    return waiting.promise;
  }

  stop(): void {
    this.gates.releaseAll();
    this.#stopped.resolve("stopped");
  }

  async answer(request: Request, peerPort: number): Promise<Response> {
    const over = Promise.withResolvers<"sent" | "cancelled">();
    const recorded = { ...await record(request, over.promise), peerPort };
    const chat = recorded.path.endsWith("/chat/completions");
    const aside = this.#aside(recorded.text);
    if (aside) return await this.#respond({ steps: stepsOf(aside), id: "aside", chat, over });
    this.requests.push(recorded);
    this.#waiting.get(this.requests.length - 1)?.resolve(recorded);
    const index = this.requests.length;
    const next = this.#answers.shift();
    if (next === undefined) {
      over.resolve("sent");
      return new Response(`The mock model has no answer left for request ${index}`, {
        status: 400,
      });
    }
    const steps = stepsOf(typeof next === "function" ? next(recorded) : next);
    const plan = {
      steps,
      id: `r${index}`,
      chat,
      over,
    };
    return await this.#respond(plan);
  }

  async #respond(plan: Plan): Promise<Response> {
    const headers: Record<string, string> = { "content-type": "text/event-stream" };
    for (const step of plan.steps) {
      if (step.kind === "headers") Object.assign(headers, step.headers);
      // More is promised than will come, so that the end of the body is the loss of the connection.
      if (step.kind === "end" && step.how === "drop") headers["content-length"] = "1000000000";
      // A gate in front of everything holds back the headers too.
      if (step.kind === "gate" && step === plan.steps[0]) await this.#pass(step.label);
      if (step.kind === "status") {
        plan.over.resolve("sent");
        const type = step.body.startsWith("{") ? "application/json" : "text/plain";
        return new Response(step.body, {
          status: step.status,
          headers: { "content-type": type, ...step.headers },
        });
      }
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        void this.#write(controller, plan);
      },
      cancel: () => plan.over.resolve("cancelled"),
    });
    return new Response(body, { headers });
  }

  async #write(controller: ReadableStreamDefaultController<Uint8Array>, plan: Plan): Promise<void> {
    let split = Infinity;
    try {
      for (const frame of frames(plan)) {
        if (typeof frame === "string" || frame instanceof Uint8Array) {
          for (const piece of pieces(frame, split)) controller.enqueue(piece);
        } else if (frame.kind === "gate") {
          if (frame !== plan.steps[0]) await this.#pass(frame.label);
        } else if (frame.kind === "split") {
          split = frame.size;
        } else if (frame.how === "hang") {
          await Promise.race([this.#stopped.promise, plan.over.promise]);
          break;
        }
      }
      controller.close();
      plan.over.resolve("sent");
    } catch (error) {
      // The client went away while its answer was being written.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #pass(label: string): Promise<void> {
    await Promise.race([this.gates.pass(label), this.#stopped.promise]);
  }
}

interface Plan {
  readonly steps: readonly ScriptStep[];
  readonly id: string;
  readonly chat: boolean;
  readonly over: PromiseWithResolvers<"sent" | "cancelled">;
}

type Frame = string | Uint8Array | Extract<ScriptStep, { kind: "gate" | "split" | "end" }>;

/** What is written, in order. */
function* frames(plan: Plan): Generator<Frame> {
  const { chat, id, steps } = plan;
  let usage: Json | null = DEFAULT_USAGE;
  let index = 0;
  let hasCalls = false;
  if (!chat) yield sse({ type: "response.created", response: { id } });
  for (const step of steps) {
    switch (step.kind) {
      case "item":
        hasCalls ||= "call_id" in step.item;
        for (const event of itemEvents(step, { responseId: id, index })) {
          const chunk = chat ? chatChunk(event) : event;
          if (chunk) yield chat ? chatSse(chunk) : sse(chunk);
        }
        index++;
        break;
      case "event":
        yield chat ? chatSse(step.event) : sse(step.event);
        break;
      case "raw":
        yield step.bytes;
        break;
      case "usage":
        usage = step.usage;
        break;
      case "gate":
      case "split":
        yield step;
        break;
      case "end":
        yield step;
        return;
    }
  }
  if (!chat) {
    const response = { id, status: "completed", ...(usage ? { usage } : {}) };
    return yield sse({ type: "response.completed", response });
  }
  yield chatSse({
    choices: [{ index: 0, delta: {}, finish_reason: hasCalls ? "tool_calls" : "stop" }],
  });
  if (usage) yield chatSse({ choices: [], usage: chatUsage(usage) });
  yield "data: [DONE]\n\n";
}

/** The chat form of a Responses event, or null where chat has none. */
function chatChunk(event: Json): Json | null {
  const delta = (value: Json) => ({ choices: [{ index: 0, delta: value, finish_reason: null }] });
  switch (event.type) {
    case "response.output_text.delta":
      return delta({ content: event.delta });
    case "response.reasoning_summary_text.delta":
      return delta({ reasoning_content: event.delta });
    case "response.output_item.done": {
      const item = event.item as Json;
      if (!("call_id" in item)) return null;
      const args = item.arguments ?? JSON.stringify({ input: item.input });
      const fn = { name: item.name, arguments: args };
      const calls = [{
        index: event.output_index,
        id: item.call_id,
        type: "function",
        function: fn,
      }];
      return delta({ tool_calls: calls });
    }
    default:
      return null;
  }
}

function chatUsage(usage: Json): Json {
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    prompt_tokens_details: usage.input_tokens_details,
    completion_tokens_details: usage.output_tokens_details,
  };
}

function sse(event: Json): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function chatSse(chunk: Json): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function* pieces(frame: string | Uint8Array, size: number): Generator<Uint8Array> {
  const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
  if (size >= bytes.length) return yield bytes;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function record(
  request: Request,
  over: Promise<"sent" | "cancelled">,
): Promise<Omit<RecordedRequest, "peerPort">> {
  const url = new URL(request.url);
  const text = await request.text();
  let body: Json = {};
  try {
    body = JSON.parse(text) as Json;
  } catch (_error) {
    // Not JSON: the test looks at `text`.
  }
  const headers = Object.fromEntries(request.headers);
  const { method } = request;
  return { method, path: url.pathname, search: url.search, headers, body, text, over };
}

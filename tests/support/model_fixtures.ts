/** Requests and providers for tests of model clients; must not know what a test checks. */
import { createModelClient, type ModelClientDeps } from "../../src/agent/model/create.ts";
import {
  type ModelClient,
  ModelError,
  type ModelEvent,
  type ModelRequest,
} from "../../src/agent/model/port.ts";
import type { ModelProvider } from "../../src/config/config.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { TokenUsage } from "../../src/protocol/turn_types.ts";

/** A provider without key and retries at the default of upstream. */
export function provider(baseUrl: string, more: Partial<ModelProvider> = {}): ModelProvider {
  return {
    id: "mock",
    name: "Mock",
    baseUrl,
    wireApi: "responses",
    envKey: null,
    envKeyInstructions: null,
    bearerToken: null,
    httpHeaders: {},
    envHttpHeaders: {},
    queryParams: {},
    requestMaxRetries: 4,
    streamMaxRetries: 5,
    streamIdleTimeoutMs: 300_000,
    requiresOpenaiAuth: false,
    ...more,
  };
}

/** A request that says hello. */
export function modelRequest(more: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: "mock-model",
    instructions: "Be brief.",
    input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] }],
    tools: [],
    effort: null,
    summary: null,
    verbosity: null,
    webSearch: null,
    serviceTier: null,
    outputSchema: null,
    threadId: "thread-1",
    turnId: "turn-1",
    ...more,
  };
}

/** A clock on which pauses are over at once; idle timeouts (a minute and more) never fire. */
export function hastyClock(): Clock & { readonly delays: number[] } {
  let now = 1_700_000_000_000;
  const delays: number[] = [];
  return {
    delays,
    now: () => now,
    after: (delayMs, callback) => {
      if (delayMs >= 60_000) return () => undefined;
      delays.push(delayMs);
      const timer = setTimeout(() => {
        now += delayMs;
        callback();
      }, 0);
      return () => clearTimeout(timer);
    },
  };
}

/** The client of a provider, with harmless defaults for the world around it. */
export function client(
  settings: ModelProvider,
  deps: Partial<ModelClientDeps> = {},
): Promise<ModelClient> {
  return createModelClient(settings, {
    clock: hastyClock(),
    random: () => 0.5,
    env: {},
    token: () => Promise.resolve(null),
    userAgent: "codex_test/1.2.3 (Linux)",
    ...deps,
  });
}

/** What came of one request. */
export interface Outcome {
  readonly events: readonly ModelEvent[];
  readonly usage: TokenUsage | null;
  readonly error: ModelError | null;
}

/** Runs a request to its end; a `ModelError` is an outcome, anything else is thrown. */
export async function outcome(
  model: ModelClient,
  request: ModelRequest = modelRequest(),
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome> {
  const events: ModelEvent[] = [];
  try {
    const { usage } = await model.stream(request, {
      signal,
      onEvent: (event) => void events.push(event),
    });
    return { events, usage, error: null };
  } catch (error) {
    if (error instanceof ModelError) return { events, usage: null, error };
    throw error;
  }
}

/** The text of all text deltas. */
export function streamedText(events: readonly ModelEvent[]): string {
  return events.map((event) => event.type === "textDelta" ? event.delta : "").join("");
}

/** The items that were completed. */
export function doneItems(events: readonly ModelEvent[]) {
  return events.flatMap((event) => event.type === "itemDone" ? [event.item] : []);
}

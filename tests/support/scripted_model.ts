/** A `ModelClient` without HTTP that answers from a script, with gates instead of sleeps. */
import { failedResponse, statusError, streamError } from "../../src/agent/model/failure.ts";
import type { Clock } from "../../src/lib/clock.ts";
import {
  type ModelClient,
  ModelError,
  type ModelEvent,
  type ModelRequest,
} from "../../src/agent/model/port.ts";
import { rateLimitsOf } from "../../src/agent/model/rate_limits.ts";
import { responsesEvent } from "../../src/agent/model/responses_events.ts";
import {
  Gates,
  itemEvents,
  type ScriptedResponse,
  type ScriptStep,
  stepsOf,
} from "./model_script.ts";
import { DEFAULT_USAGE, type Json } from "./model_script.ts";

export * from "./model_script.ts";

/** A response, a failure to reject with, or a function that makes either from the request. */
export type ScriptedAnswer =
  | ScriptedResponse
  | ModelError
  | ((request: ModelRequest) => ScriptedResponse | ModelError);

export interface ScriptedModel extends ModelClient {
  /** All requests so far, as the turn loop made them; `input` is copied. */
  readonly requests: readonly ModelRequest[];
  /** The request with this index, once it was made. */
  request(index: number): Promise<ModelRequest>;
  push(...answers: readonly ScriptedAnswer[]): void;
  reached(label: string): Promise<void>;
  release(label: string): void;
}

/** A model for tests. With nothing left in the script a request fails, without a retry. */
export function scriptedModel(
  options: { readonly responses?: readonly ScriptedAnswer[] } = {},
): ScriptedModel {
  const answers = [...options.responses ?? []];
  const requests: ModelRequest[] = [];
  const waiting = new Map<number, PromiseWithResolvers<ModelRequest>>();
  const gates = new Gates();
  return {
    requests,
    push: (...more) => void answers.push(...more),
    reached: (label) => gates.reached(label),
    release: (label) => gates.release(label),
    request: (index) => {
      const made = requests[index];
      if (made) return Promise.resolve(made);
      const pending = waiting.get(index) ?? Promise.withResolvers<ModelRequest>();
      waiting.set(index, pending);
      return pending.promise;
    },
    stream: async (request, { signal, onEvent }) => {
      signal.throwIfAborted();
      const copy = { ...request, input: [...request.input] };
      requests.push(copy);
      waiting.get(requests.length - 1)?.resolve(copy);
      const next = answers.shift();
      const answer = typeof next === "function" ? next(copy) : next;
      if (answer === undefined) throw exhausted(requests.length);
      if (answer instanceof ModelError) throw answer;
      // Never in the caller's own step: a provider answers later.
      await Promise.resolve();
      return await play(stepsOf(answer), { gates, signal, onEvent, id: `r${requests.length}` });
    },
  };
}

interface Playing {
  readonly gates: Gates;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ModelEvent) => void;
  readonly id: string;
}

async function play(steps: readonly ScriptStep[], playing: Playing) {
  const { gates, signal, id } = playing;
  let usage: Json | null = DEFAULT_USAGE;
  let index = 0;
  for (const step of steps) {
    signal.throwIfAborted();
    switch (step.kind) {
      case "item":
        for (const event of itemEvents(step, { responseId: id, index })) send(event, playing);
        index++;
        break;
      case "event":
        send(step.event, playing);
        break;
      case "gate":
        await untilAborted(signal, gates.pass(step.label));
        break;
      case "usage":
        usage = step.usage;
        break;
      case "status":
        throw statusError({
          status: step.status,
          body: step.body,
          url: "http://scripted.invalid/v1/responses",
          retryAfterMs: null,
          now: 0,
        });
      case "end":
        if (step.how === "hang") await untilAborted(signal, new Promise<void>(() => undefined));
        throw streamError("stream closed before response.completed");
      case "headers": {
        const rateLimits = rateLimitsOf(new Headers(step.headers));
        if (rateLimits) playing.onEvent({ type: "rateLimits", rateLimits });
        break;
      }
      case "raw":
        throw failedResponse({ message: "raw bytes need the mock over HTTP" }, 0);
    }
  }
  signal.throwIfAborted();
  const completed = responsesEvent(
    { type: "response.completed", response: usage ? { usage } : {} },
    { now: () => 0 },
  );
  return { usage: completed?.type === "completed" ? completed.usage : null };
}

function send(event: Json, playing: Playing): void {
  const parsed = responsesEvent(event, { now: () => 0 });
  if (parsed && parsed.type !== "completed") playing.onEvent(parsed);
}

async function untilAborted(signal: AbortSignal, wait: Promise<void>): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([wait, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function exhausted(index: number): ModelError {
  const message = `The scripted model has no answer left for request ${index}`;
  return new ModelError(message, { retryable: false, info: "other" });
}

/** A clock that only a test moves. */
export interface ManualClock extends Clock {
  /** Moves time and calls what is due, in order. */
  advance(ms: number): void;
  /** Delays that are waited for now. */
  readonly pending: readonly number[];
  /** Resolves once something waits for this delay. */
  armed(delayMs: number): Promise<void>;
}

/** A clock that stands still until `advance`. */
export function manualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  const timers = new Set<{ due: number; delayMs: number; callback: () => void }>();
  const watchers = new Set<() => void>();
  return {
    now: () => now,
    after: (delayMs, callback) => {
      const timer = { due: now + delayMs, delayMs, callback };
      timers.add(timer);
      for (const watcher of [...watchers]) watcher();
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = [...timers].filter((timer) => timer.due <= end)
          .sort((a, b) => a.due - b.due)[0];
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.due);
        next.callback();
      }
      now = end;
    },
    get pending() {
      return [...timers].map((timer) => timer.delayMs);
    },
    armed: (delayMs) =>
      new Promise((resolve) => {
        const check = () => {
          if (![...timers].some((timer) => timer.delayMs === delayMs)) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
  };
}

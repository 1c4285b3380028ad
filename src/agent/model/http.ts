/** One POST whose answer is a stream: timeouts, redirects, failures; must not know any model API. */
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { IdleTimer } from "../../lib/idle_timer.ts";
import { setupError, shownUrl, statusError, streamError, transportError } from "./failure.ts";
import { ModelError } from "./port.ts";
import { RequestFailure, retryAfterMs } from "./retry.ts";

const MAX_REDIRECTS = 3;
const MAX_ERROR_BODY_BYTES = 64 * 1024;
/** How long the rest of a complete answer is waited for, so that its connection can be used again. */
const DRAIN_MS = 1000;
/** Redirects that keep method and body; 303 asks for a GET, which no model API means. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 307, 308]);

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly client: Deno.HttpClient | null;
  readonly clock: Clock;
  /** No byte for this long ends the stream; the wait for the first one included. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Posts and returns the 2xx answer, its body unread.
 *
 * Rejects with a `RequestFailure` where a silent retry may help (no answer, 5xx), with a `ModelError`
 * otherwise, and with `signal.reason` when aborted. Headers, the key among them, go to the origin of
 * `url` and nowhere else.
 */
export async function postForStream(url: string, options: PostOptions): Promise<HttpStream> {
  const exchange = new Exchange(options);
  try {
    const response = await followRedirects(url, { ...options, signal: exchange.signal });
    if (response.ok) return new HttpStream(response, exchange);
    const body = await readErrorBody(response);
    const now = options.clock.now();
    const wait = retryAfterMs(response.headers, now);
    const failure = { status: response.status, body, url, retryAfterMs: wait, now };
    const error = statusError(failure);
    throw response.status >= 500 ? new RequestFailure(error) : error;
  } catch (error) {
    exchange.end();
    if (options.signal.aborted) throw options.signal.reason;
    if (exchange.isIdle) throw idleError();
    if (error instanceof ModelError || error instanceof RequestFailure) throw error;
    const transport = transportError(url, error);
    throw transport.retryable ? new RequestFailure(transport) : transport;
  }
}

/** A 2xx answer on its way. Read it with `pump`, once. */
export class HttpStream {
  readonly headers: Headers;
  readonly #response: Response;
  readonly #exchange: Exchange;

  constructor(response: Response, exchange: Exchange) {
    this.headers = response.headers;
    this.#response = response;
    this.#exchange = exchange;
  }

  /**
   * Hands over chunks until `onChunk` returns true ("complete") or the body ends ("ended").
   * `idleTimeoutMs` is asked again after each chunk; "idle" is a `ModelError` unless `onIdle` takes it.
   */
  async pump(
    onChunk: (chunk: Uint8Array) => boolean,
    options: { readonly idleTimeoutMs?: () => number | null; readonly onIdle?: () => boolean } = {},
  ): Promise<"complete" | "ended" | "idle"> {
    const exchange = this.#exchange;
    const reader = this.#response.body?.getReader();
    if (!reader) return exchange.end(), "ended";
    let isComplete = false;
    try {
      for (;;) {
        const chunk = await this.#read(reader, options.onIdle);
        if (!(chunk instanceof Uint8Array)) return chunk;
        exchange.touch(options.idleTimeoutMs?.() ?? null);
        if (onChunk(chunk)) {
          isComplete = true;
          return "complete";
        }
        // What the chunk said may have changed how long to wait for the next one.
        exchange.touch(options.idleTimeoutMs?.() ?? null);
      }
    } finally {
      if (isComplete) void exchange.drain(reader);
      else exchange.cancel();
    }
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    onIdle: (() => boolean) | undefined,
  ): Promise<Uint8Array | "ended" | "idle"> {
    const exchange = this.#exchange;
    try {
      const { done, value } = await reader.read();
      return done ? "ended" : value;
    } catch (error) {
      exchange.throwIfAborted();
      if (!exchange.isIdle) throw streamError(messageOf(error), { cause: error });
      if (onIdle?.()) return "idle";
      throw idleError();
    }
  }
}

/** The clock and the abort signal of one request and its answer. */
class Exchange {
  readonly #options: PostOptions;
  readonly #controller = new AbortController();
  readonly #onAbort = () => this.#controller.abort(this.#options.signal.reason);
  readonly #idleTimer: IdleTimer;
  #isIdle = false;

  constructor(options: PostOptions) {
    this.#options = options;
    this.#idleTimer = new IdleTimer({ clock: options.clock, onIdle: () => this.#abortIdle() });
    options.signal.throwIfAborted();
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#idleTimer.start(options.idleTimeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  throwIfAborted(): void {
    this.#options.signal.throwIfAborted();
  }

  /** A byte came. */
  touch(limitMs: number | null): void {
    this.#idleTimer.touch(limitMs ?? this.#options.idleTimeoutMs);
  }

  /** Nobody reads on: also closes the connection of an answer that is not over. */
  cancel(): void {
    this.end();
    this.#controller.abort();
  }

  end(): void {
    this.#idleTimer.cancel();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
  }

  /** Reads what is left of a complete answer; a connection that was cut off cannot be pooled. */
  async drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    this.end();
    const cancel = this.#options.clock.after(DRAIN_MS, () => this.#controller.abort());
    try {
      while (!(await reader.read()).done);
    } catch (_error) {
      // The answer is complete already: how its connection ends is nobody's concern.
    } finally {
      cancel();
    }
  }

  #abortIdle(): void {
    this.#isIdle = true;
    this.#controller.abort(new Error("Idle"));
  }
}

async function followRedirects(url: string, options: PostOptions): Promise<Response> {
  let target = url;
  for (let hops = 0;; hops++) {
    const response = await fetch(target, {
      method: "POST",
      headers: options.headers,
      body: options.body,
      redirect: "manual",
      signal: options.signal,
      ...(options.client ? { client: options.client } : {}),
    });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    target = redirectTarget(location, { from: target, status: response.status, hops });
  }
}

function redirectTarget(
  location: string,
  hop: { readonly from: string; readonly status: number; readonly hops: number },
): string {
  const { from, status, hops } = hop;
  const info = { httpConnectionFailed: { httpStatusCode: status } };
  const next = URL.canParse(location, from) ? new URL(location, from) : null;
  if (!next || next.origin !== new URL(from).origin) {
    const where = next ? next.origin : "an address that cannot be read";
    throw setupError(
      `The model provider at ${new URL(from).origin} redirects to ${where}; the key was not sent ` +
        "there. Set base_url to the new address if you trust it",
      info,
    );
  }
  if (!REDIRECTS.has(status) || hops >= MAX_REDIRECTS) {
    throw setupError(`Too many or unusable redirects (${status}) from ${shownUrl(from)}`, info);
  }
  return next.href;
}

async function readErrorBody(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; bytes < MAX_ERROR_BODY_BYTES;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

function idleError(): ModelError {
  return streamError("idle timeout waiting for SSE");
}

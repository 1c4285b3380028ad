/** Calls that wait for the peer's answer; must not know what they ask or how they are sent. */
import type { Clock } from "../lib/clock.ts";
import { invariant } from "../lib/errors.ts";
import type { RequestId } from "./jsonrpc.ts";

/** The connection closed before the answer came. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
  /** What it was closed with (`close_codes.ts`); null where there was none. */
  readonly code: number | null;
  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

/** The answer did not come in time. */
export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";
}

/** The error of everything that a closed connection ends. */
export function connectionClosed(reason: string, code: number | null = null): ConnectionClosed {
  return new ConnectionClosed(`Connection is closed: ${reason}`, code);
}

/** How one call waits. */
export interface WaitOptions {
  readonly id?: RequestId;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly release: () => void;
}

/** Invariant: a call is settled once, by its answer, its signal, its timeout or the end of the connection. */
export class PendingCalls {
  readonly #clock: Clock | undefined;
  readonly #nextId: () => RequestId;
  readonly #calls = new Map<RequestId, PendingCall>();

  constructor(clock: Clock | undefined, nextId: (() => RequestId) | undefined) {
    this.#clock = clock;
    let last = 0;
    this.#nextId = nextId ?? (() => ++last);
  }

  /** Registers a call; the caller then sends it. */
  add(
    method: string,
    options: WaitOptions,
  ): { readonly id: RequestId; readonly promise: Promise<unknown> } {
    const id = options.id ?? this.#nextId();
    // To ask the same question again under its old id, send its text: the first answer settles it.
    invariant(!this.#calls.has(id), `Request id ${id} is already waiting for an answer`);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const release = this.#watch(options, (error) => this.reject(id, error), method);
    this.#calls.set(id, { resolve, reject, release });
    if (options.signal?.aborted) this.reject(id, options.signal.reason);
    return { id, promise };
  }

  /** False when nobody waits for `id`. */
  resolve(id: RequestId, result: unknown): boolean {
    const call = this.#take(id);
    call?.resolve(result);
    return call !== undefined;
  }

  /** False when nobody waits for `id`. */
  reject(id: RequestId, error: unknown): boolean {
    const call = this.#take(id);
    call?.reject(error);
    return call !== undefined;
  }

  /** The connection has closed. */
  rejectAll(reason: string, code: number | null = null): void {
    for (const id of [...this.#calls.keys()]) {
      this.reject(id, connectionClosed(reason, code));
    }
  }

  #take(id: RequestId): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (!call) return undefined;
    this.#calls.delete(id);
    call.release();
    return call;
  }

  /** Returns what stops watching the signal and the clock. */
  #watch(options: WaitOptions, fail: (error: unknown) => void, method: string): () => void {
    const { signal, timeoutMs } = options;
    if (!signal && timeoutMs === undefined) return () => {};
    const onAbort = () => fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    invariant(timeoutMs === undefined || this.#clock, "A call with a timeout needs a clock");
    const cancelTimer = timeoutMs === undefined ? undefined : this.#clock?.after(
      timeoutMs,
      () => fail(new RequestTimeout(`No answer to ${method} within ${timeoutMs} ms`)),
    );
    return () => {
      signal?.removeEventListener("abort", onAbort);
      cancelTimer?.();
    };
  }
}

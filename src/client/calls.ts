/** Requests of a client on their way over one connection or several; must not know how connections are made. */
import type { Clock } from "../lib/clock.ts";
import { CLOSE_CODES } from "../rpc/close_codes.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { ConnectionClosed } from "../rpc/pending_calls.ts";
import { backoffMs } from "./backoff.ts";
import { isRepeatable, takesKey } from "./resend.ts";

/** The connection ended after a request was sent and before its answer, and it must not be sent twice. */
export class OutcomeUnknown extends Error {
  override readonly name = "OutcomeUnknown";
}

/** A connection, as far as requests go. */
export interface Line {
  /** The server carries out a request with a key once, however often it comes. */
  readonly takesKeys: boolean;
  request(method: string, params: unknown, signal: AbortSignal | undefined): Promise<unknown>;
}

export interface CallsOptions {
  readonly clock: Clock;
  random(): number;
  newKey(): string;
}

interface Call {
  /** Calls go out in this order. */
  readonly number: number;
  readonly method: string;
  readonly params: unknown;
  readonly signal: AbortSignal | undefined;
  readonly settle: PromiseWithResolvers<unknown>;
  /** Null until it was sent to a server that takes keys. */
  key: string | null;
  /** How often the server was too busy. */
  refusals: number;
}

/**
 * Invariants: every call is settled once; those that wait go out in the order in which they were made; one that changes
 * something is sent again only under the same key to a server that knows what that means.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #waiting = new Set<Call>();
  /** Those without an answer yet. */
  readonly #sent = new Set<Call>();
  /** The call that a connection was closed for. */
  #blamed: { readonly line: Line; readonly call: Call | undefined } | null = null;
  #line: Line | null = null;
  #closedWith: Error | null = null;
  #lastNumber = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Those that wait for a connection, or for a server that is too busy. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  request(method: string, params: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#closedWith) return Promise.reject(this.#closedWith);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call: Call = {
      number: ++this.#lastNumber,
      method,
      params,
      signal,
      settle: Promise.withResolvers(),
      key: null,
      refusals: 0,
    };
    signal?.addEventListener("abort", () => {
      this.#waiting.delete(call);
      call.settle.reject(signal.reason);
    }, { once: true });
    if (this.#line) void this.#send(call, this.#line);
    else this.#waiting.add(call);
    return call.settle.promise;
  }

  /** There is a connection: what waits goes out. */
  connected(line: Line): void {
    this.#line = line;
    const waiting = [...this.#waiting].sort((one, other) => one.number - other.number);
    this.#waiting.clear();
    for (const call of waiting) void this.#send(call, line);
  }

  disconnected(): void {
    this.#line = null;
  }

  /** Nothing goes out any more. */
  close(error: Error): void {
    this.#closedWith ??= error;
    this.#line = null;
    for (const call of this.#waiting) call.settle.reject(error);
    this.#waiting.clear();
  }

  async #send(call: Call, line: Line): Promise<void> {
    const { method, params, signal } = call;
    const isKeyed = line.takesKeys && takesKey(method);
    if (call.key !== null && !isKeyed) return call.settle.reject(unknownOutcome(method));
    if (isKeyed) call.key ??= this.#options.newKey();
    const sent = call.key === null ? params : { ...Object(params), idempotencyKey: call.key };
    this.#sent.add(call);
    try {
      call.settle.resolve(await line.request(method, sent, signal));
    } catch (error) {
      if (this.#isTooLarge(call, { line, error })) call.settle.reject(tooLarge(method));
      else this.#failed(call, error);
    } finally {
      this.#sent.delete(call);
    }
  }

  /** Whether the server has closed the connection for this call: sent again, it would do so for ever. */
  #isTooLarge(
    call: Call,
    { line, error }: { readonly line: Line; readonly error: unknown },
  ): boolean {
    if (!(error instanceof ConnectionClosed) || error.code !== CLOSE_CODES.tooLarge.code) {
      return false;
    }
    // The first of them to fail looks at all, before any of them is gone.
    if (this.#blamed?.line !== line) this.#blamed = { line, call: largestOf(this.#sent) };
    return this.#blamed.call === call;
  }

  #failed(call: Call, error: unknown): void {
    const { method, settle } = call;
    if (error instanceof RpcError && error.code === rpcCodes.overloaded) {
      this.#later(call);
    } else if (!(error instanceof ConnectionClosed)) {
      settle.reject(error);
    } else if (this.#closedWith) {
      settle.reject(this.#closedWith);
    } else if (call.key === null && !isRepeatable(method)) {
      settle.reject(unknownOutcome(method));
    } else {
      this.#again(call);
    }
  }

  /** The server did nothing with it. */
  #later(call: Call): void {
    const { clock, random } = this.#options;
    this.#waiting.add(call);
    clock.after(backoffMs(call.refusals++, random), () => {
      // It may have gone out with a new connection, or been given up.
      if (this.#waiting.delete(call)) this.#again(call);
    });
  }

  #again(call: Call): void {
    if (call.signal?.aborted) return;
    if (this.#line) void this.#send(call, this.#line);
    else this.#waiting.add(call);
  }
}

function largestOf(calls: ReadonlySet<Call>): Call | undefined {
  const sized = [...calls].map((call) => ({
    call,
    size: JSON.stringify(call.params)?.length ?? 0,
  }));
  return sized.sort((one, other) => other.size - one.size)[0]?.call;
}

function tooLarge(method: string): OutcomeUnknown {
  return new OutcomeUnknown(`The server has closed the connection: ${method} was too large for it`);
}

function unknownOutcome(method: string): OutcomeUnknown {
  return new OutcomeUnknown(
    `The connection was lost before the answer to ${method}: read the thread to see whether it was carried out`,
  );
}

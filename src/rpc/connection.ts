/** One transport with its JSON-RPC state in both directions; must not know any method or who the peer is. */
import type { Clock } from "../lib/clock.ts";
import {
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  type ErrorMessage,
  type NotificationMessage,
  type OutgoingNotification,
  parseMessage,
  type RequestId,
  type RequestMessage,
  type ResultMessage,
  rpcCodes,
  RpcError,
} from "./jsonrpc.ts";
import { connectionClosed, PendingCalls } from "./pending_calls.ts";
import type { Transport } from "./transport.ts";

/** What a connection may hold; every limit has an answer for "full". */
export interface ConnectionLimits {
  /** Requests of the peer in work; the next one is answered with -32001. */
  readonly requests: number;
  /** Text of these requests, in UTF-16 units; the next request is answered with -32001. */
  readonly requestChars: number;
  /** Text that the peer has not taken; then the overflow policy decides. */
  readonly outboxBytes: number;
  /** How long requests in work may still be answered once the peer sends nothing more. */
  readonly endGraceMs: number;
}

/** What to do with a message for a peer that does not read. */
export type OverflowPolicy = (overflow: {
  readonly text: string;
  readonly droppable: boolean;
}) => "close" | "drop" | "send";

/** What a connection is made of. Only `request` may throw. */
export interface ConnectionOptions {
  readonly transport: Transport;
  /** Answers a request; throws an `RpcError`, or anything else for a bug, which becomes -32603. */
  request(request: IncomingRequest): unknown;
  notification(notification: NotificationMessage): void;
  /** Called once, also when this side closes. */
  closed?(reason: string): void;
  /** Told about text that is not a message, for the log. */
  dropped?(reason: string): void;
  /** Told about bugs in handlers, for the log. */
  failed?(error: unknown, method: string): void;
  /** Methods that are taken even when the inbox is full. */
  isUrgent?(method: string): boolean;
  readonly overflow?: OverflowPolicy;
  readonly limits?: Partial<ConnectionLimits>;
  /** Needed for timeouts and for the grace after the end of input. */
  readonly clock?: Clock;
  /** Ids of our own requests; counts from 1 by default. */
  readonly nextId?: () => RequestId;
}

/** Options of one call. */
export interface CallOptions {
  readonly id?: RequestId;
  /** Stops waiting; an answer that comes later is ignored. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** Options of one message. */
export interface SendOptions {
  /** The overflow policy may merge or drop it. */
  readonly droppable: boolean;
}

/** Upstream's text; clients match on it. */
const OVERLOADED = "Server overloaded; retry later.";
const REQUIRED: SendOptions = { droppable: false };
const DEFAULT_LIMITS: ConnectionLimits = {
  requests: 4096,
  requestChars: 64 * 1024 * 1024,
  // The runtime holds about three times this for a client that never reads.
  outboxBytes: 16 * 1024 * 1024,
  endGraceMs: 2000,
};

/** A request of the peer while it is in work. */
export class IncomingRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
  /** What it counts against the inbox. */
  readonly chars: number;
  readonly #answer: (request: IncomingRequest, result: unknown) => void;
  #after: (() => void)[] | undefined;
  #isAnswered = false;

  constructor(
    message: Pick<RequestMessage, "id" | "method" | "params">,
    chars: number,
    answer: (request: IncomingRequest, result: unknown) => void,
  ) {
    this.id = message.id;
    this.method = message.method;
    this.params = message.params;
    this.chars = chars;
    this.#answer = answer;
  }

  /** True once the answer is on its way. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /**
   * Answers now, so that the answer precedes whatever is sent next in this tick.
   * What the handler returns afterwards is not sent again.
   */
  reply(result: unknown): void {
    this.#answer(this, result);
  }

  /** Runs `callback` right after the answer, in the same tick; at once when it is answered already. */
  after(callback: () => void): void {
    if (this.#isAnswered) callback();
    else (this.#after ??= []).push(callback);
  }

  /** For the connection: the answer has been queued. */
  answered(): void {
    this.#isAnswered = true;
    if (!this.#after) return;
    for (const callback of this.#after) callback();
    this.#after = undefined;
  }
}

/**
 * Invariants: every request is answered once or the connection closes; answers are always accepted;
 * a throwing handler fails one request; after `close` nothing is sent, and `closed` is called once.
 * A handler that answers synchronously costs no promise.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #transport: Transport;
  readonly #limits: ConnectionLimits;
  readonly #calls: PendingCalls;
  #requestsInWork = 0;
  #charsInWork = 0;
  /** The longest message among those that the peer may not have taken yet. */
  #largestChars = 0;
  #isEnding = false;
  #cancelGrace: (() => void) | undefined;
  #closeReason: string | undefined;
  #abort: AbortController | undefined;
  readonly #answerNow = (request: IncomingRequest, result: unknown) =>
    this.#answer(request, result);

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#transport = options.transport;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#calls = new PendingCalls(options.clock, options.nextId);
    this.#transport.open({
      frame: (text) => this.#frame(text),
      ended: () => this.#ended(),
      closed: (reason) => this.#closed(reason),
    });
  }

  /** Who is at the other end, for logs. */
  get peer(): string {
    return this.#transport.peer;
  }

  /** About how many bytes the peer has not taken yet. */
  get bufferedBytes(): number {
    return this.#transport.bufferedBytes;
  }

  /** Requests of the peer that are not answered yet. */
  get requestsInWork(): number {
    return this.#requestsInWork;
  }

  /** True after `close`, or when the peer has gone. */
  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Why it closed; undefined while it is open. */
  get closeReason(): string | undefined {
    return this.#closeReason;
  }

  /** Aborts when the connection closes; for work that only this peer wants. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#closeReason !== undefined) this.#abort.abort(connectionClosed(this.#closeReason));
    return this.#abort.signal;
  }

  /** Sends a request; rejects with `RpcError`, `ConnectionClosed`, `RequestTimeout` or the signal's reason. */
  request(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    if (this.#closeReason !== undefined) {
      return Promise.reject(connectionClosed(this.#closeReason));
    }
    const { id, promise } = this.#calls.add(method, options);
    this.sendText(encodeRequest({ id, method, params }));
    return promise;
  }

  /** Sends a notification. */
  notify(notification: OutgoingNotification, options: SendOptions = REQUIRED): boolean {
    return this.sendText(encodeNotification(notification), options);
  }

  /**
   * Sends text that is already a message, so that one encoding can go to many peers.
   * False when it was not taken: the connection is closed, or the overflow policy refused it.
   */
  sendText(text: string, options: SendOptions = REQUIRED): boolean {
    if (this.#closeReason !== undefined) return false;
    if (this.#isOutboxFull(text, options)) {
      const { droppable } = options;
      const decision = this.#options.overflow?.({ text, droppable }) ?? "close";
      if (decision === "drop") return false;
      if (decision === "close") {
        this.close("the peer does not read what it is sent");
        return false;
      }
    }
    this.#transport.send(text);
    return true;
  }

  /**
   * One message may be longer than the limit, a large file for instance: it does not count against the required ones
   * that follow. What can be merged or dropped is, as soon as the limit is reached.
   */
  #isOutboxFull({ length }: string, { droppable }: SendOptions): boolean {
    const { bufferedBytes } = this.#transport;
    const { outboxBytes } = this.#limits;
    const isFlexible = droppable && this.#options.overflow !== undefined;
    if (bufferedBytes > outboxBytes + (isFlexible ? 0 : this.#largestChars)) return true;
    if (bufferedBytes <= outboxBytes) this.#largestChars = 0;
    if (length > outboxBytes) this.#largestChars = Math.max(this.#largestChars, length);
    return false;
  }

  /** Closes both directions; pending calls are rejected, unanswered requests stay unanswered. */
  close(reason = "closed"): void {
    if (this.#closeReason !== undefined) return;
    this.#transport.close(reason);
    this.#closed(reason);
  }

  #frame(text: string): void {
    if (this.#closeReason !== undefined) return;
    const message = parseMessage(text);
    switch (message.kind) {
      case "request":
        return this.#request(message, text.length);
      case "notification":
        return this.#notification(message);
      case "result":
      case "error":
        return this.#settle(message);
      case "dropped":
        return this.#options.dropped?.(message.reason);
    }
  }

  #request(message: RequestMessage, chars: number): void {
    if (this.#isFull(chars) && !this.#options.isUrgent?.(message.method)) {
      this.sendText(encodeError(message.id, overloaded()));
      return;
    }
    const request = new IncomingRequest(message, chars, this.#answerNow);
    this.#requestsInWork++;
    this.#charsInWork += chars;
    let result: unknown;
    try {
      result = this.#options.request(request);
    } catch (error) {
      return this.#fail(request, error);
    }
    if (result instanceof Promise) {
      result.then(
        (value: unknown) => this.#answer(request, value),
        (error: unknown) => this.#fail(request, error),
      );
    } else {
      this.#answer(request, result);
    }
  }

  #isFull(chars: number): boolean {
    if (this.#requestsInWork >= this.#limits.requests) return true;
    // A request that is too long for the method is refused there, with the reason.
    return this.#charsInWork > 0 && this.#charsInWork + chars > this.#limits.requestChars;
  }

  #answer(request: IncomingRequest, result: unknown): void {
    if (request.isAnswered) return;
    let text: string;
    try {
      text = encodeResult(request.id, result);
    } catch (error) {
      // For instance a cycle, or nesting beyond the stack.
      return this.#fail(request, error);
    }
    this.#finish(request, text);
  }

  #fail(request: IncomingRequest, error: unknown): void {
    if (!(error instanceof RpcError)) this.#options.failed?.(error, request.method);
    if (request.isAnswered) return;
    const answer = error instanceof RpcError ? error : internalError();
    this.#finish(request, encodeError(request.id, answer));
  }

  #finish(request: IncomingRequest, text: string): void {
    this.#requestsInWork--;
    this.#charsInWork -= request.chars;
    this.sendText(text);
    try {
      request.answered();
    } catch (error) {
      this.#options.failed?.(error, request.method);
    }
    if (this.#isEnding && this.#requestsInWork === 0) this.#transport.close("end of input");
  }

  #notification(message: NotificationMessage): void {
    try {
      this.#options.notification(message);
    } catch (error) {
      this.#options.failed?.(error, message.method);
    }
  }

  /** An answer to a call that nobody waits for any more is ignored. */
  #settle(message: ResultMessage | ErrorMessage): void {
    if (message.kind === "result") this.#calls.resolve(message.id, message.result);
    else this.#calls.reject(message.id, message.error);
  }

  /** The transport says `closed` once the last answer is written; a peer that takes none is not waited for. */
  #ended(): void {
    this.#isEnding = true;
    const { clock } = this.#options;
    if (this.#requestsInWork === 0) this.#transport.close("end of input");
    else if (!clock) this.close("end of input");
    this.#cancelGrace = clock?.after(this.#limits.endGraceMs, () => this.close("end of input"));
  }

  #closed(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#cancelGrace?.();
    this.#calls.rejectAll(reason);
    this.#abort?.abort(connectionClosed(reason));
    this.#options.closed?.(reason);
  }
}

function overloaded(): RpcError {
  return new RpcError(rpcCodes.overloaded, OVERLOADED, { reason: "overloaded" });
}

function internalError(): RpcError {
  return new RpcError(rpcCodes.internal, "Internal error", { reason: "internal" });
}

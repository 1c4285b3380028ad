/** One transport with its JSON-RPC state in both directions; must not know any method or who the peer is. */
import type { Clock } from "../lib/clock.ts";
import { CLOSE_CODES } from "./close_codes.ts";
import { ConnectionBudget, type ConnectionLimits, DEFAULT_LIMITS } from "./connection_limits.ts";
import type { Droppable } from "./droppable.ts";
import { IncomingRequest } from "./incoming_request.ts";
import {
  type DroppedMessage,
  encodeError,
  encodeErrorBody,
  encodeErrorWith,
  encodeNotification,
  encodeRequest,
  encodeResult,
  type ErrorMessage,
  type Message,
  type NotificationMessage,
  type OutgoingNotification,
  parseMessage,
  peekRequest,
  type RequestId,
  type RequestMessage,
  type ResultMessage,
  rpcCodes,
  RpcError,
} from "./jsonrpc.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { connectionClosed, PendingCalls } from "./pending_calls.ts";
import type { Transport } from "./transport.ts";

/** What a connection is made of. Only `request` may throw. */
export interface ConnectionOptions {
  readonly transport: Transport;
  /** Answers a request; throws an `RpcError`, or anything else for a bug, which becomes -32603. */
  request(request: IncomingRequest): unknown;
  notification(notification: NotificationMessage): void;
  /** Called once, also when this side closes. */
  closed?(reason: string, code: number | null): void;
  /** Told about requests that were refused because the inbox was full, for the log. */
  refused?(method: string): void;
  /** Told about text that is not a message, for the log. */
  dropped?(reason: string): void;
  /** Told about bugs in handlers, for the log. */
  failed?(error: unknown, method: string): void;
  /** Methods that pass by all that waits; only a side that has some guards itself against a flood of answers. */
  isUrgent?(method: string): boolean;
  readonly limits?: Partial<ConnectionLimits>;
  /** What it shares with others; its own by default. */
  readonly budget?: ConnectionBudget;
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
  /** The same message in a form that can take in those that follow it, for a peer that does not keep up. */
  readonly mergeable?: Droppable;
}

/** Upstream's text; clients match on it. */
const OVERLOADED_TEXT = "Server overloaded; retry later.";
const OVERLOADED = encodeErrorBody(
  new RpcError(rpcCodes.overloaded, OVERLOADED_TEXT, { reason: "overloaded" }),
);
const SLOW_READER = "the peer does not read what it is sent";
const REQUIRED: SendOptions = {};
/** Requests wait while more than this part of the outbox is in use. */
const HELD_PART = 1 / 8;
/** Nothing urgent is longer. */
const URGENT_CHARS_MAX = 64 * 1024;

/**
 * Invariants: every request is answered once or the connection closes; what has been sent is kept until the peer takes
 * it, or the connection closes; urgent requests and answers never wait; a throwing handler fails one request; after
 * `close` nothing is sent, and `closed` is called once.
 * For a peer that reads and does not flood nothing is queued, and a handler that answers at once costs no promise.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #transport: Transport;
  readonly #limits: ConnectionLimits;
  readonly #budget: ConnectionBudget;
  readonly #calls: PendingCalls;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #heldBytes: number;
  #requestsInWork = 0;
  #urgentInWork = 0;
  #charsInWork = 0;
  #isEnding = false;
  #cancelGrace: (() => void) | undefined;
  #closeReason: string | undefined;
  #closeCode: number | null = null;
  #receivedBytes = 0;
  #sentBytes = 0;
  #abort: AbortController | undefined;
  readonly #answerNow = (request: IncomingRequest, result: unknown) =>
    this.#answer(request, result);

  constructor(options: ConnectionOptions) {
    const { transport, clock, budget = new ConnectionBudget() } = options;
    this.#options = options;
    this.#transport = transport;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#budget = budget;
    this.#calls = new PendingCalls(clock, options.nextId);
    this.#outbox = new Outbox({ transport, clock, budget, limitBytes: this.#limits.outboxBytes });
    this.#heldBytes = this.#limits.outboxBytes * HELD_PART;
    this.#inbox = new Inbox({
      transport,
      clock,
      budget,
      take: (text) => this.#take(parseMessage(text), text.length),
      isHeld: () => this.#outbox.keptBytes > this.#heldBytes,
      whenFree: (callback) => this.#outbox.whenBelow(this.#heldBytes, callback),
    });
    transport.open({
      frame: (text) => this.#frame(text),
      ended: () => this.#ended(),
      drained: () => this.#outbox.drained(),
      closed: (reason, code) => this.#closed(reason, code ?? null),
    });
  }

  /** Who is at the other end, for logs. */
  get peer(): string {
    return this.#transport.peer;
  }

  /** About how many bytes the peer has not taken yet. */
  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  /** Requests of the peer that wait or are in work. */
  get requestsInWork(): number {
    return this.#requestsInWork + this.#inbox.length;
  }

  /** True after `close`, or when the peer has gone. */
  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Why it closed; undefined while it is open. */
  get closeReason(): string | undefined {
    return this.#closeReason;
  }

  /** The code that it was closed with (`close_codes.ts`); null while it is open, and where there was none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** About how much has come and was sent so far. */
  get traffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    return { receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes };
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
   * False when it was not taken: the connection is closed, or closes because it cannot keep the message.
   */
  sendText(text: string, options: SendOptions = REQUIRED): boolean {
    if (this.#closeReason !== undefined) return false;
    if (this.#outbox.send(text, options.mergeable)) {
      this.#sentBytes += text.length;
      return true;
    }
    this.#overflowed();
    return false;
  }

  /** Calls back once the peer has taken all but so many bytes, or the connection has closed. */
  whenBelow(bytes: number, callback: () => void): void {
    if (this.#closeReason !== undefined) callback();
    else this.#outbox.whenBelow(bytes, callback);
  }

  /** Closes both directions; pending calls are rejected, unanswered requests stay unanswered. */
  close(reason = "closed", code: number | null = null): void {
    if (this.#closeReason !== undefined) return;
    this.#closeTransport(reason, code ?? undefined);
    this.#closed(reason, code);
  }

  #frame(text: string): void {
    if (this.#closeReason !== undefined) return;
    this.#receivedBytes += text.length;
    if (this.#inbox.isOpen) this.#take(parseMessage(text), text.length);
    else this.#queue(text);
    this.#inbox.taken();
  }

  #take(message: Message | DroppedMessage, chars: number): void {
    switch (message.kind) {
      case "request":
        return this.#request(message, chars);
      case "notification":
        return this.#notification(message);
      case "result":
      case "error":
        return this.#settle(message);
      case "dropped":
        return this.#options.dropped?.(message.reason);
    }
  }

  /** What must not wait is taken at once; of the rest, only as much is read as it takes to refuse it. */
  #queue(text: string): void {
    const request = peekRequest(text);
    if (request && !this.#isUrgent(request.method, text.length)) return this.#keep(text, request);
    const message = parseMessage(text);
    if (message.kind === "request" && !this.#isUrgent(message.method, text.length)) {
      this.#keep(text, message);
    } else if (message.kind === "notification") {
      this.#keep(text, null);
    } else {
      this.#take(message, text.length);
    }
  }

  #keep(text: string, request: Pick<RequestMessage, "id" | "method"> | null): void {
    if (!this.#isFull(text.length)) this.#inbox.keep(text);
    else if (request) this.#refuse(request);
    else this.#options.dropped?.("too much waits");
  }

  #request(message: RequestMessage, chars: number): void {
    if (this.#isUrgent(message.method, chars)) {
      this.#urgentInWork++;
      if (this.#urgentInWork > this.#limits.urgent || this.#isUrgentFlood) return this.#flooded();
    } else if (this.#isFull(chars)) {
      return this.#refuse(message);
    }
    const request = new IncomingRequest(message, chars, this.#answerNow);
    this.#requestsInWork++;
    this.#countInWork(chars);
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

  #isUrgent(method: string, chars: number): boolean {
    return chars <= URGENT_CHARS_MAX && (this.#options.isUrgent?.(method) ?? false);
  }

  get #isUrgentFlood(): boolean {
    return this.#inbox.countInTurn("urgent") > this.#limits.urgent;
  }

  #isFull(chars: number): boolean {
    if (this.#requestsInWork + this.#inbox.length >= this.#limits.requests) return true;
    // A request that is too long for the method is refused there, with the reason.
    const known = this.#charsInWork + this.#inbox.chars;
    const { requestChars } = this.#limits;
    return known > 0 && known + chars > this.#budget.within(requestChars);
  }

  /** A transport that cannot be paused may go on for ever before anybody else has a turn. */
  #refuse({ id, method }: Pick<RequestMessage, "id" | "method">): void {
    this.#options.refused?.(method);
    if (!this.#outbox.sendAlike(id, encodeOverloaded)) return this.#overflowed();
    this.#sentBytes += OVERLOADED.length;
    if (this.#transport.pause) return;
    if (this.#inbox.countInTurn("refused") > this.#limits.refusals) this.#flooded();
  }

  /** What is kept would only grow what the transport holds, so it is not sent. */
  #overflowed(): void {
    this.#transport.close(SLOW_READER, CLOSE_CODES.slowReader.code);
    this.#closed(SLOW_READER, CLOSE_CODES.slowReader.code);
  }

  #flooded(): void {
    this.close("the peer sends more than can be refused", CLOSE_CODES.flood.code);
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
    if (this.#isUrgent(request.method, request.chars)) this.#urgentInWork--;
    this.#countInWork(-request.chars);
    this.sendText(text);
    try {
      request.answered();
    } catch (error) {
      this.#options.failed?.(error, request.method);
    }
    this.#endIfDone();
  }

  #countInWork(chars: number): void {
    this.#charsInWork += chars;
    this.#budget.add(chars);
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
    const isAwaited = message.kind === "result"
      ? this.#calls.resolve(message.id, message.result)
      : this.#calls.reject(message.id, message.error);
    if (!isAwaited && this.#options.isUrgent && this.#isUrgentFlood) this.#flooded();
  }

  /** The transport says `closed` once the last answer is written; a peer that takes none is not waited for. */
  #ended(): void {
    this.#isEnding = true;
    const { clock } = this.#options;
    this.#endIfDone();
    if (!clock && this.requestsInWork > 0) this.close("end of input");
    this.#cancelGrace = clock?.after(this.#limits.endGraceMs, () => this.close("end of input"));
  }

  #endIfDone(): void {
    if (this.#isEnding && this.requestsInWork === 0) this.#closeTransport("end of input");
  }

  /** What is kept goes first. */
  #closeTransport(reason: string, code?: number): void {
    this.#outbox.flush();
    this.#transport.close(reason, code);
  }

  #closed(reason: string, code: number | null): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#closeCode = code;
    this.#cancelGrace?.();
    this.#inbox.discard();
    this.#outbox.discard();
    this.#calls.rejectAll(reason, code);
    this.#abort?.abort(connectionClosed(reason));
    this.#options.closed?.(reason, code);
  }
}

function encodeOverloaded(id: RequestId): string {
  return encodeErrorWith(id, OVERLOADED);
}

function internalError(): RpcError {
  return new RpcError(rpcCodes.internal, "Internal error", { reason: "internal" });
}

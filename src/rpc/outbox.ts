/** Keeps what a peer has not taken yet, and merges what may be merged; must not know what messages say or when a connection closes. */
import type { Clock } from "../lib/clock.ts";
import { Fifo } from "../lib/fifo.ts";
import type { ConnectionBudget } from "./connection_limits.ts";
import type { Droppable, GrowingMessage } from "./droppable.ts";
import type { RequestId } from "./jsonrpc.ts";
import type { Transport } from "./transport.ts";

/** What an outbox is made of. */
export interface OutboxOptions {
  readonly transport: Transport;
  /** Looks for room in transports that do not tell. Without either, the transport gets everything at once. */
  readonly clock: Clock | undefined;
  /** What may wait here and in the transport together. */
  readonly limitBytes: number;
  /** Told what is kept here; says when it is too much in all. */
  readonly budget: ConnectionBudget;
}

/**
 * A transport with more than this gets nothing further. The runtime's own WebSocket takes about three times the
 * bytes that wait in it, and what it has cannot be merged any more.
 */
const WINDOW_BYTES = 256 * 1024;
/**
 * While less than this part of the limit waits, a peer gets deltas as they are: their text is shared with all others
 * who get them, and a client that is only a little behind may count them.
 */
const UNMERGED_PART = 1 / 4;
/** A longer part of the limit in one message makes it a long one. */
const LARGE_PART = 1 / 16;
/** What a message that waits takes besides its text. */
const MESSAGE_BYTES = 64;
/** How soon to look for room, at first and for a peer that takes nothing. */
const LOOK_MS = 1;
const LOOK_MS_MAX = 32;

/** What it takes that one more is to be told the same. */
const ALIKE_BYTES = 16;

interface Merged {
  readonly message: GrowingMessage;
  readonly scope: string;
}

/** Messages that differ in an id alone, such as refusals: a flood is answered with hundreds of thousands. */
interface Alike {
  readonly encode: (id: RequestId) => string;
  readonly ids: Fifo<RequestId>;
}

/**
 * Invariants: messages go out in the order in which they came, only those of different scopes may change places;
 * nothing is lost but by `discard`; for a peer that takes what it is sent nothing waits here.
 */
export class Outbox {
  readonly #transport: Transport;
  readonly #clock: Clock | undefined;
  readonly #limitBytes: number;
  readonly #budget: ConnectionBudget;
  readonly #windowBytes: number;
  readonly #kept = new Fifo<string | Merged | Alike>();
  /** The last entry, if more of the kind can be added to it. */
  #lastAlike: Alike | undefined;
  #keptBytes = 0;
  /** The longest message among those that the peer may not have taken yet, if it is a long one. */
  #largestBytes = 0;
  /** The last message of each scope, if it can still grow: nothing that must not be overtaken came after it. */
  readonly #tails = new Map<string, GrowingMessage>();
  #waiters: { readonly bytes: number; readonly callback: () => void }[] = [];
  #lookMs = LOOK_MS;
  #seenBytes = 0;
  #cancelLook: (() => void) | undefined;

  constructor({ transport, clock, limitBytes, budget }: OutboxOptions) {
    this.#transport = transport;
    this.#clock = clock;
    this.#limitBytes = limitBytes;
    this.#budget = budget;
    this.#windowBytes = Math.min(WINDOW_BYTES, limitBytes);
  }

  /** About how many bytes the peer has not taken yet. */
  get bufferedBytes(): number {
    return this.#keptBytes + this.#transport.bufferedBytes;
  }

  /** Of these, what the transport has not been given: cheap to ask, and none for a peer that reads. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** False when there is no room for the message. */
  send(text: string, mergeable: Droppable | undefined): boolean {
    if (this.#hasWindow) {
      this.#noteLarge(text);
      this.#transport.send(text);
      return true;
    }
    if (this.#isFull) return false;
    this.#noteLarge(text);
    if (this.#canWait) this.#keep(text, mergeable);
    else this.#transport.send(text);
    return true;
  }

  /** Sends a message that is the same for many but for an id; false when there is no room for it. */
  sendAlike(id: RequestId, encode: (id: RequestId) => string): boolean {
    if (!this.#canWait || this.#hasWindow) return this.send(encode(id), undefined);
    if (this.#isFull) return false;
    if (this.#lastAlike?.encode !== encode) {
      this.#lastAlike = { encode, ids: new Fifo() };
      this.#kept.push(this.#lastAlike);
      this.#tails.clear();
    }
    this.#lastAlike.ids.push(id);
    this.#count(bytesOf(id));
    this.#lookLater();
    return true;
  }

  /** Calls back once the peer has taken all but so many bytes, or will not take any more. */
  whenBelow(bytes: number, callback: () => void): void {
    if (this.bufferedBytes <= bytes) return callback();
    this.#waiters.push({ bytes, callback });
    this.#lookLater();
  }

  /** The transport has room again. */
  drained(): void {
    if (!this.#isEmpty || this.#waiters.length > 0) this.#pump();
  }

  /** Gives everything to the transport, which is about to close. */
  flush(): void {
    while (!this.#isEmpty) this.#transport.send(this.#take());
    this.discard();
  }

  /** Nothing is sent any more. */
  discard(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#kept.clear();
    this.#lastAlike = undefined;
    this.#count(-this.#keptBytes);
    this.#tails.clear();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { callback } of waiters) callback();
  }

  get #isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  get #hasWindow(): boolean {
    return this.#isEmpty && this.#transport.bufferedBytes <= this.#windowBytes;
  }

  get #canWait(): boolean {
    return this.#clock !== undefined || this.#transport.tellsDrained === true;
  }

  get #limitNow(): number {
    return this.#budget.within(this.#limitBytes);
  }

  /**
   * One long message does not count: a large file, or an item whose text waits in deltas as well. Those that follow
   * are not refused for it.
   */
  get #isFull(): boolean {
    const bytes = this.bufferedBytes;
    if (bytes > this.#limitNow + this.#largestBytes) return true;
    if (bytes <= this.#limitBytes) this.#largestBytes = 0;
    return false;
  }

  #count(bytes: number): void {
    this.#keptBytes += bytes;
    this.#budget.add(bytes);
  }

  #noteLarge({ length }: string): void {
    if (length <= this.#limitBytes * LARGE_PART) return;
    this.#largestBytes = Math.max(this.#largestBytes, length);
  }

  #keep(text: string, mergeable: Droppable | undefined): void {
    this.#lastAlike = undefined;
    if (mergeable && (this.#keptBytes > this.#limitNow * UNMERGED_PART || this.#tails.size > 0)) {
      this.#merge(mergeable);
    } else {
      if (this.#tails.size > 0) this.#tails.clear();
      this.#kept.push(text);
      this.#count(text.length + MESSAGE_BYTES);
    }
    this.#lookLater();
  }

  #merge(next: Droppable): void {
    const { scope } = next;
    const tail = this.#tails.get(scope);
    if (tail?.key === next.key) {
      const before = tail.chars;
      tail.append(next);
      this.#count(tail.chars - before);
      return;
    }
    const message = next.grow();
    this.#kept.push({ message, scope });
    this.#tails.set(scope, message);
    this.#count(message.chars + MESSAGE_BYTES);
  }

  #take(): string {
    const entry = this.#kept.peek() ?? "";
    if (typeof entry === "object" && "ids" in entry) return this.#takeAlike(entry);
    this.#kept.shift();
    if (typeof entry === "string") {
      this.#count(-(entry.length + MESSAGE_BYTES));
      return entry;
    }
    const { message, scope } = entry;
    this.#count(-(message.chars + MESSAGE_BYTES));
    if (this.#tails.get(scope) === message) this.#tails.delete(scope);
    return message.text;
  }

  #takeAlike(entry: Alike): string {
    const id = entry.ids.shift() ?? "";
    this.#count(-bytesOf(id));
    if (entry.ids.length === 0) {
      this.#kept.shift();
      if (this.#lastAlike === entry) this.#lastAlike = undefined;
    }
    return entry.encode(id);
  }

  #pump(): void {
    let room = this.#windowBytes - this.#transport.bufferedBytes;
    while (room >= 0 && !this.#isEmpty) {
      const text = this.#take();
      room -= text.length;
      this.#transport.send(text);
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const bytes = this.bufferedBytes;
    const due = this.#waiters.filter((waiter) => bytes <= waiter.bytes);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => bytes > waiter.bytes);
    for (const { callback } of due) callback();
  }

  /** What tells only that all is taken may not do so in time for somebody who waits for less. */
  #lookLater(): void {
    if (this.#cancelLook || (this.#transport.tellsDrained && this.#waiters.length === 0)) return;
    this.#cancelLook = this.#clock?.after(this.#lookMs, () => this.#look(), { background: true });
  }

  /** Less and less often while nothing moves, so that many who are stuck cost nothing. */
  #look(): void {
    this.#cancelLook = undefined;
    const { bufferedBytes } = this.#transport;
    const isMoving = bufferedBytes < this.#seenBytes || bufferedBytes <= this.#windowBytes;
    this.#lookMs = isMoving ? LOOK_MS : Math.min(this.#lookMs * 2, LOOK_MS_MAX);
    this.#pump();
    this.#seenBytes = this.#transport.bufferedBytes;
    if (!this.#isEmpty || this.#waiters.length > 0) this.#lookLater();
  }
}

function bytesOf(id: RequestId): number {
  return ALIKE_BYTES + (typeof id === "string" ? MESSAGE_BYTES + id.length : 0);
}

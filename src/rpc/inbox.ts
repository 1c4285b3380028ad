/** Takes what a peer sends in slices of time, so that a flood starves nobody else; must not know what a message says. */
import type { Clock } from "../lib/clock.ts";
import type { ConnectionBudget } from "./connection_limits.ts";
import { Fifo } from "../lib/fifo.ts";
import type { Transport } from "./transport.ts";

/** What an inbox is made of. */
export interface InboxOptions {
  readonly transport: Transport;
  /** Without one, nothing is put off. */
  readonly clock: Clock | undefined;
  /** Told what is kept. */
  readonly budget: ConnectionBudget;
  /** Handles one frame; never throws. */
  take(text: string): void;
  /** Whether frames have to wait for another reason than time. */
  isHeld(): boolean;
  /** Calls back when that is over. */
  whenFree(callback: () => void): void;
}

/** A connection that works longer than this without letting others have their turn has to wait for the next. */
const SLICE_MS = 4;
/** How long it is not read then. */
const PAUSE_MS = 5;
/** So many frames go before time is looked at, since that takes a timer. */
const UNTIMED_FRAMES = 8;

/**
 * Frames that wait, and the turns of the event loop in which they are taken.
 *
 * Invariant: frames are taken in the order in which they were kept; while any waits, a turn is under way or the inbox
 * is held.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #clock: Clock | undefined;
  readonly #waiting = new Fifo<string>();
  #chars = 0;
  #isWaitingToBeFree = false;
  /** Frames since the last turn began or ended. */
  #frames = 0;
  #cancelTurn: (() => void) | undefined;
  #startedMs = 0;
  #isSliceOver = false;
  readonly #turnCounts = new Map<string, number>();

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Whether a frame may be taken at once. */
  get isOpen(): boolean {
    return !this.#isSliceOver && this.#waiting.length === 0 && !this.#options.isHeld();
  }

  /** Frames that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Their text, in UTF-16 units. */
  get chars(): number {
    return this.#chars;
  }

  /** A frame has been taken at once, kept or refused. */
  taken(): void {
    if (!this.#cancelTurn) {
      if (++this.#frames < UNTIMED_FRAMES) return;
      this.#beginTurn();
    } else if (!this.#isSliceOver && this.#isTimeUp) {
      this.#isSliceOver = true;
      this.#options.transport.pause?.();
      // The timer of this turn may be due already, and then nobody would come in between.
      this.#cancelTurn();
      this.#cancelTurn = undefined;
      this.#beginTurn(PAUSE_MS);
    }
  }

  /** Keeps a frame for later. */
  keep(text: string): void {
    this.#waiting.push(text);
    this.#count(text.length);
    this.#goOn();
  }

  /** How often this was asked for the same thing, this time included, since others had their last turn. */
  countInTurn(thing: string): number {
    // Turns cannot be told without a clock, so nothing is counted.
    if (!this.#clock) return 0;
    this.#beginTurn();
    const count = (this.#turnCounts.get(thing) ?? 0) + 1;
    this.#turnCounts.set(thing, count);
    return count;
  }

  /** The connection has closed. */
  discard(): void {
    this.#cancelTurn?.();
    this.#waiting.clear();
    this.#count(-this.#chars);
  }

  #count(chars: number): void {
    this.#chars += chars;
    this.#options.budget.add(chars);
  }

  get #isTimeUp(): boolean {
    return this.#clock !== undefined && this.#clock.now() - this.#startedMs >= SLICE_MS;
  }

  #goOn(): void {
    if (this.length === 0) return;
    if (!this.#options.isHeld()) return this.#beginTurn();
    if (this.#isWaitingToBeFree) return;
    this.#isWaitingToBeFree = true;
    this.#options.whenFree(() => {
      this.#isWaitingToBeFree = false;
      this.#goOn();
    });
  }

  #beginTurn(delayMs = 0): void {
    if (this.#cancelTurn || !this.#clock) return;
    this.#startedMs = this.#clock.now();
    this.#cancelTurn = this.#clock.after(delayMs, () => this.#turned());
  }

  /** Everybody else had their turn. */
  #turned(): void {
    this.#cancelTurn = undefined;
    this.#frames = 0;
    if (this.#turnCounts.size > 0) this.#turnCounts.clear();
    const wasPaused = this.#isSliceOver;
    this.#isSliceOver = false;
    this.#startedMs = this.#clock?.now() ?? 0;
    while (this.length > 0 && !this.#options.isHeld() && !this.#isTimeUp) {
      const text = this.#waiting.shift() ?? "";
      this.#count(-text.length);
      this.#options.take(text);
    }
    this.#goOn();
    // What comes now waits or is refused, but what is urgent among it gets through.
    if (wasPaused) this.#options.transport.resume?.();
  }
}

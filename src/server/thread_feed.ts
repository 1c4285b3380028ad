/** The numbered log of one loaded thread, kept in memory for clients that come back; must not know who they are. */
import type { EventNumber, FeedEvent } from "./event_text.ts";

/** What one thread keeps at most. */
export const FEED_EVENTS_MAX = 16_384;
/** About the length of the texts in them, in UTF-16 units. */
export const FEED_CHARS_MAX = 4 * 1024 * 1024;
/** What all threads keep together; beyond it, a thread that grows keeps `FEED_CHARS_MIN` only. */
const ALL_FEEDS_CHARS_MAX = 128 * 1024 * 1024;
const FEED_CHARS_MIN = 256 * 1024;
/** What an event costs besides its texts. */
const EVENT_CHARS = 128;
/** The free part of the array at which it is worth copying. */
const SLACK_MIN = 1024;

/** A notification with its number. */
export interface NumberedEvent {
  readonly event: FeedEvent;
  readonly seq: number;
}

interface Kept {
  readonly event: FeedEvent;
  readonly chars: number;
}

/** What the feeds of a server hold together. */
export class FeedBudget {
  chars = 0;
}

/**
 * Invariants: every notification of the thread takes one number, the next one, whoever gets it; the events that
 * are kept are the last ones, without a hole. A log begins when the first client asks for numbers and ends when the
 * thread is unloaded, so that threads nobody follows by number cost nothing.
 */
export class ThreadFeed {
  readonly logId: string;
  readonly #budget: FeedBudget;
  readonly #events: (Kept | undefined)[] = [];
  /** Index of the oldest event that is kept. */
  #head = 0;
  #chars = 0;
  #seq = 0;

  /** `logId` is a UUID, or another word that needs no escaping. */
  constructor(logId: string, budget: FeedBudget = new FeedBudget()) {
    this.logId = logId;
    this.#budget = budget;
  }

  /** The last number that was given; 0 before the first one. */
  get seq(): number {
    return this.#seq;
  }

  get #count(): number {
    return this.#events.length - this.#head;
  }

  /** Gives the event its number and keeps it. */
  push(event: FeedEvent): EventNumber {
    const chars = EVENT_CHARS + charsOf(event.params);
    this.#events.push({ event, chars });
    this.#grow(chars);
    const limit = this.#budget.chars > ALL_FEEDS_CHARS_MAX ? FEED_CHARS_MIN : FEED_CHARS_MAX;
    while (this.#chars > limit || this.#count > FEED_EVENTS_MAX) this.#forget();
    return { logId: this.logId, seq: ++this.#seq };
  }

  /** What came after a number, in order; null when some of it has left the log, or the number is not from it. */
  after(seq: number): NumberedEvent[] | null {
    const firstKept = this.#seq - this.#count + 1;
    if (seq > this.#seq || seq + 1 < firstKept) return null;
    return this.#events.slice(this.#head + seq + 1 - firstKept)
      .flatMap((kept, index) => kept ? [{ event: kept.event, seq: seq + 1 + index }] : []);
  }

  /** The thread is unloaded: what was kept counts no more. */
  close(): void {
    this.#grow(-this.#chars);
    this.#events.length = 0;
    this.#head = 0;
  }

  #forget(): void {
    this.#grow(-(this.#events[this.#head]?.chars ?? 0));
    this.#events[this.#head++] = undefined;
    if (this.#head < SLACK_MIN || this.#head * 2 < this.#events.length) return;
    this.#events.splice(0, this.#head);
    this.#head = 0;
  }

  #grow(chars: number): void {
    this.#chars += chars;
    this.#budget.chars += chars;
  }
}

/** About what a value takes, by its texts; nothing is encoded for it. */
function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let chars = 0;
  for (const member of Object.values(value)) chars += 8 + charsOf(member);
  return chars;
}

/** Drafts that wait until a turn has ended, each for the thread it was written in; must not send any. */
import type { Draft } from "./session_port.ts";

/** Invariant: a draft of one thread is never seen in another. */
export class DraftQueues {
  readonly #queues = new Map<string | null, readonly Draft[]>();
  #threadId: string | null = null;

  /** Those of the open thread, the oldest first. */
  get open(): readonly Draft[] {
    return this.#queues.get(this.#threadId) ?? [];
  }

  /** Those of all threads. */
  get all(): readonly Draft[] {
    return [...this.#queues.values()].flat();
  }

  /** From now on this thread is open; null for one that has not begun, whose drafts go along when it does. */
  turnTo(threadId: string | null): void {
    if (threadId === this.#threadId) return;
    const early = this.#threadId === null ? this.open : [];
    if (this.#threadId === null) this.#queues.delete(null);
    this.#threadId = threadId;
    this.putFirst(...early);
  }

  putLast(draft: Draft): void {
    this.#set([...this.open, draft]);
  }

  putFirst(...drafts: readonly Draft[]): void {
    this.#set([...drafts, ...this.open]);
  }

  takeFirst(): Draft | null {
    const [first, ...rest] = this.open;
    this.#set(rest);
    return first ?? null;
  }

  takeLast(): Draft | null {
    const last = this.open.at(-1);
    this.#set(this.open.slice(0, -1));
    return last ?? null;
  }

  #set(drafts: readonly Draft[]): void {
    this.#queues.set(this.#threadId, drafts);
  }
}

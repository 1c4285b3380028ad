/** A bounded first-in first-out queue read by `for await`; must not know what it carries. */

/** Limits of an `AsyncQueue`. */
export interface AsyncQueueOptions {
  /** Items held while nobody reads; `push` answers false beyond it. */
  readonly limit: number;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

type End = { readonly error: unknown; readonly failed: boolean };

/**
 * Items come out in the order they went in, each exactly once.
 * What was queued before `close` or `fail` is still delivered.
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  #items: { readonly item: T }[] = [];
  /** Index of the next item: shifting a long array would cost its length each time. */
  #head = 0;
  #waiters: Waiter<T>[] = [];
  #end: End | undefined;

  constructor(options: AsyncQueueOptions) {
    this.#limit = options.limit;
  }

  /** Items that wait to be read. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** True after `close` or `fail`. */
  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Adds an item; false when the queue is full or closed, and then the item is not taken. */
  push(item: T): boolean {
    if (this.#end) return false;
    const waiter = this.#waiters.shift();
    if (waiter) {
      waiter.resolve({ done: false, value: item });
      return true;
    }
    if (this.size >= this.#limit) return false;
    this.#items.push({ item });
    return true;
  }

  /** Ends the queue after what it holds. */
  close(): void {
    this.#finish({ error: undefined, failed: false });
  }

  /** Ends the queue after what it holds; the reader then gets `error`. */
  fail(error: unknown): void {
    this.#finish({ error, failed: true });
  }

  /** The next item, now if there is one. */
  next(): Promise<IteratorResult<T, undefined>> {
    const taken = this.take();
    if (taken) return Promise.resolve({ done: false, value: taken.item });
    if (this.#end) return this.#ended(this.#end);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** The next item without waiting; boxed, because an item may itself be undefined. */
  take(): { readonly item: T } | undefined {
    const boxed = this.#items[this.#head];
    if (!boxed) return undefined;
    this.#head++;
    this.#compact();
    return boxed;
  }

  /** Leaving a `for await` early closes the queue and forgets what it holds. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#items = [];
    this.#head = 0;
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return this;
  }

  #finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (end.failed) waiter.reject(end.error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }

  #ended(end: End): Promise<IteratorResult<T, undefined>> {
    return end.failed
      ? Promise.reject(end.error)
      : Promise.resolve({ done: true, value: undefined });
  }

  #compact(): void {
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

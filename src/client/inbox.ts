/** Notifications on their way to whoever wants them: listeners, waiters, iterators, else a buffer; knows no method. */
import { AsyncQueue } from "../lib/async_queue.ts";

/** A notification as it came, before types. */
export interface AnyNotification {
  readonly method: string;
  readonly params: unknown;
}

/** A typed listener, its type forgotten; the method it is registered for guarantees the params. */
export type Listener = (params: never) => void;
/** A typed predicate, its type forgotten. */
export type Predicate = (params: never) => boolean;

interface Waiter {
  readonly matches: Predicate;
  readonly resolve: (params: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Buffered extends AnyNotification {
  readonly sequence: number;
}

/** Notifications of one method that wait for a `next`; the oldest of the method goes first. */
const BUFFER_LIMIT = 10_000;
/** Notifications that wait for one iterator; then its reader gets an error. */
const ITERATOR_LIMIT = 100_000;

/**
 * Invariants: listeners and iterators see every notification from their registration on, in order;
 * a waiter consumes one; only what nobody took is kept for a later `next`.
 */
export class NotificationInbox {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #observers = new Set<(notification: AnyNotification) => void>();
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #iterators = new Set<AsyncQueue<AnyNotification>>();
  readonly #buffer = new Map<string, Buffered[]>();
  #sequence = 0;
  #closedWith: Error | undefined;

  /** Brings one notification to those who want it. */
  deliver({ method, params }: AnyNotification): void {
    let isTaken = this.#observers.size > 0;
    for (const observer of this.#observers) observer({ method, params });
    for (const listener of this.#listeners.get(method) ?? []) {
      Reflect.apply(listener, undefined, [params]);
      isTaken = true;
    }
    if (this.#offerToWaiters(method, params)) isTaken = true;
    if (this.#offerToIterators({ method, params })) isTaken = true;
    if (!isTaken) this.#keep(method, params);
  }

  /** Calls `observer` with every notification from now on, all of which count as taken; returns what removes it. */
  onAny(observer: (notification: AnyNotification) => void): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /** Registers a listener; returns what removes it. */
  on(method: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(method);
    if (!listeners) this.#listeners.set(method, listeners = new Set());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** The oldest kept notification that matches, else the next one. */
  next(method: string, options: { matches: Predicate; signal?: AbortSignal }): Promise<unknown> {
    const { matches, signal } = options;
    const kept = this.#buffer.get(method) ?? [];
    const index = kept.findIndex((notification) => fits(matches, notification.params));
    const [found] = index < 0 ? [] : kept.splice(index, 1);
    if (found) return Promise.resolve(found.params);
    if (this.#closedWith) return Promise.reject(this.#closedWith);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const waiter = { matches, resolve, reject };
      const waiters = this.#waiters.get(method);
      if (waiters) waiters.push(waiter);
      else this.#waiters.set(method, [waiter]);
      signal?.addEventListener("abort", () => this.#drop(method, { waiter, signal }), {
        once: true,
      });
    });
  }

  /** Everything that is kept, then everything that comes. */
  iterate(): AsyncIterable<AnyNotification> {
    const queue = new AsyncQueue<AnyNotification>({ limit: ITERATOR_LIMIT });
    const kept = [...this.#buffer.values()].flat().sort((a, b) => a.sequence - b.sequence);
    this.#buffer.clear();
    for (const { method, params } of kept) queue.push({ method, params });
    if (this.#closedWith) queue.close();
    else this.#iterators.add(queue);
    return queue;
  }

  /** Ends iterators and rejects waiters; what is kept can still be read. */
  close(error: Error): void {
    this.#closedWith ??= error;
    for (const waiters of this.#waiters.values()) {
      for (const waiter of waiters) waiter.reject(error);
    }
    this.#waiters.clear();
    for (const queue of this.#iterators) queue.close();
    this.#iterators.clear();
  }

  #offerToWaiters(method: string, params: unknown): boolean {
    const waiters = this.#waiters.get(method);
    if (!waiters) return false;
    const index = waiters.findIndex((waiter) => fits(waiter.matches, params));
    const [waiter] = index < 0 ? [] : waiters.splice(index, 1);
    waiter?.resolve(params);
    return waiter !== undefined;
  }

  #offerToIterators(notification: AnyNotification): boolean {
    for (const queue of this.#iterators) {
      if (queue.push(notification)) continue;
      this.#iterators.delete(queue);
      // Losing one in silence would leave its reader with a wrong picture.
      queue.fail(new RangeError("Notifications are not read as fast as they come"));
    }
    return this.#iterators.size > 0;
  }

  #keep(method: string, params: unknown): void {
    const notification = { method, params, sequence: this.#sequence++ };
    const kept = this.#buffer.get(method);
    if (!kept) {
      this.#buffer.set(method, [notification]);
      return;
    }
    if (kept.length >= BUFFER_LIMIT) kept.shift();
    kept.push(notification);
  }

  #drop(method: string, options: { waiter: Waiter; signal: AbortSignal }): void {
    const waiters = this.#waiters.get(method) ?? [];
    const index = waiters.indexOf(options.waiter);
    if (index >= 0) waiters.splice(index, 1);
    options.waiter.reject(options.signal.reason);
  }
}

/** The one place where a typed predicate meets what came from the wire. */
function fits(matches: Predicate, params: unknown): boolean {
  return Reflect.apply(matches, undefined, [params]) === true;
}

/** Runs tasks of one key one after the other, and tasks of different keys freely; must not know what a key means. */

/**
 * Invariants: tasks of a key start in the order of `run`, the next one only when the one before has
 * settled; a failed task does not stop the key; a key without tasks takes no memory.
 */
export class KeyedLock {
  /** Tasks that wait, by key; a key is present exactly while one of its tasks runs. */
  readonly #waiting = new Map<string, (() => PromiseLike<unknown> | undefined)[]>();

  /** Number of keys that are busy now. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Runs `task` when the key is free.
   * A free key runs it at once, and what it returns or throws comes back unchanged, so that a
   * synchronous task costs no promise.
   */
  run<T>(key: string, task: () => T | PromiseLike<T>): T | PromiseLike<T> {
    const waiting = this.#waiting.get(key);
    if (waiting) return this.#enqueue(waiting, task);
    this.#waiting.set(key, []);
    let result: T | PromiseLike<T>;
    let isPending = false;
    try {
      result = task();
      isPending = isPromiseLike(result);
    } finally {
      if (!isPending) this.#advance(key);
    }
    if (isPromiseLike(result)) this.#advanceAfter(key, result);
    return result;
  }

  #enqueue<T>(
    waiting: (() => PromiseLike<unknown> | undefined)[],
    task: () => T | PromiseLike<T>,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    waiting.push(() => {
      try {
        const result = task();
        resolve(result);
        return isPromiseLike(result) ? result : undefined;
      } catch (error) {
        reject(error);
        return undefined;
      }
    });
    return promise;
  }

  /** Starts what waits; a loop, because thousands of synchronous tasks may wait in a row. */
  #advance(key: string): void {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    for (let index = 0; index < waiting.length; index++) {
      const pending = waiting[index]?.();
      if (!pending) continue;
      waiting.splice(0, index + 1);
      this.#advanceAfter(key, pending);
      return;
    }
    this.#waiting.delete(key);
  }

  #advanceAfter(key: string, pending: PromiseLike<unknown>): void {
    const next = () => this.#advance(key);
    pending.then(next, next);
  }
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

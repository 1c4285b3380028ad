/** A queue whose both ends cost the same at any length; must not know what waits in it. */

/** Taken places are cut off when there are at least so many, and more than half of all. */
const TAKEN_MAX = 1024;

/** First in, first out. */
export class Fifo<T> {
  #items: T[] = [];
  /** Where the items begin that have not been taken. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The oldest item, which stays; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the oldest item; undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (this.#head >= TAKEN_MAX && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

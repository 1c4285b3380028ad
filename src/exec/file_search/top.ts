/** The best few of many; must not know what they are. */

/** Keeps the `limit` best items that it was shown, whatever their order. */
export class Top<T> {
  /** A heap with the worst on top. */
  readonly #heap: T[] = [];
  readonly #limit: number;
  readonly #isBetter: (one: T, other: T) => boolean;

  /** `isBetter` must be a strict total order, so that the result does not depend on the order of arrival. */
  constructor(limit: number, isBetter: (one: T, other: T) => boolean) {
    this.#limit = limit;
    this.#isBetter = isBetter;
  }

  /** The worst that is kept once there is no more room; null before. */
  get worst(): T | null {
    return this.#heap.length < this.#limit ? null : this.#heap[0] ?? null;
  }

  add(item: T): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(item);
      this.#up(heap.length - 1);
      return;
    }
    const worst = heap[0];
    if (worst === undefined || !this.#isBetter(item, worst)) return;
    heap[0] = item;
    this.#down(0);
  }

  /** The best first. */
  sorted(): T[] {
    return [...this.#heap].sort((one, other) => this.#isBetter(one, other) ? -1 : 1);
  }

  #up(from: number): void {
    for (let child = from; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfBetter(parent, child)) return;
      child = parent;
    }
  }

  #down(from: number): void {
    for (let parent = from;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      const [one, other] = [this.#heap[left], this.#heap[right]];
      if (one === undefined) return;
      const child = other !== undefined && this.#isBetter(one, other) ? right : left;
      if (!this.#swapIfBetter(parent, child)) return;
      parent = child;
    }
  }

  /** A parent is never better than its children. */
  #swapIfBetter(parent: number, child: number): boolean {
    const [one, other] = [this.#heap[parent], this.#heap[child]];
    if (one === undefined || other === undefined || !this.#isBetter(one, other)) return false;
    this.#heap[parent] = other;
    this.#heap[child] = one;
    return true;
  }
}

/** The paths below one root, kept as long as they are true; must not know queries or threads. */
import { PathIndex } from "./path_index.ts";
import { Walk, type WalkOptions } from "./walk.ts";

/** How many entries are walked before others get a turn: a few milliseconds. */
const PORTION = 2000;

export interface TreeOptions extends Omit<WalkOptions, "nowMs"> {
  /** Lets other work of the thread run. */
  readonly pause: () => Promise<void>;
}

/** When a tree has to be true. */
export interface Freshness {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** What was made sure of so recently is taken as it is. */
  readonly ageMaxMs: number;
}

/**
 * Invariants: one walk at a time, however many wait for it; an index that is shown as complete never changes,
 * a new walk makes a new one.
 */
export class Tree {
  readonly #root: string;
  readonly #options: TreeOptions;
  #walk: Walk | null = null;
  #index = new PathIndex();
  #isComplete = false;
  /** When what is shown was last made sure of. */
  #sureAtMs = -Infinity;
  #running: Promise<void> | null = null;
  readonly #watchers = new Set<() => void>();

  constructor(root: string, options: TreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** The last complete index, or the one that the first walk is filling. */
  get index(): PathIndex {
    return this.#index;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** True when entries were left out. */
  get isLimited(): boolean {
    return this.#isComplete && (this.#walk?.isLimited ?? false);
  }

  /** Whether what is shown may be taken as it is. */
  isFresh({ nowMs, ageMaxMs }: Freshness): boolean {
    const ageMs = nowMs - this.#sureAtMs;
    return this.#isComplete && ageMs >= 0 && ageMs < ageMaxMs;
  }

  /** Makes the index true; `progress` is told of every portion of a walk. */
  async refresh(freshness: Freshness, progress: () => void): Promise<void> {
    this.#watchers.add(progress);
    try {
      // What runs already may have passed by what changed since; those who wait for it share the next.
      if (this.#running) await this.#running;
      if (this.isFresh(freshness)) return;
      this.#running ??= this.#makeSure(freshness.nowMs).finally(() => this.#running = null);
      await this.#running;
    } finally {
      this.#watchers.delete(progress);
    }
  }

  async #makeSure(nowMs: number): Promise<void> {
    if (this.#isComplete && this.#walk?.isCurrent()) {
      this.#sureAtMs = nowMs;
      return;
    }
    const index = this.#isComplete ? new PathIndex() : this.#index;
    const walk = new Walk(this.#root, index, { ...this.#options, nowMs });
    while (walk.advance(PORTION)) {
      for (const watcher of this.#watchers) watcher();
      await this.#options.pause();
    }
    index.seal();
    this.#walk = walk;
    this.#index = index;
    this.#isComplete = true;
    this.#sureAtMs = nowMs;
  }
}

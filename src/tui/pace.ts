/** Has something done at most so often; must not know what it is. */
import type { Clock } from "../lib/clock.ts";

export interface PaceOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  run(): void;
}

/** Invariant: whatever is asked for is done, at once or when the period is over. */
export class Pace {
  readonly #options: PaceOptions;
  #lastMs = -Infinity;
  #cancel: (() => void) | null = null;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  ask(): void {
    if (this.#cancel) return;
    const { clock, periodMs } = this.#options;
    const sinceMs = clock.now() - this.#lastMs;
    // A clock that was put back does not stop anything.
    if (sinceMs >= periodMs || sinceMs < 0) return this.#run();
    this.#cancel = clock.after(periodMs - sinceMs, () => this.#run(), { background: true });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #run(): void {
    this.#cancel = null;
    this.#lastMs = this.#options.clock.now();
    this.#options.run();
  }
}

/** Merges changes that come close together into one report; must not know what watches them. */
import type { Clock } from "../../lib/clock.ts";

/** The first change after a pause is reported after this: what belongs together arrives within it. */
const FIRST_MS = 5;
/** While changes go on, reports become rarer up to this. */
const BUSY_MS = 200;
/** More changed paths than this are reported as the watched path alone. */
const PATHS_MAX = 5000;

export interface ChangeBatchOptions {
  readonly clock: Clock;
  /** The watched path: stands for everything in it when too much has changed to be listed. */
  readonly target: string;
  /** Takes the changed paths, each once, in the order of their first change; false: not now. */
  report(paths: readonly string[]): boolean;
}

/** The changes of one watch that are not reported yet. */
export class ChangeBatch implements Disposable {
  readonly #options: ChangeBatchOptions;
  #paths = new Set<string>();
  #isCut = false;
  #cancel: (() => void) | null = null;
  #reportedAtMs = -Infinity;
  #delayMs = FIRST_MS;

  constructor(options: ChangeBatchOptions) {
    this.#options = options;
  }

  add(path: string): void {
    if (!this.#isCut) this.#paths.add(path);
    if (this.#paths.size > PATHS_MAX) {
      this.#paths = new Set([this.#options.target]);
      this.#isCut = true;
    }
    if (this.#cancel) return;
    // Either way: the clock may have been put back.
    const isBusy = Math.abs(this.#options.clock.now() - this.#reportedAtMs) < BUSY_MS;
    this.#delayMs = isBusy ? Math.min(this.#delayMs * 2, BUSY_MS) : FIRST_MS;
    this.#reportLater();
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #reportLater(): void {
    const report = () => this.#report();
    this.#cancel = this.#options.clock.after(this.#delayMs, report, { background: true });
  }

  #report(): void {
    this.#cancel = null;
    if (!this.#options.report([...this.#paths])) {
      this.#delayMs = BUSY_MS;
      return this.#reportLater();
    }
    this.#reportedAtMs = this.#options.clock.now();
    this.#paths.clear();
    this.#isCut = false;
  }
}

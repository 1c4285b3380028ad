/** Tells keys that were typed for something else from answers to what has just appeared; must not know what asks. */
import type { Clock } from "../lib/clock.ts";

/** So long nobody has to type before keys count; whoever types on is not asked yet. */
export const GUARD_MS = 400;

/** Guards what appears when it is made. */
export class KeyGuard {
  readonly #clock: Clock;
  #quietSinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#quietSinceMs = clock.now();
  }

  /** Something else has appeared. */
  restart(): void {
    this.#quietSinceMs = this.#clock.now();
  }

  /** Whether a key that comes now is too early, which begins the wait anew. */
  isEarly(): boolean {
    const isEarly = this.#clock.now() - this.#quietSinceMs < GUARD_MS;
    if (isEarly) this.restart();
    return isEarly;
  }
}

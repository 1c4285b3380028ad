/** Calls back once nothing has happened for a time; must not know what happens. */
import type { Clock } from "./clock.ts";

/** How idleness is noticed. */
export interface IdleTimerOptions {
  readonly clock: Clock;
  /** See `Clock.after`. */
  readonly background?: boolean;
  /** Called once for each `start`, unless it was cancelled. */
  onIdle(): void;
}

/** One clock timer runs for all that happens: it is not set again each time. */
export class IdleTimer {
  readonly #options: IdleTimerOptions;
  #limitMs = 0;
  /** Unix milliseconds. */
  #touchedAtMs = 0;
  #armedMs = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(options: IdleTimerOptions) {
    this.#options = options;
  }

  /** Begins to wait, anew if it does already. */
  start(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#touchedAtMs = this.#options.clock.now();
    this.#arm(limitMs);
  }

  /** Something happened; from now on the limit may be another one. Nothing while it does not wait. */
  touch(limitMs = this.#limitMs): void {
    if (!this.#cancelTimer) return;
    this.#touchedAtMs = this.#options.clock.now();
    this.#limitMs = limitMs;
    if (limitMs < this.#armedMs) this.#arm(limitMs);
  }

  cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #arm(delayMs: number): void {
    const { clock, background = false } = this.#options;
    this.#cancelTimer?.();
    this.#armedMs = delayMs;
    this.#cancelTimer = clock.after(delayMs, () => this.#look(), { background });
  }

  #look(): void {
    const { clock, onIdle } = this.#options;
    this.#cancelTimer = null;
    const now = clock.now();
    // A clock that was put back costs one more limit, and not as much as it was put back by.
    this.#touchedAtMs = Math.min(this.#touchedAtMs, now);
    const leftMs = this.#touchedAtMs + this.#limitMs - now;
    if (leftMs > 0) this.#arm(leftMs);
    else onIdle();
  }
}

/** The port through which time is read, so that tests can move it; must not know who waits. */

export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /**
   * Calls back once after `delayMs`; returns a function that cancels.
   * A `background` timer does not keep the process alive.
   */
  after(
    delayMs: number,
    callback: () => void,
    options?: { readonly background?: boolean },
  ): () => void;
}

/** How long ago `sinceMs` was; never negative, although a clock may be put back. */
export function elapsedMs(clock: Pick<Clock, "now">, sinceMs: number): number {
  return Math.max(0, clock.now() - sinceMs);
}

/** The real time, for tests that wait for real processes. */
import type { Clock } from "../../src/lib/clock.ts";

/** A clock whose timers keep the event loop alive, because a test may wait for nothing else. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

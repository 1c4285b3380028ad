/** Waits for a moment however far away it is; must not know what happens then. */
import type { Clock } from "./clock.ts";

/**
 * The clock is looked at this often. Timers of the runtime fire at once when they are set for more than 2^31 ms, and
 * they stand still while the machine sleeps.
 */
const LOOK_MS = 60_000;

/** Calls back once at `atMs` or soon after, never before; returns a function that cancels. */
export function callAt(
  clock: Clock,
  { atMs, callback, background = false }: {
    /** Unix milliseconds; infinity for never. */
    readonly atMs: number;
    readonly callback: () => void;
    /** Does not keep the process alive. */
    readonly background?: boolean;
  },
): () => void {
  let cancel = () => {};
  const wait = (leftMs: number) => {
    cancel = clock.after(Math.max(0, Math.min(leftMs, LOOK_MS)), look, { background });
  };
  const look = () => {
    const leftMs = atMs - clock.now();
    if (leftMs <= 0) callback();
    else wait(leftMs);
  };
  wait(atMs - clock.now());
  return () => cancel();
}

/** How long to wait before the next attempt; must not know what is attempted. */

const FIRST_MS = 250;
const MAX_MS = 30_000;

/**
 * Twice as long each time, up to 30 s, of which the second half is by chance: clients that lost one server together
 * do not come back together. `random` is 0 or more and less than 1.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(FIRST_MS * 2 ** attempt, MAX_MS);
  return Math.round(fullMs / 2 + random() * fullMs / 2);
}

/** Ends connections whose tokens have expired meanwhile; must not know how tokens are checked. */
import type { Clock } from "../../lib/clock.ts";
import { callAt } from "../../lib/deadline.ts";
import { CLOSE_CODES } from "../../rpc/close_codes.ts";
import type { Transport } from "../../rpc/transport.ts";

/** Closes `transport` when its token is worth nothing any more; returns what stops waiting for that. */
export function closeAtExpiry(
  transport: Pick<Transport, "close">,
  { expiresAtMs, clock }: {
    /** Unix milliseconds; null for never. */
    readonly expiresAtMs: number | null;
    readonly clock: Clock;
  },
): () => void {
  if (expiresAtMs === null) return () => {};
  return callAt(clock, {
    atMs: expiresAtMs,
    callback: () => transport.close("the token has expired", CLOSE_CODES.tokenExpired.code),
    background: true,
  });
}

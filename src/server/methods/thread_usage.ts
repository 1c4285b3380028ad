/** Tells what a thread has used, where no turn does; must not know who asked. */
import type { Thread } from "../../agent/thread.ts";
import type { Fanout } from "../fanout.ts";

/** As upstream, under the last turn that is left; false where nothing is known. */
export function tellUsage(fanout: Fanout, thread: Thread): boolean {
  const { usage: tokenUsage } = thread;
  if (tokenUsage === null) return false;
  const turnId = thread.lastTurnId ?? "";
  fanout.publish(thread.id, { type: "tokenUsageUpdated", turnId, tokenUsage });
  return true;
}

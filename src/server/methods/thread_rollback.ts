/** The handler of `thread/rollback`; it knows neither JSON nor connections. */
import type { Agent } from "../../agent/agent.ts";
import type { Thread } from "../../agent/thread.ts";
import { CodexError } from "../../lib/errors.ts";
import type { Handlers } from "../context.ts";
import type { Fanout } from "../fanout.ts";
import { requireThreadId } from "./thread_id.ts";
import { tellUsage } from "./thread_usage.ts";

/** Takes turns back, and lets those who follow the thread know that what they have is not all true any more. */
export function rollbackHandlers(
  agent: Agent,
  { fanout, newLogId }: { readonly fanout: Fanout; newLogId(): string },
): Handlers<"thread/rollback"> {
  return {
    "thread/rollback": async (params, context) => {
      if (params.numTurns < 1) {
        throw new CodexError("invalidRequest", "numTurns must be >= 1");
      }
      const { thread } = await agent.rollBack(requireThreadId(params.threadId), params.numTurns);
      fanout.renewFeed(thread.id, newLogId);
      context.after(() => announce(fanout, thread));
      return { thread: thread.view({ turns: true }) };
    },
  };
}

/** Followers by number need an event in any case. */
function announce(fanout: Fanout, thread: Thread): void {
  if (tellUsage(fanout, thread)) return;
  fanout.publish(thread.id, { type: "statusChanged", status: thread.status });
}

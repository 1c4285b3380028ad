/** Handlers of `turn/*`; they know neither JSON nor connections. */
import type { Agent } from "../../agent/agent.ts";
import type { SettingsOverrides } from "../../agent/thread_settings.ts";
import type { ClientMethod, Params } from "../../protocol/mod.ts";
import type { Handlers } from "../context.ts";
import type { TurnLog } from "../turn_log.ts";
import { requireThreadId } from "./thread_id.ts";

type TurnMethod = Extract<ClientMethod, `turn/${string}`>;

export function turnHandlers(agent: Agent, turnLog: TurnLog): Handlers<TurnMethod> {
  return {
    "turn/start": async (params, context) => {
      const loaded = agent.threads.get(requireThreadId(params.threadId));
      const { settings, prepared } = await agent.prepareTurn(loaded, {
        input: params.input,
        clientId: params.clientUserMessageId ?? null,
        overrides: withCollaborationMode(params),
        receipt: context.receipt,
      });
      while (loaded.thread.stopping) await loaded.thread.stopping;
      turnLog.asked(loaded.thread.id, context.peer.id);
      const turn = loaded.thread.startTurn(prepared, {
        settings,
        outputSchema: params.outputSchema ?? undefined,
        afterAcknowledged: (callback) => context.after(callback),
      });
      return { turn };
    },
    "turn/steer": async (params, context) => {
      const loaded = agent.threads.get(requireThreadId(params.threadId));
      const prepared = await agent.prepareSteering(params.input, context.receipt);
      return { turnId: loaded.thread.steer(prepared, params.expectedTurnId) };
    },
    "turn/interrupt": (params) => {
      const { thread } = agent.threads.get(requireThreadId(params.threadId));
      thread.interrupt(params.turnId);
      return {};
    },
  };
}

/** Clients put a choice of model and effort into the mode as well; what stands beside it wins. */
function withCollaborationMode(params: Params<"turn/start">): SettingsOverrides {
  const settings = params.collaborationMode?.settings;
  if (!settings) return params;
  return {
    ...params,
    model: params.model ?? settings.model,
    effort: params.effort ?? settings.reasoning_effort,
    modeInstructions: settings.developer_instructions,
  };
}

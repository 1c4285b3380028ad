/** Pure translation of thread events to notifications of the protocol; must not know who receives them. */
import type { PendingApproval, ThreadEvent } from "../agent/events.ts";
import type { Decision } from "../agent/tools/tool.ts";
import { assertNever } from "../lib/errors.ts";

/** A notification, and how far it goes: to the subscribers of the thread or to everybody. */
export interface Projected {
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly scope: "thread" | "all";
  /** Deltas may be merged for a slow peer; everything else must arrive. */
  readonly droppable: boolean;
}

/** The notifications of one event; approvals go out as requests instead, see `approvalRequest`. */
export function project(threadId: string, event: ThreadEvent): Projected[] {
  switch (event.type) {
    case "agentMessageDelta":
    case "commandOutputDelta":
    case "fileChangeOutputDelta":
    case "reasoningSummaryDelta":
    case "reasoningTextDelta": {
      const { type, ...rest } = event;
      return [delta(DELTA_METHODS[type], { threadId, ...rest })];
    }
    case "itemStarted":
      return [required("item/started", {
        item: event.item,
        threadId,
        turnId: event.turnId,
        startedAtMs: event.atMs,
      })];
    case "itemCompleted":
      return [required("item/completed", {
        item: event.item,
        threadId,
        turnId: event.turnId,
        completedAtMs: event.atMs,
      })];
    case "turnStarted":
      return [required("turn/started", { threadId, turn: event.turn })];
    case "turnCompleted":
      return [required("turn/completed", { threadId, turn: event.turn })];
    case "statusChanged":
      return [broadcast("thread/status/changed", { threadId, status: event.status })];
    case "closed":
      // To everybody (as upstream): a thread is unloaded when nobody is subscribed any more.
      return [broadcast("thread/closed", { threadId })];
    case "nameUpdated":
      return [broadcast("thread/name/updated", { threadId, threadName: event.name })];
    case "approvalRequested":
      return [];
    case "approvalResolved":
      return [required("serverRequest/resolved", { threadId, requestId: event.approvalId })];
    case "rateLimitsUpdated":
      return [required("account/rateLimits/updated", { rateLimits: event.rateLimits })];
    case "error":
      return [required("error", {
        error: event.error,
        willRetry: event.willRetry,
        threadId,
        turnId: event.turnId,
      })];
    case "reasoningPartAdded":
    case "terminalInteraction":
    case "planUpdated":
    case "diffUpdated":
    case "tokenUsageUpdated": {
      const { type, ...rest } = event;
      return [required(PLAIN_METHODS[type], { threadId, ...rest })];
    }
    default:
      return assertNever(event);
  }
}

const DELTA_METHODS = {
  agentMessageDelta: "item/agentMessage/delta",
  commandOutputDelta: "item/commandExecution/outputDelta",
  fileChangeOutputDelta: "item/fileChange/outputDelta",
  reasoningSummaryDelta: "item/reasoning/summaryTextDelta",
  reasoningTextDelta: "item/reasoning/textDelta",
} as const;

const PLAIN_METHODS = {
  reasoningPartAdded: "item/reasoning/summaryPartAdded",
  terminalInteraction: "item/commandExecution/terminalInteraction",
  planUpdated: "turn/plan/updated",
  diffUpdated: "turn/diff/updated",
  tokenUsageUpdated: "thread/tokenUsage/updated",
} as const;

function required(method: string, params: Record<string, unknown>): Projected {
  return { method, params, scope: "thread", droppable: false };
}

function broadcast(method: string, params: Record<string, unknown>): Projected {
  return { method, params, scope: "all", droppable: false };
}

function delta(method: string, params: Record<string, unknown>): Projected {
  return { method, params, scope: "thread", droppable: true };
}

/** The server request that puts a pending approval to a client; null members are left out (as upstream). */
export function approvalRequest(
  threadId: string,
  approval: PendingApproval,
): { method: string; params: Record<string, unknown> } {
  const { request, turnId, startedAtMs } = approval;
  const common = { threadId, turnId, itemId: request.itemId, startedAtMs };
  if (request.type === "fileChange") {
    return {
      method: "item/fileChange/requestApproval",
      params: { ...common, reason: request.reason, grantRoot: null },
    };
  }
  const prefix = request.proposedPrefix;
  const amendment = prefix && { acceptWithExecpolicyAmendment: { execpolicy_amendment: prefix } };
  return {
    method: "item/commandExecution/requestApproval",
    params: {
      ...common,
      kind: "command",
      environmentId: "local",
      ...(request.reason === null ? {} : { reason: request.reason }),
      command: request.command,
      cwd: request.cwd,
      commandActions: request.commandActions,
      ...(prefix ? { proposedExecpolicyAmendment: prefix } : {}),
      availableDecisions: amendment
        ? ["accept", amendment, "cancel"]
        : ["accept", "acceptForSession", "cancel"],
    },
  };
}

/** A decision as it arrives on the wire, after its schema accepted it. */
export type WireDecision =
  | "accept"
  | "acceptForSession"
  | "decline"
  | "cancel"
  | {
    readonly acceptWithExecpolicyAmendment: { readonly execpolicy_amendment: readonly string[] };
  };

/** The decision in the words of the agent. */
export function decisionOf(wire: WireDecision): Decision {
  if (typeof wire === "string") return { type: wire };
  return {
    type: "acceptWithExecpolicyAmendment",
    prefix: wire.acceptWithExecpolicyAmendment.execpolicy_amendment,
  };
}

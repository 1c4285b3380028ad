/** Everything that a thread tells the outside; must not know method names, connections or subscribers. */
import type { ThreadItem } from "../protocol/item.ts";
import type { ThreadStatus } from "../protocol/thread_types.ts";
import type {
  PlanStep,
  RateLimits,
  ThreadTokenUsage,
  Turn,
  TurnError,
} from "../protocol/turn_types.ts";
import type { ApprovalRequest } from "./tools/tool.ts";

/** A pending question to a person. `id` is unique across restarts, so a late answer never meets another command. */
export interface PendingApproval {
  readonly id: string;
  readonly turnId: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  readonly request: ApprovalRequest;
}

/** Events in the order in which every subscriber sees them. Times are Unix milliseconds. */
export type ThreadEvent =
  | { readonly type: "statusChanged"; readonly status: ThreadStatus }
  | { readonly type: "closed" }
  | { readonly type: "nameUpdated"; readonly name: string | null }
  | { readonly type: "turnStarted"; readonly turn: Turn }
  | { readonly type: "turnCompleted"; readonly turn: Turn }
  | {
    readonly type: "itemStarted" | "itemCompleted";
    readonly turnId: string;
    readonly item: ThreadItem;
    readonly atMs: number;
  }
  | {
    readonly type: "agentMessageDelta" | "commandOutputDelta" | "fileChangeOutputDelta";
    readonly turnId: string;
    readonly itemId: string;
    readonly delta: string;
  }
  | {
    readonly type: "reasoningSummaryDelta";
    readonly turnId: string;
    readonly itemId: string;
    readonly delta: string;
    readonly summaryIndex: number;
  }
  | {
    readonly type: "reasoningPartAdded";
    readonly turnId: string;
    readonly itemId: string;
    readonly summaryIndex: number;
  }
  | {
    readonly type: "reasoningTextDelta";
    readonly turnId: string;
    readonly itemId: string;
    readonly delta: string;
    readonly contentIndex: number;
  }
  | {
    readonly type: "terminalInteraction";
    readonly turnId: string;
    readonly itemId: string;
    readonly processId: string;
    readonly stdin: string;
  }
  | {
    readonly type: "planUpdated";
    readonly turnId: string;
    readonly explanation: string | null;
    readonly plan: readonly PlanStep[];
  }
  | { readonly type: "diffUpdated"; readonly turnId: string; readonly diff: string }
  | {
    readonly type: "tokenUsageUpdated";
    readonly turnId: string;
    readonly tokenUsage: ThreadTokenUsage;
  }
  | { readonly type: "rateLimitsUpdated"; readonly rateLimits: RateLimits }
  | { readonly type: "approvalRequested"; readonly approval: PendingApproval }
  | { readonly type: "approvalResolved"; readonly approvalId: string }
  | {
    readonly type: "error";
    readonly turnId: string;
    readonly error: TurnError;
    readonly willRetry: boolean;
  };

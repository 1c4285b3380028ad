/** The port between the turn loop and a tool; must not know how events or approvals reach a client. */
import type { Sandbox } from "../../exec/sandbox/sandbox.ts";
import type { ThreadItem } from "../../protocol/item.ts";
import type { ApprovalPolicy, SandboxPolicy } from "../../protocol/policy.ts";
import type { PlanStep } from "../../protocol/turn_types.ts";
import type { ContentPart } from "../../protocol/response_item.ts";
import type { ToolSpec } from "../model/port.ts";

/** What the model asked for: a function call (JSON text), a custom call (free text) or a local shell action. */
export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  /** Arguments JSON of a function call, or the input of a custom call, exactly as sent. */
  readonly input: string;
}

/** What goes back to the model. Failures of a tool are data too, never thrown. */
export interface ToolOutput {
  readonly content: string | readonly ContentPart[];
}

/** A person's answer to an approval. */
export type Decision =
  | { readonly type: "accept" }
  | { readonly type: "acceptForSession" }
  | { readonly type: "acceptWithExecpolicyAmendment"; readonly prefix: readonly string[] }
  | { readonly type: "decline" }
  /** Declines and interrupts the turn. */
  | { readonly type: "cancel" };

export type ApprovalRequest =
  | {
    readonly type: "command";
    readonly itemId: string;
    readonly reason: string | null;
    /** The whole command line, shell-quoted: exactly what will run. */
    readonly command: string;
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly commandActions: Extract<ThreadItem, { type: "commandExecution" }>["commandActions"];
    /** The prefix that `acceptWithExecpolicyAmendment` would allow from now on, or null. */
    readonly proposedPrefix: readonly string[] | null;
  }
  | {
    readonly type: "fileChange";
    readonly itemId: string;
    readonly reason: string | null;
    /** Absolute paths that would change; a session approval covers just these. */
    readonly paths: readonly string[];
  };

/** What a running tool may do to the turn that it belongs to. */
export interface ToolContext {
  readonly threadId: string;
  readonly turnId: string;
  readonly cwd: string;
  readonly approvalPolicy: ApprovalPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  /** Holds commands to the policy, and knows how far they may leave it. */
  readonly sandbox: Sandbox;
  /** What no sandboxed write may touch, even inside a writable folder. */
  readonly protectedPaths: readonly string[];
  /** Files and folders that the root of a project holds; `.git` if left out. */
  readonly projectRootMarkers?: readonly string[];
  /** The environment of commands, already without keys and tokens. */
  readonly env: Readonly<Record<string, string>>;
  /** Aborted when the turn is interrupted. */
  readonly signal: AbortSignal;
  /** Unix milliseconds. */
  now(): number;
  itemStarted(item: ThreadItem): void;
  /** May be called after the turn has ended, for commands that outlive it. `argv`: what a command item ran. */
  itemCompleted(item: ThreadItem, detail?: { readonly argv: readonly string[] }): void;
  commandOutput(itemId: string, delta: string): void;
  /** Its sandbox has probably stopped a command. */
  commandDenied?(itemId: string, exitCode: number): void;
  /** What applying a patch printed. */
  fileChangeOutput(itemId: string, delta: string): void;
  terminalInteraction(itemId: string, interaction: { processId: string; stdin: string }): void;
  planUpdated(plan: { explanation: string | null; plan: readonly PlanStep[] }): void;
  /** A git-style diff of everything that this turn has changed so far is recomputed and sent. */
  filesChanged(changes: readonly FileRevision[]): void;
  /** Resolves with the first valid answer of any client; rejects with `signal.reason` when interrupted. */
  approve(request: ApprovalRequest): Promise<Decision>;
}

/** A file before and after a patch; null where it does not exist. */
export interface FileRevision {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface Tool {
  readonly spec: ToolSpec;
  /** Other names that a model may call it by. */
  readonly aliases?: readonly string[];
  /** Works when a model calls it from habit, but is not offered. */
  readonly hidden?: boolean;
  /** Calls of one response may run side by side; others wait for all before them. */
  readonly parallel: boolean;
  /** Never throws for a failed call: says so in the output. Rejects only with `context.signal.reason`. */
  run(call: ToolCall, context: ToolContext): Promise<ToolOutput>;
}

/** Makes the records that the agent writes, with upstream's names, so that the real Codex reads them; must not write. */
import type { CommandAction, CommandExecutionItem, FileChangeItem } from "../protocol/item.ts";
import type { GitInfo, SessionSource } from "../protocol/thread_types.ts";
import type { ApprovalPolicy, SandboxPolicy } from "../protocol/policy.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import type {
  RateLimits,
  ThreadTokenUsage,
  TokenUsage,
  TurnError,
} from "../protocol/turn_types.ts";
import { errorInfoToRollout } from "./error_info.ts";
import { snakeCase } from "./fields.ts";
import type { RolloutItem } from "./rollout.ts";
import { sourceToRollout } from "./rollout_meta.ts";
import { MOVED_TO } from "./rollout_tool_items.ts";

/** What a new rollout says about its thread. */
export interface SessionMeta {
  readonly threadId: string;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly cwd: string;
  readonly originator: string;
  readonly cliVersion: string;
  readonly source: SessionSource;
  readonly modelProvider: string;
  readonly baseInstructions: string | null;
  readonly gitInfo: GitInfo | null;
  readonly forkedFromId: string | null;
}

/** The first record of every rollout. */
export function sessionMeta(meta: SessionMeta): RolloutItem {
  const { sha, branch, originUrl } = meta.gitInfo ?? {};
  return {
    type: "session_meta",
    payload: {
      id: meta.threadId,
      ...(meta.forkedFromId === null ? {} : { forked_from_id: meta.forkedFromId }),
      timestamp: new Date(meta.createdAtMs).toISOString(),
      cwd: meta.cwd,
      originator: meta.originator,
      cli_version: meta.cliVersion,
      source: sourceToRollout(meta.source),
      model_provider: meta.modelProvider,
      ...(meta.baseInstructions === null
        ? {}
        : { base_instructions: { text: meta.baseInstructions } }),
      ...(meta.gitInfo === null ? {} : {
        git: {
          ...(sha ? { commit_hash: sha } : {}),
          ...(branch ? { branch } : {}),
          ...(originUrl ? { repository_url: originUrl } : {}),
        },
      }),
    },
  };
}

/** What a turn runs with. */
export interface TurnContext {
  readonly turnId: string;
  readonly cwd: string;
  /** `YYYY-MM-DD`, local. */
  readonly currentDate: string;
  readonly timezone: string;
  readonly approvalPolicy: ApprovalPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly model: string;
  readonly reasoningEffort: string | null;
}

/** One per turn. */
export function turnContext(context: TurnContext): RolloutItem {
  return {
    type: "turn_context",
    payload: {
      turn_id: context.turnId,
      cwd: context.cwd,
      current_date: context.currentDate,
      timezone: context.timezone,
      // Upstream's reader has no "granular" as a word: an object in its place would need rules that are not kept here.
      approval_policy: context.approvalPolicy === "granular"
        ? "on-request"
        : context.approvalPolicy,
      sandbox_policy: sandboxPolicy(context.sandboxPolicy),
      model: context.model,
      ...(context.reasoningEffort === null ? {} : { effort: context.reasoningEffort }),
      summary: "auto",
    },
  };
}

/** An item of the model's context. */
export function responseItem(item: ResponseItem): RolloutItem {
  return { type: "response_item", payload: item };
}

/** A compaction: `replacementHistory` stands for everything before it. */
export function compacted(
  message: string,
  replacementHistory: readonly ResponseItem[],
): RolloutItem {
  return { type: "compacted", payload: { message, replacement_history: replacementHistory } };
}

/** The start of a turn; `startedAt` is Unix seconds. */
export function taskStarted(turn: {
  readonly turnId: string;
  readonly startedAt: number;
  readonly modelContextWindow: number | null;
}): RolloutItem {
  return event("task_started", {
    turn_id: turn.turnId,
    started_at: turn.startedAt,
    model_context_window: turn.modelContextWindow,
    collaboration_mode_kind: "default",
  });
}

/** A part of the user's text that stands for something else, such as a file that was picked. */
export interface TextElement {
  readonly byteRange: { readonly start: number; readonly end: number };
  readonly placeholder?: unknown;
}

/** What the user sent. Without one a thread is not listed. */
export function userMessage(message: string, attached: {
  readonly images?: readonly string[];
  readonly localImages?: readonly string[];
  readonly textElements?: readonly TextElement[];
} = {}): RolloutItem {
  return event("user_message", {
    message,
    images: attached.images ?? [],
    local_images: attached.localImages ?? [],
    text_elements: (attached.textElements ?? []).map(({ byteRange, placeholder }) => ({
      byte_range: byteRange,
      placeholder: placeholder ?? null,
    })),
  });
}

/** A finished message of the agent. */
export function agentMessage(message: string, phase: string | null = null): RolloutItem {
  return event("agent_message", { message, phase, memory_citation: null });
}

/** One finished part of a summary of reasoning. */
export function agentReasoning(text: string): RolloutItem {
  return event("agent_reasoning", { text });
}

/** One finished part of raw reasoning. */
export function agentReasoningRaw(text: string): RolloutItem {
  return event("agent_reasoning_raw_content", { text });
}

/** Token counts after a model request, null while nothing is known. Of rate limits only the names are kept. */
export function tokenCount(
  usage: ThreadTokenUsage | null,
  rateLimits: RateLimits | null,
): RolloutItem {
  return event("token_count", {
    info: usage && {
      total_token_usage: tokenUsage(usage.total),
      last_token_usage: tokenUsage(usage.last),
      model_context_window: usage.modelContextWindow,
    },
    rate_limits: rateLimits && {
      limit_id: rateLimits.limitId,
      limit_name: rateLimits.limitName,
      primary: null,
      secondary: null,
      credits: null,
      plan_type: null,
    },
  });
}

/** The end of a turn, also of a failed one; `completedAt` is Unix seconds. */
export function taskComplete(turn: {
  readonly turnId: string;
  readonly lastAgentMessage: string | null;
  readonly completedAt: number;
  readonly durationMs: number;
}): RolloutItem {
  return event("task_complete", {
    turn_id: turn.turnId,
    last_agent_message: turn.lastAgentMessage,
    completed_at: turn.completedAt,
    duration_ms: turn.durationMs,
  });
}

/** The end of an interrupted turn; `completedAt` is Unix seconds. */
export function turnAborted(turn: {
  readonly turnId: string;
  readonly completedAt: number;
  readonly durationMs: number;
}): RolloutItem {
  return event("turn_aborted", {
    turn_id: turn.turnId,
    reason: "interrupted",
    completed_at: turn.completedAt,
    duration_ms: turn.durationMs,
  });
}

/** A finished command. `argv` is kept beside the item, whose command line cannot always be split again. */
export function execCommandEnd(item: CommandExecutionItem, ran: {
  readonly turnId: string;
  readonly argv: readonly string[];
}): RolloutItem {
  const durationMs = item.durationMs ?? 0;
  return event("exec_command_end", {
    call_id: item.id,
    process_id: item.processId,
    turn_id: ran.turnId,
    command: ran.argv,
    cwd: item.cwd,
    parsed_cmd: item.commandActions.map(parsedCommand),
    source: snakeCase(item.source),
    stdout: "",
    stderr: "",
    aggregated_output: item.aggregatedOutput ?? "",
    // Upstream's reader needs a number; -1 is what it writes itself for a command that never ran.
    exit_code: item.exitCode ?? -1,
    duration: { secs: Math.floor(durationMs / 1000), nanos: (durationMs % 1000) * 1e6 },
    formatted_output: "",
    status: item.status === "inProgress" ? "failed" : item.status,
  });
}

/** A finished patch, or one that was declined. */
export function patchApplyEnd(item: FileChangeItem, applied: {
  readonly turnId: string;
  readonly stdout: string;
  readonly stderr: string;
}): RolloutItem {
  return event("patch_apply_end", {
    call_id: item.id,
    turn_id: applied.turnId,
    stdout: applied.stdout,
    stderr: applied.stderr,
    success: item.status === "completed",
    changes: Object.fromEntries(
      item.changes.map((change) => [change.path, recordedChange(change)]),
    ),
    status: item.status === "inProgress" ? "failed" : item.status,
  });
}

/** A finished web search of the provider. */
export function webSearchEnd(search: {
  readonly callId: string;
  readonly query: string;
  readonly action: unknown;
}): RolloutItem {
  return event("web_search_end", {
    call_id: search.callId,
    query: search.query,
    action: search.action ?? { type: "other" },
  });
}

/** An image that the model looked at. */
export function viewImageToolCall(callId: string, path: string): RolloutItem {
  return event("view_image_tool_call", { call_id: callId, path });
}

/** The mark, in the turns that clients see, of a compaction. */
export function contextCompacted(): RolloutItem {
  return event("context_compacted", {});
}

/** The last turns are taken back. */
export function threadRolledBack(turnCount: number): RolloutItem {
  return event("thread_rolled_back", { num_turns: turnCount });
}

/** A new name. Upstream takes names from `session_index.jsonl`: write both. */
export function threadNameUpdated(threadId: string, name: string): RolloutItem {
  return event("thread_name_updated", { thread_id: threadId, thread_name: name });
}

/** Why the running turn failed. */
export function errorEvent(error: TurnError): RolloutItem {
  const info = error.codexErrorInfo;
  return event("error", {
    message: error.message,
    codex_error_info: info === null ? null : errorInfoToRollout(info),
    ...(error.additionalDetails === null ? {} : { additional_details: error.additionalDetails }),
  });
}

function event(type: string, fields: Readonly<Record<string, unknown>>): RolloutItem {
  return { type: "event_msg", payload: { type, ...fields } };
}

function tokenUsage(usage: TokenUsage): Readonly<Record<string, number>> {
  return {
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    reasoning_output_tokens: usage.reasoningOutputTokens,
    total_tokens: usage.totalTokens,
  };
}

function sandboxPolicy(policy: SandboxPolicy): Readonly<Record<string, unknown>> {
  switch (policy.type) {
    case "dangerFullAccess":
      return { type: "danger-full-access" };
    case "readOnly":
      return policy.networkAccess
        ? { type: "read-only", network_access: true }
        : { type: "read-only" };
    case "externalSandbox": {
      const isEnabled = policy.networkAccess === true || policy.networkAccess === "enabled";
      return { type: "external-sandbox", network_access: isEnabled ? "enabled" : "restricted" };
    }
    case "workspaceWrite":
      return {
        type: "workspace-write",
        writable_roots: policy.writableRoots,
        network_access: policy.networkAccess,
        exclude_tmpdir_env_var: policy.excludeTmpdirEnvVar,
        exclude_slash_tmp: policy.excludeSlashTmp,
      };
  }
}

function parsedCommand(action: CommandAction): Readonly<Record<string, unknown>> {
  const { type, command, ...rest } = action;
  return { type: snakeCase(type), cmd: command, ...rest };
}

function recordedChange(
  change: FileChangeItem["changes"][number],
): Readonly<Record<string, unknown>> {
  const { kind, diff } = change;
  if (kind.type !== "update") return { type: kind.type, content: diff };
  const moved = kind.move_path === null ? "" : MOVED_TO + kind.move_path;
  const hunks = moved !== "" && diff.endsWith(moved) ? diff.slice(0, -moved.length) : diff;
  return { type: "update", unified_diff: hunks, move_path: kind.move_path };
}

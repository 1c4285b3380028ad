/** Handlers of `thread/*`; they know neither JSON nor connections. */
import type { Agent } from "../../agent/agent.ts";
import type { Loaded } from "../../agent/threads.ts";
import type { PolledCommand } from "../../agent/tools/command_state.ts";
import { CodexError } from "../../lib/errors.ts";
import type { ClientMethod, Params } from "../../protocol/mod.ts";
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import type { ThreadQuery } from "../../store/thread_query.ts";
import type { Handlers, RequestContext } from "../context.ts";
import type { Fanout } from "../fanout.ts";
import type { PendingQuestions } from "../pending_questions.ts";
import type { TurnLog } from "../turn_log.ts";
import { openThread, type ReplayWish } from "./thread_opening.ts";
import { requireThreadId } from "./thread_id.ts";
import { tellUsage } from "./thread_usage.ts";
import { rollbackHandlers } from "./thread_rollback.ts";

type ThreadMethod = Extract<ClientMethod, `thread/${string}`>;

const LOADED_LIST_LIMIT = 100;

/** What the handlers work with besides the agent. */
export interface ThreadParts {
  readonly fanout: Fanout;
  readonly questions: PendingQuestions;
  readonly turnLog: TurnLog;
  /** Names a log of events; must be unique across restarts. */
  newLogId(): string;
}

/** The handlers of `thread/*`. */
export function threadHandlers(agent: Agent, parts: ThreadParts): Handlers<ThreadMethod> {
  const { fanout } = parts;
  return {
    ...openingHandlers(agent, parts),
    ...rollbackHandlers(agent, parts),
    ...storedHandlers(agent, fanout),
    ...commandHandlers(agent, parts.turnLog),
  };
}

type CommandMethod = "thread/shellCommand" | `thread/backgroundTerminals/${string}` & ThreadMethod;

/** What works on the commands of a loaded thread. */
function commandHandlers(agent: Agent, turnLog: TurnLog): Handlers<CommandMethod> {
  return {
    "thread/shellCommand": async (params, context) => {
      const script = params.command.trim();
      if (script === "") throw new CodexError("invalidRequest", "command must not be empty");
      const timeoutMs = params.timeoutMs ?? null;
      if (timeoutMs !== null && timeoutMs < 0) {
        const text = `thread/shellCommand timeoutMs must be non-negative, got ${timeoutMs}`;
        throw new RpcError(rpcCodes.invalidParams, text, { reason: "invalidParams" });
      }
      const loaded = agent.threads.get(requireThreadId(params.threadId));
      while (loaded.thread.stopping) await loaded.thread.stopping;
      const afterAcknowledged = (callback: () => void) => context.after(callback);
      turnLog.asked(loaded.thread.id, context.peer.id);
      agent.runShell(loaded, { script, timeoutMs, afterAcknowledged });
      return {};
    },
    "thread/backgroundTerminals/clean": (params, context) => {
      const { thread } = agent.threads.get(requireThreadId(params.threadId));
      context.after(() => void agent.background.clean(thread.id));
      return {};
    },
    "thread/backgroundTerminals/list": (params) => {
      const { thread } = agent.threads.get(requireThreadId(params.threadId));
      return backgroundPage(agent.background.list(thread.id), params);
    },
    "thread/backgroundTerminals/terminate": (params) => {
      const { thread } = agent.threads.get(requireThreadId(params.threadId));
      return { terminated: agent.background.terminate(thread.id, params.processId) };
    },
  };
}

/** The cursor is the id of the last process of the page before. */
function backgroundPage(
  running: readonly PolledCommand[],
  { cursor, limit }: Params<"thread/backgroundTerminals/list">,
) {
  const start = running.findIndex(({ processId }) => String(processId) === cursor) + 1;
  const page = running.slice(start, start + Math.max(1, limit ?? running.length));
  const isLast = start + page.length >= running.length;
  return {
    data: page.map(({ itemId, processId, script, cwd }) => ({
      itemId,
      processId: String(processId),
      command: script,
      cwd,
      osPid: null,
      cpuPercent: null,
      rssKb: null,
    })),
    nextCursor: isLast ? null : String(page.at(-1)?.processId ?? ""),
  };
}

type OpeningMethod = "thread/start" | "thread/resume" | "thread/fork";

/** What loads a thread subscribes the caller to it. */
function openingHandlers(agent: Agent, parts: ThreadParts): Handlers<OpeningMethod> {
  const { fanout } = parts;
  const open = (loaded: Loaded, context: RequestContext, wish: ReplayWish = {}) => {
    const release = agent.threads.watch(loaded.thread.id);
    return openThread(loaded, { context, wish, release, ...parts });
  };
  return {
    "thread/start": async (params, context) => {
      const { peer } = context;
      // Who relies on what was acknowledged; for others there is no file before the first message, as upstream.
      const isKept = peer.has("numberedEvents") || peer.has("idempotency");
      const result = open(await agent.start(params, { isKept }), context);
      fanout.announceThread(result.thread);
      return result;
    },
    "thread/resume": async (params, context) => {
      const threadId = requireThreadId(params.threadId);
      const wasLoaded = agent.threads.find(threadId) !== undefined;
      const loaded = await agent.resume(threadId, params);
      const result = open(loaded, context, params);
      if (!wasLoaded) {
        fanout.publish(threadId, { type: "statusChanged", status: loaded.thread.status });
      }
      // Who comes back to where it was has heard it, as 0.169 has it; 0.120 tells nobody.
      if (params.logId === undefined) context.after(() => tellUsage(fanout, loaded.thread));
      return result;
    },
    "thread/fork": async (params, context) => {
      const loaded = await agent.fork(requireThreadId(params.threadId), params);
      const result = open(loaded, context);
      fanout.announceThread(result.thread);
      context.after(() => tellUsage(fanout, loaded.thread));
      return result;
    },
  };
}

/** What works on threads whether they are loaded or not. */
function storedHandlers(
  agent: Agent,
  fanout: Fanout,
): Handlers<Exclude<ThreadMethod, OpeningMethod | CommandMethod | "thread/rollback">> {
  return {
    "thread/read": async (params) => {
      const threadId = requireThreadId(params.threadId);
      return { thread: await agent.read(threadId, { turns: params.includeTurns ?? false }) };
    },
    "thread/list": (params) => asksForGroups(params) ? NO_THREADS : agent.list(listQuery(params)),
    "thread/loaded/list": (params) => {
      // Sorted, and the cursor is compared instead of looked up: its thread may have been unloaded.
      const after = params.cursor ?? "";
      const ids = agent.threads.loadedIds.filter((id) => id > after).sort();
      const data = ids.slice(0, Math.max(1, params.limit ?? LOADED_LIST_LIMIT));
      return { data, nextCursor: data.length < ids.length ? data.at(-1) ?? null : null };
    },
    "thread/name/set": async (params, context) => {
      const threadId = requireThreadId(params.threadId);
      const name = params.name.trim();
      if (name === "") throw new CodexError("invalidRequest", "thread name must not be empty");
      await agent.rename(threadId, name);
      context.after(() => fanout.publish(threadId, { type: "nameUpdated", name }));
      return {};
    },
    "thread/archive": async (params, context) => {
      const threadId = requireThreadId(params.threadId);
      await agent.archive(threadId);
      context.after(() => fanout.broadcast("thread/archived", { threadId }));
      return {};
    },
    "thread/unarchive": async (params, context) => {
      const threadId = requireThreadId(params.threadId);
      const thread = await agent.unarchive(threadId);
      context.after(() => fanout.broadcast("thread/unarchived", { threadId }));
      return { thread };
    },
    "thread/unsubscribe": (params, context) => {
      const threadId = requireThreadId(params.threadId);
      if (!agent.threads.find(threadId)) return { status: "notLoaded" };
      const was = fanout.unsubscribe(context.peer, threadId);
      return { status: was ? "unsubscribed" : "notSubscribed" };
    },
    "thread/metadata/update": async (params) => {
      const threadId = requireThreadId(params.threadId);
      const { gitInfo } = params;
      if (!gitInfo || Object.keys(gitInfo).length === 0) {
        throw new CodexError("invalidRequest", "gitInfo must include at least one field");
      }
      return { thread: await agent.updateGitInfo(threadId, gitInfo) };
    },
  };
}

const NO_THREADS = { data: [], nextCursor: null };

/** No thread has a section, a project or a parent here. */
function asksForGroups(params: Params<"thread/list">): boolean {
  return [
    params.sectionId,
    params.projectId,
    params.parentThreadId,
    params.ancestorThreadId,
    params.attachedToThreadId,
  ].some((group) => typeof group === "string");
}

function listQuery(params: Params<"thread/list">): ThreadQuery {
  const cwds = typeof params.cwd === "string" ? [params.cwd] : params.cwd ?? null;
  const { cursor, limit, sortKey, sortDirection, archived, modelProviders, searchTerm } = params;
  return {
    cursor: cursor ?? null,
    limit: limit ?? null,
    sortKey: sortKey ?? null,
    sortDirection: sortDirection ?? null,
    archived: archived ?? null,
    modelProviders: modelProviders ?? null,
    searchTerm: searchTerm ?? null,
    cwds,
    excludedIds: params.excludedThreadIds ?? null,
    sourceKinds: params.sourceKinds ?? [],
  };
}

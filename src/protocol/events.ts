/** Notifications from the server to its clients. Data only. */
import * as z from "zod";
import { MaybeString, numberFields, threadOnly } from "./fields.ts";
import { FuzzyFileSearchResult } from "./fuzzy_file_search.ts";
import { ThreadItem } from "./item.ts";
import { memo, notification } from "./method.ts";
import { Thread, ThreadStatus } from "./thread_types.ts";
import { PlanStep, RateLimits, ThreadTokenUsage, Turn, TurnError } from "./turn_types.ts";

// `emittedAtMs`, which 0.169 servers put beside `params`, belongs to the envelope and is optional to all clients.

const THREAD = { scope: "thread", delivery: "required" } as const;
const DELTA = { scope: "thread", delivery: "droppable" } as const;
const EVERYBODY = { scope: "all", delivery: "required" } as const;

function threadFields() {
  return { threadId: z.string(), ...numberFields() };
}

function turnFields() {
  return { ...threadFields(), turnId: z.string() };
}

function deltaFields() {
  return { ...turnFields(), itemId: z.string(), delta: z.string() };
}

function delta(id: string) {
  return () => z.object(deltaFields()).meta({ id });
}

const TextPosition = memo(() =>
  z.object({ line: z.int(), column: z.int() }).meta({ id: "TextPosition" })
);

/** What happens to threads as a whole. */
const threadNotifications = {
  "thread/started": notification({
    doc: "A thread was started or forked.",
    ...EVERYBODY,
    params: () =>
      z.object({ thread: Thread(), ...numberFields() }).meta({ id: "ThreadStartedNotification" }),
  }),
  "thread/status/changed": notification({
    doc:
      "A thread became idle, active, failed or unloaded, or began or ceased to wait for somebody.",
    ...EVERYBODY,
    params: () =>
      z.object({ ...threadFields(), status: ThreadStatus() }).meta({
        id: "ThreadStatusChangedNotification",
      }),
  }),
  "thread/closed": notification({
    doc: "A thread was unloaded; resume it to go on.",
    ...EVERYBODY,
    params: () => z.object(threadFields()).meta({ id: "ThreadClosedNotification" }),
  }),
  "thread/archived": notification({
    doc: "A thread left the list.",
    ...EVERYBODY,
    params: threadOnly("ThreadArchivedNotification"),
  }),
  "thread/unarchived": notification({
    doc: "A thread is back in the list.",
    ...EVERYBODY,
    params: threadOnly("ThreadUnarchivedNotification"),
  }),
  "thread/name/updated": notification({
    doc: "A thread has another name.",
    ...EVERYBODY,
    params: () =>
      z.object({ ...threadFields(), threadName: MaybeString() }).meta({
        id: "ThreadNameUpdatedNotification",
      }),
  }),
  "thread/clients/updated": notification({
    doc:
      "With the `clients` extension: who is subscribed to the thread now. It is no event of the thread, " +
      "so it has no number and is not replayed.",
    ...THREAD,
    params: () =>
      z.object({
        threadId: z.string(),
        clients: z.array(
          z.object({ clientId: z.string(), name: z.string(), version: z.string() }),
        ),
      }).meta({ id: "ThreadClientsUpdatedNotification" }),
  }),
  "thread/tokenUsage/updated": notification({
    doc: "The tokens that the thread used so far and in its last model request.",
    ...THREAD,
    params: () =>
      z.object({ ...turnFields(), tokenUsage: ThreadTokenUsage() }).meta({
        id: "ThreadTokenUsageUpdatedNotification",
      }),
  }),
};

/** What happens to turns. */
const turnNotifications = {
  "turn/started": notification({
    doc: "A turn runs from now on.",
    ...THREAD,
    params: () =>
      z.object({ ...threadFields(), turn: Turn() }).meta({ id: "TurnStartedNotification" }),
  }),
  "turn/completed": notification({
    doc: "A turn ended: completed, interrupted or failed; its items were sent one by one before.",
    ...THREAD,
    params: () =>
      z.object({ ...threadFields(), turn: Turn() }).meta({ id: "TurnCompletedNotification" }),
  }),
  "turn/plan/updated": notification({
    doc: "The plan of the agent, whole.",
    ...THREAD,
    params: () =>
      z.object({
        ...turnFields(),
        explanation: z.string().nullable(),
        plan: z.array(PlanStep()),
      }).meta({ id: "TurnPlanUpdatedNotification" }),
  }),
  "turn/diff/updated": notification({
    doc: "All file changes of the turn so far as one git-style diff.",
    ...THREAD,
    params: () =>
      z.object({ ...turnFields(), diff: z.string() }).meta({ id: "TurnDiffUpdatedNotification" }),
  }),
  "error": notification({
    doc: "A turn met an error; with `willRetry` it goes on by itself, else it fails.",
    ...THREAD,
    params: () =>
      z.object({ ...turnFields(), error: TurnError(), willRetry: z.boolean() }).meta({
        id: "ErrorNotification",
      }),
  }),
};

/** What happens to items. */
const itemNotifications = {
  "item/started": notification({
    doc: "An item began; deltas may follow.",
    ...THREAD,
    params: () =>
      // Unix milliseconds. 0.169 clients drop the notification without it.
      z.object({ ...turnFields(), item: ThreadItem(), startedAtMs: z.int() }).meta({
        id: "ItemStartedNotification",
      }),
  }),
  "item/completed": notification({
    doc: "An item is final, and whole: it replaces what its deltas said.",
    ...THREAD,
    params: () =>
      z.object({ ...turnFields(), item: ThreadItem(), completedAtMs: z.int() }).meta({
        id: "ItemCompletedNotification",
      }),
  }),
  "item/agentMessage/delta": notification({
    doc: "More text of an agent message.",
    ...DELTA,
    params: delta("AgentMessageDeltaNotification"),
  }),
  "item/reasoning/summaryTextDelta": notification({
    doc: "More text of one part of a reasoning summary.",
    ...DELTA,
    params: () =>
      z.object({ ...deltaFields(), summaryIndex: z.int() }).meta({
        id: "ReasoningSummaryTextDeltaNotification",
      }),
  }),
  "item/reasoning/summaryPartAdded": notification({
    doc: "A reasoning summary has another part.",
    ...THREAD,
    params: () =>
      z.object({ ...turnFields(), itemId: z.string(), summaryIndex: z.int() }).meta({
        id: "ReasoningSummaryPartAddedNotification",
      }),
  }),
  "item/reasoning/textDelta": notification({
    doc: "More text of one part of the raw reasoning.",
    ...DELTA,
    params: () =>
      z.object({ ...deltaFields(), contentIndex: z.int() }).meta({
        id: "ReasoningTextDeltaNotification",
      }),
  }),
  "item/commandExecution/outputDelta": notification({
    doc: "More output of a command, as plain text.",
    ...DELTA,
    params: delta("CommandExecutionOutputDeltaNotification"),
  }),
  "item/commandExecution/terminalInteraction": notification({
    doc: "The agent fed or polled a command that was still running.",
    ...THREAD,
    params: () =>
      z.object({
        ...turnFields(),
        itemId: z.string(),
        processId: z.string(),
        stdin: z.string(),
      }).meta({ id: "TerminalInteractionNotification" }),
  }),
  "item/fileChange/outputDelta": notification({
    doc: "What applying a patch printed.",
    ...DELTA,
    params: delta("FileChangeOutputDeltaNotification"),
  }),
};

/** What happens to watched paths. */
const watchNotifications = {
  "fs/changed": notification({
    doc:
      "Paths of a watch have changed: absolute, each once. Changes that come close together are " +
      "one notification; when there are too many to list, it is the watched path alone.",
    scope: "connection",
    delivery: "required",
    params: () =>
      z.object({ watchId: z.string(), changedPaths: z.array(z.string()) }).meta({
        id: "FsChangedNotification",
      }),
  }),
};

/** What happens to file searches. */
const searchNotifications = {
  "fuzzyFileSearch/sessionUpdated": notification({
    doc: "The best files for the query of a session so far; replaces those before.",
    scope: "connection",
    delivery: "required",
    params: () =>
      z.object({
        sessionId: z.string(),
        query: z.string(),
        files: z.array(FuzzyFileSearchResult()),
      }).meta({ id: "FuzzyFileSearchSessionUpdatedNotification" }),
  }),
  "fuzzyFileSearch/sessionCompleted": notification({
    doc:
      "The newest query of a session has its final result; a later query follows with another. " +
      "`limitReached` (our own) says that there are more files than a search holds.",
    scope: "connection",
    delivery: "required",
    params: () =>
      z.object({ sessionId: z.string(), limitReached: z.boolean().optional() }).meta({
        id: "FuzzyFileSearchSessionCompletedNotification",
      }),
  }),
};

/** What the commands of a client do. */
const commandNotifications = {
  "command/exec/outputDelta": notification({
    doc: "More output of a command that streams it, as base64 of the bytes as they came. " +
      "`capReached`: what follows on this stream is left out.",
    scope: "connection",
    delivery: "required",
    params: () =>
      z.object({
        processId: z.string(),
        stream: z.enum(["stdout", "stderr"]),
        deltaBase64: z.string(),
        capReached: z.boolean(),
      }).meta({ id: "CommandExecOutputDeltaNotification" }),
  }),
};

/** What concerns the account, the configuration and questions to a person. */
const serverNotifications = {
  "account/rateLimits/updated": notification({
    doc: "What the model provider said about its rate limits.",
    ...THREAD,
    params: () =>
      // `threadId` comes with the numbers, which mean nothing without it.
      z.object({
        rateLimits: RateLimits(),
        ...numberFields(),
        threadId: z.string().optional(),
      }).meta({ id: "AccountRateLimitsUpdatedNotification" }),
  }),
  "account/updated": notification({
    doc: "Another account is in use, or none.",
    ...EVERYBODY,
    params: () =>
      z.object({
        authMode: z.enum(["apikey", "chatgpt", "chatgptAuthTokens"]).nullable(),
        planType: z.string().nullable(),
      }).meta({ id: "AccountUpdatedNotification" }),
  }),
  "account/login/completed": notification({
    doc: "A login ended, well or not.",
    ...EVERYBODY,
    params: () =>
      z.object({
        loginId: z.string().nullable(),
        success: z.boolean(),
        error: z.string().nullable(),
      }).meta({ id: "AccountLoginCompletedNotification" }),
  }),
  "serverRequest/resolved": notification({
    doc: "A request to the clients was answered or withdrawn; answers from now on are ignored. " +
      "With `clients`, `answeredBy` says whose answer counted, null when nobody's did. A question that a " +
      "restart of the server ended has `cancelledBy` and no number.",
    ...THREAD,
    params: () =>
      z.object({
        ...threadFields(),
        requestId: z.union([z.string(), z.int()]),
        answeredBy: z.object({ clientId: z.string(), name: z.string() }).nullable().optional(),
        cancelledBy: z.literal("serverRestart").optional(),
      }).meta({ id: "ServerRequestResolvedNotification" }),
  }),
  "configWarning": notification({
    doc: "Something in the configuration was ignored or should be changed.",
    scope: "all",
    delivery: "required",
    params: () =>
      z.object({
        summary: z.string(),
        details: z.string().nullable(),
        path: MaybeString(),
        range: z.object({ start: TextPosition(), end: TextPosition() }).nullish(),
      }).meta({ id: "ConfigWarningNotification" }),
  }),
};

/** Every notification from the server to the client. */
export const notifications = {
  ...threadNotifications,
  ...turnNotifications,
  ...itemNotifications,
  ...watchNotifications,
  ...commandNotifications,
  ...searchNotifications,
  ...serverNotifications,
};

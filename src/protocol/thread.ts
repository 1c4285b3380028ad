/** `thread/*` requests. Data only. */
import * as z from "zod";
import {
  Empty,
  keyField,
  Limit,
  MaybeString,
  NextCursor,
  Settings,
  threadChange,
  threadOnly,
} from "./fields.ts";
import { memo, request } from "./method.ts";
import { ApprovalPolicy, ApprovalPolicyParam, SandboxMode, SandboxPolicy } from "./policy.ts";
import { Thread } from "./thread_types.ts";

/** What a client may wish for when a thread is opened; absent and null leave the choice to the server. */
function openingFields() {
  return {
    model: MaybeString(),
    modelProvider: MaybeString(),
    // Newer clients send tiers and personalities that older servers do not know: any string is accepted.
    serviceTier: MaybeString(),
    cwd: MaybeString(),
    approvalPolicy: ApprovalPolicyParam().nullish(),
    approvalsReviewer: MaybeString(),
    sandbox: SandboxMode().nullish(),
    config: Settings(),
    baseInstructions: MaybeString(),
    developerInstructions: MaybeString(),
  };
}

const ThreadStartParams = memo(() =>
  z.object({
    ...openingFields(),
    serviceName: MaybeString(),
    personality: MaybeString(),
    ephemeral: z.boolean().nullish(),
    sessionStartSource: MaybeString(),
    threadSource: MaybeString(),
    historyMode: MaybeString(),
    dynamicTools: z.array(z.unknown()).nullish(),
    experimentalRawEvents: z.boolean().optional(),
    persistExtendedHistory: z.boolean().optional(),
    ...keyField(),
  }).meta({ id: "ThreadStartParams" })
);

const ThreadResumeParams = memo(() =>
  z.object({
    threadId: z.string(),
    history: z.array(z.unknown()).nullish(),
    path: MaybeString(),
    ...openingFields(),
    personality: MaybeString(),
    /** Accepted and ignored: turns are always embedded, which clients that page history accept. */
    excludeTurns: z.boolean().nullish(),
    persistExtendedHistory: z.boolean().optional(),
    // With `numberedEvents`: the last number that the client has, and the log it belongs to.
    logId: MaybeString(),
    afterSeq: z.int().nullish(),
  }).meta({ id: "ThreadResumeParams" })
);

const ThreadForkParams = memo(() =>
  z.object({
    threadId: z.string(),
    path: MaybeString(),
    ...openingFields(),
    ephemeral: z.boolean().optional(),
    threadSource: MaybeString(),
    lastTurnId: MaybeString(),
    beforeTurnId: MaybeString(),
    excludeTurns: z.boolean().nullish(),
    persistExtendedHistory: z.boolean().optional(),
    ...keyField(),
  }).meta({ id: "ThreadForkParams" })
);

const ThreadListParams = memo(() =>
  z.object({
    cursor: MaybeString(),
    limit: Limit(),
    /** `created_at`, `updated_at` or `recency_at`; anything else sorts as the default. */
    sortKey: MaybeString(),
    /** Null or absent: the configured provider only; empty: all. */
    modelProviders: z.array(z.string()).nullish(),
    /** Null, absent or empty: the interactive ones (`cli`, `vscode`). */
    sourceKinds: z.array(z.string()).nullish(),
    archived: z.boolean().nullish(),
    cwd: z.union([z.string(), z.array(z.string())]).nullish(),
    searchTerm: MaybeString(),
    sortDirection: z.enum(["asc", "desc"]).nullish(),
    excludedThreadIds: z.array(z.string()).nullish(),
    originators: z.array(z.string()).nullish(),
    // No thread here has a section, a project or a parent: with one of these the page is empty.
    sectionId: MaybeString(),
    projectId: MaybeString(),
    parentThreadId: MaybeString(),
    ancestorThreadId: MaybeString(),
    attachedToThreadId: MaybeString(),
  }).meta({ id: "ThreadListParams" })
);

/** What a client that comes back has missed: the notifications as they would have come, or a gap in the log. */
const ThreadReplay = memo(() =>
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("events"),
      events: z.array(
        z.object({ method: z.string(), params: z.record(z.string(), z.unknown()) }),
      ),
    }),
    z.object({ type: z.literal("gap") }),
  ]).meta({ id: "ThreadReplay" })
);

/** What start, resume and fork answer; one type per method, as upstream. */
function opened(id: string) {
  return () =>
    z.object({
      thread: Thread(),
      model: z.string(),
      modelProvider: z.string(),
      serviceTier: z.string().nullable(),
      cwd: z.string(),
      runtimeWorkspaceRoots: z.array(z.string()).optional(),
      instructionSources: z.array(z.string()).optional(),
      approvalPolicy: ApprovalPolicy(),
      approvalsReviewer: z.string(),
      sandbox: SandboxPolicy(),
      reasoningEffort: z.string().nullable(),
      // With `numberedEvents`: the log that numbers what follows, and the last number that is in this answer.
      logId: z.string().optional(),
      seq: z.int().optional(),
      replay: ThreadReplay().optional(),
    }).meta({ id });
}

const GitInfoUpdate = memo(() =>
  z.object({ sha: MaybeString(), branch: MaybeString(), originUrl: MaybeString() }).meta({
    id: "ThreadMetadataGitInfoUpdateParams",
  })
);

const BackgroundTerminal = memo(() =>
  z.object({
    itemId: z.string(),
    processId: z.string(),
    command: z.string(),
    cwd: z.string(),
    osPid: z.int().nullable(),
    cpuPercent: z.number().nullable(),
    rssKb: z.int().nullable(),
  }).meta({ id: "ThreadBackgroundTerminal" })
);

/** Commands of users, and what those of the agent have left running. */
const commandRequests = {
  "thread/shellCommand": request({
    doc:
      "Runs a command of the user in the folder of the thread, through a shell and with all that clients " +
      "may reach. It is a turn of its own, or part of the turn that runs; the model is told what came of it.",
    params: () =>
      z.object({
        threadId: z.string(),
        command: z.string(),
        /** An hour by default; 0 ends it at once. */
        timeoutMs: z.int().nullish(),
        ...keyField(),
      }).meta({ id: "ThreadShellCommandParams" }),
    result: Empty,
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/backgroundTerminals/clean": request({
    doc:
      "Ends the commands that the agent has left running in a thread, and what those have started.",
    params: threadChange("ThreadBackgroundTerminalsCleanParams"),
    result: Empty,
    ordering: { thread: (params) => params.threadId },
    experimental: true,
  }),
  "thread/backgroundTerminals/list": request({
    doc: "Lists the commands that the agent has left running in a thread, oldest first.",
    params: () =>
      z.object({ threadId: z.string(), cursor: MaybeString(), limit: Limit() }).meta({
        id: "ThreadBackgroundTerminalsListParams",
      }),
    result: () =>
      z.object({ data: z.array(BackgroundTerminal()), nextCursor: NextCursor() }).meta({
        id: "ThreadBackgroundTerminalsListResponse",
      }),
    ordering: "concurrent",
    experimental: true,
  }),
  "thread/backgroundTerminals/terminate": request({
    doc: "Ends one of the commands that the agent has left running in a thread.",
    params: () =>
      z.object({ threadId: z.string(), processId: z.string(), ...keyField() }).meta({
        id: "ThreadBackgroundTerminalsTerminateParams",
      }),
    result: () =>
      z.object({ terminated: z.boolean() }).meta({
        id: "ThreadBackgroundTerminalsTerminateResponse",
      }),
    ordering: { thread: (params) => params.threadId },
    experimental: true,
  }),
};

const TurnCount = memo(() => z.int().min(0).max(4_294_967_295));

/** The 0.120 server calls this field by its older name in errors. */
function persistedHistory(method: string) {
  return { persistExtendedHistory: `${method}.persistFullHistory` };
}

/** Requests whose method starts with `thread/`. */
export const requests = {
  "thread/start": request({
    doc: "Starts a thread and subscribes the connection to it.",
    params: ThreadStartParams,
    result: opened("ThreadStartResponse"),
    ordering: "concurrent",
    experimentalFields: {
      dynamicTools: "thread/start.dynamicTools",
      experimentalRawEvents: "thread/start.experimentalRawEvents",
      ...persistedHistory("thread/start"),
    },
  }),
  "thread/resume": request({
    doc: "Loads a stored thread, or joins a loaded one, and subscribes the connection to it. " +
      "Pending approvals are sent again after the response, with their old ids. With `numberedEvents`, " +
      "`logId` and `afterSeq` ask for what was missed: `replay` has it, and then there are no turns, or " +
      "says `gap`, and then the turns are all there is.",
    params: ThreadResumeParams,
    result: opened("ThreadResumeResponse"),
    ordering: { thread: (params) => params.threadId },
    experimentalFields: {
      history: "thread/resume.history",
      path: "thread/resume.path",
      ...persistedHistory("thread/resume"),
    },
  }),
  "thread/fork": request({
    doc:
      "Starts a new thread with the history of another one and subscribes the connection to it. " +
      "The history ends before the turn `beforeTurnId`, or with the turn `lastTurnId`, which must be over.",
    params: ThreadForkParams,
    result: opened("ThreadForkResponse"),
    ordering: { thread: (params) => params.threadId },
    experimentalFields: { path: "thread/fork.path", ...persistedHistory("thread/fork") },
  }),
  "thread/rollback": request({
    doc:
      "Takes back the last turns of a loaded thread in which no turn runs; more than there are take back all. " +
      "The files that they changed stay as they are. Clients with `numberedEvents` find a gap in the log.",
    params: () =>
      z.object({ threadId: z.string(), numTurns: TurnCount(), ...keyField() }).meta({
        id: "ThreadRollbackParams",
      }),
    result: () => z.object({ thread: Thread() }).meta({ id: "ThreadRollbackResponse" }),
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/read": request({
    doc: "Reads a thread, with its turns on demand, without loading or subscribing to it.",
    params: () =>
      z.object({ threadId: z.string(), includeTurns: z.boolean().optional() }).meta({
        id: "ThreadReadParams",
      }),
    result: () => z.object({ thread: Thread() }).meta({ id: "ThreadReadResponse" }),
    // Reads one consistent snapshot, so a long history never delays the thread's other requests.
    ordering: "concurrent",
  }),
  "thread/list": request({
    doc: "Lists stored threads by page, newest first; `turns` of each is empty.",
    params: ThreadListParams,
    result: () =>
      z.object({ data: z.array(Thread()), nextCursor: NextCursor() }).meta({
        id: "ThreadListResponse",
      }),
    ordering: "concurrent",
  }),
  "thread/loaded/list": request({
    doc: "Lists the ids of the threads that are in memory.",
    params: () =>
      z.object({ cursor: MaybeString(), limit: Limit() }).meta({ id: "ThreadLoadedListParams" }),
    result: () =>
      z.object({ data: z.array(z.string()), nextCursor: NextCursor() }).meta({
        id: "ThreadLoadedListResponse",
      }),
    ordering: "concurrent",
  }),
  "thread/name/set": request({
    doc: "Sets the user-facing name of a thread; a blank name is refused.",
    params: () =>
      z.object({ threadId: z.string(), name: z.string(), ...keyField() }).meta({
        id: "ThreadSetNameParams",
      }),
    result: Empty,
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/archive": request({
    doc: "Moves a thread out of the list, unloading it first.",
    params: threadChange("ThreadArchiveParams"),
    result: Empty,
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/unarchive": request({
    doc: "Moves an archived thread back into the list.",
    params: threadChange("ThreadUnarchiveParams"),
    result: () => z.object({ thread: Thread() }).meta({ id: "ThreadUnarchiveResponse" }),
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/unsubscribe": request({
    doc: "Stops the events of a thread for this connection; the thread and its turn go on.",
    params: threadOnly("ThreadUnsubscribeParams"),
    result: () =>
      z.object({ status: z.enum(["unsubscribed", "notSubscribed", "notLoaded"]) }).meta({
        id: "ThreadUnsubscribeResponse",
      }),
    ordering: { thread: (params) => params.threadId },
  }),
  "thread/metadata/update": request({
    doc: "Corrects what is stored about a thread; an absent field stays, a null one is cleared.",
    params: () =>
      z.object({ threadId: z.string(), gitInfo: GitInfoUpdate().nullish(), ...keyField() }).meta({
        id: "ThreadMetadataUpdateParams",
      }),
    result: () => z.object({ thread: Thread() }).meta({ id: "ThreadMetadataUpdateResponse" }),
    ordering: { thread: (params) => params.threadId },
  }),
  ...commandRequests,
};

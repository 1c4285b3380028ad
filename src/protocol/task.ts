/** `task/*`: prompts that the exec-server runs to their end without anybody to ask. Data only. */
import * as z from "zod";
import { Place } from "./exec_server_fields.ts";
import { Empty, MaybeString, Settings } from "./fields.ts";
import { memo, notification, type ParamsOf, request } from "./method.ts";
import { SandboxMode } from "./policy.ts";

const Status = memo(() =>
  z.enum(["queued", "running", "completed", "failed", "interrupted"]).meta({ id: "TaskStatus" })
);

const Task = memo(() =>
  z.object({
    id: z.string(),
    status: Status(),
    /** Null until its thread is open. */
    threadId: z.string().nullable(),
    /** Null until its thread is open, where it goes on in the folder of one that is there. */
    cwd: z.string().nullable(),
    /** The last message of the agent, once it has ended. */
    lastMessage: z.string().nullable(),
    error: z.object({ message: z.string() }).nullable(),
    /** Unix seconds. */
    createdAt: z.int(),
    startedAt: z.int().nullable(),
    completedAt: z.int().nullable(),
  }).meta({ id: "Task" })
);
/** One task as clients see it. */
export type Task = z.infer<ReturnType<typeof Task>>;

const StartParams = memo(() =>
  z.object({
    prompt: z.string(),
    /**
     * An absolute path or a `file://` URI of a folder that is there. If left out, that of the thread which it
     * continues, else that of the exec-server.
     */
    cwd: Place().nullish(),
    sandbox: SandboxMode().nullish(),
    model: MaybeString(),
    /** JSON Schema that the last message must follow. */
    outputSchema: z.unknown().optional(),
    /** Settings as in `config.toml`, over those of the command line. */
    config: Settings(),
    /** Keeps no file of the thread. */
    ephemeral: z.boolean().nullish(),
    /** The thread to continue, on which no other task may be at work; a new one if left out. */
    threadId: MaybeString(),
  }).meta({ id: "TaskStartParams" })
);
/** What a task is to do. */
export type TaskStartParams = z.infer<ReturnType<typeof StartParams>>;

/** Requests whose method starts with `task/`. */
export const requests = {
  "task/start": request({
    doc:
      "Takes a prompt on and answers at once. It runs as `codex exec` would, without a start of its own; " +
      "when as many run as may, it waits for those that came before it. It ends with its session.",
    params: StartParams,
    result: () => z.object({ task: Task() }).meta({ id: "TaskStartResponse" }),
    ordering: "concurrent",
  }),
  "task/interrupt": request({
    doc:
      "Stops a task, of whichever client; `task/completed` follows. One that has ended is no error.",
    params: () => z.object({ taskId: z.string() }).meta({ id: "TaskInterruptParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
  "task/list": request({
    doc: "The tasks of all clients, the oldest first; of those that have ended the last 100.",
    params: null,
    result: () => z.object({ data: z.array(Task()) }).meta({ id: "TaskListResponse" }),
    ordering: "concurrent",
  }),
};

/** Notifications to the session that started the task. Those that come while it is away wait for it. */
export const notifications = {
  "task/event": notification({
    doc:
      "What `codex exec --json` would print: `thread.started`, `turn.started`, `item.completed`, ... Of " +
      "what comes while the client is away, about 4 MB are kept.",
    params: () =>
      z.object({ taskId: z.string(), event: z.looseObject({ type: z.string() }) }).meta({
        id: "TaskEventNotification",
      }),
    delivery: "required",
    scope: "connection",
  }),
  "task/completed": notification({
    doc: "The task has ended, well or not; it is the last that is said about it.",
    params: () =>
      z.object({ taskId: z.string(), task: Task() }).meta({ id: "TaskCompletedNotification" }),
    delivery: "required",
    scope: "connection",
  }),
};

/** The requests of tasks. */
export type TaskRequests = typeof requests;
/** The params of a task method. */
export type TaskParams<M extends keyof TaskRequests> = ParamsOf<TaskRequests[M]>;

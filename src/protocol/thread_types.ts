/** The shapes of a thread and of its status. Data only. */
import * as z from "zod";
import { memo } from "./method.ts";
import { Turn } from "./turn_types.ts";

/** What a thread is doing, and whether it waits for a person. */
export const ThreadStatus = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("notLoaded") }),
    z.object({ type: z.literal("idle") }),
    z.object({ type: z.literal("systemError") }),
    z.object({
      type: z.literal("active"),
      activeFlags: z.array(z.enum(["waitingOnApproval", "waitingOnUserInput"])),
    }),
  ]).meta({ id: "ThreadStatus" })
);
/** What a thread is doing. */
export type ThreadStatus = z.infer<ReturnType<typeof ThreadStatus>>;

/** The state of the repository when the thread started. */
export const GitInfo = memo(() =>
  z.object({
    sha: z.string().nullable(),
    branch: z.string().nullable(),
    originUrl: z.string().nullable(),
  }).meta({ id: "GitInfo" })
);
/** The state of the repository when the thread started. */
export type GitInfo = z.infer<ReturnType<typeof GitInfo>>;

/** Where a thread came from; every app-server client counts as `vscode`, as upstream. */
export const SessionSource = memo(() =>
  z.union([
    z.enum(["cli", "vscode", "exec", "appServer", "unknown"]),
    z.looseObject({}),
  ]).meta({ id: "SessionSource" })
);
/** Where a thread came from. */
export type SessionSource = z.infer<ReturnType<typeof SessionSource>>;

/** `createdAt`, `updatedAt` and `recencyAt` are Unix seconds. `path` is null for ephemeral threads. */
export const Thread = memo(() =>
  z.object({
    id: z.string(),
    /** 0.169 clients refuse a thread without it; equals `id`. */
    sessionId: z.string(),
    forkedFromId: z.string().nullable(),
    preview: z.string(),
    ephemeral: z.boolean(),
    modelProvider: z.string(),
    model: z.string().nullable().optional(),
    createdAt: z.number().int(),
    updatedAt: z.number().int(),
    recencyAt: z.number().int(),
    status: ThreadStatus(),
    path: z.string().nullable(),
    cwd: z.string(),
    cliVersion: z.string(),
    source: SessionSource(),
    threadSource: z.string().nullable(),
    projectId: z.null(),
    agentNickname: z.null(),
    agentRole: z.null(),
    gitInfo: GitInfo().nullable(),
    name: z.string().nullable(),
    turns: z.array(Turn()),
  }).meta({ id: "Thread" })
);
/** A thread as clients see it. */
export type Thread = z.infer<ReturnType<typeof Thread>>;

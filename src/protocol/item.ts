/** Items: the units that a turn is made of, as clients see them. Data only. */
import * as z from "zod";
import { memo } from "./method.ts";

/** A part of a text that a client shows in its own way; the range counts bytes of UTF-8. */
export const TextElement = memo(() =>
  z.looseObject({ byteRange: z.looseObject({ start: z.number(), end: z.number() }).optional() })
    .meta({ id: "TextElement" })
);

/** One piece of user input. Text is UTF-8; images are data or http URLs, or server-side paths. */
export const UserInput = memo(() =>
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("text"),
      text: z.string(),
      text_elements: z.array(TextElement()).default([]),
    }),
    z.object({ type: z.literal("image"), url: z.string() }),
    z.object({ type: z.literal("localImage"), path: z.string() }),
    z.object({ type: z.literal("skill"), name: z.string(), path: z.string() }),
    z.object({ type: z.literal("mention"), name: z.string(), path: z.string() }),
    // 0.169 clients may send these two; the error for an unknown type lists the five of 0.120 only.
    z.object({ type: z.literal("audio"), url: z.string().optional() }).meta({ unlisted: true }),
    z.object({ type: z.literal("localAudio"), path: z.string() }).meta({ unlisted: true }),
  ]).meta({ id: "UserInput" })
);
/** One piece of user input. */
export type UserInput = z.infer<ReturnType<typeof UserInput>>;

/** What a shell command does, as far as a parser can tell; for display only, never for trust. */
export const CommandAction = memo(() =>
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("read"),
      command: z.string(),
      name: z.string(),
      path: z.string(),
    }),
    z.object({
      type: z.literal("listFiles"),
      command: z.string(),
      path: z.string().nullable(),
    }),
    z.object({
      type: z.literal("search"),
      command: z.string(),
      query: z.string().nullable(),
      path: z.string().nullable(),
    }),
    z.object({ type: z.literal("unknown"), command: z.string() }),
  ]).meta({ id: "CommandAction" })
);
/** What a shell command does, for display. */
export type CommandAction = z.infer<ReturnType<typeof CommandAction>>;

/** How far a command or a patch is. */
export const CommandStatus = memo(() =>
  z.enum(["inProgress", "completed", "failed", "declined"]).meta({ id: "CommandExecutionStatus" })
);
/** How far a command or a patch is. */
export type CommandStatus = z.infer<ReturnType<typeof CommandStatus>>;

/** Who runs a command. */
export const CommandSource = memo(() =>
  z.enum(["agent", "userShell", "unifiedExecStartup", "unifiedExecInteraction"]).meta({
    id: "CommandExecutionSource",
  })
);

/** `update` diffs are unified hunks without file headers; `add` and `delete` carry the raw content. */
export const FileChange = memo(() =>
  z.object({
    path: z.string(),
    kind: z.discriminatedUnion("type", [
      z.object({ type: z.literal("add") }),
      z.object({ type: z.literal("delete") }),
      z.object({ type: z.literal("update"), move_path: z.string().nullable() }),
    ]),
    diff: z.string(),
  }).meta({ id: "FileUpdateChange" })
);
/** A change of one file. */
export type FileChange = z.infer<ReturnType<typeof FileChange>>;

const UserMessageItem = memo(() =>
  z.object({
    type: z.literal("userMessage"),
    id: z.string(),
    clientId: z.string().nullable().optional(),
    content: z.array(UserInput()),
  })
);
const AgentMessageItem = memo(() =>
  z.object({
    type: z.literal("agentMessage"),
    id: z.string(),
    text: z.string(),
    phase: z.string().nullable(),
    memoryCitation: z.null(),
  })
);
const ReasoningItem = memo(() =>
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    summary: z.array(z.string()),
    content: z.array(z.string()),
  })
);
const CommandExecutionItem = memo(() =>
  z.object({
    type: z.literal("commandExecution"),
    id: z.string(),
    /** The command line as one shell-quoted string. */
    command: z.string(),
    cwd: z.string(),
    processId: z.string().nullable(),
    source: CommandSource(),
    status: CommandStatus(),
    commandActions: z.array(CommandAction()),
    aggregatedOutput: z.string().nullable(),
    exitCode: z.number().int().nullable(),
    durationMs: z.number().int().nullable(),
  })
);
const FileChangeItem = memo(() =>
  z.object({
    type: z.literal("fileChange"),
    id: z.string(),
    changes: z.array(FileChange()),
    status: CommandStatus(),
  })
);
const WebSearchItem = memo(() =>
  z.object({
    type: z.literal("webSearch"),
    id: z.string(),
    query: z.string(),
    action: z.looseObject({ type: z.string() }).nullable(),
  })
);
const PlanItem = memo(() =>
  z.object({ type: z.literal("plan"), id: z.string(), text: z.string() })
);
const ImageViewItem = memo(() =>
  z.object({ type: z.literal("imageView"), id: z.string(), path: z.string() })
);
const ContextCompactionItem = memo(() =>
  z.object({ type: z.literal("contextCompaction"), id: z.string() })
);

/** One unit of a turn. */
export const ThreadItem = memo(() =>
  z.discriminatedUnion("type", [
    UserMessageItem(),
    AgentMessageItem(),
    ReasoningItem(),
    CommandExecutionItem(),
    FileChangeItem(),
    WebSearchItem(),
    PlanItem(),
    ImageViewItem(),
    ContextCompactionItem(),
  ]).meta({ id: "ThreadItem" })
);
/** One unit of a turn. */
export type ThreadItem = z.infer<ReturnType<typeof ThreadItem>>;
/** A command that ran or was declined. */
export type CommandExecutionItem = Extract<ThreadItem, { type: "commandExecution" }>;
/** A patch. */
export type FileChangeItem = Extract<ThreadItem, { type: "fileChange" }>;

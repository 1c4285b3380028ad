/** What a rollout says about its thread as a whole: origin, place, git state, title; must not know turns. */
import type { GitInfo, SessionSource } from "../protocol/thread_types.ts";
import { type Fields, fieldsOf, listOf, textOf } from "./fields.ts";
import { parseRolloutName, uuidTimeMs } from "./rollout_path.ts";

/** The first `session_meta` of a rollout. */
export interface RolloutMeta {
  readonly threadId: string;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly cwd: string;
  readonly originator: string;
  readonly cliVersion: string;
  readonly source: SessionSource;
  /** Null in minimal files: the configured provider counts. */
  readonly modelProvider: string | null;
  readonly forkedFromId: string | null;
  readonly threadSource: string | null;
  readonly gitInfo: GitInfo | null;
}

/** Longer first messages are cut in previews: a list of threads stays small whatever was pasted. */
export const PREVIEW_LENGTH_MAX = 4096;
/** Editors put their context before this line; what the person typed stands after it. */
const EDITOR_REQUEST_MARK = "## My request for Codex:";

/** Reads the payload of a `session_meta` record; null when it has no id. */
export function parseSessionMeta(payload: unknown): RolloutMeta | null {
  const fields = fieldsOf(payload);
  const threadId = fields && textOf(fields, "id");
  if (!fields || !threadId) return null;
  const createdAtMs = Date.parse(textOf(fields, "timestamp") ?? "");
  return {
    threadId,
    createdAtMs: Number.isNaN(createdAtMs) ? uuidTimeMs(threadId) ?? 0 : createdAtMs,
    cwd: textOf(fields, "cwd") ?? "",
    originator: textOf(fields, "originator") ?? "",
    cliVersion: textOf(fields, "cli_version") ?? "",
    source: parseSource(fields.source),
    modelProvider: textOf(fields, "model_provider"),
    forkedFromId: textOf(fields, "forked_from_id"),
    threadSource: textOf(fields, "thread_source"),
    gitInfo: parseGit(fieldsOf(fields.git)),
  };
}

/** The preview that the first user message gives a thread. */
export function previewOf(message: string, imageCount: number): string {
  const mark = message.indexOf(EDITOR_REQUEST_MARK);
  const typed = (mark < 0 ? message : message.slice(mark + EDITOR_REQUEST_MARK.length)).trim();
  if (typed === "") return imageCount > 0 ? "[Image]" : "";
  return typed.length > PREVIEW_LENGTH_MAX
    ? typed.slice(0, PREVIEW_LENGTH_MAX).toWellFormed()
    : typed;
}

/** The preview in the payload of an event, or null when the event is not a message of the user. */
export function previewOfEvent(event: Fields): string | null {
  if (event.type === "user_message") {
    const images = listOf(event, "images").length + listOf(event, "local_images").length;
    return previewOf(textOf(event, "message") ?? "", images);
  }
  if (event.type !== "item_completed") return null;
  const item = fieldsOf(event.item);
  if (item?.type !== "UserMessage") return null;
  let text = "";
  let images = 0;
  for (const part of listOf(item, "content")) {
    const fields = fieldsOf(part) ?? {};
    if (fields.type === "text") text += textOf(fields, "text") ?? "";
    else images++;
  }
  return previewOf(text, images);
}

/** The name that an event gives to the thread: absent when it is another event, null when the name is taken away. */
export function nameOfEvent(event: Fields): string | null | undefined {
  if (event.type !== "thread_name_updated") return undefined;
  const name = textOf(event, "thread_name")?.trim();
  return name ? name : null;
}

/** What a rollout without `session_meta` still tells through the name of its file. */
export function metaFromName(fileName: string): RolloutMeta | null {
  const name = parseRolloutName(fileName);
  if (!name) return null;
  return {
    threadId: name.threadId,
    createdAtMs: uuidTimeMs(name.threadId) ?? name.createdAtMaxMs,
    cwd: "",
    originator: "",
    cliVersion: "",
    source: "unknown",
    modelProvider: null,
    forkedFromId: null,
    threadSource: null,
    gitInfo: null,
  };
}

/** Session sources on the wire; a rollout without one comes from an editor, as upstream counts it. */
function parseSource(value: unknown): SessionSource {
  switch (value) {
    case undefined:
    case null:
      return "vscode";
    case "cli":
    case "vscode":
    case "exec":
      return value;
    case "mcp":
    case "appServer":
      return "appServer";
  }
  const fields = fieldsOf(value);
  if (!fields) return "unknown";
  return "subagent" in fields ? { subAgent: fields.subagent } : { ...fields };
}

/** The snake_case form of a source, for a `session_meta` record. */
export function sourceToRollout(source: SessionSource): unknown {
  if (source === "appServer") return "mcp";
  if (typeof source === "string") return source;
  return "subAgent" in source ? { subagent: source.subAgent } : source;
}

function parseGit(git: Fields | null): GitInfo | null {
  if (!git) return null;
  const sha = textOf(git, "commit_hash");
  const branch = textOf(git, "branch");
  const originUrl = textOf(git, "repository_url");
  return sha === null && branch === null && originUrl === null ? null : { sha, branch, originUrl };
}

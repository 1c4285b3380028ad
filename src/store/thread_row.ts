/** One thread as the index knows it, and its form in SQL; must not know queries. */
import type { GitInfo, SessionSource } from "../protocol/thread_types.ts";
import { fieldsOf, numberOf, parseJson, textOf } from "./fields.ts";
import type { RolloutHead } from "./rollout_head.ts";

/** A thread in the index. Times are Unix milliseconds. */
export interface ThreadRow {
  readonly id: string;
  readonly path: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Null until there is a user message: such a thread is not listed. */
  readonly preview: string | null;
  readonly name: string | null;
  readonly cwd: string;
  readonly source: SessionSource;
  /** Null in minimal files: the configured provider counts. */
  readonly modelProvider: string | null;
  readonly cliVersion: string;
  readonly forkedFromId: string | null;
  readonly gitInfo: GitInfo | null;
  readonly isArchived: boolean;
  readonly threadSource: string | null;
  /** Length and time of the file when it was indexed: another value means that it must be read again. */
  readonly size: number;
  readonly mtimeMs: number;
}

/** Kinds of sources that lists filter by. */
export type SourceKind =
  | "cli"
  | "vscode"
  | "exec"
  | "appServer"
  | "subAgent"
  | "subAgentReview"
  | "subAgentCompact"
  | "subAgentThreadSpawn"
  | "subAgentOther"
  | "unknown";

/** Columns in the order of `bindRow`. */
export const COLUMNS = [
  "id",
  "path",
  "created_s",
  "created_ms",
  "updated_s",
  "updated_ms",
  "preview",
  "name",
  "search",
  "cwd",
  "source",
  "source_kind",
  "model_provider",
  "cli_version",
  "forked_from_id",
  "git",
  "archived",
  "thread_source",
  "size",
  "mtime_ms",
] as const;

/** The values of a row, in the order of `COLUMNS`. */
export function bindRow(row: ThreadRow): (string | number | null)[] {
  return [
    row.id,
    row.path,
    Math.floor(row.createdAtMs / 1000),
    row.createdAtMs,
    Math.floor(row.updatedAtMs / 1000),
    row.updatedAtMs,
    row.preview,
    row.name,
    searchText(row.name, row.preview),
    row.cwd,
    JSON.stringify(row.source),
    sourceKind(row.source),
    row.modelProvider,
    row.cliVersion,
    row.forkedFromId,
    row.gitInfo && JSON.stringify(row.gitInfo),
    row.isArchived ? 1 : 0,
    row.threadSource,
    row.size,
    row.mtimeMs,
  ];
}

/** What searches look in: lower case, since SQLite folds the case of ASCII only. */
export function searchText(name: string | null, preview: string | null): string {
  return `${name ?? ""}\n${preview ?? ""}`.toLowerCase();
}

/** Reads a row that SQLite returned. */
export function parseRow(value: unknown): ThreadRow {
  const row = fieldsOf(value) ?? {};
  return {
    id: textOf(row, "id") ?? "",
    path: textOf(row, "path") ?? "",
    createdAtMs: numberOf(row, "created_ms") ?? 0,
    updatedAtMs: numberOf(row, "updated_ms") ?? 0,
    preview: textOf(row, "preview"),
    name: textOf(row, "name"),
    cwd: textOf(row, "cwd") ?? "",
    source: parseSource(textOf(row, "source")),
    modelProvider: textOf(row, "model_provider"),
    cliVersion: textOf(row, "cli_version") ?? "",
    forkedFromId: textOf(row, "forked_from_id"),
    gitInfo: parseGitInfo(textOf(row, "git")),
    isArchived: row.archived === 1,
    threadSource: textOf(row, "thread_source"),
    size: numberOf(row, "size") ?? 0,
    mtimeMs: numberOf(row, "mtime_ms") ?? 0,
  };
}

/** The row of a rollout that was found on disk. */
export function rowOfHead(
  head: RolloutHead,
  found: { readonly path: string; readonly isArchived: boolean },
): ThreadRow {
  const { meta } = head;
  return {
    id: meta.threadId.toLowerCase(),
    path: found.path,
    createdAtMs: meta.createdAtMs,
    updatedAtMs: head.mtimeMs,
    preview: head.preview,
    name: head.name,
    cwd: meta.cwd,
    source: meta.source,
    modelProvider: meta.modelProvider,
    cliVersion: meta.cliVersion,
    forkedFromId: meta.forkedFromId,
    gitInfo: meta.gitInfo,
    isArchived: found.isArchived,
    threadSource: meta.threadSource,
    size: head.size,
    mtimeMs: head.mtimeMs,
  };
}

/** The kind that a source counts as in filters. */
export function sourceKind(source: SessionSource): SourceKind {
  switch (source) {
    case "cli":
    case "vscode":
    case "exec":
    case "appServer":
    case "unknown":
      return source;
  }
  const inner = fieldsOf(source)?.subAgent;
  if (inner === undefined) return "unknown";
  if (inner === "review") return "subAgentReview";
  if (inner === "compact") return "subAgentCompact";
  const isSpawn = inner === "thread_spawn" || "thread_spawn" in (fieldsOf(inner) ?? {});
  return isSpawn ? "subAgentThreadSpawn" : "subAgentOther";
}

function parseSource(json: string | null): SessionSource {
  const value = json === null ? undefined : parseJson(json);
  switch (value) {
    case "cli":
    case "vscode":
    case "exec":
    case "appServer":
      return value;
  }
  const fields = fieldsOf(value);
  return fields ? { ...fields } : "unknown";
}

function parseGitInfo(json: string | null): GitInfo | null {
  const git = json === null ? null : fieldsOf(parseJson(json));
  if (!git) return null;
  return {
    sha: textOf(git, "sha"),
    branch: textOf(git, "branch"),
    originUrl: textOf(git, "originUrl"),
  };
}

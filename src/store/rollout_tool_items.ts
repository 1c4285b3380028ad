/** Rebuilds the items of tools from rollout events, in 0.120's and 0.169's spelling; must not know turns. */
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  CommandAction,
  CommandExecutionItem,
  CommandStatus,
  FileChange,
  FileChangeItem,
  ThreadItem,
} from "../protocol/item.ts";
import { camelCase, type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "./fields.ts";
import { shellJoin } from "../lib/shell_join.ts";

/** Upstream puts the new place of a moved file behind the hunks. */
export const MOVED_TO = "\n\nMoved to: ";

/** A finished command, from `exec_command_end` or a completed `CommandExecution`. */
export function commandItem(fields: Fields, id: string): CommandExecutionItem {
  return {
    type: "commandExecution",
    id,
    command: shellJoin(textsOf(fields, "command")),
    cwd: plainPath(textOf(fields, "cwd") ?? ""),
    processId: textOf(fields, "process_id"),
    source: commandSource(fields.source),
    status: itemStatus(fields.status, numberOf(fields, "exit_code")),
    commandActions: listOf(fields, "parsed_cmd").map(commandAction),
    // Upstream shows no output as null.
    aggregatedOutput: textOf(fields, "aggregated_output") || null,
    exitCode: numberOf(fields, "exit_code"),
    durationMs: durationMs(fieldsOf(fields.duration)),
  };
}

/** A finished patch, from `patch_apply_end` or a completed `FileChange`. */
export function fileChangeItem(fields: Fields, id: string): FileChangeItem {
  const isFailed = fields.success === false;
  const changes = Object.entries(fieldsOf(fields.changes) ?? {})
    .flatMap(([path, change]) => fileChange(path, fieldsOf(change)));
  changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { type: "fileChange", id, changes, status: itemStatus(fields.status, isFailed ? 1 : 0) };
}

/** A web search; of its action only the kind is respelled. */
export function webSearchItem(fields: Fields, id: string): ThreadItem {
  const action = fieldsOf(fields.action);
  const type = action && textOf(action, "type");
  return {
    type: "webSearch",
    id,
    query: textOf(fields, "query") ?? "",
    action: action && type !== null ? { ...action, type: camelCase(type) } : null,
  };
}

function fileChange(path: string, change: Fields | null): FileChange[] {
  if (!change) return [];
  switch (change.type) {
    case "add":
    case "delete":
      return [{ path, kind: { type: change.type }, diff: textOf(change, "content") ?? "" }];
    case "update": {
      const movePath = textOf(change, "move_path");
      const diff = textOf(change, "unified_diff") ?? "";
      return [{
        path,
        kind: { type: "update", move_path: movePath },
        diff: movePath === null ? diff : `${diff}${MOVED_TO}${movePath}`,
      }];
    }
    default:
      return [];
  }
}

function commandAction(value: unknown): CommandAction {
  const fields = fieldsOf(value) ?? {};
  const command = textOf(fields, "cmd") ?? "";
  switch (fields.type) {
    case "read": {
      const name = textOf(fields, "name") ?? "";
      return { type: "read", command, name, path: textOf(fields, "path") ?? name };
    }
    case "list_files":
      return { type: "listFiles", command, path: textOf(fields, "path") };
    case "search":
      return {
        type: "search",
        command,
        query: textOf(fields, "query"),
        path: textOf(fields, "path"),
      };
    default:
      return { type: "unknown", command };
  }
}

function commandSource(value: unknown): CommandExecutionItem["source"] {
  switch (value) {
    case "user_shell":
      return "userShell";
    case "unified_exec_startup":
      return "unifiedExecStartup";
    case "unified_exec_interaction":
      return "unifiedExecInteraction";
    default:
      return "agent";
  }
}

function itemStatus(value: unknown, exitCode: number | null): CommandStatus {
  switch (value) {
    case "completed":
    case "failed":
    case "declined":
      return value;
    default:
      return exitCode === 0 ? "completed" : "failed";
  }
}

function durationMs(duration: Fields | null): number | null {
  if (!duration) return null;
  const seconds = numberOf(duration, "secs") ?? 0;
  return seconds * 1000 + Math.floor((numberOf(duration, "nanos") ?? 0) / 1e6);
}

/** 0.169 writes folders as `file://` URLs. */
function plainPath(text: string): string {
  if (!text.startsWith("file://")) return text;
  try {
    const path = fileURLToPath(text);
    return isAbsolute(path) ? path : text;
  } catch {
    // Not a URL after all: shown as it was written.
    return text;
  }
}

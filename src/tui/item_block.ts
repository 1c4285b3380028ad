/** Turns an item as a server sent it into a block; servers of any version, so nothing about it is taken for granted. */
import type { CommandStatus, FileChange } from "../protocol/item.ts";
import type {
  ActionBlock,
  Block,
  ChangesBlock,
  CommandBlock,
  MessageBlock,
  ReasoningBlock,
  UserBlock,
} from "./blocks.ts";
import { BoundedOutput } from "./bounded_output.ts";
import { type Fields, fieldsIn, fieldsOf, listIn, numberIn, textIn, textsIn } from "./fields.ts";
import { actionOf } from "./item_action.ts";

/** What is known about an item besides what it says itself. */
export interface ItemPlace {
  readonly id: string;
  readonly turnId: string;
  readonly isFinal: boolean;
  /** Unix milliseconds; null for what was loaded. */
  readonly startedMs: number | null;
}

type Base = Pick<Block, "id" | "turnId" | "revision" | "isFinal">;
/** Blocks that come from items. */
export type ItemBlock =
  | UserBlock
  | MessageBlock
  | ReasoningBlock
  | CommandBlock
  | ChangesBlock
  | ActionBlock;

/** The block for an item. Items of unknown types become an action. */
export function blockOf(item: Fields, place: ItemPlace): ItemBlock {
  const { id, turnId, isFinal } = place;
  const base: Base = { id, turnId, isFinal, revision: 1 };
  switch (textIn(item, "type")) {
    case "userMessage":
      return { ...base, isFinal: true, type: "user", ...inputOf(listIn(item, "content")) };
    case "agentMessage":
    case "plan":
      return { ...base, type: "message", text: textIn(item, "text") };
    case "reasoning":
      return { ...base, type: "reasoning", parts: reasoningParts(item) };
    case "commandExecution":
      return commandOf(item, base, place.startedMs);
    case "fileChange": {
      const changes = changesIn(item);
      return { ...base, type: "changes", changes, status: statusOf(item, isFinal) };
    }
    default:
      return { ...base, type: "action", ...actionOf(item, isFinal) };
  }
}

/** The summary; the raw reasoning where a model has no summary, so that neither is shown beside the other. */
export function reasoningParts(item: Fields): string[] {
  const summary = textsIn(item, "summary");
  return summary.some((part) => part !== "") ? summary : textsIn(item, "content");
}

/** The changes of files in a `fileChange` item, or in an update of it. */
export function changesIn(fields: Fields): FileChange[] {
  return listIn(fields, "changes").map((value): FileChange => {
    const change = fieldsOf(value);
    const kind = fieldsIn(change, "kind");
    const type = textIn(kind, "type");
    const movePath = textIn(kind, "move_path");
    return {
      path: textIn(change, "path"),
      kind: type === "add" || type === "delete"
        ? { type }
        : { type: "update", move_path: movePath === "" ? null : movePath },
      diff: textIn(change, "diff"),
    };
  });
}

function commandOf(item: Fields, base: Base, startedMs: number | null): CommandBlock {
  const output = new BoundedOutput();
  output.replace(textIn(item, "aggregatedOutput"));
  return {
    ...base,
    type: "command",
    command: textIn(item, "command"),
    cwd: textIn(item, "cwd"),
    isOfUser: textIn(item, "source") === "userShell",
    status: statusOf(item, base.isFinal),
    output: output.text,
    omittedChars: output.omittedChars,
    exitCode: numberIn(item, "exitCode"),
    durationMs: numberIn(item, "durationMs"),
    startedMs,
  };
}

function statusOf(item: Fields, isFinal: boolean): CommandStatus {
  const status = textIn(item, "status");
  if (status === "completed" || status === "failed" || status === "declined") return status;
  return isFinal ? "completed" : "inProgress";
}

function inputOf(content: readonly unknown[]): Pick<UserBlock, "text" | "images"> {
  const texts: string[] = [];
  const names: string[] = [];
  const images: string[] = [];
  for (const part of content.map(fieldsOf)) {
    const type = textIn(part, "type");
    if (type === "text") texts.push(textIn(part, "text"));
    else if (type === "image") images.push(imageName(textIn(part, "url")));
    else if (type === "localImage") images.push(baseName(textIn(part, "path")));
    else names.push(textIn(part, "name") || textIn(part, "path") || type);
  }
  // Mentions and skills are in the text already, wherever there is one.
  const text = texts.join("\n") || names.map((name) => `@${name}`).join(" ");
  return { text, images };
}

function imageName(url: string): string {
  const kind = /^data:image\/([a-z0-9.+-]{1,20})/i.exec(url)?.[1];
  if (kind !== undefined) return `${kind} image`;
  return url.startsWith("data:") ? "image" : baseName(url);
}

function baseName(path: string): string {
  return /[^/\\]+(?=[/\\]*$)/.exec(path)?.[0].slice(0, 200) ?? "image";
}

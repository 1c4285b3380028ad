/** Folds the records of a rollout into what the model is sent; pure, must not know the items that clients see. */
import type { ResponseItem } from "../protocol/response_item.ts";
import { type Fields, fieldsOf, listOf, numberOf, textOf } from "./fields.ts";
import { parseResponseItem } from "./response_items.ts";
import type { RolloutRecord } from "./rollout_reader.ts";

/** Record types that the projection needs; others need not be parsed for it. */
export const CONTEXT_RECORD_TYPES: ReadonlySet<string> = new Set([
  "response_item",
  "compacted",
  "event_msg",
]);

/** Output of a call that never got one: the process died, or the turn was cut off. */
export const ABORTED_OUTPUT = "aborted";

/** User messages that the program wrote: they open no turn of their own. */
const PROGRAM_MESSAGE =
  /^\s*(<(environment_context|turn_aborted|user_instructions|user_shell_command|skill|subagent_notification|permissions instructions)>|# AGENTS\.md instructions)/;

/** Folds all records at once. */
export function projectContext(records: readonly RolloutRecord[]): ResponseItem[] {
  const projection = new ContextProjection();
  projection.addAll(records);
  return projection.finish();
}

/** What a compaction put in the place of everything before it. */
interface Replacement {
  readonly type: "replacement";
  /** Null in old files: then the user's messages stay, and the summary follows them. */
  readonly items: readonly ResponseItem[] | null;
  readonly summary: string;
}

/** The unit that a rollback removes. */
interface Segment {
  isUserTurn: boolean;
  readonly entries: (ResponseItem | Replacement)[];
}

/**
 * Items stand in the order of their records. A rollback removes whole turns from the end until the given number of
 * user turns is gone, compactions among them included, so what such a compaction had replaced comes back.
 */
export class ContextProjection {
  #segments: Segment[] = [newSegment()];
  #isTurnOpen = false;

  /** Folds a batch of records. */
  addAll(records: readonly RolloutRecord[]): void {
    for (const record of records) this.add(record);
  }

  /** Folds one record. */
  add(record: RolloutRecord): void {
    switch (record.type) {
      case "response_item": {
        const item = parseResponseItem(record.payload);
        if (item) this.#addItem(item);
        return;
      }
      case "compacted": {
        const payload = fieldsOf(record.payload);
        if (payload) this.#current().entries.push(replacement(payload));
        return;
      }
      case "event_msg": {
        const event = fieldsOf(record.payload);
        if (event) this.#addEvent(event);
      }
    }
  }

  /** The context so far, fit to be sent: every call has its output, and every output its call. */
  finish(): ResponseItem[] {
    let items: ResponseItem[] = [];
    for (const segment of this.#segments) {
      for (const entry of segment.entries) {
        if (entry.type === "replacement") items = replaced(items, entry);
        else items.push(entry);
      }
    }
    return completeCalls(items);
  }

  #addItem(item: ResponseItem): void {
    const isPrompt = isUserPrompt(item);
    if (isPrompt && !this.#isTurnOpen) this.#segments.push(newSegment());
    const segment = this.#current();
    segment.isUserTurn ||= isPrompt;
    segment.entries.push(item);
  }

  #addEvent(event: Fields): void {
    switch (event.type) {
      case "task_started":
      case "turn_started":
        this.#segments.push(newSegment());
        this.#isTurnOpen = true;
        return;
      case "task_complete":
      case "turn_complete":
      case "turn_aborted":
        this.#isTurnOpen = false;
        return;
      case "thread_rolled_back":
        this.#rollBack(numberOf(event, "num_turns") ?? 0);
    }
  }

  #rollBack(turnCount: number): void {
    this.#isTurnOpen = false;
    for (let left = turnCount; left >= 1;) {
      const removed = this.#segments.pop();
      if (!removed) break;
      if (removed.isUserTurn) left--;
    }
    // What follows must not join a turn that a second rollback would remove on its own.
    this.#segments.push(newSegment());
  }

  #current(): Segment {
    const last = this.#segments.at(-1);
    if (last) return last;
    const segment = newSegment();
    this.#segments.push(segment);
    return segment;
  }
}

/** True for a message that a person sent, not one that the program wrote in the user's role. */
export function isUserPrompt(item: ResponseItem): boolean {
  if (item.type !== "message" || item.role !== "user") return false;
  const first = item.content.find((part) => part.text !== undefined)?.text;
  return first === undefined || !PROGRAM_MESSAGE.test(first);
}

/**
 * Gives every call without an output the output "aborted" and drops outputs without a call: providers refuse both.
 */
export function completeCalls(items: readonly ResponseItem[]): ResponseItem[] {
  const calls = new Set<string>();
  const outputs = new Set<string>();
  for (const item of items) {
    if (isCall(item)) calls.add(item.call_id);
    else if (isOutput(item)) outputs.add(item.call_id);
  }
  const complete: ResponseItem[] = [];
  for (const item of items) {
    if (isOutput(item) && !calls.has(item.call_id)) continue;
    complete.push(item);
    if (isCall(item) && !outputs.has(item.call_id)) complete.push(abortedOutput(item));
  }
  return complete;
}

type Call = Extract<
  ResponseItem,
  { type: "function_call" | "custom_tool_call" | "local_shell_call" }
>;
type Output = Extract<
  ResponseItem,
  { type: "function_call_output" | "custom_tool_call_output" }
>;

function isCall(item: ResponseItem): item is Call {
  return item.type === "function_call" || item.type === "custom_tool_call" ||
    item.type === "local_shell_call";
}

function isOutput(item: ResponseItem): item is Output {
  return item.type === "function_call_output" || item.type === "custom_tool_call_output";
}

function abortedOutput(call: Call): Output {
  const type = call.type === "custom_tool_call"
    ? "custom_tool_call_output"
    : "function_call_output";
  return { type, call_id: call.call_id, output: ABORTED_OUTPUT };
}

function replaced(before: readonly ResponseItem[], by: Replacement): ResponseItem[] {
  if (by.items) return [...by.items];
  const summary: ResponseItem = {
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: by.summary }],
  };
  return [...before.filter(isUserPrompt), summary];
}

function replacement(payload: Fields): Replacement {
  const items = Array.isArray(payload.replacement_history)
    ? listOf(payload, "replacement_history").flatMap((item) => parseResponseItem(item) ?? [])
    : null;
  return { type: "replacement", items, summary: textOf(payload, "message") ?? "" };
}

function newSegment(): Segment {
  return { isUserTurn: false, entries: [] };
}

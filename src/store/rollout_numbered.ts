/** Respells our records for files of 0.169 whose records are numbered; must not write them. */
import { basename, isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { type Fields, fieldsOf, listOf, textOf } from "./fields.ts";
import type { RolloutItem } from "./rollout.ts";
import { parseRolloutName } from "./rollout_path.ts";

/**
 * The rest of a numbered file.
 *
 * 0.169 refuses to resume such a file when its last record has no number, and shows only turns whose items
 * are `item_completed` events, so both are kept up in a file that has them. Files that 0.120 and this
 * program start have neither. Records must be passed in the order in which they are written.
 */
export class NumberedRecords {
  readonly #threadId: string;
  #next: number;
  #turnId: string | null = null;
  /** Id of the model's item whose events come next, or null. */
  #itemId: string | null = null;

  constructor(path: string, options: { readonly lastOrdinal: number }) {
    this.#threadId = parseRolloutName(basename(path))?.threadId ?? "";
    this.#next = options.lastOrdinal + 1;
  }

  /** The number of the next record. */
  get next(): number {
    return this.#next;
  }

  /** Goes back to a number, when the records after it could not be written. */
  rewind(next: number): void {
    this.#next = next;
  }

  /** The records in their other spelling, numbered, which are never more than were given. */
  number(items: readonly RolloutItem[], atMs: number): { item: RolloutItem; ordinal: number }[] {
    return mergeReasoning(items).map((item) => ({
      item: withReceipt(this.#respell(item, atMs), item),
      ordinal: this.#next++,
    }));
  }

  #respell(item: RolloutItem, atMs: number): RolloutItem {
    const payload = fieldsOf(item.payload);
    if (item.type === "response_item") this.#itemId = payload && textOf(payload, "id");
    if (item.type !== "event_msg" || !payload) return item;
    if (payload.type === "task_started") this.#turnId = textOf(payload, "turn_id");
    const completed = completedItem(payload, this.#itemId ?? `item-${this.#next}`);
    const turnId = textOf(payload, "turn_id") ?? this.#turnId;
    if (!completed || turnId === null) return item;
    this.#itemId = null;
    return {
      type: "event_msg",
      payload: {
        type: "item_completed",
        thread_id: this.#threadId,
        turn_id: turnId,
        item: completed,
        started_at_ms: atMs,
        completed_at_ms: atMs,
      },
    };
  }
}

/** Another spelling of a record keeps what stands beside its payload. */
function withReceipt(respelled: RolloutItem, { receipt }: RolloutItem): RolloutItem {
  return receipt === undefined ? respelled : { ...respelled, receipt };
}

/** The number of a record, read from the beginning of its line; null where its file numbers none. */
export function ordinalOf(lineStart: string): number | null {
  const digits = ORDINAL.exec(lineStart)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** The order of members that 0.169 writes. */
const ORDINAL = /^\{"timestamp":"[^"\\]{0,40}","ordinal":(\d{1,15}),/;
/** So much of a line holds its number. */
export const ORDINAL_BYTES_MAX = 96;

/** Parts of one summary are an event each with us, and one item there. */
function mergeReasoning(items: readonly RolloutItem[]): RolloutItem[] {
  const merged: RolloutItem[] = [];
  let texts: string[] | null = null;
  for (const item of items) {
    const event = item.type === "event_msg" ? fieldsOf(item.payload) : null;
    if (event?.type !== "agent_reasoning") {
      texts = null;
      merged.push(item);
      continue;
    }
    const text = textOf(event, "text") ?? "";
    if (texts) texts.push(text);
    else merged.push({ type: "event_msg", payload: { ...event, texts: texts = [text] } });
  }
  return merged;
}

/** The item that an event shows, or null for events that show none. */
function completedItem(event: Fields, id: string): Fields | null {
  const callId = textOf(event, "call_id") ?? id;
  switch (event.type) {
    case "user_message":
      return { type: "UserMessage", id, content: userContent(event) };
    case "agent_message": {
      const content = [{ type: "Text", text: event.message }];
      return { type: "AgentMessage", id, content, ...(event.phase ? { phase: event.phase } : {}) };
    }
    case "agent_reasoning":
      return { type: "Reasoning", id, summary_text: event.texts, raw_content: [] };
    case "exec_command_end":
      return commandExecution(event, callId);
    case "patch_apply_end": {
      const { changes, status, stdout, stderr } = event;
      return { type: "FileChange", id: callId, changes, status, stdout, stderr };
    }
    case "web_search_end":
      return { type: "WebSearch", id: callId, query: event.query, action: event.action };
    case "view_image_tool_call":
      return { type: "ImageView", id: callId, path: event.path };
    case "context_compacted":
      return { type: "ContextCompaction", id };
    default:
      return null;
  }
}

function userContent(event: Fields): Fields[] {
  const { message, text_elements } = event;
  return [
    ...(message === "" ? [] : [{ type: "text", text: message, text_elements }]),
    ...listOf(event, "images").map((url) => ({ type: "image", image_url: url })),
    ...listOf(event, "local_images").map((path) => ({ type: "local_image", path })),
  ];
}

function commandExecution(event: Fields, id: string): Fields {
  const cwd = textOf(event, "cwd") ?? "";
  const { process_id, command, parsed_cmd, source, status } = event;
  const { aggregated_output, exit_code, duration } = event;
  return {
    type: "CommandExecution",
    id,
    process_id,
    command,
    // Folders are URLs there.
    cwd: isAbsolute(cwd) ? pathToFileURL(cwd).href : cwd,
    parsed_cmd,
    source,
    status,
    aggregated_output,
    exit_code,
    duration,
  };
}

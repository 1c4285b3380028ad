/** Reads what a list of threads shows from the ends of a rollout, whatever its size; must not build turns. */
import { basename } from "node:path";
import { joinBytes } from "../lib/bytes.ts";
import { fieldsOf, parseJson } from "./fields.ts";
import { toHomeError } from "./home_file.ts";
import { readRange } from "./read_range.ts";
import {
  metaFromName,
  nameOfEvent,
  parseSessionMeta,
  previewOfEvent,
  type RolloutMeta,
} from "./rollout_meta.ts";

/** What the ends of a rollout say. */
export interface RolloutHead {
  readonly meta: RolloutMeta;
  /** Null until there is a user message: such a thread is not listed. */
  readonly preview: string | null;
  /** The last name found near either end; names in the middle of a long file are found in the names file. */
  readonly name: string | null;
  readonly size: number;
  /** Unix milliseconds. */
  readonly mtimeMs: number;
}

const HEAD_BYTES = 65_536;
/** The first user message of a thread with pasted images may stand behind megabytes. */
const HEAD_BYTES_MAX = 16 * 1024 * 1024;
const TAIL_BYTES = 65_536;
const NAME_MARK = '"thread_name_updated"';
const decoder = new TextDecoder();

/**
 * Synchronous, since a page of a rollout costs 10 us this way and 100 us the other: callers pause between files.
 * Null when the file has neither metadata nor a rollout's name.
 */
export function readRolloutHead(path: string): RolloutHead | null {
  try {
    using file = Deno.openSync(path);
    const { size, mtime } = file.statSync();
    const scan = new HeadScan();
    const headEnd = scanHead(file, size, scan);
    if (size > headEnd) {
      const tailStart = Math.max(headEnd, size - TAIL_BYTES);
      scan.addTail(decoder.decode(readRange(file, { start: tailStart, end: size })));
    }
    const meta = scan.meta ?? metaFromName(basename(path));
    if (!meta) return null;
    const mtimeMs = mtime?.getTime() ?? 0;
    return { meta, preview: scan.preview, name: scan.name, size, mtimeMs };
  } catch (error) {
    throw toHomeError(error, `read ${path}`);
  }
}

/** Reads ever larger pieces until metadata and the first user message are found; returns where it stopped. */
function scanHead(file: Deno.FsFile, size: number, scan: HeadScan): number {
  let offset = 0;
  let rest = new Uint8Array(0);
  for (let length = HEAD_BYTES; offset < size && offset < HEAD_BYTES_MAX; length = 1024 * 1024) {
    const chunk = readRange(file, { start: offset, end: Math.min(offset + length, size) });
    if (chunk.length === 0) break;
    offset += chunk.length;
    const bytes = rest.length === 0 ? chunk : joinBytes([rest, chunk]);
    const isLast = offset >= size;
    const end = isLast ? bytes.length : bytes.lastIndexOf(0x0a) + 1;
    scan.addHead(decoder.decode(bytes.subarray(0, end)));
    if (scan.isDone) return offset - (bytes.length - end);
    rest = bytes.slice(end);
  }
  return offset - rest.length;
}

class HeadScan {
  meta: RolloutMeta | null = null;
  preview: string | null = null;
  name: string | null = null;

  get isDone(): boolean {
    return this.meta !== null && this.preview !== null;
  }

  addHead(text: string): void {
    for (let start = 0; start < text.length && !this.isDone;) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      this.#addLine(text.slice(start, end));
      start = end + 1;
    }
    this.addTail(text);
  }

  /** The last name in a text that may start in the middle of a line. */
  addTail(text: string): void {
    for (let mark = text.lastIndexOf(NAME_MARK); mark >= 0;) {
      const start = text.lastIndexOf("\n", mark) + 1;
      const end = text.indexOf("\n", mark);
      const name = nameInLine(text.slice(start, end < 0 ? text.length : end));
      if (name !== undefined) {
        this.name = name;
        return;
      }
      mark = start === 0 ? -1 : text.lastIndexOf(NAME_MARK, start - 1);
    }
  }

  #addLine(line: string): void {
    const isMeta = this.meta === null && line.includes('"session_meta"');
    const isMessage = this.preview === null &&
      (line.includes('"user_message"') || line.includes('"UserMessage"'));
    if (!isMeta && !isMessage) return;
    const record = fieldsOf(parseJson(line));
    const payload = record && fieldsOf(record.payload);
    if (!record || !payload) return;
    if (record.type === "session_meta") this.meta ??= parseSessionMeta(payload);
    if (record.type === "event_msg") this.preview ??= previewOfEvent(payload);
  }
}

function nameInLine(line: string): string | null | undefined {
  const record = fieldsOf(parseJson(line));
  const payload = record && fieldsOf(record.payload);
  return payload && record.type === "event_msg" ? nameOfEvent(payload) : undefined;
}

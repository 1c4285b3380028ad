/** Appends to the rollout of one thread, whole lines only; must not know what the records mean. */
import { dirname } from "node:path";
import { CodexError } from "../lib/errors.ts";
import { parseJson } from "./fields.ts";
import {
  FILE_MODE,
  inHome,
  makePrivateDir,
  removeHomeFile,
  toHomeError,
  tryTruncate,
  writeAll,
} from "./home_file.ts";
import { readRange } from "./read_range.ts";
import { lockRollout } from "./rollout_lock.ts";
import { NumberedRecords, ORDINAL_BYTES_MAX, ordinalOf } from "./rollout_numbered.ts";
export { rolloutPath } from "./rollout_path.ts";

/** One record before it gets its time. */
export interface RolloutItem {
  readonly type: string;
  readonly payload: unknown;
  /** Beside the payload, which the real Codex reads; it passes over members of the line that it does not know. */
  readonly receipt?: unknown;
}

const encoder = new TextEncoder();
const NEWLINE = 0x0a;
const TAIL_CHUNK_BYTES = 65_536;
/** A longer last line is trusted when it ends as a record does, instead of being parsed. */
const TAIL_PARSE_BYTES_MAX = 64 * 1024 * 1024;
const OPEN_ATTEMPTS_MAX = 3;

/**
 * The only writer of a rollout.
 * Invariants:
 * - it holds the lock of the file from open to close, and the lock dies with the process;
 * - when `append` returns, the lines are with the operating system: `kill -9` of this process loses nothing;
 * - when `append` throws, the file is as long as before, or gets cut to that length before anything else is appended;
 * - opening changes nothing: a torn last line of a dead writer is cut by the first append.
 */
export class RolloutWriter {
  readonly path: string;
  readonly #file: Deno.FsFile;
  /** Length to cut to before the next append, after a failure or a dead writer; null when the end is sound. */
  #repairTo: number | null;
  /** A last record without its newline is kept and gets one. */
  #isNewlineMissing: boolean;
  /** Null in files that number no records, as 0.120 and this program start them. */
  readonly #numbered: NumberedRecords | null;
  #isClosed = false;

  private constructor(path: string, file: Deno.FsFile, end: RolloutEnd) {
    this.path = path;
    this.#file = file;
    this.#repairTo = end.cutTo;
    this.#isNewlineMissing = end.isNewlineMissing;
    const { lastOrdinal } = end;
    this.#numbered = lastOrdinal === null ? null : new NumberedRecords(path, { lastOrdinal });
  }

  /** Makes the file, which must not exist, and the folders above it. */
  static create(path: string): RolloutWriter {
    makePrivateDir(dirname(path));
    const file = inHome(
      `create ${path}`,
      () => Deno.openSync(path, { createNew: true, read: true, append: true, mode: FILE_MODE }),
    );
    return closeOnFailure(file, () => {
      lockRollout(file, path);
      return new RolloutWriter(path, file, SOUND_END);
    });
  }

  /** Opens an existing file; `threadLocked` when another process or writer has it. */
  static open(path: string): RolloutWriter {
    for (let attempt = 1;; attempt++) {
      const file = openExisting(path);
      const writer = closeOnFailure(file, () => {
        lockRollout(file, path);
        if (!isStillAt(file, path)) return null;
        return new RolloutWriter(path, file, inHome(`read ${path}`, () => inspectEnd(file)));
      });
      if (writer) return writer;
      file.close();
      // The path was replaced between open and lock: the lock is on a file that nobody will find.
      if (attempt === OPEN_ATTEMPTS_MAX) {
        throw new CodexError("io", `Cannot open ${path}: it keeps being replaced`);
      }
    }
  }

  /** Appends the records with one time, all or nothing. */
  append(items: readonly RolloutItem[], atMs: number): void {
    if (items.length === 0) return;
    const firstOrdinal = this.#numbered?.next ?? 0;
    const text = this.#textOf(items, atMs);
    try {
      inHome(`append to ${this.path}`, () => this.#write(text));
    } catch (error) {
      this.#numbered?.rewind(firstOrdinal);
      throw error;
    }
  }

  #textOf(items: readonly RolloutItem[], atMs: number): string {
    const timestamp = new Date(atMs).toISOString();
    let text = "";
    if (!this.#numbered) {
      for (const item of items) text += rolloutLine(item, timestamp);
      return text;
    }
    for (const { item, ordinal } of this.#numbered.number(items, atMs)) {
      text += lineOf({ timestamp, ordinal, ...membersOf(item) });
    }
    return text;
  }

  /** Removes a new file that its first records could not be written to, so that it can be made again. */
  discard(): void {
    this.close();
    removeHomeFile(this.path);
  }

  /** Lets the file and its lock go; nothing can be appended afterwards. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Closing alone is not enough: a child that is just being started holds a copy until it runs.
    this.#file.unlockSync();
    this.#file.close();
  }

  #write(text: string): void {
    if (this.#isClosed) throw new CodexError("io", `The rollout ${this.path} is closed`);
    if (this.#repairTo !== null) {
      this.#file.truncateSync(this.#repairTo);
      this.#repairTo = null;
    }
    const { size, nlink } = this.#file.statSync();
    if (nlink === 0) {
      // Lines of a removed file would be acknowledged and lost.
      throw new CodexError("io", `Cannot append to ${this.path}: the file was removed`);
    }
    try {
      writeAll(this.#file, encoder.encode(this.#isNewlineMissing ? `\n${text}` : text));
    } catch (error) {
      // When cutting fails too, the next append cuts before it writes; a reader skips the torn line meanwhile.
      this.#repairTo = tryTruncate(this.#file, size) ? null : size;
      throw error;
    }
    this.#isNewlineMissing = false;
  }
}

/** The line of a record, newline included. */
export function rolloutLine(item: RolloutItem, timestamp: string): string {
  return lineOf({ timestamp, ...membersOf(item) });
}

function membersOf({ type, payload, receipt }: RolloutItem): Readonly<Record<string, unknown>> {
  const members = { type, payload: payload ?? null };
  return receipt === undefined ? members : { ...members, receipt };
}

function lineOf(record: Readonly<Record<string, unknown>>): string {
  const line = JSON.stringify(record);
  // A lone surrogate is legal JSON here, but upstream's parser drops the whole line.
  return `${line.includes("\\ud") ? line.replace(ESCAPES, replaceLoneSurrogate) : line}\n`;
}

const ESCAPES = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

function replaceLoneSurrogate(escape: string): string {
  return escape === "\\\\" ? escape : "\\ufffd";
}

interface RolloutEnd {
  readonly cutTo: number | null;
  readonly isNewlineMissing: boolean;
  /** Number of the last sound record, or null. */
  readonly lastOrdinal: number | null;
}

const SOUND_END: RolloutEnd = { cutTo: null, isNewlineMissing: false, lastOrdinal: null };

/** Looks at the last line only: what stands before it is never touched, broken or not. */
function inspectEnd(file: Deno.FsFile): RolloutEnd {
  const size = file.statSync().size;
  if (size === 0) return SOUND_END;
  const hasNewline = byteAt(file, size - 1) === NEWLINE;
  const lineEnd = hasNewline ? size - 1 : size;
  const lineStart = findLineStart(file, lineEnd);
  if (lineStart === lineEnd || isRecord(file, lineStart, lineEnd)) {
    const lastOrdinal = lastOrdinalBefore(file, lineEnd);
    return { cutTo: null, isNewlineMissing: !hasNewline, lastOrdinal };
  }
  const lastOrdinal = lastOrdinalBefore(file, lineStart - 1);
  return { cutTo: lineStart, isNewlineMissing: false, lastOrdinal };
}

/** The number of the last record that ends at `end` or before; what is blank or broken is passed over. */
function lastOrdinalBefore(file: Deno.FsFile, end: number): number | null {
  for (let lineEnd = end; lineEnd > 0;) {
    const start = findLineStart(file, lineEnd);
    const bytes = readRange(file, { start, end: Math.min(lineEnd, start + ORDINAL_BYTES_MAX) });
    const text = new TextDecoder().decode(bytes);
    if (text.startsWith('{"timestamp":')) return ordinalOf(text);
    lineEnd = start - 1;
  }
  return null;
}

function isRecord(file: Deno.FsFile, start: number, end: number): boolean {
  if (end - start > TAIL_PARSE_BYTES_MAX) return byteAt(file, end - 1) === "}".charCodeAt(0);
  const text = new TextDecoder().decode(readRange(file, { start, end }));
  return text.trim() === "" || parseJson(text) !== undefined;
}

/** Offset after the last newline before `end`. */
function findLineStart(file: Deno.FsFile, end: number): number {
  for (let chunkEnd = end; chunkEnd > 0;) {
    const chunkStart = Math.max(0, chunkEnd - TAIL_CHUNK_BYTES);
    const index = readRange(file, { start: chunkStart, end: chunkEnd }).lastIndexOf(NEWLINE);
    if (index >= 0) return chunkStart + index + 1;
    chunkEnd = chunkStart;
  }
  return 0;
}

function byteAt(file: Deno.FsFile, offset: number): number | undefined {
  return readRange(file, { start: offset, end: offset + 1 })[0];
}

function openExisting(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, append: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CodexError("rolloutNotFound", `No rollout at ${path}`, { cause: error });
    }
    throw toHomeError(error, `open ${path}`);
  }
}

function isStillAt(file: Deno.FsFile, path: string): boolean {
  try {
    const found = Deno.statSync(path);
    const opened = file.statSync();
    return found.ino === opened.ino && found.dev === opened.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw toHomeError(error, `look at ${path}`);
  }
}

function closeOnFailure<T>(file: Deno.FsFile, action: () => T): T {
  try {
    return action();
  } catch (error) {
    file.close();
    throw error;
  }
}

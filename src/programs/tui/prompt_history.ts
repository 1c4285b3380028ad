/** The prompts of all sessions in `history.jsonl`, which the real program shares; must not know who writes prompts. */
import type { Clock } from "../../lib/clock.ts";
import { appendHomeFile, FILE_MODE, replaceHomeFile } from "../../store/home_file.ts";
import { withDisposed } from "../../lib/with_disposed.ts";
import { readRange } from "../../store/read_range.ts";
import type { HistoryEntry, PromptHistory } from "../../tui/ports.ts";

/** How prompts are kept. */
export interface PromptHistoryOptions {
  readonly path: string;
  readonly clock: Clock;
  /** False with `history.persistence = "none"`: earlier prompts are read, and nothing is written (as upstream). */
  readonly isWritten: boolean;
  /** `history.max_bytes`; null: the file grows (as upstream). */
  readonly maxBytes: number | null;
}

const ENTRIES_MAX = 2000;
/** Only the end of the file is ever read. */
const READ_BYTES_MAX = 4 * 1024 * 1024;
/** A prompt that is longer was pasted from somewhere, and would push all others out. */
const TEXT_CHARS_MAX = 256 * 1024;
/** After a cut there is room for a while (as upstream). */
const CUT_TO = 0.8;
const LOCK_ATTEMPTS = 10;
const LOCK_PAUSE_MS = 20;
const NEWLINE = 10;

/** The history in a file. */
export function openPromptHistory(options: PromptHistoryOptions): PromptHistory {
  return {
    load: () => Promise.resolve(readEntries(options.path)),
    add: async (entry) => {
      if (!options.isWritten || entry.text.length > TEXT_CHARS_MAX) return;
      try {
        await append(options, entry);
      } catch {
        // A disk that is full must not come between a person and the prompt.
      }
    },
  };
}

/** The entry of a line; null for lines that are torn, foreign or empty. */
export function parseHistoryLine(line: string): HistoryEntry | null {
  try {
    const { session_id: threadId, ts: timeS, text } = Object(JSON.parse(line));
    if (typeof text !== "string" || text === "") return null;
    return {
      threadId: typeof threadId === "string" ? threadId : "",
      timeS: Number.isSafeInteger(timeS) ? timeS : 0,
      text,
    };
  } catch {
    // A line that somebody was writing when the power went is no reason to lose the others.
    return null;
  }
}

function readEntries(path: string): HistoryEntry[] {
  const lines = textOf(readEnd(path, READ_BYTES_MAX));
  return lines.split("\n").map(parseHistoryLine).filter((entry) => entry !== null)
    .slice(-ENTRIES_MAX);
}

async function append(options: PromptHistoryOptions, entry: HistoryEntry): Promise<void> {
  const { path, maxBytes } = options;
  const line = { session_id: entry.threadId, ts: entry.timeS, text: entry.text };
  // Behind a torn line a new one begins; one write never mixes with that of another program.
  const write = () => {
    appendHomeFile(path, `${isTorn(path) ? "\n" : ""}${JSON.stringify(line)}\n`);
    // Whoever made it, prompts are nobody else's (as upstream).
    Deno.chmodSync(path, FILE_MODE);
  };
  if (maxBytes === null) return write();
  // Without the lock somebody else may be cutting the file, and what is appended now would be lost.
  using lock = await lockOf(options);
  write();
  if (lock) cut(path, maxBytes);
}

function cut(path: string, maxBytes: number): void {
  if (Deno.statSync(path).size <= maxBytes) return;
  replaceHomeFile(path, readEnd(path, Math.floor(maxBytes * CUT_TO)));
}

/** The lock of the file, which ends when it is closed; null when others do not let go of it in time. */
async function lockOf({ path, clock }: PromptHistoryOptions): Promise<Deno.FsFile | null> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const file = lockedFile(path);
    if (file) return file;
    await new Promise<void>((resolve) => void clock.after(LOCK_PAUSE_MS, resolve));
  }
  return null;
}

function lockedFile(path: string): Deno.FsFile | null {
  appendHomeFile(path, "");
  const file = Deno.openSync(path);
  // Whoever has cut the file meanwhile has put another one into its place.
  if (file.tryLockSync(true) && file.statSync().ino === Deno.statSync(path).ino) return file;
  file.close();
  return null;
}

function isTorn(path: string): boolean {
  const end = readBytes(path, 1);
  return end.length > 0 && end[0] !== NEWLINE;
}

/** The last whole lines of the file that fit. */
function readEnd(path: string, maxBytes: number): Uint8Array {
  const bytes = readBytes(path, maxBytes + 1);
  if (bytes.length <= maxBytes) return bytes;
  const newline = bytes.indexOf(NEWLINE);
  return newline < 0 ? new Uint8Array() : bytes.subarray(newline + 1);
}

function readBytes(path: string, maxBytes: number): Uint8Array {
  try {
    return withDisposed(Deno.openSync(path), (file) => {
      const { size, isFile } = file.statSync();
      if (!isFile) return new Uint8Array();
      return readRange(file, { start: Math.max(0, size - maxBytes), end: size });
    });
  } catch {
    // Not there yet, or not ours to read: there are no earlier prompts then.
    return new Uint8Array();
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Reads rollouts, however broken, in bounded memory; must not know what the records mean. */
import { CodexError } from "../lib/errors.ts";
import { fieldsOf, parseJson, textOf } from "./fields.ts";
import { toHomeError } from "./home_file.ts";

/** One line of a rollout that could be parsed. */
export interface RolloutRecord {
  /** Position among the lines that are not blank, from 0; broken lines count. */
  readonly index: number;
  /** RFC 3339 as written, or empty. */
  readonly timestamp: string;
  readonly type: string;
  readonly payload: unknown;
  /** What stands beside the payload of user input that came with an idempotency key. */
  readonly receipt?: unknown;
}

/** How a rollout is read. */
export interface ReadRolloutOptions {
  /** Record types to parse; lines that are plainly of another type are skipped unparsed. Absent: all. */
  readonly types?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

const CHUNK_BYTES = 1024 * 1024;
/** Longer lines are skipped: no record that a writer of ours makes comes near. */
export const LINE_BYTES_MAX = 256 * 1024 * 1024;
const NEWLINE = 0x0a;
/** The order of members that upstream and this program write. */
const RECORD_PREFIX = /^\{"timestamp":"[^"\\]{0,40}",(?:"ordinal":\d+,)?"type":"([a-z_]+)"/;

/** All records, in order. */
export async function readRollout(
  path: string,
  options: ReadRolloutOptions = {},
): Promise<RolloutRecord[]> {
  const records: RolloutRecord[] = [];
  for await (const batch of streamRollout(path, options)) {
    for (const record of batch) records.push(record);
  }
  return records;
}

/** The records in batches of about a megabyte, so that a file of any size is folded in bounded memory. */
export async function* streamRollout(
  path: string,
  options: ReadRolloutOptions = {},
): AsyncGenerator<readonly RolloutRecord[]> {
  using file = await openRollout(path);
  const parser = new RecordParser(options.types);
  const lines = new LineBlocks();
  const chunk = new Uint8Array(CHUNK_BYTES);
  while (true) {
    options.signal?.throwIfAborted();
    const count = await readSome(file, chunk, path);
    if (count === null) break;
    const block = lines.push(chunk.subarray(0, count));
    if (block !== null) yield parser.parse(block);
  }
  const rest = lines.end();
  if (rest !== null) yield parser.parse(rest);
}

/**
 * Reads a rollout that this process has locked, and passes the records on in a moment when they are all there is:
 * nothing can be appended before `use` returns.
 */
export async function withSettledRollout<T>(
  path: string,
  use: (records: readonly RolloutRecord[]) => T,
): Promise<T> {
  while (true) {
    const before = sizeOf(path);
    const records = await readRollout(path);
    if (sizeOf(path) === before) return use(records);
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    throw toHomeError(error, `look at ${path}`);
  }
}

/** Parses blocks of whole lines; holds only the count of lines. */
export class RecordParser {
  readonly #types: ReadonlySet<string> | undefined;
  #index = 0;

  constructor(types?: ReadonlySet<string>) {
    this.#types = types;
  }

  /** The records of a text of whole lines. */
  parse(block: string): RolloutRecord[] {
    const records: RolloutRecord[] = [];
    for (let start = 0; start < block.length;) {
      const newline = block.indexOf("\n", start);
      const end = newline < 0 ? block.length : newline;
      const line = block.slice(start, end);
      start = end + 1;
      if (line.length === 0 || line.trim() === "") continue;
      const record = this.#parseLine(line, this.#index++);
      if (record) records.push(record);
    }
    return records;
  }

  #parseLine(line: string, index: number): RolloutRecord | null {
    if (this.#types) {
      const type = RECORD_PREFIX.exec(line)?.[1];
      if (type !== undefined && !this.#types.has(type)) return null;
    }
    const fields = fieldsOf(parseJson(line));
    const type = fields && textOf(fields, "type");
    if (!fields || type === null || (this.#types && !this.#types.has(type))) return null;
    const { payload, receipt } = fields;
    const record = { index, timestamp: textOf(fields, "timestamp") ?? "", type, payload };
    return receipt === undefined ? record : { ...record, receipt };
  }
}

/** Cuts bytes into blocks of whole lines; the rest waits for its newline. */
class LineBlocks {
  readonly #decoder = new TextDecoder();
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #isSkipping = false;

  push(chunk: Uint8Array): string | null {
    const last = chunk.lastIndexOf(NEWLINE);
    if (last < 0) {
      this.#keep(chunk);
      return null;
    }
    const block = this.#join(chunk.subarray(0, last + 1));
    this.#keep(chunk.subarray(last + 1));
    return block;
  }

  end(): string | null {
    return this.#restBytes === 0 || this.#isSkipping ? null : this.#join(new Uint8Array(0));
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#isSkipping) return;
    this.#rest.push(bytes.slice());
    this.#restBytes += bytes.length;
    if (this.#restBytes <= LINE_BYTES_MAX) return;
    this.#rest = [];
    this.#restBytes = 0;
    this.#isSkipping = true;
  }

  #join(bytes: Uint8Array): string {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      // The skipped line keeps its place as a broken one, so that later records keep their index.
      return `?${this.#decoder.decode(bytes.subarray(bytes.indexOf(NEWLINE)))}`;
    }
    if (this.#restBytes === 0) return this.#decoder.decode(bytes);
    const whole = new Uint8Array(this.#restBytes + bytes.length);
    let offset = 0;
    for (const part of this.#rest) {
      whole.set(part, offset);
      offset += part.length;
    }
    whole.set(bytes, offset);
    this.#rest = [];
    this.#restBytes = 0;
    return this.#decoder.decode(whole);
  }
}

async function openRollout(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CodexError("rolloutNotFound", `No rollout at ${path}`, { cause: error });
    }
    throw toHomeError(error, `read ${path}`);
  }
}

async function readSome(file: Deno.FsFile, into: Uint8Array, path: string): Promise<number | null> {
  try {
    return await file.read(into);
  } catch (error) {
    throw toHomeError(error, `read ${path}`);
  }
}

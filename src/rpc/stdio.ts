/** Moves frames as lines of text over byte streams: our own stdio or that of a child; must not know JSON-RPC. */
import { messageOf } from "../lib/errors.ts";
import {
  type ByteSearch,
  describeLineProblem,
  type LineProblem,
  LineSplitter,
} from "../lib/lines.ts";
import { LineBuffer } from "./line_buffer.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Reads into `buffer`; null at the end. `Deno.stdin` is one. */
export interface ByteReader {
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/** Writes some of `bytes` and says how many. `Deno.stdout` is one. */
export interface ByteWriter {
  write(bytes: Uint8Array): Promise<number>;
}

/** What a stdio transport is made of. */
export interface StdioOptions {
  readonly input: ByteReader | ReadableStream<Uint8Array>;
  readonly output: ByteWriter | WritableStream<Uint8Array>;
  readonly peer?: string;
  /** Longest line that is read, in bytes. */
  readonly lineLimitBytes?: number;
  /** Told once when so much comes in that larger buffers below would pay; may give a faster search. */
  readonly onLarge?: () => Promise<ByteSearch | null>;
  /** Told about lines that could not be read; they are skipped. */
  readonly onProblem?: (problem: string) => void;
}

/** A transport over byte streams; `flushed` resolves when nothing waits to be written. */
export interface StdioTransport extends Transport {
  flushed(): Promise<void>;
}

const READ_BYTES = 64 * 1024;
/** Once the first one was filled. */
const LARGE_READ_BYTES = 1024 * 1024;

/** Makes a transport of one message per line. */
export function stdioTransport(options: StdioOptions): StdioTransport {
  return new LineTransport(options);
}

class LineTransport implements StdioTransport {
  readonly peer: string;
  readonly tellsDrained = true;
  readonly #reader: ByteReader & { cancel?(): void };
  readonly #writer: ByteWriter & { close?(): Promise<void> };
  readonly #splitter: LineSplitter;
  readonly #onProblem: ((problem: string) => void) | undefined;
  readonly #onLarge: (() => Promise<ByteSearch | null>) | undefined;
  #sink: TransportSink | undefined;
  readonly #outbox = new LineBuffer();
  #writing: Promise<void> | undefined;
  #pausing: PromiseWithResolvers<void> | undefined;
  #closeReason: string | undefined;
  #isClosed = false;

  constructor(options: StdioOptions) {
    this.peer = options.peer ?? "stdio";
    this.#reader = toReader(options.input);
    this.#writer = toWriter(options.output);
    this.#onProblem = options.onProblem;
    this.#onLarge = options.onLarge;
    const limit = options.lineLimitBytes;
    this.#splitter = new LineSplitter({
      line: (text) => this.#line(text),
      problem: (problem) => this.#problem(problem),
    }, limit === undefined ? {} : { limitBytes: limit });
  }

  get bufferedBytes(): number {
    return this.#outbox.bytes;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    void this.#read();
  }

  send(text: string): void {
    if (this.#closeReason !== undefined) return;
    this.#outbox.push(text);
    this.#writing ??= this.#write();
  }

  close(reason = "closed"): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    void this.flushed().then(() => this.#finish(reason));
  }

  pause(): void {
    this.#pausing ??= Promise.withResolvers();
  }

  resume(): void {
    this.#pausing?.resolve();
    this.#pausing = undefined;
  }

  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(READ_BYTES);
    try {
      while (this.#closeReason === undefined) {
        const count = await this.#reader.read(buffer);
        if (count === null) break;
        await this.#split(buffer.subarray(0, count));
        if (count === READ_BYTES && buffer.length === READ_BYTES) {
          buffer = new Uint8Array(LARGE_READ_BYTES);
          void this.#onLarge?.().then(
            (search) => search && this.#splitter.searchWith(search),
            (error: unknown) => this.#onProblem?.(`Cannot read faster: ${messageOf(error)}`),
          );
        }
      }
      this.#splitter.end();
      this.#end();
    } catch (error) {
      this.#fail(`Cannot read: ${messageOf(error)}`);
    }
  }

  /** In pieces, so that whoever pauses does not get a megabyte of small frames first. */
  async #split(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let start = 0; start < bytes.length; start += READ_BYTES) {
      if (this.#pausing) await this.#pausing.promise;
      this.#splitter.push(bytes.subarray(start, start + READ_BYTES));
    }
  }

  #line(text: string): void {
    if (this.#closeReason === undefined) this.#sink?.frame(text);
  }

  #problem(problem: LineProblem): void {
    this.#onProblem?.(describeLineProblem(problem));
  }

  #end(): void {
    if (this.#closeReason !== undefined) return;
    if (this.#sink?.ended) this.#sink.ended();
    else this.close("end of input");
  }

  /** One write at a time; everything sent while it is in flight goes out with the next one. */
  async #write(): Promise<void> {
    // Waiting for a microtask lets the rest of this tick join the first write.
    await Promise.resolve();
    try {
      for (let bytes = this.#outbox.take(); bytes; bytes = this.#outbox.take()) {
        await this.#writeAll(bytes);
        this.#outbox.release();
        this.#sink?.drained?.();
      }
      this.#writing = undefined;
    } catch (error) {
      this.#outbox.clear();
      this.#writing = undefined;
      this.#fail(`Cannot write: ${messageOf(error)}`);
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      start += await this.#writer.write(bytes.subarray(start));
    }
  }

  #fail(reason: string): void {
    this.#closeReason ??= reason;
    this.#finish(this.#closeReason);
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.resume();
    this.#reader.cancel?.();
    // The peer may be gone already, and then there is nobody left to close the pipe for.
    void this.#writer.close?.().catch(() => undefined);
    this.#sink?.closed(reason);
  }
}

function toReader(input: StdioOptions["input"]): ByteReader & { cancel?(): void } {
  // Not asked by class: naming the classes of streams makes Deno load them, which takes 2 ms of a start.
  if ("read" in input) return { read: (buffer) => input.read(buffer) };
  const reader = input.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async read(buffer) {
      if (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return null;
        rest = value;
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    // A stream that has failed cannot be cancelled, and need not be.
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}

function toWriter(output: StdioOptions["output"]): ByteWriter & { close?(): Promise<void> } {
  if ("write" in output) return { write: (bytes) => output.write(bytes) };
  const writer = output.getWriter();
  return {
    async write(bytes) {
      await writer.write(bytes);
      return bytes.length;
    },
    close: () => writer.close(),
  };
}

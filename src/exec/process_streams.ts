/** What a process reads from and writes to, as plain calls; must not know what the bytes mean. */
import { messageOf } from "../lib/errors.ts";

/** What a pipe holds at most, unless somebody has made it larger. */
const READ_BYTES = 64 * 1024;

/** Bytes that a process writes. */
export interface ByteSource {
  /** The next bytes, which are not kept after the next call; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Gives up what is still to come. */
  cancel(): void;
}

/** Bytes that a process reads. No method rejects. */
export interface ByteSink {
  readonly isOpen: boolean;
  /** False when the process cannot be reached any more. Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends the input, after what was written before. */
  close(): Promise<void>;
}

/** A pipe that the process writes to. A pipe that breaks ends like one that is closed. */
export function pipeSource(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ByteSource {
  const reader = stream.getReader({ mode: "byob" });
  // One buffer for the whole stream: a new one for each chunk is garbage faster than it is collected.
  let buffer = new ArrayBuffer(READ_BYTES);
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return null;
      buffer = value.buffer;
      return value;
    },
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}

/** A pipe that the process reads from. */
export function pipeSink(stream: WritableStream<Uint8Array>): ByteSink {
  let writer: WritableStreamDefaultWriter<Uint8Array> | null = stream.getWriter();
  // A writer that nobody awaits must not become an unhandled rejection when the reader goes away.
  writer.closed.catch(() => writer = null);
  return {
    get isOpen() {
      return writer !== null;
    },
    async write(bytes) {
      if (!writer) return false;
      try {
        await writer.write(bytes);
        return true;
      } catch {
        writer = null;
        return false;
      }
    },
    async close() {
      const closing = writer;
      writer = null;
      // A reader that went away first has closed the pipe already: nothing is left to do.
      await closing?.close().catch(() => undefined);
    },
  };
}

/** What is shown in the place of output that could not be read. */
export function readFailure(name: string, error: unknown): Uint8Array {
  return new TextEncoder().encode(`[${name} failed: ${messageOf(error)}]\n`);
}

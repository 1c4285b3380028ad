/** Reads what appears on a terminal, as it is asked for; must not know who writes there. */
import { ReadStream } from "node:tty";
import type { ByteSource } from "../process_streams.ts";

/** More than this is left in the kernel, which then holds the writer back. */
const QUEUE_BYTES_MAX = 256 * 1024;

/** The output of a terminal. The stream closes the descriptor when it ends. */
export class TerminalOutput implements ByteSource {
  readonly #stream: ReadStream;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #hasEnded = false;
  #waiting: ((chunk: Uint8Array | null) => void) | null = null;

  constructor(descriptor: number) {
    this.#stream = new ReadStream(descriptor);
    this.#stream.on("data", (chunk: Uint8Array) => this.#push(chunk));
    // EIO is how a terminal says that nobody has it open any more.
    this.#stream.on("error", () => this.#end());
    this.#stream.on("close", () => this.#end());
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#bytes -= chunk.length;
      return Promise.resolve(chunk);
    }
    if (this.#hasEnded) return Promise.resolve(null);
    if (this.#stream.isPaused()) this.#stream.resume();
    return new Promise((resolve) => this.#waiting = resolve);
  }

  cancel(): void {
    this.#stream.destroy();
    this.#chunks.length = 0;
    this.#end();
  }

  #push(chunk: Uint8Array): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) return waiting(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= QUEUE_BYTES_MAX) this.#stream.pause();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#waiting?.(null);
    this.#waiting = null;
  }
}

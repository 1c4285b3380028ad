/** Types into a terminal; must not know who reads there. */
import type { ByteSink } from "../process_streams.ts";
import type { Wait } from "../process_tree.ts";
import { terminalSystem } from "./libc.ts";

const LINE_FEED = 0x0a;
const END_OF_INPUT = 0x04;
const PAUSE_MAX_MS = 32;

/** The input of a terminal. What does not fit waits until the other side has read. */
export class TerminalInput implements ByteSink {
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => number;
  readonly #wait: Wait;
  #last: Promise<boolean> = Promise.resolve(true);
  /** Whether the end of input, typed now, would be at the start of a line. */
  #isAtLineStart = true;
  #isOpen = true;
  #isGone = false;

  constructor(descriptor: number, wait: Wait) {
    const { libc } = terminalSystem();
    this.#write = (bytes) => Number(libc.write(descriptor, bytes, BigInt(bytes.length)));
    this.#wait = wait;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  write(bytes: Uint8Array): Promise<boolean> {
    if (!this.#isOpen) return Promise.resolve(false);
    if (bytes.length > 0) this.#isAtLineStart = bytes.at(-1) === LINE_FEED;
    return this.#queue(bytes);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // In the middle of a line the first one only hands over what was typed.
    const typed = this.#isAtLineStart ? [END_OF_INPUT] : [END_OF_INPUT, END_OF_INPUT];
    await this.#queue(new Uint8Array(typed));
  }

  /** The terminal is about to be closed: nothing may be written to its descriptor any more. */
  abandon(): void {
    this.#isOpen = false;
    this.#isGone = true;
  }

  #queue(bytes: Uint8Array): Promise<boolean> {
    // A copy: what does not fit is written later, and callers may reuse their buffer.
    const copy = bytes.slice();
    return this.#last = this.#last.then(() => this.#writeAll(copy));
  }

  async #writeAll(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    let rest = bytes;
    for (let pauseMs = 1; rest.length > 0;) {
      if (this.#isGone) return false;
      const count = this.#write(rest);
      if (count > 0) {
        rest = rest.subarray(count);
        pauseMs = 1;
        continue;
      }
      const system = terminalSystem();
      if (system.errno() !== system.tryAgain) return false;
      await this.#wait(pauseMs).over;
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
    }
    return true;
  }
}

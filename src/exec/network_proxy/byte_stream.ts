/** Reads and writes one connection through one buffer of fixed size; must not know what the bytes mean. */

/** What is left of a connection of the runtime. */
export interface Duplex {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** Bytes that are read ahead of anybody's need, and the longest head of a message. */
export const BUFFER_BYTES = 32 * 1024;
const CR = 13;
const LF = 10;

/** One connection. What is handed out is valid until the next call. */
export class ByteStream {
  readonly #duplex: Duplex;
  readonly #onActivity: () => void;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  #isClosed = false;

  /** `onActivity` is called whenever bytes came or went. */
  constructor(duplex: Duplex, onActivity: () => void) {
    this.#duplex = duplex;
    this.#onActivity = onActivity;
  }

  /** The next bytes, at most `max`; null at the end. */
  async read(max: number = BUFFER_BYTES): Promise<Uint8Array | null> {
    if (this.#start === this.#end && !await this.#fill()) return null;
    const from = this.#start;
    this.#start = Math.min(this.#end, from + max);
    return this.#buffer.subarray(from, this.#start);
  }

  /**
   * All up to and including `ending` (`\r\n` or twice that); `end` at the end before anything came, `cut` in the
   * middle, `long` when it is longer than `max` bytes.
   */
  async readUntil(
    ending: "\r\n" | "\r\n\r\n",
    max: number,
  ): Promise<Uint8Array | "end" | "cut" | "long"> {
    let searched = 0;
    for (;;) {
      const found = this.#find(ending.length, searched);
      if (found !== null) {
        if (found - this.#start > max) return "long";
        const from = this.#start;
        this.#start = found;
        return this.#buffer.subarray(from, found);
      }
      const held = this.#end - this.#start;
      if (held >= max) return "long";
      searched = Math.max(0, held - ending.length + 1);
      if (!await this.#fill()) return held === 0 ? "end" : "cut";
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#duplex.write(at === 0 ? bytes : bytes.subarray(at));
      this.#onActivity();
    }
  }

  /** Tells the other side that nothing more comes. */
  async closeWrite(): Promise<void> {
    if (!this.#isClosed) await this.#duplex.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#duplex.close();
  }

  /** Where the next ending ends, looked for from an offset on. */
  #find(length: number, from: number): number | null {
    const buffer = this.#buffer;
    for (let at = this.#start + from; at + length <= this.#end; at++) {
      const isLine = buffer[at] === CR && buffer[at + 1] === LF;
      if (isLine && (length === 2 || (buffer[at + 2] === CR && buffer[at + 3] === LF))) {
        return at + length;
      }
    }
    return null;
  }

  async #fill(): Promise<boolean> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await this.#duplex.read(this.#buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    this.#onActivity();
    return true;
  }
}

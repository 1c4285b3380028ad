/** Lines on their way out, encoded into memory that is used again and again; must not know who writes them or where. */

/** One block is one write: what fits into a pipe that was made larger, and large enough not to be noticed. */
const BLOCK_BYTES = 512 * 1024;
/** What is ahead of a slow reader beyond this waits as text, which a long message may be. */
const BLOCKS_MAX = 4;
/** Less than this is encoded into an array of its own when it is taken: no block is needed for that. */
const SMALL_CHARS = 64 * 1024;
const NEWLINE = 10;
const encoder = new TextEncoder();

interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  used: number;
  isFull: boolean;
}

/**
 * A queue of lines. Text is encoded as soon as there is much of it: strings that wait survive the collector's quick
 * rounds, and then the heap of a fast stream grows by tens of megabytes; what dies at once costs nothing.
 * Invariant: the order of the lines is kept; blocks come before texts.
 */
export class LineBuffer {
  readonly #blocks: Block[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #texts: string[] = [];
  /** Texts before this one are encoded. */
  #next = 0;
  /** What is left of the text that was begun, if only its newline; null: none was begun. */
  #rest: string | null = null;
  #waitingChars = 0;
  #encodedBytes = 0;
  #taken: Block | null = null;
  #takenBytes = 0;

  /** About how many bytes have been pushed and not yet released. */
  get bytes(): number {
    return this.#waitingChars + this.#encodedBytes + this.#takenBytes;
  }

  /** Adds a line; the text comes without its newline. */
  push(text: string): void {
    this.#texts.push(text);
    // One for the newline.
    this.#waitingChars += text.length + 1;
    if (this.#waitingChars > SMALL_CHARS) this.#encode();
  }

  /** The next bytes to be written, which stay as they are until `release`; null when there is nothing. */
  take(): Uint8Array | null {
    const isSmall = this.#rest === null && this.#waitingChars <= SMALL_CHARS;
    if (!isSmall || this.#blocks.length > 0) this.#encode();
    const block = this.#blocks.shift();
    if (block) {
      this.#taken = block;
      this.#takenBytes = block.used;
      this.#encodedBytes -= block.used;
      return block.bytes.subarray(0, block.used);
    }
    if (this.#texts.length === 0) return null;
    const bytes = encoder.encode(this.#takeTexts(Infinity) + "\n");
    this.#waitingChars = 0;
    this.#takenBytes = bytes.length;
    return bytes;
  }

  /** What was taken last is written. */
  release(): void {
    if (this.#taken) this.#spare.push(this.#taken.bytes);
    this.#taken = null;
    this.#takenBytes = 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#blocks.length = this.#spare.length = 0;
    this.#texts = [];
    this.#next =
      this.#waitingChars =
      this.#encodedBytes =
      this.#takenBytes =
        0;
    this.#rest = this.#taken = null;
  }

  /** Encodes as much as there are blocks for. */
  #encode(): void {
    while (this.#rest !== null || this.#texts.length > 0) {
      const block = this.#openBlock();
      if (!block) return;
      const text = this.#rest ?? this.#takeTexts(SMALL_CHARS);
      const { read, written } = encoder.encodeInto(text, block.bytes.subarray(block.used));
      block.used += written;
      this.#encodedBytes += written;
      this.#waitingChars -= read;
      // The newline needs room, too.
      block.isFull = read < text.length || block.used === BLOCK_BYTES;
      this.#rest = block.isFull ? text.slice(read) : null;
      if (block.isFull) continue;
      block.bytes[block.used++] = NEWLINE;
      this.#encodedBytes++;
      this.#waitingChars--;
    }
  }

  /** The block that is being filled; null: there are enough of them. */
  #openBlock(): Block | null {
    const last = this.#blocks.at(-1);
    if (last && !last.isFull) return last;
    if (this.#blocks.length === BLOCKS_MAX) return null;
    const bytes = this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES);
    const block = { bytes, used: 0, isFull: false };
    this.#blocks.push(block);
    return block;
  }

  /** The next text, or several that are short enough together: one call for many costs less. */
  #takeTexts(charsMax: number): string {
    const start = this.#next;
    let end = start;
    for (let chars = 0; end < this.#texts.length; end++) {
      chars += this.#texts[end]?.length ?? 0;
      if (end > start && chars > charsMax) break;
    }
    const joined = end === start + 1
      ? this.#texts[start] ?? ""
      : this.#texts.slice(start, end).join("\n");
    if (end === this.#texts.length) {
      this.#texts = [];
      this.#next = 0;
    } else {
      // The array may live for long; what is encoded need not.
      this.#texts.fill("", start, end);
      this.#next = end;
    }
    return joined;
  }
}

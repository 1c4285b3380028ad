/** Splits a stream of bytes into UTF-8 lines of bounded length; must not know what a line holds. */

const NEWLINE = 10;
/** 64 MiB: upstream reads lines of 20 MB, and no sane message is larger than this. */
const DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024;
/** Below this a search by other means costs more than it saves. */
const SEARCH_BYTES_MIN = 4096;
/** Room for an unfinished line, to begin with. */
const HELD_BYTES_MIN = 4096;
/** More room than this is given back once its line is delivered. */
const HELD_BYTES_KEPT = 4 * 1024 * 1024;

/** Why a line was not delivered. */
export type LineProblem =
  | { readonly kind: "tooLong"; readonly limitBytes: number }
  | { readonly kind: "notUtf8" };

/** Receives what a `LineSplitter` finds, in the order of the stream. */
export interface LineSink {
  /** One line without its newline; a carriage return before it is left on. */
  line(text: string): void;
  /** A line that cannot be delivered; the next line is read as usual. */
  problem(problem: LineProblem): void;
}

/** Finds a byte in many; -1: there is none. */
export interface ByteSearch {
  first(bytes: Uint8Array<ArrayBuffer>, byte: number): number;
  last(bytes: Uint8Array<ArrayBuffer>, byte: number): number;
}

/** Limits of a `LineSplitter`. */
export interface LineSplitterOptions {
  /** Longest line in bytes, without the newline. */
  readonly limitBytes?: number;
}

/** A byte order mark stays in the text: JSON parsers refuse it, and so does upstream. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * Holds at most one unfinished line, and room for the next one.
 * All whole lines of a chunk are decoded by one call, which is several times faster than line by line.
 */
export class LineSplitter {
  readonly #sink: LineSink;
  readonly #limitBytes: number;
  /** The unfinished line, at its start; kept for the next one, because fresh memory costs more than copying. */
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #heldBytes = 0;
  #search: ByteSearch | null = null;
  /** True while the rest of a line that was too long is skipped. */
  #isSkipping = false;

  constructor(sink: LineSink, options: LineSplitterOptions = {}) {
    this.#sink = sink;
    this.#limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
  }

  /** Has large chunks searched by something faster than what JavaScript offers: half a millisecond for a MiB. */
  searchWith(search: ByteSearch): void {
    this.#search = search;
  }

  /** Takes the next bytes; the caller may reuse the array afterwards. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    const search = chunk.length < SEARCH_BYTES_MIN ? null : this.#search;
    let start = 0;
    if (this.#isSkipping || this.#heldBytes > 0) {
      const end = search ? search.first(chunk, NEWLINE) : chunk.indexOf(NEWLINE);
      this.#hold(end < 0 ? chunk : chunk.subarray(0, end));
      if (end < 0) return;
      this.#finishHeld();
      start = end + 1;
    }
    const last = search ? search.last(chunk, NEWLINE) : chunk.lastIndexOf(NEWLINE);
    if (last >= start) {
      this.#deliver(chunk.subarray(start, last));
      start = last + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The stream has ended: a last line without a newline is still a line. */
  end(): void {
    if (this.#isSkipping || this.#heldBytes > 0) this.#finishHeld();
  }

  #hold(bytes: Uint8Array): void {
    if (this.#isSkipping || bytes.length === 0) return;
    const length = this.#heldBytes + bytes.length;
    if (length > this.#limitBytes) {
      this.#isSkipping = true;
      this.#releaseHeld();
      return;
    }
    if (length > this.#held.length) this.#growHeld(length);
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = length;
  }

  #growHeld(length: number): void {
    const size = Math.max(length, 2 * this.#held.length, HELD_BYTES_MIN);
    // The old memory is given back at once; as garbage it would stay for long.
    this.#held = new Uint8Array(this.#held.buffer.transfer(size));
  }

  #releaseHeld(): void {
    this.#heldBytes = 0;
    if (this.#held.length <= HELD_BYTES_KEPT) return;
    this.#held = new Uint8Array(this.#held.buffer.transfer(0));
  }

  #finishHeld(): void {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      this.#sink.problem({ kind: "tooLong", limitBytes: this.#limitBytes });
      return;
    }
    const text = decodeLine(this.#held.subarray(0, this.#heldBytes));
    this.#releaseHeld();
    this.#give(text);
  }

  /** Delivers the lines of a block that neither starts nor ends inside a line. */
  #deliver(block: Uint8Array): void {
    if (block.length > this.#limitBytes) return this.#deliverOneByOne(block);
    const text = lenient.decode(block);
    // The replacement character is rare in honest text, so only its presence costs a second look.
    if (text.includes("\uFFFD")) return this.#deliverOneByOne(block);
    if (!text.includes("\n")) return this.#sink.line(text);
    for (const line of text.split("\n")) this.#sink.line(line);
  }

  #deliverOneByOne(block: Uint8Array): void {
    for (let start = 0; start <= block.length;) {
      const newline = block.indexOf(NEWLINE, start);
      const end = newline < 0 ? block.length : newline;
      this.#deliverLine(block.subarray(start, end));
      start = end + 1;
    }
  }

  #deliverLine(bytes: Uint8Array): void {
    if (bytes.length > this.#limitBytes) {
      this.#sink.problem({ kind: "tooLong", limitBytes: this.#limitBytes });
      return;
    }
    this.#give(decodeStrictly(bytes));
  }

  #give(text: string | null): void {
    if (text === null) this.#sink.problem({ kind: "notUtf8" });
    else this.#sink.line(text);
  }
}

/** One sentence about a problem, for a log. */
export function describeLineProblem(problem: LineProblem): string {
  return problem.kind === "tooLong"
    ? `Line is longer than ${problem.limitBytes} bytes`
    : "Line is not valid UTF-8";
}

/** Null: the bytes are not UTF-8. */
function decodeLine(bytes: Uint8Array): string | null {
  const text = lenient.decode(bytes);
  // As above: only its presence costs a second look.
  return text.includes("\uFFFD") ? decodeStrictly(bytes) : text;
}

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    // The decoder has no other way to say that the bytes are not UTF-8.
    return null;
  }
}

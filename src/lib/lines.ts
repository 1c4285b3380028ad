/** Splits a stream of bytes into UTF-8 lines of bounded length; must not know what a line holds. */

const NEWLINE = 10;
/** 64 MiB: upstream reads lines of 20 MB, and no sane message is larger than this. */
const DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024;

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

/** Limits of a `LineSplitter`. */
export interface LineSplitterOptions {
  /** Longest line in bytes, without the newline. */
  readonly limitBytes?: number;
}

/** A byte order mark stays in the text: JSON parsers refuse it, and so does upstream. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * Holds at most one unfinished line.
 * All whole lines of a chunk are decoded by one call, which is several times faster than line by line.
 */
export class LineSplitter {
  readonly #sink: LineSink;
  readonly #limitBytes: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** True while the rest of a line that was too long is skipped. */
  #isSkipping = false;

  constructor(sink: LineSink, options: LineSplitterOptions = {}) {
    this.#sink = sink;
    this.#limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
  }

  /** Takes the next bytes; the caller may reuse the array afterwards. */
  push(chunk: Uint8Array): void {
    let start = 0;
    if (this.#isSkipping || this.#partBytes > 0) {
      const end = chunk.indexOf(NEWLINE);
      this.#hold(end < 0 ? chunk : chunk.subarray(0, end));
      if (end < 0) return;
      this.#finishHeld();
      start = end + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last >= start) {
      this.#deliver(chunk.subarray(start, last));
      start = last + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The stream has ended: a last line without a newline is still a line. */
  end(): void {
    if (this.#isSkipping || this.#partBytes > 0) this.#finishHeld();
  }

  #hold(bytes: Uint8Array): void {
    if (this.#isSkipping || bytes.length === 0) return;
    this.#partBytes += bytes.length;
    if (this.#partBytes > this.#limitBytes) {
      this.#isSkipping = true;
      this.#parts = [];
      return;
    }
    this.#parts.push(bytes.slice());
  }

  #finishHeld(): void {
    const parts = this.#parts;
    const length = this.#partBytes;
    this.#parts = [];
    this.#partBytes = 0;
    if (this.#isSkipping) {
      this.#isSkipping = false;
      this.#sink.problem({ kind: "tooLong", limitBytes: this.#limitBytes });
      return;
    }
    const [only] = parts;
    this.#deliver(parts.length === 1 && only ? only : concat(parts, length));
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
    const text = decodeStrictly(bytes);
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

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    // The decoder has no other way to say that the bytes are not UTF-8.
    return null;
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Keeps the beginning and the end of a stream within a fixed size; must not know what the bytes mean. */
import { joinBytes } from "../lib/bytes.ts";
import { lastBoundary, nextBoundary } from "./utf8.ts";

/** What is left of a captured stream. Without a cut, `tail` is empty and `head` is everything. */
export interface Capture {
  readonly head: string;
  readonly tail: string;
  /** Bytes that were dropped between `head` and `tail`. */
  readonly omittedBytes: number;
  /** All bytes that were ever captured. */
  readonly totalBytes: number;
  /** Line feeds among all of them. */
  readonly totalLines: number;
}

const LINE_FEED = 0x0a;
const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * The first and the last `maxBytes / 2` bytes of a stream.
 *
 * Invariants: memory grows with what was written up to about `maxBytes * 1.5`, never beyond; chunks are
 * copied, so a caller may reuse its buffer; no character is split by the cut.
 */
export class HeadTailBuffer {
  readonly #headMax: number;
  readonly #tailMax: number;
  #head: Uint8Array[] = [];
  #headBytes = 0;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #totalBytes = 0;
  #lines = 0;

  constructor(maxBytes: number) {
    this.#headMax = Math.ceil(maxBytes / 2);
    this.#tailMax = Math.floor(maxBytes / 2);
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#totalBytes += chunk.length;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) {
      this.#lines++;
    }
    let rest = chunk;
    if (this.#tailBytes === 0 && this.#headBytes < this.#headMax) {
      const room = rest.subarray(0, this.#headMax - this.#headBytes);
      const part = room.length === rest.length ? rest : room.subarray(0, lastBoundary(room));
      if (part.length > 0) this.#head.push(part.slice());
      this.#headBytes += part.length;
      rest = rest.subarray(part.length);
      // The head is full from here on, even when a character did not fit into its last bytes.
      if (rest.length > 0) this.#headBytes = this.#headMax;
    }
    if (rest.length > 0) this.#pushTail(rest);
  }

  #pushTail(chunk: Uint8Array): void {
    const kept = chunk.length > this.#tailMax
      ? chunk.subarray(chunk.length - this.#tailMax)
      : chunk;
    this.#tail.push(kept.slice());
    this.#tailBytes += kept.length;
    // Many one-byte chunks would cost an object each, so they are joined before they are too many.
    if (this.#tailBytes > this.#tailMax * 2 || this.#tail.length > 4096) this.#compactTail();
  }

  #compactTail(): void {
    const all = joinBytes(this.#tail);
    const cut = all.length > this.#tailMax ? all.slice(all.length - this.#tailMax) : all;
    this.#tail = [cut];
    this.#tailBytes = cut.length;
  }

  /** What was captured so far. */
  snapshot(): Capture {
    const headBytes = joinBytes(this.#head);
    this.#head = [headBytes];
    if (this.#tail.length > 0) this.#compactTail();
    const tailBytes = this.#tail[0];
    const totals = { totalBytes: this.#totalBytes, totalLines: this.#lines };
    const stored = headBytes.length + (tailBytes?.length ?? 0);
    if (tailBytes === undefined || stored === this.#totalBytes) {
      const whole = tailBytes === undefined ? headBytes : joinBytes([headBytes, tailBytes]);
      return { head: DECODER.decode(whole), tail: "", omittedBytes: 0, ...totals };
    }
    const start = nextBoundary(tailBytes, 0);
    return {
      head: DECODER.decode(headBytes),
      tail: DECODER.decode(tailBytes.subarray(start)),
      omittedBytes: this.#totalBytes - stored + start,
      ...totals,
    };
  }

  /** What was captured since the last call, after which capturing starts anew. */
  take(): Capture {
    const capture = this.snapshot();
    this.#head = [];
    this.#tail = [];
    this.#headBytes =
      this.#tailBytes =
      this.#totalBytes =
      this.#lines =
        0;
    return capture;
  }
}

/** The capture as one text that says how much of it is missing. */
export function captureText(capture: Capture): string {
  if (capture.omittedBytes === 0) return capture.head;
  return `${capture.head}\n[... ${capture.omittedBytes} bytes omitted ...]\n${capture.tail}`;
}

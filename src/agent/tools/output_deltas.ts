/** Turns chunks of output into few deltas for clients; must not know processes, items or tools. */
import { nextBoundary } from "../../exec/utf8.ts";
import type { Clock } from "../../lib/clock.ts";

/** Small chunks wait this long for more. */
const COALESCE_MS = 10;
/** More than this is sent at once. */
const FLUSH_CHARS = 8 * 1024;
/** After this much, clients are shown samples of the end: nobody reads a flood, the item has its head and tail. */
const MAX_WHOLE_CHARS = 1 << 20;
const SAMPLE_MS = 250;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Collects output of one command and emits it, in order, as deltas. Nothing is lost below 1 MiB. */
export class OutputDeltas {
  readonly #clock: Clock;
  readonly #emit: (delta: string) => void;
  #pending = "";
  #skippedBytes = 0;
  #emittedChars = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(options: { readonly clock: Clock; readonly emit: (delta: string) => void }) {
    this.#clock = options.clock;
    this.#emit = options.emit;
  }

  /** Takes a chunk that splits no character. */
  push(chunk: Uint8Array): void {
    const isSampling = this.#emittedChars >= MAX_WHOLE_CHARS;
    if (isSampling) this.#sample(chunk);
    else this.#pending += DECODER.decode(chunk);
    if (!isSampling && this.#pending.length >= FLUSH_CHARS) this.flush();
    else {
      this.#cancelTimer ??= this.#clock.after(isSampling ? SAMPLE_MS : COALESCE_MS, () => {
        this.#cancelTimer = null;
        this.flush();
      });
    }
  }

  /** Sends what waits: when the timer fires, and without delay when the command ends. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#pending === "") return;
    const skipped = this.#skippedBytes === 0
      ? ""
      : `\n[... ${this.#skippedBytes} bytes not shown ...]\n`;
    const delta = skipped + this.#pending;
    this.#pending = "";
    this.#skippedBytes = 0;
    this.#emittedChars += delta.length;
    this.#emit(delta);
  }

  /** Keeps only the newest output, so that a flood costs no more than its size in memory once. */
  #sample(chunk: Uint8Array): void {
    if (chunk.length >= FLUSH_CHARS) {
      const start = nextBoundary(chunk, chunk.length - FLUSH_CHARS);
      this.#skippedBytes += this.#pending.length + start;
      this.#pending = DECODER.decode(chunk.subarray(start));
      return;
    }
    this.#pending += DECODER.decode(chunk);
    const excess = this.#pending.length - FLUSH_CHARS;
    if (excess <= FLUSH_CHARS) return;
    this.#skippedBytes += excess;
    this.#pending = this.#pending.slice(excess);
  }
}

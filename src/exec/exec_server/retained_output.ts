/** The last output of a process, as numbered chunks of base64; must not know processes. */

/** Where a piece of output comes from. */
export type OutputSource = "stdout" | "stderr" | "pty";

/** One piece of output. */
export interface OutputChunk {
  readonly seq: number;
  readonly stream: OutputSource;
  /** Base64. */
  readonly chunk: string;
}

interface Kept {
  readonly output: OutputChunk;
  readonly bytes: number;
}

/** Upstream's number. */
const RETAINED_BYTES = 1024 * 1024;
/** Dropped entries before the array is cut, so that dropping costs nothing per chunk. */
const SLACK = 256;

/** Invariant: at most a MiB is kept, but always the latest chunk; the oldest go first. */
export class RetainedOutput {
  #kept: Kept[] = [];
  /** Entries before this one are dropped. */
  #first = 0;
  #bytes = 0;

  push(output: OutputChunk, bytes: number): void {
    this.#kept.push({ output, bytes });
    this.#bytes += bytes;
    while (this.#bytes > RETAINED_BYTES && this.#first < this.#kept.length - 1) {
      this.#bytes -= this.#kept[this.#first]?.bytes ?? 0;
      this.#first++;
    }
    if (this.#first < SLACK) return;
    this.#kept = this.#kept.slice(this.#first);
    this.#first = 0;
  }

  /** The chunks after a number, as many as fit; one in any case. */
  after(seq: number, maxBytes: number): OutputChunk[] {
    const found: OutputChunk[] = [];
    let bytes = 0;
    for (let index = this.#indexAfter(seq); index < this.#kept.length; index++) {
      const kept = this.#kept[index];
      if (!kept) break;
      bytes += kept.bytes;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(kept.output);
    }
    return found;
  }

  /** All that is kept, as text. */
  text(): string {
    const decoder = new TextDecoder();
    return this.#kept.slice(this.#first)
      .map(({ output }) => decoder.decode(Uint8Array.fromBase64(output.chunk))).join("");
  }

  /** Numbers only grow, so the place is found by halving. */
  #indexAfter(seq: number): number {
    let low = this.#first;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept[middle]?.output.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

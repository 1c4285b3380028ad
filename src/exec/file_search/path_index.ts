/** All paths below a root, packed into a few arrays so that hundreds of thousands fit; must not know who asks. */
import { lowerOf } from "./characters.ts";
import type { Query } from "./query.ts";

/** The parent of what lies directly in the root. */
export const ROOT = -1;

const SLASH = 0x2f;
const ASCII_END = 0x80;
/** What a text with characters beyond ASCII may contain: anything. */
const ANYTHING = 0xffffffff;

/** The bit of a character in the mask of a text: letters have one each, others share or have none. */
const MASK_BITS = Uint32Array.from({ length: ASCII_END }, (_, code) => {
  const lower = lowerOf(code);
  if (lower >= 0x61 && lower <= 0x7a) return 1 << (lower - 0x61);
  if (code >= 0x30 && code <= 0x39) return 1 << (26 + (code & 1));
  return [0x2e, 0x5f, 0x2d, SLASH].includes(code) ? 1 << (28 + code % 4) : 0;
});

/** What is remembered of a query to answer a longer one faster. */
interface Answered {
  readonly query: Query;
  readonly entries: Uint32Array;
}

const ANSWERED_MAX = 4;

/** Paths relative to a root, as bytes. Entries are only added; a changed tree gets a new index. */
export class PathIndex {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024);
  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #nameLengths: Uint16Array<ArrayBuffer> = new Uint16Array(1024);
  #masks: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #folders: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #count = 0;
  #answered: Answered[] = [];

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** The bytes of all paths; those of an entry lie between its `start` and its `end`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Adds a name of one character per byte to a folder that was added before. */
  add(parent: number, name: string, isFolder: boolean): number {
    const from = parent === ROOT ? 0 : this.start(parent);
    const to = parent === ROOT ? 0 : this.end(parent);
    this.#reserve(to - from + 1 + name.length);
    const bytes = this.#bytes;
    let at = this.#starts[this.#count] ?? 0;
    let mask = 0;
    if (parent !== ROOT) {
      bytes.copyWithin(at, from, to);
      at += to - from;
      bytes[at++] = SLASH;
      mask = (this.#masks[parent] ?? 0) | (MASK_BITS[SLASH] ?? 0);
    }
    for (let index = 0; index < name.length; index++) {
      const byte = name.charCodeAt(index);
      bytes[at++] = byte;
      mask |= byte < ASCII_END ? MASK_BITS[byte] ?? 0 : ANYTHING;
    }
    const entry = this.#count++;
    this.#starts[entry + 1] = at;
    this.#nameLengths[entry] = name.length;
    this.#masks[entry] = mask;
    this.#folders[entry] = isFolder ? 1 : 0;
    return entry;
  }

  start(entry: number): number {
    return this.#starts[entry] ?? 0;
  }

  end(entry: number): number {
    return this.#starts[entry + 1] ?? 0;
  }

  /** Where the last part of the path begins. */
  nameStart(entry: number): number {
    return this.end(entry) - (this.#nameLengths[entry] ?? 0);
  }

  isFolder(entry: number): boolean {
    return this.#folders[entry] === 1;
  }

  /** Whether the path has characters beyond ASCII. */
  isForeign(entry: number): boolean {
    return this.#masks[entry] === ANYTHING;
  }

  /** Whether the path may have all the characters of the mask; says no only when it is sure. */
  mayHave(entry: number, mask: number): boolean {
    return (mask & ~(this.#masks[entry] ?? 0)) === 0;
  }

  /** Gives back what was reserved for entries that did not come. */
  seal(): void {
    this.#bytes = this.#bytes.slice(0, this.end(this.#count - 1));
    this.#starts = this.#starts.slice(0, this.#count + 1);
    this.#nameLengths = this.#nameLengths.slice(0, this.#count);
    this.#masks = this.#masks.slice(0, this.#count);
    this.#folders = this.#folders.slice(0, this.#count);
  }

  /** Remembers what matched; only of use once the index is complete. */
  remember(query: Query, entries: Uint32Array): void {
    this.#answered = [{ query, entries }, ...this.#answered].slice(0, ANSWERED_MAX);
  }

  /** The smallest set of entries that is known to hold all matches; null: all of them. */
  narrowed(
    query: Query,
    isNarrower: (next: Query, previous: Query) => boolean,
  ): Uint32Array | null {
    let best: Uint32Array | null = null;
    for (const { query: previous, entries } of this.#answered) {
      if ((!best || entries.length < best.length) && isNarrower(query, previous)) best = entries;
    }
    return best;
  }

  #reserve(pathLength: number): void {
    const bytesNeeded = (this.#starts[this.#count] ?? 0) + pathLength;
    if (bytesNeeded > this.#bytes.length) {
      this.#bytes = grown(
        this.#bytes,
        new Uint8Array(Math.max(bytesNeeded, this.#bytes.length * 2)),
      );
    }
    if (this.#count + 2 <= this.#starts.length) return;
    const size = this.#starts.length * 2;
    this.#starts = grown(this.#starts, new Uint32Array(size));
    this.#nameLengths = grown(this.#nameLengths, new Uint16Array(size));
    this.#masks = grown(this.#masks, new Uint32Array(size));
    this.#folders = grown(this.#folders, new Uint8Array(size));
  }
}

/** The mask of the letters that a path needs to match any of the terms that ask for letters. */
export function maskOf(query: Query): number {
  let mask = 0;
  for (const { codes, isInverse } of query.terms) {
    if (isInverse) continue;
    for (const code of codes) {
      // Without its accents a character beyond ASCII may be what was asked for; its mask has every bit.
      if (code < ASCII_END) mask |= MASK_BITS[code] ?? 0;
    }
  }
  return mask;
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

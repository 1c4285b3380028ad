/** Cuts byte streams between UTF-8 characters; must not know where bytes come from. */
import { joinBytes } from "../lib/bytes.ts";

/** Most bytes that an unfinished character at the end of a chunk can have. */
const MAX_PARTIAL_BYTES = 3;
const EMPTY = new Uint8Array(0);

/** Holds back an unfinished character until its rest arrives, so that no chunk ever splits one. */
export class CharacterAligner {
  #held: Uint8Array = EMPTY;

  /** The bytes that may be passed on now; empty when all are held back. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#held.length === 0 ? chunk : joinBytes([this.#held, chunk]);
    const end = lastBoundary(bytes);
    // A copy, so that three held bytes never keep a whole read buffer alive.
    this.#held = end === bytes.length ? EMPTY : bytes.slice(end);
    return bytes.subarray(0, end);
  }

  /** What was still held back when the stream ended: broken, and passed on as it is. */
  finish(): Uint8Array {
    const rest = this.#held;
    this.#held = EMPTY;
    return rest;
  }
}

/** The largest index at which `bytes` may be cut without splitting a character; broken bytes are not held back. */
export function lastBoundary(bytes: Uint8Array): number {
  const length = bytes.length;
  for (let back = 1; back <= Math.min(MAX_PARTIAL_BYTES, length); back++) {
    const byte = bytes[length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return characterLength(byte) > back ? length - back : length;
  }
  return length;
}

/** The first index at or after `from` at which a character starts, looking past at most one character. */
export function nextBoundary(bytes: Uint8Array, from: number): number {
  let index = from;
  while (
    index < bytes.length && index - from < MAX_PARTIAL_BYTES && isContinuation(bytes[index] ?? 0)
  ) index++;
  return index;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function characterLength(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xc2 && lead < 0xe0 ? 2 : 1;
}

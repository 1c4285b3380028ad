/** Strict base64 in pieces, with the errors of upstream's decoder; must not know what is encoded. */
import { unsuitable } from "./os_error.ts";

/** A multiple of 4, so that only the last piece may end in padding. */
const PIECE_CHARS = 2 * 1024 * 1024;
/** A multiple of 3, so that only the last piece ends in padding. */
const PIECE_BYTES = 1536 * 1024;
const PAD = 61;
const encoder = new TextEncoder();

/** How many bytes a well-formed text stands for. */
export function decodedLength(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor(text.length / 4) * 3 - padding;
}

/**
 * The decoded bytes; yields between pieces, so that a long text need not hold up everything else.
 * Throws an error that begins with `what`, in the words of upstream's decoder. `memory` is used if it is enough.
 */
export function* decodeBase64(
  text: string,
  what: string,
  { memory }: { readonly memory?: ArrayBuffer | undefined } = {},
): Generator<void, Uint8Array<ArrayBuffer>, void> {
  if (text.length % 4 !== 0) throw unsuitable(`${what}: ${base64Problem(text)}`);
  const size = decodedLength(text);
  const isEnough = memory !== undefined && memory.byteLength >= size;
  const bytes = isEnough ? new Uint8Array(memory, 0, size) : new Uint8Array(size);
  let position = 0;
  for (let start = 0; start < text.length; start += PIECE_CHARS) {
    const piece = text.slice(start, start + PIECE_CHARS);
    const isLast = start + PIECE_CHARS >= text.length;
    // The built-in decoder skips white space, and padding in the middle would go unnoticed.
    const expected = isLast ? bytes.length - position : PIECE_CHARS / 4 * 3;
    if (decodePiece(piece, bytes.subarray(position)) !== expected) {
      throw unsuitable(`${what}: ${base64Problem(text)}`);
    }
    position += expected;
    if (!isLast) yield;
  }
  return bytes;
}

/** How many bytes the piece gave; null: it is not valid. */
function decodePiece(piece: string, target: Uint8Array<ArrayBuffer>): number | null {
  try {
    const { read, written } = target.setFromBase64(piece, { lastChunkHandling: "strict" });
    return read === piece.length ? written : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The text in pieces that follow each other; yields between them. */
export function* encodeBase64(bytes: Uint8Array): Generator<void, string, void> {
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    if (start > 0) yield;
    text += bytes.subarray(start, start + PIECE_BYTES).toBase64();
  }
  return text;
}

/** What the Rust decoder says about a text that it refuses; offsets count UTF-8 bytes. */
export function base64Problem(text: string): string {
  const bytes = encoder.encode(text);
  const { length } = bytes;
  const last = bytes[length - 1] ?? 0;
  if (length % 4 === 1 && last !== PAD && !isSymbol(last)) return badSymbol(last, length - 1);
  const suffix = length - (length % 4 || Math.min(4, length));
  for (let index = 0; index < suffix; index++) {
    const byte = bytes[index] ?? 0;
    if (!isSymbol(byte)) return badSymbol(byte, index);
  }
  return suffixProblem(bytes, suffix);
}

/** The last group may be padded. */
function suffixProblem(bytes: Uint8Array, suffix: number): string {
  let symbols = 0;
  let padding = 0;
  for (let index = suffix; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === PAD && index - suffix >= 2) {
      padding++;
      continue;
    }
    if (padding > 0) return badSymbol(PAD, index - padding);
    if (!isSymbol(byte)) return badSymbol(byte, index);
    symbols++;
  }
  if (symbols === 1) return `Invalid input length: ${bytes.length}`;
  if ((symbols + padding) % 4 !== 0) return "Invalid padding";
  const lastSymbol = suffix + symbols - 1;
  return `Invalid last symbol ${bytes[lastSymbol]}, offset ${lastSymbol}.`;
}

function badSymbol(byte: number, offset: number): string {
  return `Invalid symbol ${byte}, offset ${offset}.`;
}

function isSymbol(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) ||
    (byte >= 48 && byte <= 57) || byte === 43 || byte === 47;
}

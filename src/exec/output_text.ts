/** Reads the bytes that a command wrote as text, whatever their encoding; must not know what is done with it. */
import { lastBoundary } from "./utf8.ts";

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What the marks at the start of a text stand for, the longest first. */
const MARKS: readonly (readonly [readonly number[], string])[] = [
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
];
/** What old programs of the West write; every byte is a character there. */
const SINGLE_BYTE = "windows-1252";

/**
 * The text of `bytes`. Upstream guesses the encoding where it is not UTF-8; here a byte order mark decides, else
 * what is mostly UTF-8 keeps its good characters, and what has none of them is read as Windows-1252.
 */
export function outputText(bytes: Uint8Array): string {
  const strict = strictText(bytes);
  if (strict !== null) return strict;
  const mark = MARKS.find(([start]) => start.every((byte, at) => bytes[at] === byte));
  if (mark) return new TextDecoder(mark[1]).decode(bytes);
  // A limit may have cut the last character in two.
  const whole = strictText(bytes.subarray(0, lastBoundary(bytes)));
  if (whole !== null) return whole;
  const text = UTF8.decode(bytes);
  return isMostlyUtf8(text) ? text : new TextDecoder(SINGLE_BYTE).decode(bytes);
}

function strictText(bytes: Uint8Array): string | null {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Whether more characters beyond ASCII were read than replaced. */
function isMostlyUtf8(text: string): boolean {
  let good = 0;
  let bad = 0;
  for (const character of text) {
    if (character === "\ufffd") bad++;
    else if (character > "\x7f") good++;
  }
  // Zero bytes are no text in any of them: shown as they are read.
  return good > bad || text.includes("\0");
}

/** Where characters and words begin and end for a person; must not know what is edited. */
import { isChipCharacter } from "./chips.ts";

/** One character as people see it, or one chip. */
export interface Grapheme {
  readonly text: string;
  readonly at: number;
}

/** Boundaries are looked for within this distance, so that a line of a million characters costs no more than others. */
const REACH = 1024;
const CHIP = /([\u{10f000}-\u{10fffd}])/u;
const PLAIN = /^[ -~]*$/;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const WORDS = new Intl.Segmenter(undefined, { granularity: "word" });

/** The characters of a text; a chip never joins its neighbours. */
export function graphemesOf(text: string): Grapheme[] {
  // Most lines of most people, ten times faster.
  if (PLAIN.test(text)) return Array.from(text, (character, at) => ({ text: character, at }));
  const found: Grapheme[] = [];
  let at = 0;
  for (const part of text.split(CHIP)) {
    if (isChipCharacter(part)) found.push({ text: part, at });
    else {for (const { segment, index } of GRAPHEMES.segment(part)) {
        found.push({ text: segment, at: at + index });
      }}
    at += part.length;
  }
  return found;
}

/** The start of the character before `offset`. */
export function characterBefore(text: string, offset: number): number {
  if (offset === 0) return 0;
  if (text[offset - 1] === "\n") return offset - 1;
  const from = reachBack(text, offset);
  return from + (graphemesOf(text.slice(from, offset)).at(-1)?.at ?? 0);
}

/** The end of the character after `offset`. */
export function characterAfter(text: string, offset: number): number {
  if (text[offset] === "\n") return offset + 1;
  const [first] = graphemesOf(text.slice(offset, reachOn(text, offset)));
  return offset + (first?.text.length ?? 0);
}

/** The start of the word before `offset`; at the start of a line, the end of the one before. */
export function wordBefore(text: string, offset: number): number {
  if (offset === 0) return 0;
  if (text[offset - 1] === "\n") return offset - 1;
  const words = wordsOf(text.slice(reachBack(text, offset), offset));
  let start = offset;
  while (words.at(-1)?.kind === "space") start -= words.pop()?.length ?? 0;
  const last = words.pop();
  if (!last) return start;
  start -= last.length;
  while (last.kind === "sign" && words.at(-1)?.kind === "sign") start -= words.pop()?.length ?? 0;
  return start;
}

/** The end of the word after `offset`; at the end of a line, the start of the next. */
export function wordAfter(text: string, offset: number): number {
  if (text[offset] === "\n") return offset + 1;
  const words = wordsOf(text.slice(offset, reachOn(text, offset))).reverse();
  let end = offset;
  while (words.at(-1)?.kind === "space") end += words.pop()?.length ?? 0;
  const first = words.pop();
  if (!first) return end;
  end += first.length;
  while (first.kind === "sign" && words.at(-1)?.kind === "sign") end += words.pop()?.length ?? 0;
  return end;
}

/** The start of the line that `offset` is in. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

/** The end of the line that `offset` is in, before its newline. */
export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end;
}

interface Word {
  readonly length: number;
  /** A chip is a word by itself; signs that follow each other are one. */
  readonly kind: "space" | "word" | "sign";
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const part of text.split(CHIP)) {
    if (isChipCharacter(part)) words.push({ length: part.length, kind: "word" });
    else {
      for (const { segment, isWordLike } of WORDS.segment(part)) {
        const kind = isWordLike ? "word" : segment.trim() === "" ? "space" : "sign";
        words.push({ length: segment.length, kind });
      }
    }
  }
  return words;
}

function reachBack(text: string, offset: number): number {
  const start = lineStart(text, offset);
  return offset - start <= REACH ? start : withoutHalf(text, offset - REACH);
}

function reachOn(text: string, offset: number): number {
  const end = lineEnd(text, offset);
  return end - offset <= REACH ? end : withoutHalf(text, offset + REACH);
}

/** Never the middle of a character of two code units. */
function withoutHalf(text: string, offset: number): number {
  const code = text.charCodeAt(offset);
  return code >= 0xdc00 && code <= 0xdfff ? offset + 1 : offset;
}

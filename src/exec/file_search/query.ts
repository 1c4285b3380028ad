/** What a person typed, as terms that a path has to match; must not know paths or scores. */
import { codePoints, fold, type Folding, lowerOf } from "./characters.ts";

/** How a term has to be found: letters in this order, or in one piece, somewhere, at an end, or as the whole. */
export type TermKind = "fuzzy" | "exact" | "prefix" | "suffix" | "equal";

/** One word of a query. */
export interface Term {
  readonly kind: TermKind;
  /** The path must not match. Never fuzzy. */
  readonly isInverse: boolean;
  /** The characters as typed when case counts, else in lower case. */
  readonly codes: Int32Array;
  readonly folding: Folding;
}

/** A query: a path matches when all terms do. */
export interface Query {
  readonly text: string;
  readonly terms: readonly Term[];
  /** The same with case kept for the words that have upper case; null when none has. */
  readonly casedTerms: readonly Term[] | null;
}

/** Longer queries are cut: no path is so long, and each word costs time on every path. */
const QUERY_LENGTH_MAX = 1024;

/**
 * Reads a query: words are separated by spaces (`\ ` is a space), and may be marked as in fzf:
 * `'part`, `^start`, `end$`, `^whole$`, `!without`.
 */
export function parseQuery(text: string): Query {
  const words = splitWords(text.slice(0, QUERY_LENGTH_MAX)).map(readWord).filter((word) =>
    word.text !== ""
  );
  const hasCase = words.some((word) => hasUpper(word.text));
  return {
    text,
    terms: words.map((word) => term(word, false)),
    casedTerms: hasCase ? words.map((word) => term(word, hasUpper(word.text))) : null,
  };
}

/** Whether everything that matches `next` matches `previous` too, as when a query grows while it is typed. */
export function isNarrower(next: Query, previous: Query): boolean {
  return next.text.startsWith(previous.text) && previous.terms.length > 0 &&
    previous.terms.every(isPlain) && next.terms.every(isPlain) &&
    next.terms.length >= previous.terms.length;
}

function isPlain(term: Term): boolean {
  return term.kind === "fuzzy" && !term.isInverse;
}

interface Word {
  readonly kind: TermKind;
  readonly isInverse: boolean;
  readonly text: string;
}

function splitWords(text: string): string[] {
  const words: string[] = [""];
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === "\\" && text[index + 1] === " ") {
      // Kept apart from a bare backslash until the word is read.
      words[words.length - 1] += " ";
      index++;
    } else if (character === " " || character === "\t") words.push("");
    else words[words.length - 1] += character;
  }
  return words.filter((word) => word !== "");
}

function readWord(raw: string): Word {
  let text = raw;
  const isInverse = text.startsWith("!");
  if (isInverse) text = text.slice(1);
  if (text.startsWith("'")) return { kind: "exact", isInverse, text: text.slice(1) };
  const isPrefix = text.startsWith("^");
  if (isPrefix) text = text.slice(1);
  const isSuffix = text.endsWith("$") && text !== "$";
  if (isSuffix) text = text.slice(0, -1);
  if (isPrefix || isSuffix) {
    return { kind: !isSuffix ? "prefix" : isPrefix ? "equal" : "suffix", isInverse, text };
  }
  // What must be absent would exclude nearly everything if letters far apart counted.
  return { kind: isInverse ? "exact" : "fuzzy", isInverse, text };
}

function term(word: Word, keepsCase: boolean): Term {
  const typed = codePoints(word.text);
  const cased = keepsCase ? typed : typed.map(lowerOf);
  // Somebody who types an accent means it.
  const plain = { keepsCase, keepsAccents: false };
  const keepsAccents = cased.some((code) => fold(code, plain) !== code);
  return {
    kind: word.kind,
    isInverse: word.isInverse,
    codes: Int32Array.from(cased),
    folding: { keepsCase, keepsAccents },
  };
}

function hasUpper(text: string): boolean {
  return text !== text.toLowerCase();
}

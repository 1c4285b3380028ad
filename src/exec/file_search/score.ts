/** How well one path fits a query; must not know how paths are stored, found or compared. */
import type { EntryText } from "./entry_text.ts";
import { fuzzyScore, highestScore, NO_MATCH, pieceScore, type Range } from "./fuzzy.ts";
import type { Term } from "./query.ts";

/** A file whose name alone matches comes before all whose folders are needed (as upstream since 0.169). */
export const NAME_SCORE = 1 << 16;
/** The name is just what was typed (as upstream since 0.169). */
export const EXACT_NAME_SCORE = 1 << 17;
/** Upper case was typed, and is there. */
export const CASE_SCORE = 1 << 18;

const OWN_SCORE_MAX = NAME_SCORE - 1;

/** The most that a path can get whose name alone does not match. */
export function highestPathScore(terms: readonly Term[]): number {
  return terms.reduce((sum, { codes }) => sum + highestScore(codes.length), 0);
}

/** The score of the loaded path, or `NO_MATCH`. Positions of matching characters are added, unsorted. */
export function scorePath(
  text: EntryText,
  options: {
    readonly terms: readonly Term[];
    readonly isFolder: boolean;
    readonly positions?: number[];
  },
): number {
  const { terms, isFolder, positions } = options;
  for (const term of terms) if (term.isInverse && isFound(text, term)) return NO_MATCH;
  const exact = isExactName(text, terms) ? EXACT_NAME_SCORE : 0;
  // Folders are ranked by their whole path: a person mostly looks for files (as upstream).
  if (!isFolder) {
    const inName = sum(text, { terms, from: text.nameAt, positions });
    if (inName > 0) return Math.min(inName, OWN_SCORE_MAX) + NAME_SCORE + exact;
    if (positions) positions.length = 0;
  }
  const inPath = sum(text, { terms, from: 0, positions });
  return inPath === NO_MATCH ? NO_MATCH : Math.min(inPath, OWN_SCORE_MAX) + exact;
}

function sum(
  text: EntryText,
  options: {
    readonly terms: readonly Term[];
    readonly from: number;
    readonly positions: number[] | undefined;
  },
): number {
  let total = 0;
  for (const term of options.terms) {
    if (term.isInverse) continue;
    const score = termScore(text, term, options);
    if (score === NO_MATCH) return NO_MATCH;
    total += score;
  }
  return total;
}

function isFound(text: EntryText, term: Term): boolean {
  return termScore(text, term, { from: 0, positions: undefined }) !== NO_MATCH;
}

// Three parameters: called for every path, so it must not make an object each time.
function termScore(
  text: EntryText,
  term: Term,
  options: { readonly from: number; readonly positions: number[] | undefined },
): number {
  const candidate = text.in(term.folding);
  const pattern = term.codes;
  const { from } = options;
  const to = text.length;
  const found = options.positions ? { positions: options.positions } : {};
  if (term.kind === "fuzzy") {
    return fuzzyScore(candidate, { pattern, range: { from, to }, ...found });
  }
  return pieceScore(candidate, { pattern, starts: startsOf(term, { from, to }), to, ...found });
}

/** Where a piece may begin so that it is anchored as it has to be. */
function startsOf(term: Term, { from, to }: Range): Range {
  const atEnd = Math.max(from, to - term.codes.length);
  const fitsAtEnd = to - term.codes.length >= from;
  switch (term.kind) {
    case "suffix":
      return { from: atEnd, to: fitsAtEnd ? atEnd + 1 : atEnd };
    case "prefix":
      return { from, to: from === 0 ? 1 : from };
    case "equal":
      return { from, to: from === 0 && to === term.codes.length ? 1 : from };
    case "exact":
    case "fuzzy":
      return { from, to };
  }
}

function isExactName(text: EntryText, terms: readonly Term[]): boolean {
  const [term] = terms;
  if (!term || terms.length > 1 || term.isInverse) return false;
  if (term.codes.length !== text.length - text.nameAt) return false;
  const { codes } = text.in(term.folding);
  return term.codes.every((code, index) => codes[text.nameAt + index] === code);
}

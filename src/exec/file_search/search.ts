/** One query over any number of indexes, in portions; must not know how the indexes come about. */
import { lowerOf } from "./characters.ts";
import { EntryText } from "./entry_text.ts";
import { NO_MATCH, type Range } from "./fuzzy.ts";
import { maskOf, type PathIndex } from "./path_index.ts";
import { isNarrower, type Query, type Term } from "./query.ts";
import { CASE_SCORE, highestPathScore, scorePath } from "./score.ts";
import { Top } from "./top.ts";

/** A path that matches. */
export interface Hit {
  /** Which of the roots of the query it lies in. */
  readonly root: number;
  /** Relative to its root; bytes that are not UTF-8 are U+FFFD. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly score: number;
  /** Code points of `path` that the query is made of, ascending. */
  readonly indices: readonly number[];
}

/** One index that is searched. */
export interface SearchedIndex {
  readonly root: number;
  readonly index: PathIndex;
  /** Folders that are roots of the same query themselves: what lies in them is reported there, and once. */
  readonly excluded: readonly string[];
  /** Nothing will be added any more. */
  readonly isComplete: boolean;
}

interface Slot extends SearchedIndex {
  /** What an earlier query left over; null: all entries. */
  readonly source: Uint32Array | null;
  readonly excludedBytes: readonly Uint8Array[];
  readonly matched: number[];
  done: number;
}

interface Found {
  readonly slot: Slot;
  readonly entry: number;
  readonly score: number;
}

// One search advances at a time in a thread, and each advance is synchronous.
const text = new EntryText();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const SAME = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => byte < 128 ? lowerOf(byte) : byte);

/** Finds the best paths for a query. */
export class Search {
  readonly #query: Query;
  readonly #mask: number;
  readonly #slots: readonly Slot[];
  readonly #top: Top<Found>;
  /** Positive terms that letters in order decide, for a first look at the bytes. */
  readonly #letters: readonly Term[];
  /** The same with case kept, where upper case was typed and the letters decide alone; else null. */
  readonly #casedLetters: readonly Term[] | null;
  /** The letters decide alone. */
  readonly #isSimple: boolean;
  readonly #highestPathScore: number;

  constructor(
    query: Query,
    indexes: readonly SearchedIndex[],
    options: { readonly limit: number },
  ) {
    this.#query = query;
    this.#mask = maskOf(query);
    this.#letters = query.terms.filter((term) => term.kind === "fuzzy");
    this.#isSimple = this.#letters.length === query.terms.length;
    this.#casedLetters = this.#isSimple ? query.casedTerms : null;
    this.#highestPathScore = highestPathScore(query.terms);
    this.#top = new Top(options.limit, isBetter);
    this.#slots = indexes.map((searched) => ({
      ...searched,
      source: searched.isComplete ? searched.index.narrowed(query, isNarrower) : null,
      excludedBytes: searched.excluded.map((folder) => encoder.encode(`${folder}/`)),
      matched: [],
      done: 0,
    }));
  }

  /** Looks at so many more entries at most; false when there are no more for now. */
  advance(entriesMax: number): boolean {
    if (this.#query.terms.length === 0) return false;
    let left = entriesMax;
    for (const slot of this.#slots) {
      const size = slot.source?.length ?? slot.index.count;
      const to = Math.min(size, slot.done + left);
      left -= to - slot.done;
      for (; slot.done < to; slot.done++) {
        this.#look(slot, slot.source ? slot.source[slot.done] ?? 0 : slot.done);
      }
      if (left === 0) return true;
    }
    return false;
  }

  /** To be called when all indexes are complete and done: a longer query needs to look at what matched only. */
  remember(): void {
    for (const { index, matched, excluded, isComplete } of this.#slots) {
      if (isComplete && excluded.length === 0) {
        index.remember(this.#query, Uint32Array.from(matched));
      }
    }
  }

  /** The best so far, best first. */
  hits(): Hit[] {
    return this.#top.sorted().map(({ slot, entry, score }) => {
      const { index } = slot;
      return {
        root: slot.root,
        path: decoder.decode(index.bytes.subarray(index.start(entry), index.end(entry))),
        isFolder: index.isFolder(entry),
        score,
        indices: this.#indices(slot, entry),
      };
    });
  }

  #look(slot: Slot, entry: number): void {
    const { index } = slot;
    if (!index.mayHave(entry, this.#mask)) return;
    const isAscii = !index.isForeign(entry);
    const end = index.end(entry);
    if (isAscii && !hasLetters(this.#letters, index.bytes, { from: index.start(entry), to: end })) {
      return;
    }
    if (slot.excludedBytes.length > 0 && isExcluded(slot, entry)) return;
    const isFolder = index.isFolder(entry);
    const isNameDecided = isAscii && this.#isSimple && !isFolder && !this.#mayBeCased(index, entry);
    const name = { from: index.nameStart(entry), to: end };
    if (isNameDecided && hasLetters(this.#letters, index.bytes, name)) {
      text.loadName(index, entry);
    } else if (isNameDecided && this.#isHopeless()) {
      slot.matched.push(entry);
      return;
    } else text.load(index, entry);
    const score = this.#score(isFolder);
    if (score === NO_MATCH) return;
    slot.matched.push(entry);
    const { worst } = this.#top;
    if (!worst || score >= worst.score) this.#top.add({ slot, entry, score });
  }

  /** Whether nothing that needs its folders to match can still be among the best. */
  #isHopeless(): boolean {
    const { worst } = this.#top;
    return worst !== null && worst.score > this.#highestPathScore;
  }

  /** Whether upper case was typed and may be there, which is worth more than a name. */
  #mayBeCased(index: PathIndex, entry: number): boolean {
    const range = { from: index.start(entry), to: index.end(entry) };
    return this.#casedLetters !== null && hasLetters(this.#casedLetters, index.bytes, range);
  }

  #score(isFolder: boolean): number {
    const { terms, casedTerms } = this.#query;
    if (casedTerms) {
      const cased = scorePath(text, { terms: casedTerms, isFolder });
      if (cased !== NO_MATCH) return cased + CASE_SCORE;
    }
    return scorePath(text, { terms, isFolder });
  }

  #indices({ index }: Slot, entry: number): number[] {
    text.load(index, entry);
    const isFolder = index.isFolder(entry);
    const positions: number[] = [];
    const { terms, casedTerms } = this.#query;
    const isCased = casedTerms !== null &&
      scorePath(text, { terms: casedTerms, isFolder, positions }) !== NO_MATCH;
    if (!isCased) {
      positions.length = 0;
      scorePath(text, { terms, isFolder, positions });
    }
    return [...new Set(positions)].sort((one, other) => one - other);
  }
}

/** Whether the letters of each term are there in order. */
function hasLetters(terms: readonly Term[], bytes: Uint8Array, { from, to }: Range): boolean {
  for (const { codes, folding } of terms) {
    const table = folding.keepsCase ? SAME : LOWER;
    let at = from;
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index];
      while (at < to && table[bytes[at] ?? 0] !== code) at++;
      if (at++ >= to) return false;
    }
  }
  return true;
}

/** Better scores first, then shorter paths, then by their bytes: the same whatever was walked first. */
function isBetter(one: Found, other: Found): boolean {
  if (one.score !== other.score) return one.score > other.score;
  const [index, otherIndex] = [one.slot.index, other.slot.index];
  const [start, otherStart] = [index.start(one.entry), otherIndex.start(other.entry)];
  const length = index.end(one.entry) - start;
  const otherLength = otherIndex.end(other.entry) - otherStart;
  if (length !== otherLength) return length < otherLength;
  for (let at = 0; at < length; at++) {
    const difference = (index.bytes[start + at] ?? 0) - (otherIndex.bytes[otherStart + at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return one.slot.root < other.slot.root;
}

function isExcluded({ index, excludedBytes }: Slot, entry: number): boolean {
  const start = index.start(entry);
  return excludedBytes.some((prefix) =>
    index.end(entry) - start > prefix.length &&
    prefix.every((byte, at) => index.bytes[start + at] === byte)
  );
}

/**
 * Where and how well the letters of a term are found in a text: the algorithm of fzf ("v2") with its scheme for
 * paths, which is also what upstream scores by; must not know what the text is.
 */
import { charClass } from "./characters.ts";

/** A text that is being matched: the folded characters and what each is worth. Reused for every text. */
export interface Candidate {
  readonly codes: Int32Array;
  readonly bonuses: Int16Array;
}

/** A stretch of a candidate, the end excluded. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

const SCORE_MATCH = 16;
const GAP_START = -3;
const GAP_EXTENSION = -1;
const BONUS_BOUNDARY = 8;
const BONUS_DELIMITER = BONUS_BOUNDARY + 1;
const BONUS_CAMEL = BONUS_BOUNDARY + GAP_EXTENSION;
const BONUS_CONSECUTIVE = -(GAP_START + GAP_EXTENSION);
const FIRST_CHAR_FACTOR = 2;

/** Above so many cells the first match is scored instead of the best one (as fzf). */
const CELLS_MAX = 100 * 1024;

/** Nothing found. */
export const NO_MATCH = -1;

const CLASSES = 8;
const BONUSES = Int16Array.from(
  { length: CLASSES * CLASSES },
  (_, pair) => bonusOf(Math.floor(pair / CLASSES), pair % CLASSES),
);

/** What a letter of a class is worth after one of another class. */
export function bonusFor(previous: number, current: number): number {
  return BONUSES[previous * CLASSES + current] ?? 0;
}

function bonusOf(previous: number, current: number): number {
  if (current > charClass.nonWord) {
    if (previous === charClass.white || previous === charClass.nonWord) return BONUS_BOUNDARY;
    if (previous === charClass.delimiter) return BONUS_DELIMITER;
  }
  const isCamel = previous === charClass.lower && current === charClass.upper;
  const isNumber = previous !== charClass.digit && current === charClass.digit;
  if (isCamel || isNumber) return BONUS_CAMEL;
  return current === charClass.nonWord || current === charClass.white ? BONUS_BOUNDARY : 0;
}

/** The highest score that so many letters can have. */
export function highestScore(length: number): number {
  return length * (SCORE_MATCH + BONUS_DELIMITER) + BONUS_DELIMITER;
}

// Scratch space of the one search that runs at a time in a thread.
const scores = new Int16Array(CELLS_MAX);
const runs = new Int16Array(CELLS_MAX);
const firsts = new Int32Array(CELLS_MAX);

/** The best score of the letters in that order, or `NO_MATCH`; their positions are added to `positions`. */
export function fuzzyScore(
  candidate: Candidate,
  options: { readonly pattern: Int32Array; readonly range: Range; readonly positions?: number[] },
): number {
  const { pattern, range, positions } = options;
  const { codes } = candidate;
  const { from, to } = range;
  if (pattern.length * (to - from) > CELLS_MAX) return firstMatch(candidate, options);
  const last = findLetters(codes, pattern, range);
  if (last < 0) return NO_MATCH;
  const start = firsts[0] ?? from;
  if (pattern.length === 1) {
    return bestLetter(candidate, { code: pattern[0] ?? 0, from: start, to, positions });
  }
  const width = last - start + 1;
  firstRow(candidate, { code: pattern[0] ?? 0, start, last });
  const best = fillRows(candidate, { pattern, start, last, width });
  if (positions) trace(positions, { length: pattern.length, start, width, column: best.column });
  return best.score;
}

/** Notes where each letter can come first; returns the last place of the last letter, or -1. */
function findLetters(codes: Int32Array, pattern: Int32Array, { from, to }: Range): number {
  let at = from;
  for (let index = 0; index < pattern.length; index++) {
    const code = pattern[index];
    while (at < to && codes[at] !== code) at++;
    if (at === to) return -1;
    firsts[index] = at++;
  }
  const code = pattern[pattern.length - 1];
  let last = to - 1;
  while (codes[last] !== code) last--;
  return last;
}

function bestLetter(
  { codes, bonuses }: Candidate,
  options: Range & { readonly code: number; readonly positions: number[] | undefined },
): number {
  const { code, from, to, positions } = options;
  let best = NO_MATCH;
  let place = from;
  for (let at = from; at < to; at++) {
    if (codes[at] !== code) continue;
    const bonus = bonuses[at] ?? 0;
    const score = SCORE_MATCH + bonus * FIRST_CHAR_FACTOR;
    if (score <= best) continue;
    best = score;
    place = at;
    if (bonus >= BONUS_BOUNDARY) break;
  }
  positions?.push(place);
  return best;
}

/** The row of the first letter: also what it is still worth after a gap. */
function firstRow(
  { codes, bonuses }: Candidate,
  options: { readonly code: number; readonly start: number; readonly last: number },
): void {
  const { code, start, last } = options;
  let previous = 0;
  let isGap = false;
  for (let at = start; at <= last; at++) {
    const isMatch = codes[at] === code;
    const score = isMatch
      ? SCORE_MATCH + (bonuses[at] ?? 0) * FIRST_CHAR_FACTOR
      : Math.max(previous + (isGap ? GAP_EXTENSION : GAP_START), 0);
    scores[at - start] = score;
    runs[at - start] = isMatch ? 1 : 0;
    isGap = !isMatch;
    previous = score;
  }
}

/** One row for each further letter, one column for each character; the last row has the result. */
function fillRows(
  candidate: Candidate,
  options: {
    readonly pattern: Int32Array;
    readonly start: number;
    readonly last: number;
    readonly width: number;
  },
): { readonly score: number; readonly column: number } {
  const { codes, bonuses } = candidate;
  const { pattern, start, last, width } = options;
  let best = 0;
  let column = start;
  for (let index = 1; index < pattern.length; index++) {
    const code = pattern[index];
    const first = firsts[index] ?? last;
    const row = index * width - start;
    const isLastRow = index === pattern.length - 1;
    let isGap = false;
    let left = 0;
    scores[row + first - 1] = 0;
    runs[row + first - 1] = 0;
    for (let at = first; at <= last; at++) {
      const skipped: number = left + (isGap ? GAP_EXTENSION : GAP_START);
      let taken = 0;
      let run = 0;
      if (codes[at] === code) {
        const own = bonuses[at] ?? 0;
        let bonus = own;
        const diagonal = row - width + at - 1;
        run = (runs[diagonal] ?? 0) + 1;
        if (run > 1) {
          const ofRun = bonuses[at - run + 1] ?? 0;
          // A word start inside a run begins a run of its own.
          if (own >= BONUS_BOUNDARY && own > ofRun) run = 1;
          else bonus = Math.max(own, BONUS_CONSECUTIVE, ofRun);
        }
        taken = (scores[diagonal] ?? 0) + SCORE_MATCH;
        if (taken + bonus < skipped) {
          taken += own;
          run = 0;
        } else taken += bonus;
      }
      isGap = taken < skipped;
      left = Math.max(taken, skipped, 0);
      scores[row + at] = left;
      runs[row + at] = run;
      if (isLastRow && left > best) {
        best = left;
        column = at;
      }
    }
  }
  return { score: best, column };
}

/** Walks back from the best cell. */
function trace(
  positions: number[],
  options: {
    readonly length: number;
    readonly start: number;
    readonly width: number;
    readonly column: number;
  },
): void {
  const { length, start, width } = options;
  let index = length - 1;
  let at = options.column;
  let prefersMatch = true;
  while (index >= 0 && at >= start) {
    const cell = index * width + at - start;
    const score = scores[cell] ?? 0;
    const first = firsts[index] ?? start;
    const diagonal = index > 0 && at >= first ? scores[cell - width - 1] ?? 0 : 0;
    const left = at > first ? scores[cell - 1] ?? 0 : 0;
    if (score > diagonal && (score > left || (score === left && prefersMatch))) {
      positions.push(at);
      index--;
    }
    const hasNext = index < length - 1 && at + 1 >= (firsts[index + 1] ?? at + 2);
    prefersMatch = (runs[cell] ?? 0) > 1 || (hasNext && (runs[cell + width + 1] ?? 0) > 0);
    at--;
  }
}

/** The first match, made as short as possible from its end (fzf's "v1"): linear, for very long texts. */
function firstMatch(
  candidate: Candidate,
  options: { readonly pattern: Int32Array; readonly range: Range; readonly positions?: number[] },
): number {
  const { codes } = candidate;
  const { pattern, range, positions } = options;
  let index = 0;
  let at = range.from;
  for (; at < range.to && index < pattern.length; at++) if (codes[at] === pattern[index]) index++;
  if (index < pattern.length) return NO_MATCH;
  const to = at;
  for (index--, at--; index >= 0; at--) if (codes[at] === pattern[index]) index--;
  return scoreOf(candidate, { pattern, range: { from: at + 1, to }, positions });
}

/** The score of letters that are taken wherever they come first in the range. */
function scoreOf(
  { codes, bonuses }: Candidate,
  options: {
    readonly pattern: Int32Array;
    readonly range: Range;
    readonly positions?: number[] | undefined;
  },
): number {
  const { pattern, range, positions } = options;
  let [index, score, run, ofRun, isGap] = [0, 0, 0, 0, false];
  for (let at = range.from; at < range.to; at++) {
    if (codes[at] !== pattern[index]) {
      score += isGap ? GAP_EXTENSION : GAP_START;
      [isGap, run, ofRun] = [true, 0, 0];
      continue;
    }
    positions?.push(at);
    let bonus = bonuses[at] ?? 0;
    if (run === 0) ofRun = bonus;
    else {
      if (bonus >= BONUS_BOUNDARY && bonus > ofRun) ofRun = bonus;
      bonus = Math.max(bonus, ofRun, BONUS_CONSECUTIVE);
    }
    score += SCORE_MATCH + (index === 0 ? bonus * FIRST_CHAR_FACTOR : bonus);
    isGap = false;
    run++;
    index++;
  }
  return score;
}

/** The best score of the letters in one piece at `starts`, or `NO_MATCH`. */
export function pieceScore(
  candidate: Candidate,
  options: {
    readonly pattern: Int32Array;
    /** The range of places where the piece may begin. */
    readonly starts: Range;
    readonly to: number;
    readonly positions?: number[];
  },
): number {
  const { pattern, starts, to, positions } = options;
  const { codes, bonuses } = candidate;
  let place = -1;
  let best = -1;
  for (let at = starts.from; at < starts.to && at + pattern.length <= to; at++) {
    if ((bonuses[at] ?? 0) <= best || !isPieceAt(codes, pattern, at)) continue;
    place = at;
    best = bonuses[at] ?? 0;
    if (best >= BONUS_BOUNDARY) break;
  }
  if (place < 0) return NO_MATCH;
  const range = { from: place, to: place + pattern.length };
  return scoreOf(candidate, { pattern, range, positions });
}

function isPieceAt(codes: Int32Array, pattern: Int32Array, at: number): boolean {
  for (let index = 0; index < pattern.length; index++) {
    if (codes[at + index] !== pattern[index]) return false;
  }
  return true;
}

/** Characters as a fuzzy match sees them: kind, lower case, without accents; must not know paths or scores. */

/** Kinds of characters, in the order that the bonus of fzf relies on. */
export const charClass = {
  white: 0,
  nonWord: 1,
  delimiter: 2,
  lower: 3,
  upper: 4,
  letter: 5,
  digit: 6,
} as const;

/** How the characters of a text are brought to the form in which a term is compared with them. */
export interface Folding {
  readonly keepsCase: boolean;
  readonly keepsAccents: boolean;
}

const SLASH = 0x2f;
const ASCII_END = 0x80;

const ASCII_CLASSES = Uint8Array.from({ length: ASCII_END }, (_, code) => classOfAscii(code));
const ASCII_LOWER = Uint8Array.from(
  { length: ASCII_END },
  (_, code) => code >= 0x41 && code <= 0x5a ? code + 0x20 : code,
);
/** What was found out about characters beyond ASCII; names use few of them. */
const foreignClasses = new Map<number, number>();
const foreignLower = new Map<number, number>();
const foreignBare = new Map<number, number>();
const CACHE_SIZE_MAX = 20_000;

/** The kind of a code point; only a slash separates, as in fzf's scheme for paths. */
export function classOf(code: number): number {
  if (code < ASCII_END) return ASCII_CLASSES[code] ?? charClass.nonWord;
  return cached(foreignClasses, code, classOfForeign);
}

/** The code point in lower case. */
export function lowerOf(code: number): number {
  if (code < ASCII_END) return ASCII_LOWER[code] ?? code;
  return cached(foreignLower, code, lowerOfForeign);
}

/** The code point without its accents: `é` is `e`. */
export function bareOf(code: number): number {
  return code < ASCII_END ? code : cached(foreignBare, code, bareOfForeign);
}

/** The code point in the form that a term is compared with. */
export function fold(code: number, folding: Folding): number {
  const cased = folding.keepsCase ? code : lowerOf(code);
  return folding.keepsAccents ? cased : bareOf(cased);
}

/** The code points of a text. */
export function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

function classOfAscii(code: number): number {
  if (code === SLASH) return charClass.delimiter;
  if (code >= 0x61 && code <= 0x7a) return charClass.lower;
  if (code >= 0x41 && code <= 0x5a) return charClass.upper;
  if (code >= 0x30 && code <= 0x39) return charClass.digit;
  const isWhite = code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return isWhite ? charClass.white : charClass.nonWord;
}

function classOfForeign(code: number): number {
  const character = String.fromCodePoint(code);
  if (/\p{Ll}/u.test(character)) return charClass.lower;
  if (/\p{Lu}/u.test(character)) return charClass.upper;
  if (/\p{N}/u.test(character)) return charClass.digit;
  if (/\p{L}/u.test(character)) return charClass.letter;
  return /\s/u.test(character) ? charClass.white : charClass.nonWord;
}

function lowerOfForeign(code: number): number {
  // A character whose lower case is several, such as `İ`, is compared by the first of them.
  return String.fromCodePoint(code).toLowerCase().codePointAt(0) ?? code;
}

/** Letters of Latin scripts that Unicode does not take apart. */
const BARE_LETTERS: Readonly<Record<string, string>> = {
  ß: "s",
  ø: "o",
  Ø: "O",
  đ: "d",
  Đ: "D",
  ħ: "h",
  Ħ: "H",
  ı: "i",
  ł: "l",
  Ł: "L",
  ŧ: "t",
  Ŧ: "T",
};

function bareOfForeign(code: number): number {
  const letter = BARE_LETTERS[String.fromCodePoint(code)];
  if (letter !== undefined) return letter.charCodeAt(0);
  const [base, ...marks] = codePoints(String.fromCodePoint(code).normalize("NFD"));
  const isAccented = base !== undefined && marks.length > 0 &&
    marks.every((mark) => /\p{Mn}/u.test(String.fromCodePoint(mark)));
  return isAccented ? base : code;
}

function cached(cache: Map<number, number>, code: number, find: (code: number) => number): number {
  let value = cache.get(code);
  if (value === undefined) {
    if (cache.size >= CACHE_SIZE_MAX) cache.clear();
    cache.set(code, value = find(code));
  }
  return value;
}

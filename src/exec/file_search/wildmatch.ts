/**
 * The wildcards of git, matched in bounded time: patterns come from repositories that nobody vouches for, so
 * they must not become regular expressions. Must not know what is done with a match.
 */

/** A character; or one of the wildcards below; or a set of bytes. */
type Token = number | ByteSet;

interface ByteSet {
  readonly bytes: ReadonlySet<number>;
  readonly isNegated: boolean;
}

/** `?` */
const ANY = -1;
/** `*` */
const STAR = -2;
/** Any number of whole folders with their slashes, none too. */
const FOLDERS = -3;
/** Whatever follows. */
const REST = -4;

const SLASH = 0x2f;

/** A pattern in the form in which it is matched. Text and pattern are one character per byte. */
export interface Wildcards {
  readonly tokens: readonly Token[];
  /** The text of a pattern without wildcards. */
  readonly literal: string | null;
  /** `.ts` of `*.ts`: what follows a single star at the start, when no further wildcard does. */
  readonly suffix: string | null;
  /** A text without these characters in a row cannot match. */
  readonly needed: string;
}

/** Reads a pattern; null when it can match nothing, such as one whose bracket is never closed. */
export function readWildcards(pattern: string): Wildcards | null {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    const read = readToken(pattern, at);
    if (read === null) return null;
    tokens.push(read.token);
    at = read.next;
  }
  const [first, ...others] = tokens;
  const suffix = literalOf(others);
  return {
    tokens,
    literal: literalOf(tokens),
    suffix: first === STAR && suffix !== null && !suffix.includes("/") ? suffix : null,
    needed: longestLiteral(tokens),
  };
}

function longestLiteral(tokens: readonly Token[]): string {
  let longest = "";
  let current = "";
  for (const token of tokens) {
    current = typeof token === "number" && token >= 0 ? current + String.fromCharCode(token) : "";
    if (current.length > longest.length) longest = current;
  }
  return longest;
}

/** Whether the wildcards match the whole text. */
export function isWildMatch({ tokens, needed }: Wildcards, text: string): boolean {
  if (!text.includes(needed)) return false;
  const length = text.length;
  let token = 0;
  let at = 0;
  // Where to go on after a mismatch: the last star takes one character more, else the last `**/` a folder more.
  let starToken = -1;
  let starAt = 0;
  let foldersToken = -1;
  let foldersAt = 0;
  for (;;) {
    const expected = tokens[token];
    if (expected === undefined && at === length) return true;
    if (expected === STAR) {
      starToken = ++token;
      starAt = at;
    } else if (expected === FOLDERS) {
      foldersToken = ++token;
      foldersAt = at;
      starToken = -1;
    } else if (expected === REST) {
      return true;
    } else if (expected !== undefined && at < length && isOne(expected, text.charCodeAt(at))) {
      token++;
      at++;
    } else if (starToken >= 0 && starAt < length && text.charCodeAt(starAt) !== SLASH) {
      token = starToken;
      at = ++starAt;
    } else if (foldersToken >= 0) {
      const slash = text.indexOf("/", foldersAt);
      if (slash < 0) return false;
      token = foldersToken;
      at = foldersAt = slash + 1;
      starToken = -1;
    } else return false;
  }
}

/** Whether a text that begins with this character may match; says no only when it is sure. */
export function mayBeginWith({ tokens }: Wildcards, code: number): boolean {
  const [first] = tokens;
  return first === undefined || typeof first !== "number" || first < 0 || first === code;
}

function isOne(token: Token, code: number): boolean {
  if (typeof token === "number") return token === code || (token === ANY && code !== SLASH);
  return code !== SLASH && token.bytes.has(code) !== token.isNegated;
}

function literalOf(tokens: readonly Token[]): string | null {
  let text = "";
  for (const token of tokens) {
    if (typeof token !== "number" || token < 0) return null;
    text += String.fromCharCode(token);
  }
  return text;
}

function readToken(pattern: string, at: number): { token: Token; next: number } | null {
  const code = pattern.charCodeAt(at);
  switch (pattern[at]) {
    case "?":
      return { token: ANY, next: at + 1 };
    case "*":
      return readStars(pattern, at);
    case "[":
      return readSet(pattern, at + 1);
    case "\\":
      return at + 1 < pattern.length ? { token: pattern.charCodeAt(at + 1), next: at + 2 } : null;
    default:
      return { token: code, next: at + 1 };
  }
}

/**
 * Two stars mean folders only where they are a whole part of the path. Git strips what comes before the first
 * wildcard, so that they also do right after it: a pattern of `x`, two stars and `/a` has any folders after `x`.
 */
function readStars(pattern: string, at: number): { token: Token; next: number } {
  let next = at;
  while (pattern[next] === "*") next++;
  const isFirst = !/[*?[\\]/.test(pattern.slice(0, at));
  const isPart = next - at >= 2 && (isFirst || pattern[at - 1] === "/");
  if (isPart && pattern[next] === "/") return { token: FOLDERS, next: next + 1 };
  if (isPart && next === pattern.length) return { token: REST, next };
  return { token: STAR, next };
}

const SETS: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // deno-lint-ignore no-control-regex -- That is what it is.
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Reads what is between brackets, from after the opening one. */
function readSet(pattern: string, from: number): { token: Token; next: number } | null {
  const bytes = new Set<number>();
  const isNegated = pattern[from] === "!" || pattern[from] === "^";
  const start = from + (isNegated ? 1 : 0);
  let at = start;
  while (at === start || pattern[at] !== "]") {
    const named = /^\[:([^\]]*):\]/.exec(pattern.slice(at, at + 16));
    if (named) {
      const set = SETS[named[1] ?? ""];
      if (!set) return null;
      for (let byte = 0; byte < 0x80; byte++) {
        if (set.test(String.fromCharCode(byte))) bytes.add(byte);
      }
      at += named[0].length;
      continue;
    }
    const low = readSetMember(pattern, at);
    if (!low) return null;
    at = low.next;
    let last = low.code;
    if (pattern[at] === "-" && at + 1 < pattern.length && pattern[at + 1] !== "]") {
      const high = readSetMember(pattern, at + 1);
      if (!high) return null;
      at = high.next;
      last = high.code;
    }
    for (let byte = low.code; byte <= last; byte++) bytes.add(byte);
  }
  return { token: { bytes, isNegated }, next: at + 1 };
}

function readSetMember(pattern: string, at: number): { code: number; next: number } | null {
  const place = pattern[at] === "\\" ? at + 1 : at;
  return place < pattern.length ? { code: pattern.charCodeAt(place), next: place + 1 } : null;
}

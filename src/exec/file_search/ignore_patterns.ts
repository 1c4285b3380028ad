/** The patterns of one ignore file, as git reads them; must not know where the file is. */
import { isWildMatch, mayBeginWith, readWildcards, type Wildcards } from "./wildmatch.ts";

/** What a file of patterns says of a path. */
export type Verdict = "ignored" | "kept";

/** A name in a folder that is walked. All texts are one character per byte. */
export interface WalkedName {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  readonly isFolder: boolean;
}

interface Pattern {
  /** The later pattern wins. */
  readonly order: number;
  readonly verdict: Verdict;
  readonly isFolderOnly: boolean;
  /** It is about the path below the folder of the file, not about a name anywhere. */
  readonly isPath: boolean;
  readonly wildcards: Wildcards;
}

/** The patterns of a file that stands for `base` and everything below. */
export class IgnorePatterns {
  /** Names, and `*.ext`, which most patterns are, are looked up; the others are tried, the last first. */
  readonly #names = new Map<string, Pattern[]>();
  readonly #extensions = new Map<string, Pattern[]>();
  readonly #others: Pattern[] = [];
  readonly #base: string;

  constructor(text: string, base: string) {
    this.#base = base === "/" ? "" : base;
    for (const [order, line] of text.replace(/^\xef\xbb\xbf/, "").split("\n").entries()) {
      const pattern = readLine(line, order);
      if (!pattern) continue;
      const { literal, suffix } = pattern.wildcards;
      const isExtension = suffix !== null && suffix.lastIndexOf(".") === 0;
      if (!pattern.isPath && literal !== null) pushTo(this.#names, literal, pattern);
      else if (!pattern.isPath && isExtension) pushTo(this.#extensions, suffix, pattern);
      else this.#others.unshift(pattern);
    }
  }

  get isEmpty(): boolean {
    return this.#names.size === 0 && this.#extensions.size === 0 && this.#others.length === 0;
  }

  /** What the last pattern that matches says; null when none does. */
  verdict(walked: WalkedName): Verdict | null {
    const { name, isFolder } = walked;
    let best = lastOf(this.#names.get(name), isFolder, null);
    if (this.#extensions.size > 0) {
      const extension = name.slice(name.lastIndexOf("."));
      best = lastOf(this.#extensions.get(extension), isFolder, best);
    }
    for (const pattern of this.#others) {
      if (best && best.order > pattern.order) break;
      if (pattern.isFolderOnly && !isFolder) continue;
      if (!this.#isMatch(pattern, walked)) continue;
      best = pattern;
      break;
    }
    return best?.verdict ?? null;
  }

  #isMatch({ isPath, wildcards }: Pattern, { folder, name }: WalkedName): boolean {
    if (!isPath) {
      return wildcards.suffix === null
        ? mayBeginWith(wildcards, name.charCodeAt(0)) && isWildMatch(wildcards, name)
        : name.endsWith(wildcards.suffix);
    }
    const start = this.#base.length + 1;
    const isBelow = folder.length > start;
    if (!mayBeginWith(wildcards, isBelow ? folder.charCodeAt(start) : name.charCodeAt(0))) {
      return false;
    }
    const path = isBelow ? `${folder.slice(start)}/${name}` : name;
    return wildcards.literal === null ? isWildMatch(wildcards, path) : wildcards.literal === path;
  }
}

function lastOf(
  patterns: readonly Pattern[] | undefined,
  isFolder: boolean,
  best: Pattern | null,
): Pattern | null {
  for (const pattern of patterns ?? []) {
    if ((isFolder || !pattern.isFolderOnly) && (!best || pattern.order > best.order)) {
      best = pattern;
    }
  }
  return best;
}

function readLine(line: string, order: number): Pattern | null {
  let text = withoutTrailingSpaces(line.endsWith("\r") ? line.slice(0, -1) : line);
  if (text === "" || text.startsWith("#")) return null;
  const isNegated = text.startsWith("!");
  if (isNegated) text = text.slice(1);
  const isFolderOnly = text.endsWith("/");
  if (isFolderOnly) text = text.slice(0, -1);
  const isPath = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  const wildcards = text === "" ? null : readWildcards(text);
  if (!wildcards) return null;
  return { order, verdict: isNegated ? "kept" : "ignored", isFolderOnly, isPath, wildcards };
}

/** Spaces at the end count only after a backslash. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (line[end - 1] === " ") end--;
  let backslashes = 0;
  while (line[end - 1 - backslashes] === "\\") backslashes++;
  return end < line.length && backslashes % 2 === 1 ? line.slice(0, end + 1) : line.slice(0, end);
}

function pushTo(map: Map<string, Pattern[]>, key: string, pattern: Pattern): void {
  const patterns = map.get(key);
  if (patterns) patterns.push(pattern);
  else map.set(key, [pattern]);
}

/** Applies the hunks of a patch to the text of one file; must not know files on disk or how a patch is written. */
import type { Hunk, HunkLine, Result } from "./patch_parse.ts";

/** Replaces `count` lines from `start` on by `lines`. */
interface Replacement {
  readonly start: number;
  readonly count: number;
  readonly lines: readonly string[];
}

/**
 * The text after all hunks, looked for from top to bottom, each below the one before it.
 *
 * Lines that the patch calls context keep the file's own spelling, also where they matched loosely. New
 * lines get the line ending of the file, and the text ends with one. `path` is for messages only.
 */
export function applyHunks(
  text: string,
  { hunks, path }: { readonly hunks: readonly Hunk[]; readonly path: string },
): Result<string> {
  const file = new FileLines(text);
  const replacements: Replacement[] = [];
  let from = 0;
  let replacedUpTo = 0;
  for (const hunk of hunks) {
    for (const anchor of hunk.anchors) {
      const found = file.find([anchor], { from });
      if (found === null) {
        return { ok: false, message: `Failed to find context '${anchor}' in ${path}` };
      }
      from = found + 1;
    }
    // The end of the file is found without anchors, which models then take from the hunk's own lines.
    const replacement = replace(file, { hunk, from: hunk.isAtEnd ? replacedUpTo : from });
    if (replacement === null) {
      const expected = oldLines(hunk.lines).join("\n");
      return { ok: false, message: `Failed to find expected lines in ${path}:\n${expected}` };
    }
    // A hunk without old lines appends to the file, wherever the other hunks are (as upstream).
    if (replacement.count > 0) from = replacedUpTo = replacement.start + replacement.count;
    replacements.push(replacement);
  }
  return { ok: true, value: file.withReplacements(replacements) };
}

function replace(
  file: FileLines,
  { hunk, from }: { hunk: Hunk; from: number },
): Replacement | null {
  if (oldLines(hunk.lines).length === 0) {
    const lines = hunk.lines.map((line) => file.newLine(line.text));
    return { start: file.length, count: 0, lines };
  }
  for (const lines of [hunk.lines, withoutFinalBlank(hunk.lines)]) {
    const pattern = oldLines(lines);
    const start = file.find(pattern, { from, isAtEnd: hunk.isAtEnd });
    if (start === null) continue;
    let line = start;
    const replaced: string[] = [];
    for (const { kind, text } of lines) {
      if (kind === "add") replaced.push(file.newLine(text));
      else if (kind === "context") replaced.push(file.line(line++));
      else line++;
    }
    return { start, count: pattern.length, lines: replaced };
  }
  return null;
}

function oldLines(lines: readonly HunkLine[]): string[] {
  return lines.filter((line) => line.kind !== "add").map((line) => line.text);
}

/**
 * The hunk without its blank last old line: models take the end of the file for an empty line. No lines
 * when the last old line is not blank.
 */
function withoutFinalBlank(lines: readonly HunkLine[]): readonly HunkLine[] {
  const lastOld = lines.findLastIndex((line) => line.kind !== "add");
  const dropped = lines[lastOld];
  if (dropped?.text !== "") return [];
  const lastNew = lines.findLastIndex((line) => line.kind !== "delete");
  const endsBlank = lines[lastNew]?.text === "";
  if (dropped.kind === "context" && !endsBlank) {
    return lines.with(lastOld, { kind: "add", text: "" });
  }
  const alsoDropped = dropped.kind === "delete" && endsBlank && lastNew > lastOld ? lastNew : -1;
  return lines.filter((_, index) => index !== lastOld && index !== alsoDropped);
}

/** How loosely lines may match, the strictest first. */
const SPELLINGS: readonly ((line: string) => string)[] = [
  (line) => line,
  (line) => line.trimEnd(),
  (line) => line.trim(),
  plainPunctuation,
];

/** The lines of a text, in the spellings in which they may be looked for. */
class FileLines {
  /** Without line feeds; a carriage return before one is part of the line. */
  readonly #lines: readonly string[];
  readonly #byteOrderMark: string;
  readonly #carriageReturn: string;
  /** One entry for each of `SPELLINGS`, made when a search first needs it. */
  readonly #spelled: (readonly string[])[] = [];

  constructor(text: string) {
    this.#byteOrderMark = text.startsWith("\ufeff") ? "\ufeff" : "";
    const body = text.slice(this.#byteOrderMark.length);
    const firstEnd = body.indexOf("\n");
    this.#carriageReturn = firstEnd > 0 && body[firstEnd - 1] === "\r" ? "\r" : "";
    const lines = body.split("\n");
    if (lines.at(-1) === "") lines.pop();
    else lines.push((lines.pop() ?? "") + this.#carriageReturn);
    this.#lines = lines;
  }

  get length(): number {
    return this.#lines.length;
  }

  line(index: number): string {
    return this.#lines[index] ?? "";
  }

  /** A line that the patch adds, with the file's line ending. */
  newLine(text: string): string {
    return text + this.#carriageReturn;
  }

  /** Where the lines stand, at or below `from`, by the strictest spelling that finds them at all. */
  find(
    pattern: readonly string[],
    { from, isAtEnd = false }: { from: number; isAtEnd?: boolean },
  ): number | null {
    const last = this.#lines.length - pattern.length;
    const first = isAtEnd ? Math.max(last, from) : from;
    if (pattern.length === 0 || first > last) return null;
    for (const [index, spell] of SPELLINGS.entries()) {
      const lines = this.#spelled[index] ??= this.#lines.map((line) => spell(bare(line)));
      const wanted = pattern.map(spell);
      for (let start = first; start <= last; start++) {
        if (wanted.every((line, offset) => lines[start + offset] === line)) return start;
      }
    }
    return null;
  }

  withReplacements(replacements: readonly Replacement[]): string {
    const parts: string[] = [];
    let next = 0;
    for (const { start, count, lines } of replacements.toSorted((a, b) => a.start - b.start)) {
      for (; next < start; next++) parts.push(this.line(next));
      for (const line of lines) parts.push(line);
      next += count;
    }
    for (; next < this.#lines.length; next++) parts.push(this.line(next));
    return this.#byteOrderMark + parts.map((line) => `${line}\n`).join("");
  }
}

function bare(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** The line with typographic dashes, quotes and spaces replaced by what a keyboard has. */
function plainPunctuation(line: string): string {
  return line.trim()
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, " ");
}

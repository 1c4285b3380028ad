/** Cuts markdown that still grows into parts that will not change any more; must not know how they look. */

/** One piece of a message: prose is drawn as markdown of its own, code line by line. */
export interface Part {
  readonly kind: "prose" | "code";
  readonly lines: readonly string[];
  /** Of code; empty where the author named none. */
  readonly language: string;
  /** Whether an empty line belongs before it. */
  readonly hasGap: boolean;
}

interface OpenPart {
  kind: "prose" | "item" | "code";
  lines: string[];
  language: string;
  hasGap: boolean;
  /** How the code began, and so has to end. */
  fence: string;
  /** A fence within a list or a quote: nothing in it is a border. */
  innerFence: string;
}

const FENCE = /^(`{3,}|~{3,})[ \t]*([^`]*)$/;
const INNER_FENCE = /^(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])+(`{3,}|~{3,})[^`]*$/;
const ITEM = /^(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/;
/** Only these may begin a list right after a paragraph. */
const INTERRUPTING_ITEM = /^(?:[-*+]|1[.)])[ \t]+\S/;

type Step = "skip" | "append" | "close" | "prose" | "item" | "code";

/**
 * Reads a message line by line. A part ends where the next one begins, and that depends on complete lines only, so a
 * message gives the same parts in whatever pieces it came.
 */
export class PartReader {
  #open: OpenPart | null = null;
  #isAfterBlank = false;

  /** Takes the next line; returns the part that it has ended, if it has. */
  push(line: string): Part | null {
    const step = this.#stepFor(line);
    const open = this.#open;
    switch (step) {
      case "skip":
        this.#isAfterBlank = true;
        if (open !== null) open.lines.push("");
        return null;
      case "append":
        if (open !== null) this.#append(open, line);
        return null;
      case "close":
        this.#open = null;
        this.#isAfterBlank = true;
        return open && finished(open);
      default:
        this.#open = this.#begin(step, line);
        this.#isAfterBlank = false;
        return open && finished(open);
    }
  }

  /** What is not finished, as it looks with the beginning of one more line; at most two parts. */
  tail(line: string): Part[] {
    const open = this.#open;
    const rest = open === null ? [] : [finished(open)];
    if (line === "") return rest;
    const step = this.#stepFor(line);
    if (step === "skip" || step === "close") return rest;
    // The first ticks of the end of a code would flash up as a line of it.
    if (open?.kind === "code" && open.fence.startsWith(line)) return rest;
    if (step !== "append") return [...rest, finished(this.#begin(step, line))];
    return open === null ? [] : [finished({ ...open, lines: [...open.lines, line] })];
  }

  #append(open: OpenPart, line: string): void {
    this.#isAfterBlank = false;
    open.lines.push(line);
    if (open.kind === "code") return;
    if (open.innerFence !== "") {
      if (isClosing(line.replace(/^[ \t>]+/, ""), open.innerFence)) open.innerFence = "";
    } else open.innerFence = INNER_FENCE.exec(line)?.[1] ?? "";
  }

  #begin(kind: "prose" | "item" | "code", line: string): OpenPart {
    const fence = kind === "code" ? FENCE.exec(line) : null;
    // Items that follow each other, and a list after its paragraph, stand together.
    const hasGap = this.#isAfterBlank || kind === "code";
    return {
      kind,
      lines: kind === "code" ? [] : [line],
      language: fence?.[2]?.trim().split(/\s/)[0] ?? "",
      hasGap,
      fence: fence?.[1] ?? "",
      innerFence: kind === "item" ? INNER_FENCE.exec(line)?.[1] ?? "" : "",
    };
  }

  #stepFor(line: string): Step {
    const open = this.#open;
    if (open?.kind === "code") return isClosing(line, open.fence) ? "close" : "append";
    if (open !== null && open.innerFence !== "") return "append";
    if (line.trim() === "") return "skip";
    if (FENCE.test(line)) return "code";
    if (open === null) return ITEM.test(line) ? "item" : "prose";
    if (ITEM.test(line) && (open.kind === "item" || this.#isAfterBlank)) return "item";
    if (INTERRUPTING_ITEM.test(line)) return "item";
    const isApart = this.#isAfterBlank && (open.kind === "prose" || /^\S/.test(line));
    return isApart ? "prose" : "append";
  }
}

function isClosing(line: string, fence: string): boolean {
  const text = line.trimEnd();
  return text.length >= fence.length && text === (fence[0] ?? "").repeat(text.length);
}

function finished({ kind, lines, language, hasGap }: OpenPart): Part {
  const trimmed = kind === "code" ? lines : withoutBlankEnd(lines);
  return { kind: kind === "code" ? kind : "prose", lines: trimmed, language, hasGap };
}

function withoutBlankEnd(lines: string[]): string[] {
  let end = lines.length;
  while (end > 0 && lines[end - 1] === "") end--;
  return end === lines.length ? lines : lines.slice(0, end);
}

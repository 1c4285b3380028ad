/** Draws a message that grows: only what more text can change is drawn again; must not know blocks. */
import { renderCode, renderPlainCode } from "./code.ts";
import { type Part, PartReader } from "./markdown_parts.ts";
import { LiveProse, type ProseLook } from "./prose.ts";
import { cleanLine } from "./wrap.ts";

/** The lines of a message, and from where on they differ from those of the last time. */
export interface DrawnText {
  /** The same list each time, changed in place. */
  readonly lines: readonly string[];
  readonly changedFrom: number;
}

/** The lines of a whole message. */
export function renderMarkdown(
  text: string,
  { look, width }: { readonly look: ProseLook; readonly width: number },
): readonly string[] {
  return new StreamedMarkdown(look, width).update(text, { isFinal: true }).lines;
}

/**
 * One message at one width. Whatever pieces the text came in, the lines are those that the whole text gives.
 * Colours of code wait for its end: to parse it anew with each word would be slow.
 */
export class StreamedMarkdown {
  readonly #look: ProseLook;
  readonly #liveLook: ProseLook;
  readonly #width: number;
  #reader = new PartReader();
  /** What was drawn already, and where the first incomplete line begins in it. */
  #seen = "";
  #offset = 0;
  readonly #lines: string[] = [];
  /** So many of the lines belong to finished parts. */
  #stable = 0;
  #live: LiveProse[] = [];
  #liveCode: { count: number; readonly lines: string[] } | null = null;

  constructor(look: ProseLook, width: number) {
    this.#look = look;
    this.#liveLook = { ...look, highlight: () => null };
    this.#width = width;
  }

  /** Draws the text, which usually is the last one with something added. */
  update(text: string, { isFinal = false }: { readonly isFinal?: boolean } = {}): DrawnText {
    if (!text.startsWith(this.#seen)) this.#restart();
    this.#seen = text;
    const changedFrom = this.#stable;
    this.#lines.length = this.#stable;
    for (;;) {
      const newline = text.indexOf("\n", this.#offset);
      if (newline < 0) break;
      const part = this.#reader.push(lineOf(text.slice(this.#offset, newline)));
      this.#offset = newline + 1;
      if (part !== null) this.#finish(part);
    }
    const tail = this.#reader.tail(lineOf(text.slice(this.#offset)));
    tail.forEach((part, index) => {
      this.#add(part, isFinal ? this.#drawn(part) : this.#drawnLive(part, index));
    });
    return { lines: this.#lines, changedFrom };
  }

  #restart(): void {
    this.#reader = new PartReader();
    this.#offset = 0;
    this.#stable = 0;
    this.#live = [];
    this.#liveCode = null;
  }

  #finish(part: Part): void {
    this.#lines.length = this.#stable;
    this.#add(part, this.#drawn(part));
    this.#stable = this.#lines.length;
    // What was the second of two that grow is the first now.
    this.#live = this.#live.slice(1);
    this.#liveCode = null;
  }

  #add(part: Part, drawn: readonly string[]): void {
    if (drawn.length === 0) return;
    if (part.hasGap && this.#lines.length > 0) this.#lines.push("");
    for (const line of drawn) this.#lines.push(line);
  }

  #drawn(part: Part): readonly string[] {
    const place = { look: this.#look, width: this.#width };
    if (part.kind === "code") return renderCode(part, place);
    return new LiveProse(this.#look, this.#width).render(part.lines.join("\n"));
  }

  #drawnLive(part: Part, index: number): readonly string[] {
    if (part.kind === "code") return this.#drawnLiveCode(part);
    const live = this.#live[index] ?? new LiveProse(this.#liveLook, this.#width);
    this.#live[index] = live;
    return live.render(part.lines.join("\n"));
  }

  /** All lines of a code but the last one stay as they are. */
  #drawnLiveCode({ lines }: Part): readonly string[] {
    const place = { look: this.#look, width: this.#width };
    const known = this.#liveCode ?? { count: 0, lines: [] };
    const done = Math.max(known.count, lines.length - 1);
    for (const line of renderPlainCode(lines.slice(known.count, done), place)) {
      known.lines.push(line);
    }
    known.count = done;
    this.#liveCode = known;
    return [...known.lines, ...renderPlainCode(lines.slice(done), place)];
  }
}

function lineOf(raw: string): string {
  return cleanLine(raw.endsWith("\r") ? raw.slice(0, -1) : raw);
}

/** Draws one part of prose: paragraphs, lists, tables, quotes; must not know what comes before or after it. */
import {
  getCapabilities,
  Markdown,
  type MarkdownTheme,
  setCapabilities,
  stripTerminalSequences,
} from "pi-tui";
import type { Style, Theme } from "../theme.ts";
import type { Highlight } from "./context.ts";
import { fit, isAsciiOnly, wrapRanges, wrapText } from "./wrap.ts";

/** How prose looks. */
export interface ProseLook {
  readonly theme: Theme;
  /** Applied to all of it, beneath its own styles. */
  readonly style: Style | null;
  readonly highlight: Highlight;
}

// What markdown or our wrapping of it could give a meaning to; a paragraph without any of it is drawn as it is.
const SPECIAL = /[\\*_`[\]<&$~|@]|:\/\/|www\./;
const PLAIN_LINE_START = /^[\p{L}"“„'(]/u;
// What a terminal would take for more than text and our own styles.
const FOREIGN =
  // deno-lint-ignore no-control-regex -- Control characters are what it is about.
  /\u001b(?!\[[0-9;]*m)|[\u0000-\u001a\u001c-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
/** From this length on, the plain beginning of a paragraph that grows is not parsed again with each word. */
const LONG_CHARS = 500;
/** The stretch of a paragraph with markup of which rows are kept at a time. */
const WINDOW_CHARS = 1_024;
const PARSED_CHARS_MAX = 30_000;
const EMPHASIS_SIGNS = ["*", "_", "~"];
const EMPHASIS_SIGNS_MAX = 600;
const DEEP_NESTING = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))){30}/m;
/** Fewer characters would be found in too many places. */
const WORDS_MIN = 8;
/** Places that are tried for one row; words that repeat themselves are in many. */
const TRIES_MAX = 8;

/** Draws prose that may still grow. It remembers the rows that more text cannot change. */
export class LiveProse {
  readonly #look: ProseLook;
  readonly #width: number;
  /** Rows that stay, each ended by a break of ours, and where the text behind them begins. */
  #rows: string[] = [];
  #offset = 0;
  #plainSeen = "";
  #isAscii = true;
  #windowChars = WINDOW_CHARS;
  #last: { readonly text: string; readonly lines: string[] } | null = null;

  constructor(look: ProseLook, width: number) {
    this.#look = look;
    this.#width = width;
  }

  /** The lines of the text, which usually is the last one with something added. */
  render(text: string): string[] {
    if (this.#last?.text !== text) this.#last = { text, lines: this.#draw(text) };
    return this.#last.lines;
  }

  #draw(text: string): string[] {
    const plainChars = plainLength(text);
    const plain = text.slice(0, plainChars);
    if (!plain.startsWith(this.#plainSeen) || isAsciiOnly(plain) !== this.#isAscii) this.#restart();
    this.#plainSeen = plain;
    this.#isAscii = isAsciiOnly(plain);
    if (plainChars >= LONG_CHARS && this.#offset < plainChars) this.#keepPlain(plain);
    if (plainChars === text.length) {
      return [...this.#rows, ...this.#plain(text.slice(this.#offset))];
    }
    this.#keepParsed(text);
    return [...this.#rows, ...this.#parsed(text.slice(this.#offset))];
  }

  #restart(): void {
    this.#rows = [];
    this.#offset = 0;
    this.#windowChars = WINDOW_CHARS;
  }

  /**
   * Keeps the rows of a paragraph with markup up to one at which no style is open. Each step looks at a stretch of
   * fixed length only, so it comes out the same for a text that came at once.
   */
  #keepParsed(text: string): void {
    const newline = text.indexOf("\n", this.#offset);
    const end = newline < 0 ? text.length : newline;
    if (!PLAIN_LINE_START.test(text)) return;
    while (this.#offset + this.#windowChars < end && this.#windowChars <= PARSED_CHARS_MAX) {
      const stretch = text.slice(this.#offset, this.#offset + this.#windowChars);
      if (!isHarmless(stretch)) {
        this.#windowChars = Infinity;
        return;
      }
      const rows = this.#parsed(stretch);
      const cut = this.#cutIn(stretch, rows);
      if (cut === null) {
        this.#windowChars *= 2;
        continue;
      }
      this.#rows.push(...rows.slice(0, cut.rows));
      this.#offset += cut.chars;
      this.#windowChars = WINDOW_CHARS;
    }
  }

  /** The last row that begins in no style and with words of the source, with exactly the rows above it before them. */
  #cutIn(source: string, rows: readonly string[]): { rows: number; chars: number } | null {
    let tries = 0;
    for (let count = rows.length - 3; count > 0; count--) {
      const [words = ""] = (rows[count] ?? "").split("\u001b");
      if (words.length < WORDS_MIN || !PLAIN_LINE_START.test(words)) continue;
      const above = rows.slice(0, count);
      const from = above.reduce((sum, row) => sum + stripTerminalSequences(row).length, 0);
      for (let at = source.indexOf(words, from); at > 0; at = source.indexOf(words, at + 1)) {
        if (++tries > TRIES_MAX) return null;
        const drawn = this.#parsed(source.slice(0, at).trimEnd());
        if (drawn.join("\n") === above.join("\n")) return { rows: count, chars: at };
      }
    }
    return null;
  }

  /** Keeps all rows of the plain text but the last few, which more text may change. */
  #keepPlain(plain: string): void {
    for (;;) {
      const newline = plain.indexOf("\n", this.#offset);
      const line = plain.slice(this.#offset, newline < 0 ? plain.length : newline);
      const ranges = wrapRanges(line, this.#width, { isAscii: this.#isAscii });
      if (newline >= 0) {
        // A line that another one follows is done, but for the last ones.
        if (plain.indexOf("\n", newline + 1) < 0) return;
        this.#keep(line, ranges, ranges.length);
        this.#offset = newline + 1;
        continue;
      }
      // The rest has to begin like a paragraph, or markdown would see a list or a heading in it.
      let kept = ranges.length - 4;
      while (kept > 0 && !PLAIN_LINE_START.test(line.slice(ranges[kept]))) kept -= 2;
      if (kept <= 0) return;
      this.#keep(line, ranges, kept);
      this.#offset += ranges[kept] ?? 0;
      return;
    }
  }

  #keep(line: string, ranges: readonly number[], end: number): void {
    for (let i = 0; i < end; i += 2) {
      const row = fit(line.slice(ranges[i], ranges[i + 1]).trimEnd(), this.#width);
      this.#rows.push(this.#styled(row));
    }
  }

  #plain(text: string): string[] {
    return wrapText(text, this.#width).map((row) => this.#styled(row));
  }

  #styled(row: string): string {
    return this.#look.style?.(row) ?? row;
  }

  #parsed(text: string): string[] {
    if (!isHarmless(text)) return this.#plain(text);
    const { style } = this.#look;
    const markdown = new Markdown(
      text,
      0,
      0,
      markdownTheme(this.#look),
      style ? { color: style } : undefined,
      { preserveOrderedListMarkers: true },
    );
    const lines = withoutHyperlinks(() => markdown.render(this.#width));
    return lines.map((line) => fit(line.replace(FOREIGN, "").trimEnd(), this.#width));
  }
}

/** How much of the beginning has nothing in it that markdown knows. */
function plainLength(text: string): number {
  if (!PLAIN_LINE_START.test(text)) return 0;
  const special = text.search(SPECIAL);
  let end = special < 0 ? text.length : special;
  for (let newline = text.indexOf("\n"); newline >= 0 && newline < end;) {
    if (!PLAIN_LINE_START.test(text.slice(newline + 1, newline + 3))) end = newline;
    newline = text.indexOf("\n", newline + 1);
  }
  return end;
}

/**
 * Whether the parser copes with it: the time for emphasis grows with the square of its signs, each level of quotes and
 * lists is a call within a call, and nobody means such a text as markdown.
 */
function isHarmless(text: string): boolean {
  if (text.length > PARSED_CHARS_MAX || DEEP_NESTING.test(text)) return false;
  let signs = 0;
  for (const sign of EMPHASIS_SIGNS) {
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) {
      if (++signs > EMPHASIS_SIGNS_MAX) return false;
    }
  }
  return true;
}

/** Links show where they lead: a sequence for links would hide it, and only some terminals know it. */
function withoutHyperlinks<T>(draw: () => T): T {
  const capabilities = getCapabilities();
  setCapabilities({ ...capabilities, hyperlinks: false });
  try {
    return draw();
  } finally {
    setCapabilities(capabilities);
  }
}

const themes = new WeakMap<ProseLook, MarkdownTheme>();

function markdownTheme(look: ProseLook): MarkdownTheme {
  const known = themes.get(look);
  if (known) return known;
  const { theme, highlight } = look;
  const made: MarkdownTheme = {
    heading: (text) => theme.accent(text),
    link: theme.accent,
    linkUrl: theme.dim,
    code: theme.accent,
    codeBlock: (text) => text,
    // Code is set off by empty lines and its indentation, as between paragraphs.
    codeBlockBorder: () => "",
    quote: theme.dim,
    quoteBorder: theme.dim,
    hr: theme.dim,
    listBullet: theme.dim,
    bold: theme.bold,
    italic: theme.italic,
    strikethrough: theme.strikethrough,
    underline: theme.underline,
    highlightCode: (code, language) => [...highlight(code, language ?? "") ?? code.split("\n")],
  };
  themes.set(look, made);
  return made;
}

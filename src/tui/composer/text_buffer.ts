/** A text with a cursor, as it is edited: kills, yanks, undo; must not know keys, colours or what the text is for. */
import {
  characterAfter,
  characterBefore,
  lineEnd,
  lineStart,
  wordAfter,
  wordBefore,
} from "./boundaries.ts";

/** A text and where its cursor is, in code units. */
export interface TextState {
  readonly text: string;
  readonly cursor: number;
  /** Says what kind of text it is and is no part of it, as `!` before a command; empty for most. */
  readonly sign: string;
}

const EMPTY: TextState = { text: "", cursor: 0, sign: "" };
const UNDO_MAX = 200;
/** All states that can come back, together. */
const UNDO_CHARS_MAX = 8 * 1024 * 1024;
const KILLS_MAX = 20;

type Action = "type" | "kill" | "yank" | "other";

/**
 * Invariants: the cursor is in the text and never inside a surrogate pair; each change can be undone, letters of one
 * word together.
 */
export class TextBuffer {
  #state = EMPTY;
  #undo: TextState[] = [];
  #kills: string[] = [];
  #last: Action = "other";
  /** Where the text begins that the last yank put there. */
  #yankedAt = 0;

  get text(): string {
    return this.#state.text;
  }

  get cursor(): number {
    return this.#state.cursor;
  }

  get sign(): string {
    return this.#state.sign;
  }

  get state(): TextState {
    return this.#state;
  }

  /** All texts that can come back by undo or yank. */
  get kept(): readonly string[] {
    return [...this.#undo.map((state) => state.text), ...this.#kills];
  }

  /** Puts text in at the cursor; what is typed letter by letter is undone word by word. */
  insert(text: string, { isTyped = false }: { readonly isTyped?: boolean } = {}): void {
    if (text === "") return;
    const joins = isTyped && this.#last === "type" && text.trim() !== "";
    this.#replace({ from: this.cursor, to: this.cursor, text, joins });
    this.#last = isTyped ? "type" : "other";
  }

  /** Replaces a part of the text; the cursor goes behind it. */
  replace(range: { readonly from: number; readonly to: number; readonly text: string }): void {
    this.#replace({ ...range, joins: false });
    this.#last = "other";
  }

  /** Replaces everything. */
  setText(text: string, { sign = "" }: { readonly sign?: string } = {}): void {
    this.restore({ text, cursor: text.length, sign });
  }

  /** Makes it another kind of text. */
  setSign(sign: string): void {
    this.restore({ ...this.#state, sign });
  }

  /** Goes back to an earlier state, as one change. */
  restore(state: TextState): void {
    this.#remember();
    this.#state = state;
    this.#last = "other";
  }

  /** Empties the text, so that nothing brings it back but a yank. */
  reset(): void {
    this.#state = EMPTY;
    this.#undo = [];
    this.#last = "other";
  }

  /** Takes one text out, wherever it can come back from, and puts another in its place. */
  substitute(from: string, to: string): void {
    this.#state = substituted(this.#state, { from, to });
    this.#undo = this.#undo.map((state) => substituted(state, { from, to }));
    this.#kills = this.#kills.map((text) => text.replaceAll(from, to));
  }

  moveTo(offset: number): void {
    const at = Math.max(0, Math.min(offset, this.text.length));
    const isInside = /[\udc00-\udfff]/.test(this.text[at] ?? "");
    this.#state = { ...this.#state, cursor: isInside ? at - 1 : at };
    this.#last = "other";
  }

  left(): void {
    this.moveTo(characterBefore(this.text, this.cursor));
  }

  right(): void {
    this.moveTo(characterAfter(this.text, this.cursor));
  }

  wordLeft(): void {
    this.moveTo(wordBefore(this.text, this.cursor));
  }

  wordRight(): void {
    this.moveTo(wordAfter(this.text, this.cursor));
  }

  toLineStart(): void {
    this.moveTo(lineStart(this.text, this.cursor));
  }

  toLineEnd(): void {
    this.moveTo(lineEnd(this.text, this.cursor));
  }

  backspace(): void {
    this.#delete(characterBefore(this.text, this.cursor), this.cursor);
  }

  deleteForward(): void {
    this.#delete(this.cursor, characterAfter(this.text, this.cursor));
  }

  killWordLeft(): void {
    this.#kill(wordBefore(this.text, this.cursor), this.cursor);
  }

  killWordRight(): void {
    this.#kill(this.cursor, wordAfter(this.text, this.cursor));
  }

  /** At the start of a line it takes the newline before. */
  killToLineStart(): void {
    const start = lineStart(this.text, this.cursor);
    this.#kill(start === this.cursor ? Math.max(0, start - 1) : start, this.cursor);
  }

  /** At the end of a line it takes the newline. */
  killToLineEnd(): void {
    const end = lineEnd(this.text, this.cursor);
    this.#kill(this.cursor, end === this.cursor ? Math.min(end + 1, this.text.length) : end);
  }

  yank(): void {
    const killed = this.#kills.at(-1);
    if (killed === undefined) return;
    this.#yankedAt = this.cursor;
    this.insert(killed);
    this.#last = "yank";
  }

  /** Right after a yank: puts what was killed before in its place. */
  yankPop(): void {
    if (this.#last !== "yank" || this.#kills.length < 2) return;
    this.#kills.unshift(this.#kills.pop() ?? "");
    const text = this.#kills.at(-1) ?? "";
    this.#replace({ from: this.#yankedAt, to: this.cursor, text, joins: true });
    this.#last = "yank";
  }

  undo(): void {
    const state = this.#undo.pop();
    if (state) this.#state = state;
    this.#last = "other";
  }

  #delete(from: number, to: number): void {
    if (from < to) this.#replace({ from, to, text: "", joins: false });
    this.#last = "other";
  }

  #kill(from: number, to: number): void {
    if (from === to) return;
    const killed = this.text.slice(from, to);
    const isBackward = to === this.cursor;
    const before = this.#last === "kill" ? this.#kills.pop() ?? "" : "";
    this.#kills.push(isBackward ? killed + before : before + killed);
    if (this.#kills.length > KILLS_MAX) this.#kills.shift();
    this.#replace({ from, to, text: "", joins: false });
    this.#last = "kill";
  }

  #replace({ from, to, text, joins }: {
    readonly from: number;
    readonly to: number;
    readonly text: string;
    readonly joins: boolean;
  }): void {
    if (!joins) this.#remember();
    const all = this.text.slice(0, from) + text + this.text.slice(to);
    this.#state = { ...this.#state, text: all, cursor: from + text.length };
  }

  #remember(): void {
    const last = this.#undo.at(-1);
    if (last?.text === this.text && last.sign === this.sign) return;
    this.#undo.push(this.#state);
    let chars = this.#undo.reduce((sum, { text }) => sum + text.length, 0);
    while (this.#undo.length > UNDO_MAX || chars > UNDO_CHARS_MAX) {
      chars -= this.#undo.shift()?.text.length ?? chars;
    }
  }
}

/** The state with one text in the place of another. */
export function substituted(
  { text, cursor, sign }: TextState,
  { from, to }: { readonly from: string; readonly to: string },
): TextState {
  return {
    text: text.replaceAll(from, to),
    cursor: text.slice(0, cursor).replaceAll(from, to).length,
    sign,
  };
}

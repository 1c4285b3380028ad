/** Draws the prompt between two rules and knows what is where on them; must not change anything. */
import { truncateToWidth, visibleWidth } from "pi-tui";
import { fit } from "../render/wrap.ts";
import type { Theme } from "../theme.ts";
import { paintCursor, paintRow, paintRule } from "./paint.ts";
import { offsetAt, placeOf, type Row, RowLayout } from "./rows.ts";
import type { TextState } from "./text_buffer.ts";

/** What is drawn. */
export interface ComposerLook extends Pick<TextState, "text" | "cursor"> {
  readonly labels: ReadonlyMap<string, string>;
  readonly isShell: boolean;
  /** Shown while nothing is written. */
  readonly placeholder: string;
  readonly hint: string;
  readonly focused: boolean;
  /** Whether the cursor is in the text, not in a line below. */
  readonly hasCursor: boolean;
}

const DEFAULT_COLUMNS = 80;
const ROWS_MIN = 3;
/** The part of the screen that the prompt may take. */
const SCREEN_PART = 0.4;
const SIGN_COLUMNS = 2;
/** Below this there is no room for a sign before the text. */
const SIGNED_COLUMNS_MIN = 6;
const TOP_RULE_ROWS = 1;
/** Between the parts of a placeholder. */
const PART_SEPARATOR = " · ";

/** Invariant: what it answers about places holds for what it has drawn last. */
export class ComposerView {
  readonly #theme: Theme;
  readonly #layout = new RowLayout();
  #columns = DEFAULT_COLUMNS;
  /** The first row that is shown, and how many are. */
  #first = 0;
  #shown = 1;
  /** Where the cursor wants to be while it goes up and down. */
  #goal: number | null = null;

  constructor(theme: Theme) {
    this.#theme = theme;
  }

  /** The lines of the prompt, rules included. */
  render(
    look: ComposerLook,
    width: number,
    { screenRows }: { readonly screenRows: number },
  ): string[] {
    this.#columns = width;
    const theme = this.#theme;
    const rows = this.#rows(look);
    const cursorRow = placeOf(rows, look.cursor).row;
    this.#shown = Math.min(rows.length, Math.max(ROWS_MIN, Math.floor(screenRows * SCREEN_PART)));
    const lowest = Math.min(cursorRow, rows.length - this.#shown);
    this.#first = Math.max(cursorRow - this.#shown + 1, Math.min(this.#first, lowest));
    const below = rows.length - this.#first - this.#shown;
    const style = look.isShell ? theme.warning : theme.dim;
    const words = [
      below > 0 ? `↓ ${below} more` : "",
      look.isShell ? "shell command" : "",
      look.hint,
    ];
    return [
      paintRule(width, {
        words: this.#first > 0 ? `↑ ${this.#first} more` : "",
        style,
        wordStyle: theme.dim,
      }),
      ...this.#lines(look, { rows, cursorRow, width }),
      paintRule(width, {
        words: words.filter((word) => word !== "").join(" · "),
        style,
        wordStyle: theme.dim,
      }),
    ];
  }

  /** Where the cursor goes one row up or down; null where there is no such row. */
  vertical(look: ComposerLook, step: 1 | -1): number | null {
    const rows = this.#rows(look);
    const { row, column } = placeOf(rows, look.cursor);
    if (row + step < 0 || row + step >= rows.length) return null;
    this.#goal ??= column;
    return offsetAt(rows, { row: row + step, column: this.#goal });
  }

  /** The cursor was moved otherwise. */
  forgetGoal(): void {
    this.#goal = null;
  }

  /** The offset under a place of what was drawn, or null outside of the text. */
  offsetAt(look: ComposerLook, place: { readonly x: number; readonly y: number }): number | null {
    const row = place.y - TOP_RULE_ROWS;
    if (row < 0 || row >= this.#shown) return null;
    const column = Math.max(0, place.x - this.#signColumns());
    return offsetAt(this.#rows(look), { row: this.#first + row, column });
  }

  #lines(look: ComposerLook, { rows, cursorRow, width }: {
    readonly rows: readonly Row[];
    readonly cursorRow: number;
    readonly width: number;
  }): string[] {
    const signColumns = this.#signColumns();
    const isEmpty = look.text === "" && look.hasCursor;
    return rows.slice(this.#first, this.#first + this.#shown).map((row, index) => {
      const at = this.#first + index;
      const sign = signColumns === 0 ? "" : at === 0 ? this.#sign(look) : " ".repeat(signColumns);
      const cursor = at === cursorRow && look.hasCursor ? look.cursor : null;
      const line = isEmpty
        ? this.#placeholder(look, width - signColumns)
        : paintRow(row, { cursor, focused: look.focused, chip: this.#theme.accent });
      return fit(sign + line, width);
    });
  }

  #sign({ isShell }: ComposerLook): string {
    return isShell ? this.#theme.warning("! ") : this.#theme.accent("› ");
  }

  #placeholder({ placeholder, isShell, focused }: ComposerLook, columns: number): string {
    const words = isShell ? "a command for the shell" : placeholder;
    const shown = wholeParts(words, Math.max(1, columns - 1));
    // The cursor stands on a space before the words, not on their first letter as if they could be edited.
    return paintCursor(" ", focused) + this.#theme.dim(shown);
  }

  #rows({ text, labels }: ComposerLook): readonly Row[] {
    // One column is left for the cursor behind the last character.
    const width = Math.max(1, this.#columns - this.#signColumns() - 1);
    return this.#layout.rows(text, { width, labels });
  }

  #signColumns(): number {
    return this.#columns < SIGNED_COLUMNS_MIN ? 0 : SIGN_COLUMNS;
  }
}

/** As many of the parts as have room; of the first one what has. */
function wholeParts(text: string, columns: number): string {
  const parts = text.split(PART_SEPARATOR);
  while (parts.length > 1 && visibleWidth(parts.join(PART_SEPARATOR)) > columns) parts.pop();
  return truncateToWidth(parts.join(PART_SEPARATOR), columns, "…");
}

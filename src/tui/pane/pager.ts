/** A text to read, page by page; must not know what it is. */
import { type KeyId, matchesKey, type TuiMouseEvent, type TuiMouseEventResult } from "pi-tui";
import { characterOf, isCancel, moveOf } from "./keys.ts";
import { type Hint, hintRow, splitRow } from "./rows.ts";
import type { PaneView, ViewOptions } from "./view.ts";
import { fit } from "../render/wrap.ts";

/** The lines of a text, which may still come. */
export interface PagerText {
  /** Lines as wide as the screen at most, by the width that was asked for last. */
  rows(width: number): readonly string[];
  /** Called when less than a page is left below: more may be asked for. */
  nearEnd?(): void;
  /** Said at the right of the title: how much there is. */
  status(): string;
}

/** A key with a meaning of its own in one pager. */
export interface PagerKey {
  readonly key: KeyId;
  /** Absent where nobody needs to be told. */
  readonly hint?: Hint;
  run(): void;
}

export interface PagerOptions extends ViewOptions {
  title(): string;
  readonly text: PagerText;
  readonly keys?: readonly PagerKey[];
  onClose(): void;
  /** When it is taken away. */
  onDispose?(): void;
}

/** Title and hints. */
const CHROME_ROWS = 2;
const BODY_ROWS_MIN = 1;
const OVERLAP_ROWS = 1;

/** Invariant: whatever the size of the screen, the first row shown is one of the text. */
export class Pager implements PaneView {
  readonly #options: PagerOptions;
  #start = 0;
  #height = BODY_ROWS_MIN;
  #count = 0;

  constructor(options: PagerOptions) {
    this.#options = options;
  }

  dispose(): void {
    this.#options.onDispose?.();
  }

  invalidate(): void {}

  handleInput(data: string): void {
    this.#act(data);
    this.#options.requestRender();
  }

  handleMouse({ type, wheelDelta = 0 }: TuiMouseEvent): TuiMouseEventResult | undefined {
    if (type !== "wheel") return undefined;
    this.#start += wheelDelta;
    return { handled: true };
  }

  render(width: number): string[] {
    const { theme, text, maxRows, title } = this.#options;
    const rows = text.rows(width);
    this.#count = rows.length;
    this.#height = Math.max(BODY_ROWS_MIN, Math.min(maxRows() - CHROME_ROWS, rows.length));
    this.#start = Math.max(0, Math.min(this.#start, rows.length - this.#height));
    const end = this.#start + this.#height;
    if (rows.length - end < this.#height) text.nearEnd?.();
    const isWhole = rows.length <= this.#height;
    const place = isWhole ? "" : ` · ${Math.min(end, rows.length)}/${rows.length}`;
    const head = splitRow({ left: title(), right: `${text.status()}${place}` }, {
      width,
      leftStyle: theme.bold,
      rightStyle: theme.dim,
    });
    const body = rows.slice(this.#start, end).map((row) => fit(row, width));
    return [head, ...body, hintRow(this.#hints(), { theme, width })];
  }

  #act(data: string): void {
    const { keys = [], onClose } = this.#options;
    const special = keys.find(({ key }) => matchesKey(data, key));
    if (special) return special.run();
    const character = characterOf(data);
    if (isCancel(data) || character === "q") return onClose();
    const page = Math.max(1, this.#height - OVERLAP_ROWS);
    const move = moveOf(data) ?? (character === null ? null : moveOfLetter(character));
    if (move === "up") this.#start -= 1;
    else if (move === "down") this.#start += 1;
    else if (move === "pageUp") this.#start -= page;
    else if (move === "pageDown") this.#start += page;
    else if (move === "first") this.#start = 0;
    else if (move === "last") this.#start = this.#count;
  }

  #hints(): Hint[] {
    const { keys = [] } = this.#options;
    return [["Esc", "closes"], ...keys.flatMap(({ hint }) => hint ? [hint] : []), [
      "↑↓ Space b g G",
      "scroll",
    ]];
  }
}

/** As in other pagers. */
function moveOfLetter(letter: string): ReturnType<typeof moveOf> {
  switch (letter) {
    case " ":
    case "f":
      return "pageDown";
    case "b":
      return "pageUp";
    case "j":
      return "down";
    case "k":
      return "up";
    case "g":
      return "first";
    case "G":
      return "last";
    default:
      return null;
  }
}

/** A text that is there whole, in parts of which each is drawn by itself. */
export function fixedText<T>(
  parts: readonly T[],
  { draw, status }: {
    /** The rows of one part. */
    draw(part: T, width: number): readonly string[];
    readonly status: string;
  },
): PagerText {
  let drawn: { readonly width: number; readonly rows: readonly string[] } | null = null;
  return {
    rows: (width) => {
      if (drawn?.width !== width) {
        drawn = { width, rows: parts.flatMap((part) => draw(part, width)) };
      }
      return drawn.rows;
    },
    status: () => status,
  };
}

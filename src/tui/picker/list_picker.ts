/** A list to choose from, with a filter and a preview beside it; must not know what is chosen. */
import {
  CURSOR_MARKER,
  type KeyId,
  matchesKey,
  type TuiMouseEvent,
  type TuiMouseEventResult,
  visibleWidth,
} from "pi-tui";
import type { Clock } from "../../lib/clock.ts";
import { isCancel, isConfirm, lineInput, moveOf } from "../pane/keys.ts";
import { type Hint, hintRow, padded, splitRow, windowStart } from "../pane/rows.ts";
import { openView, type PaneHost, type PaneView, type ViewOptions } from "../pane/view.ts";
import { cleanLine, cleanText, clip, fit, lineEnd, nearStart, wrapText } from "../render/wrap.ts";
import { PickerList } from "./list.ts";
import type { PickerRow, PickerSource } from "./rows.ts";

/** A key with a meaning of its own in one picker. */
export interface PickerKey<T> {
  readonly key: KeyId;
  readonly hint: Hint;
  run(chosen: T | null): void;
}

export interface ListPickerOptions<T> extends ViewOptions {
  readonly clock: Clock;
  title(): string;
  readonly source: PickerSource<T>;
  /** Shown when there is nothing at all; with a filter it says that nothing fits. */
  readonly emptyText: string;
  readonly initialKey?: string | undefined;
  readonly keys?: readonly PickerKey<T>[];
  /** What Enter does, for the hints. */
  readonly confirmHint?: string;
  onPick(value: T): void;
  onCancel(): void;
}

/** From this width on there is a preview, which takes this share. */
const PREVIEW_MIN_WIDTH = 80;
const PREVIEW_SHARE = 0.42;
/** Rows that a preview may take, where there is room for so many. */
const PREVIEW_ROWS = 10;
const DIVIDER = " │ ";
/** Shows the preview where there is no room for it beside the list. */
const PREVIEW_KEY = "ctrl+o";
/** Title, filter and hints. */
const CHROME_ROWS = 3;
/** Those of them above the list. */
const HEAD_ROWS = 2;
const LIST_ROWS_MIN = 2;
/** Choice and sign, before a label. */
const LEAD = 4;
const DOC_GAP = 2;
/** Fewer columns of it say nothing. */
const DOC_MIN = 12;
const SIGNS = { current: "✓", active: "●", waiting: "!" } as const;

/** Mounts a picker that goes away when something is chosen, or nothing. */
export function openPicker<T>(
  host: PaneHost,
  options: Omit<ListPickerOptions<T>, "onCancel">,
): void {
  openView(host, (close) =>
    new ListPicker<T>({
      ...options,
      onPick: (value) => {
        close();
        options.onPick(value);
      },
      onCancel: close,
    }));
}

/** Invariant: what is typed goes into the filter; Escape first clears it and then gives up. */
export class ListPicker<T> implements PaneView {
  focused = false;
  readonly list: PickerList<T>;
  readonly #options: ListPickerOptions<T>;
  #start = 0;
  /** On a narrow screen the preview takes the place of the list. */
  #isPreviewing = false;
  #canPreview = false;
  #previewHeight = 0;
  /** Rows of the list as it was drawn last. */
  #height = LIST_ROWS_MIN;

  constructor(options: ListPickerOptions<T>) {
    this.#options = options;
    const { source, clock, initialKey } = options;
    this.list = new PickerList({
      source,
      clock,
      initialKey,
      changed: () => options.requestRender(),
    });
  }

  dispose(): void {
    this.list.dispose();
  }

  invalidate(): void {}

  handleInput(data: string): void {
    this.#act(data);
    this.#options.requestRender();
  }

  /** The wheel moves the choice; a click chooses a row, and takes the one that is chosen. */
  handleMouse(event: TuiMouseEvent): TuiMouseEventResult | undefined {
    const { list } = this;
    const { type, button, y, wheelDelta = 0 } = event;
    if (type === "wheel") {
      list.moveBy(Math.sign(wheelDelta));
      return { handled: true };
    }
    const row = y - HEAD_ROWS;
    const isOnList = row >= 0 && row < this.#height && !this.#hidesList;
    if (type !== "click" || button !== "left" || !isOnList) return undefined;
    const index = this.#start + row;
    if (index === list.index && list.selected) this.#options.onPick(list.selected.value);
    else if (index < list.rows.length) list.moveBy(index - list.index);
    return { handled: true };
  }

  render(width: number): string[] {
    const { maxRows } = this.#options;
    const room = Math.max(LIST_ROWS_MIN, maxRows() - CHROME_ROWS);
    const hasPreviews = this.list.rows.some(({ preview }) => preview !== undefined);
    const hasPreview = hasPreviews && width >= PREVIEW_MIN_WIDTH;
    this.#canPreview = hasPreviews && !hasPreview;
    if (this.#hidesList) return this.#previewInstead(width, room);
    const previewWidth = hasPreview ? Math.floor(width * PREVIEW_SHARE) : 0;
    const listWidth = hasPreview ? width - previewWidth - DIVIDER.length : width;
    if (hasPreview) this.#makeRoom(previewWidth);
    const wanted = Math.max(this.list.rows.length, hasPreview ? this.#previewHeight : 1);
    this.#height = Math.min(room, wanted);
    const rows = this.#listRows(listWidth);
    const body = hasPreview ? this.#withPreview(rows, { listWidth, previewWidth }) : rows;
    return [this.#titleRow(width), this.#filterRow(width), ...body, this.#hintRow(width)];
  }

  get #hidesList(): boolean {
    return this.#canPreview && this.#isPreviewing;
  }

  /** For the longest preview so far, so that the rows below stay where they are when another is chosen. */
  #makeRoom(width: number): void {
    const { length } = this.#previewRows({ width, height: PREVIEW_ROWS });
    this.#previewHeight = Math.max(this.#previewHeight, length);
  }

  #act(data: string): void {
    const { list } = this;
    const { keys = [], onPick, onCancel } = this.#options;
    const special = keys.find(({ key }) => matchesKey(data, key));
    const move = moveOf(data);
    if (special) return special.run(list.selected?.value ?? null);
    if (this.#canPreview && matchesKey(data, PREVIEW_KEY)) {
      this.#isPreviewing = !this.#isPreviewing;
      return;
    }
    if (move) return list.move(move, Math.max(1, this.#height - 1));
    if (isConfirm(data)) {
      if (list.selected) onPick(list.selected.value);
    } else if (isCancel(data)) {
      if (list.filter === "" || matchesKey(data, "ctrl+c")) onCancel();
      else list.setFilter("");
    } else this.#edit(data);
  }

  #edit(data: string): void {
    const { list } = this;
    const { filter } = list;
    if (matchesKey(data, "backspace") || matchesKey(data, "ctrl+h")) {
      list.setFilter([...filter].slice(0, -1).join(""));
    } else if (matchesKey(data, "ctrl+u")) list.setFilter("");
    else if (matchesKey(data, "ctrl+w")) list.setFilter(filter.replace(/\S*\s*$/u, ""));
    else list.setFilter(filter + (lineInput(data) ?? ""));
  }

  #titleRow(width: number): string {
    const { theme, title } = this.#options;
    const { rows, hasMore, isLoading } = this.list;
    const count = isLoading ? "loading…" : `${rows.length}${hasMore ? "+" : ""}`;
    return splitRow({ left: title(), right: count }, {
      width,
      leftStyle: theme.bold,
      rightStyle: theme.dim,
    });
  }

  #filterRow(width: number): string {
    const { theme } = this.#options;
    const marker = this.focused ? CURSOR_MARKER : "";
    const filter = cleanLine(this.list.filter);
    if (filter === "") return marker + theme.dim(clip("Type to search", width));
    // The end is what is being typed.
    const shown = lineEnd(filter, Math.max(1, width - 3));
    return width < 4 ? marker + clip(shown, width) : `> ${shown}${marker}`;
  }

  #listRows(width: number): string[] {
    const { theme, emptyText } = this.#options;
    const { rows, index, problem, isLoading, filter } = this.list;
    const height = this.#height;
    if (rows.length === 0) {
      const text = problem ?? (isLoading ? "Loading…" : filter === "" ? emptyText : "Nothing fits");
      const style = problem === null ? theme.dim : theme.error;
      const lines = wrapText(cleanText(text), width).slice(0, height).map(style);
      return [...lines, ...Array<string>(Math.max(0, height - lines.length)).fill("")];
    }
    this.#start = windowStart({ start: this.#start, index, height, count: rows.length });
    const labels = rows.filter(({ doc }) => doc !== undefined).map(({ label }) => cleanLine(label));
    const docAt = LEAD + Math.max(0, ...labels.map((label) => visibleWidth(label))) + DOC_GAP;
    const shown = rows.slice(this.#start, this.#start + height)
      .map((row, offset) =>
        this.#row(row, { width, docAt, isSelected: this.#start + offset === index })
      );
    // What did not come is told in the place of what would have come next.
    if (problem !== null) shown[shown.length - 1] = theme.error(clip(cleanLine(problem), width));
    return [...shown, ...Array<string>(Math.max(0, height - shown.length)).fill("")];
  }

  #row(
    { label, doc, detail, sign }: PickerRow<T>,
    { width, docAt, isSelected }: {
      readonly width: number;
      readonly docAt: number;
      readonly isSelected: boolean;
    },
  ): string {
    const { theme } = this.#options;
    const mark = sign === undefined ? " " : SIGNS[sign];
    const left = `${isSelected ? "❯" : " "} ${mark} ${cleanLine(nearStart(label, width))}`;
    const style = isSelected ? theme.selected : (text: string) => text;
    if (doc !== undefined && width - docAt >= DOC_MIN) {
      const name = style(left) + " ".repeat(docAt - visibleWidth(left));
      return fit(name + theme.dim(clip(cleanLine(doc), width - docAt)), width);
    }
    return splitRow({ left, right: detail ?? "" }, {
      width,
      leftStyle: style,
      rightStyle: theme.dim,
    });
  }

  #withPreview(
    rows: readonly string[],
    { listWidth, previewWidth }: { readonly listWidth: number; readonly previewWidth: number },
  ): string[] {
    const { theme } = this.#options;
    const shown = this.#previewRows({ width: previewWidth, height: rows.length });
    return rows.map((row, index) =>
      padded(fit(row, listWidth), listWidth) + theme.dim(DIVIDER) + (shown[index] ?? "")
    );
  }

  #previewInstead(width: number, room: number): string[] {
    const preview = this.#previewRows({ width, height: room });
    return [this.#titleRow(width), this.#filterRow(width), ...preview, this.#hintRow(width)];
  }

  #previewRows({ width, height }: { readonly width: number; readonly height: number }): string[] {
    const preview = nearStart(this.list.selected?.preview ?? "", (height + 1) * width);
    const rows = wrapText(cleanText(preview), width);
    return rows.length <= height ? rows : [...rows.slice(0, height - 1), "…"];
  }

  #hintRow(width: number): string {
    const { theme, keys = [], confirmHint = "chooses" } = this.#options;
    const hints: Hint[] = [
      ["Enter", confirmHint],
      ...keys.map(({ hint }) => hint),
      ...this.#canPreview ? [["Ctrl-O", this.#isPreviewing ? "list" : "more"] as const] : [],
      ["Esc", "closes"],
      ["↑↓", "moves"],
    ];
    return hintRow(hints, { theme, width });
  }
}

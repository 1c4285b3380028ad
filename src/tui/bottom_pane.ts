/** The lower part of the screen: what goes on, one view that has the keys, and the status line; knows no view. */
import type { Component, Focusable, TuiMouseEvent, TuiMouseEventResult } from "pi-tui";
import type { PaneView } from "./pane/view.ts";

export interface BottomPaneOptions {
  /** The lines above the view. */
  readonly above: (width: number) => string[];
  /** The line below it. */
  readonly below: (width: number) => string;
  /** Between what is above and a view that is not the home view. */
  readonly rule: (width: number) => string;
  /** What is mounted when nothing else is. */
  readonly home: PaneView;
}

/** Invariant: exactly one view has the keys, the one that was mounted last and is not closed. */
export class BottomPane implements Component, Focusable {
  readonly #options: BottomPaneOptions;
  readonly #mounted: PaneView[] = [];
  #focused = false;
  /** Lines above the view, as drawn last. */
  #viewAt = 0;

  constructor(options: BottomPaneOptions) {
    this.#options = options;
  }

  /** The view that has the keys. */
  get view(): PaneView {
    return this.#mounted.at(-1) ?? this.#options.home;
  }

  /** Whether nothing lies over the home view. */
  get isHome(): boolean {
    return this.#mounted.length === 0;
  }

  /** Whether keys that scroll go to the view that has the keys. */
  get takesScrollKeys(): boolean {
    return !this.isHome && this.view.scrolls !== false;
  }

  get focused(): boolean {
    return this.#focused;
  }

  set focused(focused: boolean) {
    this.#focused = focused;
    this.#passFocus();
  }

  /** Puts a view over the others; returns what takes it away, from wherever it lies then. */
  mount(view: PaneView): () => void {
    this.#mounted.push(view);
    this.#passFocus();
    return () => {
      const index = this.#mounted.indexOf(view);
      if (index >= 0) this.#mounted.splice(index, 1);
      this.#passFocus();
    };
  }

  handleInput(data: string): void {
    this.view.handleInput(data);
  }

  handleMouse(event: TuiMouseEvent): TuiMouseEventResult | undefined {
    const y = event.y - this.#viewAt;
    return y < 0 ? undefined : this.view.handleMouse?.({ ...event, y });
  }

  invalidate(): void {
    for (const view of [this.#options.home, ...this.#mounted]) view.invalidate();
  }

  render(width: number): string[] {
    const { above, below, rule } = this.#options;
    const before = [...above(width), ...this.isHome ? [] : [rule(width)]];
    this.#viewAt = before.length;
    return [...before, ...this.view.render(width), below(width)];
  }

  #passFocus(): void {
    const { view } = this;
    for (const one of [this.#options.home, ...this.#mounted]) {
      if ("focused" in one) one.focused = this.#focused && one === view;
    }
  }
}

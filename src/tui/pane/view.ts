/** What views in the place of the composer have in common; must not know any of them. */
import type { Component } from "pi-tui";
import type { Theme } from "../theme.ts";

/** What every view is made with. */
export interface ViewOptions {
  readonly theme: Theme;
  requestRender(): void;
  /** Rows that a view may take at most. */
  maxRows(): number;
}

/** A view that takes the keys while it is mounted. */
export interface PaneView extends Component {
  handleInput(data: string): void;
  focused?: boolean;
  /** False where Page Up and the like are to scroll the transcript, as they do without a view. */
  readonly scrolls?: boolean;
  /** Stops what it has under way; called when it is taken away. */
  dispose?(): void;
}

/** Where views are mounted. */
export interface PaneHost {
  /** Puts a view over the others; returns what takes it away. */
  show(view: PaneView): () => void;
}

/** Mounts a view that is made with what takes it away again. */
export function openView(
  host: PaneHost,
  make: (close: () => void) => PaneView,
): () => void {
  let isClosed = false;
  let unmount = () => {};
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    unmount();
    view.dispose?.();
  };
  const view = make(close);
  unmount = host.show(view);
  return close;
}

/** What pickers choose from: rows that come page by page; must not know how they look. */
import { fuzzyFilter } from "pi-tui";

/** One thing to choose. */
export interface PickerRow<T> {
  readonly value: T;
  /** The same for the same thing, also on another page. */
  readonly key: string;
  readonly label: string;
  /** What it is, in a column behind the labels. */
  readonly doc?: string;
  /** Less important, at the right. */
  readonly detail?: string;
  /** What is in use now, or goes on. */
  readonly sign?: "current" | "active" | "waiting" | undefined;
  /** More about it, where there is room beside the list. */
  readonly preview?: string;
}

/** Some rows, and where the next ones begin; null at the end. */
export interface PickerPage<T> {
  readonly rows: readonly PickerRow<T>[];
  readonly next: string | null;
}

/** What a page is asked for with. */
export interface PageRequest {
  /** What the person has typed. */
  readonly filter: string;
  readonly cursor: string | null;
  readonly signal: AbortSignal;
}

/** Where the rows come from. */
export interface PickerSource<T> {
  load(request: PageRequest): PickerPage<T> | Promise<PickerPage<T>>;
}

/** All rows at once; what is typed is looked for in labels and what they are. */
export function fixedRows<T>(rows: readonly PickerRow<T>[]): PickerSource<T> {
  return {
    load: ({ filter }) => ({
      rows: fuzzyFilter([...rows], filter, ({ label, doc }) => `${label} ${doc ?? ""}`),
      next: null,
    }),
  };
}

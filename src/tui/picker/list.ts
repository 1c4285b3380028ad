/** The rows of a picker while they come, and which one is chosen; must not know keys or how it looks. */
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Move } from "../pane/keys.ts";
import type { PickerPage, PickerRow, PickerSource } from "./rows.ts";

/** Whoever types is not answered at each letter by a server. */
export const FILTER_DELAY_MS = 150;
/** The next page is asked for when so few rows are left. */
const AHEAD_ROWS = 10;

export interface PickerListOptions<T> {
  readonly source: PickerSource<T>;
  readonly clock: Clock;
  /** Chosen first, if it is on the first page. */
  readonly initialKey?: string | undefined;
  changed(): void;
}

/** Invariants: rows are those of the newest filter, each key once; `index` is one of them, or 0. */
export class PickerList<T> {
  readonly #options: PickerListOptions<T>;
  #rows: readonly PickerRow<T>[] = [];
  #next: string | null = null;
  #index = 0;
  #filter = "";
  #problem: string | null = null;
  #loading: AbortController | null = null;
  #cancelDelay = () => {};
  /** The source answers at once. */
  #isImmediate = false;

  constructor(options: PickerListOptions<T>) {
    this.#options = options;
    this.reload();
  }

  get rows(): readonly PickerRow<T>[] {
    return this.#rows;
  }

  get index(): number {
    return this.#index;
  }

  get selected(): PickerRow<T> | null {
    return this.#rows[this.#index] ?? null;
  }

  get filter(): string {
    return this.#filter;
  }

  get isLoading(): boolean {
    return this.#loading !== null;
  }

  /** Whether there are rows that have not come yet. */
  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** Why the last page did not come. */
  get problem(): string | null {
    return this.#problem;
  }

  setFilter(filter: string): void {
    if (filter === this.#filter) return;
    this.#filter = filter;
    this.#cancelDelay();
    const { clock } = this.#options;
    // What is at hand is shown at once; a server is asked when nobody types any more.
    if (this.#isImmediate) return this.#begin();
    this.#cancelDelay = clock.after(FILTER_DELAY_MS, () => this.#begin());
  }

  /** Asks for the first page again; the choice stays where its row is. */
  reload(): void {
    this.#loadFirst(this.selected?.key ?? this.#options.initialKey);
  }

  /** Of what fits a new filter the first is the best; without one the choice stays. */
  #begin(): void {
    this.#loadFirst(this.#filter === "" ? this.selected?.key : undefined);
  }

  #loadFirst(kept: string | undefined): void {
    // Should it fail, the pages after those of another filter are not its pages.
    this.#next = null;
    void this.#load(null, (page) => {
      this.#rows = unique(page.rows);
      const index = this.#rows.findIndex(({ key }) => key === kept);
      this.#index = Math.max(0, index);
    });
  }

  move(move: Move, pageRows: number): void {
    const all = this.#rows.length;
    const steps = {
      up: -1,
      down: 1,
      pageUp: -pageRows,
      pageDown: pageRows,
      first: -all,
      last: all,
    };
    this.moveBy(steps[move]);
  }

  /** Chooses another row, that many further down. */
  moveBy(rows: number): void {
    const last = Math.max(0, this.#rows.length - 1);
    this.#index = Math.max(0, Math.min(last, this.#index + rows));
    this.#loadAhead();
  }

  /** Rows shown have another look now. */
  update(change: (row: PickerRow<T>) => PickerRow<T>): void {
    this.#rows = this.#rows.map(change);
    this.#options.changed();
  }

  dispose(): void {
    this.#cancelDelay();
    this.#loading?.abort();
    this.#loading = null;
  }

  #loadAhead(): void {
    const cursor = this.#next;
    if (cursor === null || this.#loading || this.#rows.length - this.#index > AHEAD_ROWS) return;
    void this.#load(cursor, (page) => {
      this.#rows = unique([...this.#rows, ...page.rows]);
    });
  }

  async #load(cursor: string | null, take: (page: PickerPage<T>) => void): Promise<void> {
    this.#cancelDelay();
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const { source, changed } = this.#options;
    try {
      const page = source.load({ filter: this.#filter, cursor, signal: loading.signal });
      this.#isImmediate = !(page instanceof Promise);
      const loaded = page instanceof Promise ? await page : page;
      if (this.#loading !== loading) return;
      take(loaded);
      // A cursor that leads to itself would be followed for ever.
      this.#next = loaded.next === cursor ? null : loaded.next;
      this.#problem = null;
    } catch (error) {
      if (this.#loading !== loading) return;
      this.#problem = messageOf(error);
    }
    this.#loading = null;
    changed();
    // A page may have had nothing new. What failed is tried again when somebody moves on.
    if (this.#problem === null) this.#loadAhead();
  }
}

function unique<T>(rows: readonly PickerRow<T>[]): readonly PickerRow<T>[] {
  return [...new Map(rows.map((row) => [row.key, row])).values()];
}

/** The list below the prompt from which what is typed is completed; must not know keys or the rest of the prompt. */
import { truncateToWidth, visibleWidth } from "pi-tui";
import { sanitizeLine } from "../../lib/sanitize.ts";
import { clipStart, fit } from "../render/wrap.ts";
import type { Theme } from "../theme.ts";
import { cleanInput } from "./clean_input.ts";
import { type CompletionPlace, fittingCommands, pathText, type SlashEntry } from "./completion.ts";
import type { FileMatch, FileSearch, OpenFileSearch } from "./file_search.ts";

/** One row to choose from. */
export interface PopupItem {
  readonly type: CompletionPlace["type"];
  readonly label: string;
  /** The same on a narrow screen. */
  readonly brief: string;
  readonly description: string;
  /** The code points of the label that fit what is typed. */
  readonly indices: readonly number[];
  /** What replaces what is typed. */
  readonly text: string;
  /** Whether there is more to type after it: choosing it sends nothing. */
  readonly wantsMore: boolean;
}

const LABEL_COLUMNS_MAX = 28;
/** Narrower screens have no room for how arguments are written. */
const WHOLE_COLUMNS_MIN = 60;
const SIGN_COLUMNS = 2;
const DESCRIPTION_COLUMNS_MIN = 8;
const SEARCHING = "searching files…";

/** Invariants: what is shown fits the place that was told last; a list that was dismissed stays away until the place is left. */
export class CompletionPopup {
  readonly #theme: Theme;
  readonly #files: FileSearch;
  readonly #requestRender: () => void;
  #place: CompletionPlace | null = null;
  #items: readonly PopupItem[] = [];
  #index = 0;
  #note = "";
  #dismissed = "";
  #search: OpenFileSearch | null = null;
  #firstShown = 0;
  #isMoved = false;

  constructor(options: {
    readonly theme: Theme;
    readonly files: FileSearch;
    readonly requestRender: () => void;
  }) {
    this.#theme = options.theme;
    this.#files = options.files;
    this.#requestRender = options.requestRender;
  }

  /** Whether something is shown, be it only a word about a search. */
  get isOpen(): boolean {
    return this.#place !== null && (this.#items.length > 0 || this.#note !== "");
  }

  /** Whether there may be something to choose from in a moment. */
  get isSearching(): boolean {
    return this.isOpen && this.#note === SEARCHING;
  }

  get place(): CompletionPlace | null {
    return this.#place;
  }

  get selected(): PopupItem | null {
    return this.#items[this.#index] ?? null;
  }

  /** Whether Enter means the selected row: the person has gone to it, or it goes on as what is typed. */
  get isMeant(): boolean {
    const { selected } = this;
    if (!selected || !this.#place) return false;
    if (selected.type !== "command" || this.#isMoved) return true;
    return selected.text.toLowerCase().startsWith(`/${this.#place.query.toLowerCase()}`);
  }

  /** Tells where the cursor is now. */
  update(place: CompletionPlace | null, commands: readonly SlashEntry[]): void {
    const isDismissed = place !== null && keyOf(place) === this.#dismissed;
    if (!isDismissed) this.#dismissed = "";
    if (place === null || isDismissed) return this.#close();
    if (place.type !== "file") this.#stopSearch();
    const before = this.#place;
    this.#place = place;
    if (before?.type === place.type && before.query === place.query) return;
    this.#isMoved = false;
    if (place.type === "file") return this.#searchFiles(place.query);
    this.#show(fittingCommands(commands, place.query).map(commandItem));
  }

  /** Chooses another row; the list is a ring. */
  move(step: number): void {
    const count = this.#items.length;
    if (count > 0) this.#index = (this.#index + step + count) % count;
    this.#isMoved = true;
  }

  /** Chooses a row by where it is on the screen, counted from the first line of the list. */
  choose(row: number): boolean {
    const index = this.#firstShown + row;
    if (index < 0 || index >= this.#items.length) return false;
    this.#index = index;
    this.#isMoved = true;
    return true;
  }

  /** The person does not want it here. */
  dismiss(): void {
    if (this.#place) this.#dismissed = keyOf(this.#place);
    this.#close();
  }

  render(width: number, maxRows: number): string[] {
    if (!this.isOpen) return [];
    if (this.#items.length === 0) return [fit(this.#theme.dim(`  ${this.#note}`), width)];
    const hasMore = this.#items.length > maxRows;
    const room = Math.max(1, hasMore ? maxRows - 1 : maxRows);
    const last = this.#items.length - room;
    this.#firstShown = Math.max(0, Math.min(this.#index - Math.floor(room / 2), last));
    const items = width < WHOLE_COLUMNS_MIN
      ? this.#items.map((item) => ({ ...item, label: item.brief }))
      : this.#items;
    const shown = items.slice(this.#firstShown, this.#firstShown + room);
    const labels = Math.min(
      LABEL_COLUMNS_MAX,
      Math.max(...items.map(({ label }) => visibleWidth(label))),
    );
    const lines = shown.map((item, row) =>
      this.#line(item, { width, labels, isSelected: this.#firstShown + row === this.#index })
    );
    if (hasMore) lines.push(this.#theme.dim(`  ${this.#index + 1}/${this.#items.length}`));
    return lines.map((line) => fit(line, width));
  }

  #line(item: PopupItem, { width, labels, isSelected }: {
    readonly width: number;
    readonly labels: number;
    readonly isSelected: boolean;
  }): string {
    const { dim, selected } = this.#theme;
    const sign = isSelected ? "› " : "  ";
    const room = Math.max(0, width - SIGN_COLUMNS);
    const restColumns = room - labels - 2;
    if (item.description === "" || restColumns < DESCRIPTION_COLUMNS_MIN) {
      const label = item.type === "file"
        ? clipStart(item.label, room)
        : truncateToWidth(item.label, room, "…");
      if (isSelected) return selected(sign + label);
      return sign + (label === item.label ? this.#marked(item) : label);
    }
    const label = truncateToWidth(item.label, labels, "…");
    const gap = " ".repeat(Math.max(0, labels - visibleWidth(label)) + 2);
    const description = truncateToWidth(item.description, restColumns, "…");
    if (isSelected) return `${selected(sign + label)}${gap}${description}`;
    return `${sign}${label}${gap}${dim(description)}`;
  }

  #marked({ label, indices }: PopupItem): string {
    if (indices.length === 0) return label;
    const marks = new Set(indices);
    return [...label].map((character, at) =>
      marks.has(at) ? this.#theme.bold(character) : character
    )
      .join("");
  }

  #searchFiles(query: string): void {
    if (query === "") {
      this.#stopSearch();
      return this.#show([], "type a part of a path");
    }
    // What was found for less stays until there is something better.
    if (this.#items.length === 0 || this.#search === null) this.#show([], SEARCHING);
    this.#search ??= this.#files.open(({ query: found, files, isComplete }) => {
      if (this.#place?.type !== "file" || this.#place.query !== found) return;
      if (files.length === 0 && !isComplete) return;
      this.#show(files.map(fileItem), "no files found");
      this.#requestRender();
    });
    this.#search.look(query);
  }

  #show(items: readonly PopupItem[], note = ""): void {
    const chosen = this.#index === 0 ? undefined : this.selected?.label;
    this.#items = items;
    this.#note = note;
    this.#firstShown = 0;
    this.#index = Math.max(0, items.findIndex(({ label }) => label === chosen));
  }

  #close(): void {
    this.#place = null;
    this.#show([]);
    this.#index = 0;
    this.#stopSearch();
  }

  #stopSearch(): void {
    this.#search?.stop();
    this.#search = null;
  }
}

function keyOf({ type, from }: CompletionPlace): string {
  return `${type} ${from}`;
}

function commandItem({ name, description, argumentHint }: SlashEntry): PopupItem {
  const hint = argumentHint === undefined ? "" : ` ${sanitizeLine(argumentHint)}`;
  return {
    type: "command",
    label: `/${name}${hint}`,
    brief: `/${name}`,
    description: sanitizeLine(description),
    indices: [],
    text: `/${name}${argumentHint === undefined ? "" : " "}`,
    wantsMore: argumentHint?.startsWith("<") ?? false,
  };
}

/** Names of files come from elsewhere. */
function fileItem({ path, isFolder, indices }: FileMatch): PopupItem {
  const whole = cleanInput(isFolder ? `${path}/` : path);
  const label = sanitizeLine(whole).replaceAll("\t", " ");
  return {
    type: "file",
    label,
    brief: label,
    description: "",
    indices,
    text: `${pathText(whole)} `,
    wantsMore: true,
  };
}

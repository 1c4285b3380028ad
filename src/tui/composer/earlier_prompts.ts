/** Puts earlier prompts into the place of what is written, and that back: one by one or by a search; must not know what is sent. */
import type { HistoryEntry, PromptHistory } from "../ports.ts";
import { HistorySearch } from "./history_search.ts";
import { Recall } from "./recall.ts";
import { substituted, type TextBuffer, type TextState } from "./text_buffer.ts";

/** What it works on. */
export interface EarlierPromptsParts {
  readonly buffer: TextBuffer;
  readonly history: PromptHistory;
  /** Puts a prompt into the place of all that is written. */
  show(prompt: string): void;
  /** Something has changed after its key. */
  changed(): void;
}

/** Invariant: as soon as the text is another one than was put there, it is the person's own: walk and search are over. */
export class EarlierPrompts {
  readonly #parts: EarlierPromptsParts;
  readonly #recall: Recall;
  #search: HistorySearch | null = null;
  /** What was written when the walk began, and when the search did. */
  #beforeWalk: TextState;
  #beforeSearch: TextState;
  /** The text that walk or search have left there. */
  #shown = "";

  constructor(parts: EarlierPromptsParts) {
    this.#parts = parts;
    this.#recall = new Recall(parts.history);
    this.#beforeWalk = this.#beforeSearch = parts.buffer.state;
  }

  /** The search that goes on, or null. */
  get search(): HistorySearch | null {
    return this.#search;
  }

  get isWalking(): boolean {
    return this.#recall.isWalking;
  }

  /** Has the history read, so that it is there when somebody asks for it. */
  prepare(): void {
    void this.#recall.ready();
  }

  /** Keeps a prompt, also for later sessions. */
  remember(entry: HistoryEntry): void {
    void this.#recall.remember(entry);
  }

  /** Keeps a prompt for this session only. */
  keep(text: string): void {
    this.#recall.keep(text);
  }

  /** Shows the prompt before or after, and behind the newest what was being written. */
  walk(direction: "up" | "down"): void {
    if (this.#recall.isReady) return this.#walkNow(direction);
    const { buffer, changed } = this.#parts;
    const { state } = buffer;
    void this.#recall.ready().then(() => {
      // The history came late, and the person has gone on writing.
      if (this.#search || (buffer.state !== state && !this.isWalking)) return;
      this.#walkNow(direction);
      changed();
    });
  }

  beginSearch(): void {
    const { buffer, changed } = this.#parts;
    this.#beforeSearch = buffer.state;
    this.#shown = buffer.text;
    const search = new HistorySearch(this.#recall);
    this.#search = search;
    void this.#recall.ready().then(() => {
      if (this.#search !== search) return;
      search.refresh();
      this.#showFound(search);
      changed();
    });
  }

  /** Gives the search a key; false when the key means something without a search, too. */
  searchKey(search: HistorySearch, data: string): boolean {
    const step = search.handle(data);
    if (step.type === "continue") this.#showFound(search);
    else this.#search = null;
    if (step.type === "cancel") this.#restore(this.#beforeSearch);
    return step.type !== "accept" || !step.passesOn;
  }

  /** Adds text to what is searched for. */
  searchPaste(search: HistorySearch, text: string): void {
    search.insert(text);
    this.#showFound(search);
  }

  /** To be called after every change of the text. */
  update(): void {
    if (this.#parts.buffer.text !== this.#shown) this.leave();
  }

  /** Ends walk and search: what is shown is the person's own now. */
  leave(): void {
    this.#recall.leave();
    this.#search = null;
  }

  /** Puts one text in the place of another, also in what comes back. */
  substitute(from: string, to: string): void {
    this.#beforeWalk = substituted(this.#beforeWalk, { from, to });
    this.#beforeSearch = substituted(this.#beforeSearch, { from, to });
  }

  #walkNow(direction: "up" | "down"): void {
    const { state } = this.#parts.buffer;
    const isFirst = !this.isWalking;
    const prompt = direction === "up" ? this.#recall.older() : this.#recall.newer();
    if (isFirst && prompt !== null) this.#beforeWalk = state;
    if (prompt !== null) this.#show(prompt);
    else if (direction === "down" && !isFirst) this.#restore(this.#beforeWalk);
  }

  #showFound(search: HistorySearch): void {
    if (search.text === null) this.#restore(this.#beforeSearch);
    else this.#show(search.text);
  }

  #show(prompt: string): void {
    this.#parts.show(prompt);
    this.#shown = this.#parts.buffer.text;
  }

  #restore(state: TextState): void {
    this.#parts.buffer.restore(state);
    this.#shown = state.text;
  }
}

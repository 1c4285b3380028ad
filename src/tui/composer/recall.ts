/** The prompts of earlier times, walked through one by one or searched; must not know keys or what is on the screen. */
import type { HistoryEntry, PromptHistory } from "../ports.ts";
import { cleanInput } from "./clean_input.ts";

/** More are not kept in memory. */
const PROMPTS_MAX = 5000;

/**
 * Invariants: the newest prompt is last and stands there once, however often it was used; while somebody walks, nothing
 * is put in.
 */
export class Recall {
  readonly #history: PromptHistory;
  #prompts: string[] = [];
  #loading: Promise<void> | null = null;
  #isReady = false;
  /** Where the walk is, or null when nobody walks. */
  #at: number | null = null;

  constructor(history: PromptHistory) {
    this.#history = history;
  }

  /** Whether what is shown was found here. */
  get isWalking(): boolean {
    return this.#at !== null;
  }

  /** Whether the earlier sessions are there. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves when the earlier sessions are there; a history that cannot be read is empty. */
  ready(): Promise<void> {
    return this.#loading ??= this.#load();
  }

  /** Keeps a prompt, also for later sessions. */
  async remember(entry: HistoryEntry): Promise<void> {
    this.keep(entry.text);
    await this.#history.add(entry);
  }

  /** Keeps a prompt for this session only. */
  keep(text: string): void {
    this.#at = null;
    if (text.trim() === "") return;
    this.#prompts = [...this.#prompts.filter((prompt) => prompt !== text), text].slice(
      -PROMPTS_MAX,
    );
  }

  /** The prompt before, or null at the oldest. */
  older(): string | null {
    const at = (this.#at ?? this.#prompts.length) - 1;
    if (at < 0) return null;
    this.#at = at;
    return this.#prompts[at] ?? null;
  }

  /** The prompt after, or null behind the newest: the walk is over then. */
  newer(): string | null {
    if (this.#at === null) return null;
    this.#at++;
    const prompt = this.#prompts[this.#at] ?? null;
    if (prompt === null) this.#at = null;
    return prompt;
  }

  /** Ends the walk: what is shown is the person's own now. */
  leave(): void {
    this.#at = null;
  }

  /** The next prompt with the words in it, from `from` on towards older or newer ones; -1: the newest. */
  find(
    query: string,
    options: { readonly from: number; readonly step: 1 | -1 },
  ): { readonly index: number; readonly text: string } | null {
    if (query === "") return null;
    const words = query.toLowerCase();
    const { from, step } = options;
    for (let index = from < 0 ? this.#prompts.length - 1 : from; index >= 0; index += step) {
      const text = this.#prompts[index];
      if (text === undefined) return null;
      if (text.toLowerCase().includes(words)) return { index, text };
    }
    return null;
  }

  async #load(): Promise<void> {
    const entries = await this.#history.load().catch(() => []);
    // What was sent meanwhile is newer than everything in the file.
    const prompts = [...entries.map(({ text }) => cleanInput(text)), ...this.#prompts];
    const last = new Map(prompts.map((text, index) => [text, index]));
    this.#prompts = prompts
      .filter((text, index) => text.trim() !== "" && last.get(text) === index)
      .slice(-PROMPTS_MAX);
    this.#isReady = true;
  }
}

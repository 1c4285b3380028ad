/** Ctrl-R: the newest earlier prompt that has what is typed; must not know how prompts are stored. */
import { parseKey } from "pi-tui";
import { fit, lineEnd } from "../render/wrap.ts";
import type { Theme } from "../theme.ts";
import { graphemesOf } from "./boundaries.ts";
import { cleanInput } from "./clean_input.ts";
import { actionOf, textOf } from "./keys.ts";
import { paintCursor } from "./paint.ts";
import type { Recall } from "./recall.ts";

/** What became of a key. */
export type SearchStep =
  | { readonly type: "continue" }
  /** The prompt that was found is taken; `passesOn`: the key means something for it as well. */
  | { readonly type: "accept"; readonly passesOn: boolean }
  | { readonly type: "cancel" };

/** One search, from Ctrl-R to its end. */
export class HistorySearch {
  readonly #recall: Recall;
  #query = "";
  #found: { readonly index: number; readonly text: string } | null = null;

  constructor(recall: Recall) {
    this.#recall = recall;
  }

  /** What was found, or null. */
  get text(): string | null {
    return this.#found?.text ?? null;
  }

  /** Takes a key. */
  handle(data: string): SearchStep {
    const action = actionOf(data);
    if (action === "cancel" || action === "clear" || action === "edit") return { type: "cancel" };
    if (action === "search" || action === "up") return this.#step(-1);
    if (parseKey(data) === "ctrl+s" || action === "down") return this.#step(1);
    if (action === "submit" || action === "queue") return { type: "accept", passesOn: false };
    if (action === "backspace") return this.#setQuery(withoutLast(this.#query));
    if (action === "killToLineStart" || action === "killWordLeft") return this.#setQuery("");
    if (action !== null) return { type: "accept", passesOn: true };
    return this.insert(textOf(data) ?? "");
  }

  /** Adds text to what is looked for. */
  insert(text: string): SearchStep {
    return this.#setQuery(this.#query + cleanInput(text).replace(/[\n\t]/g, " "));
  }

  /** The history has come, or has changed. */
  refresh(): void {
    this.#found = this.#recall.find(this.#query, { from: -1, step: -1 });
  }

  /** The line below the prompt. */
  line(
    width: number,
    { theme, focused }: { readonly theme: Theme; readonly focused: boolean },
  ): string {
    const label = this.#query !== "" && !this.#found ? "no prompt has: " : "search prompts: ";
    // The end of what is typed is what somebody who types wants to see.
    const end = lineEnd(this.#query, width - label.length - 1);
    return fit(`${theme.dim(label)}${end}${focused ? paintCursor(" ", focused) : ""}`, width);
  }

  #setQuery(query: string): SearchStep {
    this.#query = query;
    this.refresh();
    return { type: "continue" };
  }

  #step(step: 1 | -1): SearchStep {
    if (!this.#found) return { type: "continue" };
    const next = this.#recall.find(this.#query, { from: this.#found.index + step, step });
    // Below zero would begin at the newest again.
    if (next && this.#found.index + step >= 0) this.#found = next;
    return { type: "continue" };
  }
}

function withoutLast(text: string): string {
  return graphemesOf(text).slice(0, -1).map((grapheme) => grapheme.text).join("");
}

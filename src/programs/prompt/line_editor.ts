/** Puts one line together from what a terminal sends; must not know whether it is shown. */

/** What became of the keys. */
export type LineOutcome =
  | { readonly type: "open" }
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "cancelled" };

/** Nobody types as much; the rest is dropped. */
const CHARS_MAX = 16_384;

/** One line. Of a terminal in its usual mode nothing but text and line ends comes. */
export class LineEditor {
  readonly #decoder = new TextDecoder();
  #characters: string[] = [];

  /** What follows the end of the line is dropped: it was typed before the next question was to be seen. */
  take(bytes: Uint8Array): LineOutcome {
    const text = this.#decoder.decode(bytes, { stream: true });
    // Keys such as the arrows send whole sequences.
    // deno-lint-ignore no-control-regex -- They begin with a control character.
    for (const key of text.replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|O?.)?/g, "")) {
      if (key === "\r" || key === "\n") return { type: "line", text: this.#characters.join("") };
      if (key === "\u0003" || key === "\u0004") return { type: "cancelled" };
      if (key === "\u007f" || key === "\b") this.#characters.pop();
      else if (key === "\u0015") this.#characters = [];
      else if (key >= " " && this.#characters.length < CHARS_MAX) this.#characters.push(key);
    }
    return { type: "open" };
  }
}

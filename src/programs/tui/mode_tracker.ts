/** Follows what is switched on in a terminal, from what is written to it; must not know who writes. */

/** Modes that a shell does not expect, in the order in which they are switched off. The alternate screen comes last. */
const MODES = ["1006", "1004", "1003", "1002", "1000", "2004", "2031"] as const;
const ALTERNATE = "1049";
const AUTO_WRAP = "7";
// deno-lint-ignore no-control-regex -- Sequences begin with it.
const CHANGES = /\u001b\[(?:\?(\d+)([hl])|([<>])(\d*)u|>4;(\d)m|(2[23]);2t)/g;

/** What is on. */
export class ModeTracker {
  readonly #on = new Set<string>();
  /** Lines are wrapped unless somebody switches that off. */
  #isWrapping = true;
  #kittyLevels = 0;
  #isModifyOtherKeys = false;
  #hasPushedTitle = false;
  #hasWritten = false;

  /** Must see every text as it was written, whole sequences in each. */
  observe(text: string): void {
    this.#hasWritten = true;
    for (const [, mode, change, keyboard, , level, title] of text.matchAll(CHANGES)) {
      if (mode === AUTO_WRAP) this.#isWrapping = change === "h";
      else if (mode !== undefined) {
        if (change === "h") this.#on.add(mode);
        else this.#on.delete(mode);
      } else if (keyboard !== undefined) this.#kittyLevels += keyboard === ">" ? 1 : -1;
      else if (level !== undefined) this.#isModifyOtherKeys = level !== "0";
      else this.#hasPushedTitle = title === "22";
    }
  }

  /** What makes the terminal usable for a shell again, whatever was being drawn; empty when nothing ever was. */
  restoration(): string {
    if (!this.#hasWritten) return "";
    // An open frame first: until it ends, terminals show nothing of what follows.
    const parts = ["\u001b[?2026l\u001b[0m"];
    parts.push(...MODES.filter((mode) => this.#on.has(mode)).map((mode) => `\u001b[?${mode}l`));
    if (!this.#isWrapping) parts.push(`\u001b[?${AUTO_WRAP}h`);
    if (this.#isModifyOtherKeys) parts.push("\u001b[>4;0m");
    // Each screen has its own keyboard modes, so before the screen is left.
    if (this.#kittyLevels > 0) parts.push(`\u001b[<${this.#kittyLevels}u`);
    parts.push(this.#on.has(ALTERNATE) ? `\u001b[?${ALTERNATE}l` : "\r\n");
    if (this.#hasPushedTitle) parts.push("\u001b[23;2t");
    parts.push("\u001b[?25h");
    return parts.join("");
  }
}

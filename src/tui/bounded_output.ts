/** What a command printed, of which only the beginning and the end are kept; must not know what shows it. */

/** In characters. The end says more than the beginning: that is where errors are. */
const HEAD_CHARS = 8_000;
const TAIL_CHARS = 24_000;

/**
 * The output of one command. What is added costs its own length only: the tail may grow to twice its size before it
 * is cut, and texts are joined without a copy.
 */
export class BoundedOutput {
  #head = "";
  #tail = "";
  #omittedChars = 0;

  /** Adds what came. */
  append(text: string): void {
    const room = this.#tail === "" ? HEAD_CHARS - this.#head.length : 0;
    if (room > 0) this.#head += text.slice(0, room);
    this.#tail += room > 0 ? text.slice(room) : text;
    if (this.#tail.length > 2 * TAIL_CHARS) this.#cut();
  }

  /** Takes a whole output in the place of what was added; cut to its exact size. */
  replace(text: string): void {
    this.#head = text.slice(0, HEAD_CHARS);
    this.#tail = text.slice(HEAD_CHARS);
    this.#omittedChars = 0;
    if (this.#tail.length > TAIL_CHARS) this.#cut();
  }

  /** What is kept, with a line that says how much is not. */
  get text(): string {
    if (this.#omittedChars === 0) return this.#head + this.#tail;
    return `${this.#head}\n… ${this.#omittedChars} characters left out …\n${this.#tail}`;
  }

  get omittedChars(): number {
    return this.#omittedChars;
  }

  #cut(): void {
    const cutChars = this.#tail.length - TAIL_CHARS;
    this.#tail = this.#tail.slice(cutChars);
    this.#omittedChars += cutChars;
  }
}

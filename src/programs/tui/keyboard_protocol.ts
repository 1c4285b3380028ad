/** Finds out how a terminal can tell keys apart, and has it do so; must not know what the keys mean. */
import { setKittyProtocolActive } from "pi-tui";

/**
 * Flags of the kitty protocol: 1, keys apart that look the same otherwise; 4, what they are on other layouts. Not 2,
 * releases of keys: the one that ends the program would come after its end.
 */
const KITTY_FLAGS = 5;
/** Every terminal answers the last query; one that has not answered the second before does not know it. */
const QUERY = `\u001b[>${KITTY_FLAGS}u\u001b[?u\u001b[c`;
// deno-lint-ignore no-control-regex -- Sequences begin with it.
const KITTY_ANSWER = /^\u001b\[\?(\d+)u$/;
// deno-lint-ignore no-control-regex -- See above.
const ATTRIBUTES_ANSWER = /^\u001b\[\?[\d;]*c$/;

/** One negotiation after the other: `begin`, answers, `end`. */
export class KeyboardProtocol {
  readonly #write: (text: string) => void;
  #isAsked = false;
  #isWaiting = false;
  #isKitty = false;
  #isModifyOtherKeys = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** True while the answer of the terminal is still to come. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get isKitty(): boolean {
    return this.#isKitty;
  }

  begin(): void {
    this.#isAsked = true;
    this.#isWaiting = true;
    this.#write(QUERY);
  }

  /** Takes an answer; false when it is none. */
  take(sequence: string): boolean {
    if (!this.#isAsked) return false;
    const flags = KITTY_ANSWER.exec(sequence)?.[1];
    if (flags !== undefined) {
      this.#setKitty(flags !== "0");
      return true;
    }
    if (!ATTRIBUTES_ANSWER.test(sequence)) return false;
    this.#isWaiting = false;
    if (!this.#isKitty && !this.#isModifyOtherKeys) {
      this.#isModifyOtherKeys = true;
      this.#write("\u001b[>4;2m");
    }
    return true;
  }

  /** Leaves keys as they were before. */
  end(): void {
    if (!this.#isAsked) return;
    this.#isAsked = false;
    this.#isWaiting = false;
    if (this.#isModifyOtherKeys) this.#write("\u001b[>4;0m");
    this.#isModifyOtherKeys = false;
    this.#write("\u001b[<u");
    this.#setKitty(false);
  }

  #setKitty(isKitty: boolean): void {
    this.#isKitty = isKitty;
    // The parser of keys is one for the process.
    setKittyProtocolActive(isKitty);
  }
}

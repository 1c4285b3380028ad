/** One path at a time in the form that terms are compared with; must not know terms or scores. */
import { bareOf, charClass, classOf, codePoints, type Folding, lowerOf } from "./characters.ts";
import { bonusFor, type Candidate } from "./fuzzy.ts";
import type { PathIndex } from "./path_index.ts";

/** Longer paths cannot be opened on any system that we know. */
export const PATH_BYTES_MAX = 4096;

const ASCII_END = 0x80;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of an entry; loading another one replaces it. Positions count code points, as clients do. */
export class EntryText {
  readonly #raw = new Int32Array(PATH_BYTES_MAX);
  readonly #bonuses = new Int16Array(PATH_BYTES_MAX);
  /** The text in each folding; made when a term first asks for it. */
  readonly #folded = Array.from({ length: 4 }, (): Candidate => ({
    codes: new Int32Array(PATH_BYTES_MAX),
    bonuses: this.#bonuses,
  }));
  readonly #isFolded = [false, false, false, false];
  readonly #lower = this.#folded[0] ?? { codes: this.#raw, bonuses: this.#bonuses };
  #length = 0;
  #nameAt = 0;
  #isAscii = true;

  get length(): number {
    return this.#length;
  }

  /** Where the last part of the path begins. */
  get nameAt(): number {
    return this.#nameAt;
  }

  /** Loads the path. */
  load(index: PathIndex, entry: number): void {
    this.#load(index, { start: index.start(entry), nameStart: index.nameStart(entry), entry });
  }

  /** Loads the name as if it were the path; for when it is known that the folders do not matter. */
  loadName(index: PathIndex, entry: number): void {
    const start = index.nameStart(entry);
    this.#load(index, { start, nameStart: start, entry });
  }

  #load(
    index: PathIndex,
    options: { readonly start: number; readonly nameStart: number; readonly entry: number },
  ): void {
    const { bytes } = index;
    const { start, nameStart } = options;
    const end = index.end(options.entry);
    this.#isFolded.fill(false);
    this.#isAscii = true;
    this.#length = end - start;
    this.#nameAt = nameStart - start;
    // A text begins as if after a slash.
    let previous: number = charClass.delimiter;
    // Nearly all terms want this one: it is made on the way.
    const lower = this.#lower.codes;
    this.#isFolded[0] = true;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= ASCII_END) {
        return this.#loadForeign(bytes.subarray(start, end), nameStart - start);
      }
      const current = classOf(byte);
      this.#raw[at - start] = byte;
      lower[at - start] = lowerOf(byte);
      this.#bonuses[at - start] = bonusFor(previous, current);
      previous = current;
    }
  }

  /** The loaded text in one folding. */
  in(folding: Folding): Candidate {
    const number = (folding.keepsCase ? 1 : 0) + (folding.keepsAccents ? 2 : 0);
    const candidate = this.#folded[number] ?? { codes: this.#raw, bonuses: this.#bonuses };
    if (this.#isFolded[number]) return candidate;
    this.#isFolded[number] = true;
    const { codes } = candidate;
    for (let at = 0; at < this.#length; at++) {
      const code = this.#raw[at] ?? 0;
      const cased = folding.keepsCase ? code : lowerOf(code);
      codes[at] = folding.keepsAccents || this.#isAscii ? cased : bareOf(cased);
    }
    return candidate;
  }

  #loadForeign(bytes: Uint8Array, nameLength: number): void {
    const codes = codePoints(decoder.decode(bytes));
    this.#isAscii = false;
    this.#isFolded[0] = false;
    this.#length = codes.length;
    this.#nameAt = codePoints(decoder.decode(bytes.subarray(0, nameLength))).length;
    let previous: number = charClass.delimiter;
    for (const [at, code] of codes.entries()) {
      const current = classOf(code);
      this.#raw[at] = code;
      this.#bonuses[at] = bonusFor(previous, current);
      previous = current;
    }
  }
}

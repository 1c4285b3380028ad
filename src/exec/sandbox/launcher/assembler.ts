/** The few machine instructions that the launcher's interpreter is made of; must not know what it interprets. */
import { invariant } from "../../../lib/errors.ts";

/**
 * Registers by what the interpreter keeps in them. `number`, `a0` to `a5` and `result` are those of system
 * calls: `result` is valid until `number` is set again. `value` is scratch that no system call keeps.
 */
export type Register =
  | "argv"
  | "envp"
  | "record"
  | "command"
  | "init"
  | "signal"
  | "value"
  | "number"
  | "result"
  | Argument;

/** The registers of the arguments of a system call, in order. */
export const ARGUMENTS = ["a0", "a1", "a2", "a3", "a4", "a5"] as const;
type Argument = typeof ARGUMENTS[number];

/** Comparisons of signed 64-bit values. */
export type Condition = "equal" | "notEqual" | "atLeast" | "atMost";

/** Instructions of one architecture. Offsets are in bytes and multiples of 8; numbers fit into 31 bits. */
export interface Assembler {
  /** Names the place of the next instruction. */
  label(name: string): void;
  /** to := stack pointer */
  stackPointer(to: Register): void;
  /** to := number */
  set(to: Register, number: number): void;
  /** to := from */
  move(to: Register, from: Register): void;
  /** to := the 64 bits at base + offset */
  load(to: Register, base: Register, offset: number): void;
  /** the 64 bits at base + offset := from */
  store(base: Register, offset: number, from: Register): void;
  /** to := to + addend; a number must be below 4096 */
  add(to: Register, addend: Register | number): void;
  /** to := -to */
  negate(to: Register): void;
  /** to := to << bits */
  shiftLeft(to: Register, bits: number): void;
  /** to := to >> bits, unsigned */
  shiftRight(to: Register, bits: number): void;
  /** Keeps the lowest bits alone. */
  keepLow(to: Register, bits: number): void;
  /** Goes on at `label` if the comparison holds; a number must be below 4096 and not negative. */
  branch(label: string, left: Register, condition: Condition, right: Register | number): void;
  /** Goes on at `label`. */
  jump(label: string): void;
  /** Goes on at the address in the register. */
  jumpTo(address: Register): void;
  /** result := system call `number` of `a0` to `a5` */
  systemCall(): void;
  /** The finished code. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** How far from the start of the code a label is. */
  offsetOf(label: string): number;
}

/** Bytes with labels, and the places where the distance to a label is still missing. */
export class CodeBuffer {
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #gaps: { readonly at: number; readonly label: string; readonly fill: Fill }[] = [];

  push(...bytes: readonly number[]): void {
    this.#bytes.push(...bytes);
  }

  /** A little-endian 32-bit word. */
  push32(word: number): void {
    this.push(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, (word >>> 24) & 0xff);
  }

  label(name: string): void {
    invariant(!this.#labels.has(name), `Label ${name} is there twice`);
    this.#labels.set(name, this.#bytes.length);
  }

  offsetOf(label: string): number {
    const offset = this.#labels.get(label);
    invariant(offset !== undefined, `Label ${label} is nowhere`);
    return offset;
  }

  /** A 32-bit word that `fill` makes from the distance of the label to the start of the word. */
  pushDistance(label: string, fill: Fill): void {
    this.#gaps.push({ at: this.#bytes.length, label, fill });
    this.push32(0);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const code = new Uint8Array(this.#bytes);
    const view = new DataView(code.buffer);
    for (const { at, label, fill } of this.#gaps) {
      view.setUint32(at, fill(this.offsetOf(label) - at) >>> 0, true);
    }
    return code;
  }
}

type Fill = (distance: number) => number;

/** Encodes the interpreter's instructions for arm64; must not know what they do together. */
import { type Assembler, CodeBuffer, type Condition, type Register } from "./assembler.ts";

/** A system call keeps all but x0; its result is moved away from there, so that arguments can be set. */
const REGISTERS: Readonly<Record<Register, number>> = {
  a0: 0,
  a1: 1,
  a2: 2,
  a3: 3,
  a4: 4,
  a5: 5,
  number: 8,
  value: 9,
  record: 19,
  argv: 20,
  envp: 21,
  command: 22,
  init: 23,
  signal: 24,
  result: 25,
};
const ZERO_OR_SP = 31;

const CONDITIONS: Readonly<Record<Condition, number>> = {
  equal: 0x0,
  notEqual: 0x1,
  atLeast: 0xa,
  atMost: 0xd,
};

/** An assembler for arm64. */
export class ArmAssembler implements Assembler {
  readonly #code = new CodeBuffer();

  label(name: string): void {
    this.#code.label(name);
  }

  stackPointer(to: Register): void {
    this.#emit(0x91000000, { target: to, first: ZERO_OR_SP }); // add to, sp, #0
  }

  set(to: Register, number: number): void {
    this.#emit(0xd2800000 | (number & 0xffff) << 5, { target: to }); // movz to, #low
    const high = (number >>> 16) & 0xffff;
    if (high !== 0) this.#emit(0xf2a00000 | high << 5, { target: to }); // movk to, #high, lsl #16
  }

  move(to: Register, from: Register): void {
    this.#emit(0xaa000000, { target: to, first: ZERO_OR_SP, second: from }); // orr to, xzr, from
  }

  load(to: Register, base: Register, offset: number): void {
    this.#emit(0xf9400000 | (offset / 8) << 10, { target: to, first: base }); // ldr to, [base, #offset]
  }

  store(base: Register, offset: number, from: Register): void {
    this.#emit(0xf9000000 | (offset / 8) << 10, { target: from, first: base }); // str from, [base, #offset]
  }

  add(to: Register, addend: Register | number): void {
    if (typeof addend === "number") {
      this.#emit(0x91000000 | addend << 10, { target: to, first: to }); // add to, to, #addend
    } else {
      this.#emit(0x8b000000, { target: to, first: to, second: addend }); // add to, to, addend
    }
  }

  negate(to: Register): void {
    this.#emit(0xcb000000, { target: to, first: ZERO_OR_SP, second: to }); // sub to, xzr, to
  }

  shiftLeft(to: Register, bits: number): void {
    this.#bitfield(to, (64 - bits) % 64, 63 - bits); // lsl to, to, #bits
  }

  shiftRight(to: Register, bits: number): void {
    this.#bitfield(to, bits, 63); // lsr to, to, #bits
  }

  keepLow(to: Register, bits: number): void {
    this.#bitfield(to, 0, bits - 1); // ubfx to, to, #0, #bits
  }

  branch(label: string, left: Register, condition: Condition, right: Register | number): void {
    if (typeof right === "number") {
      this.#emit(0xf1000000 | right << 10, { target: ZERO_OR_SP, first: left }); // cmp left, #right
    } else {
      this.#emit(0xeb000000, { target: ZERO_OR_SP, first: left, second: right }); // cmp left, right
    }
    const code = CONDITIONS[condition];
    this.#code.pushDistance(label, (distance) => 0x54000000 | field(distance, 19) << 5 | code);
  }

  jump(label: string): void {
    this.#code.pushDistance(label, (distance) => 0x14000000 | field(distance, 26)); // b label
  }

  jumpTo(address: Register): void {
    this.#emit(0xd61f0000, { target: 0, first: address }); // br address
  }

  systemCall(): void {
    this.#emit(0xd4000001, { target: 0 }); // svc #0
    this.move("result", "a0");
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#code.bytes();
  }

  offsetOf(label: string): number {
    return this.#code.offsetOf(label);
  }

  /** One instruction: its bits and the registers of its usual three fields. */
  #emit(
    bits: number,
    fields: { target: Register | number; first?: Register | number; second?: Register },
  ): void {
    const { target, first = 0, second } = fields;
    const high = second === undefined ? 0 : REGISTERS[second];
    this.#code.push32(bits | high << 16 | indexOf(first) << 5 | indexOf(target));
  }

  /** ubfm to, to, #rotate, #last */
  #bitfield(to: Register, rotate: number, last: number): void {
    this.#emit(0xd3400000 | rotate << 16 | last << 10, { target: to, first: to });
  }
}

function indexOf(register: Register | number): number {
  return typeof register === "number" ? register : REGISTERS[register];
}

/** Distances of jumps count instructions from the jump itself. */
function field(distance: number, bits: number): number {
  return (distance >> 2) & (2 ** bits - 1);
}

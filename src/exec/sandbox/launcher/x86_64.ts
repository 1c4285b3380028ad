/** Encodes the interpreter's instructions for x86-64; must not know what they do together. */
import { type Assembler, CodeBuffer, type Condition, type Register } from "./assembler.ts";

/** A system call keeps all but rax, rcx and r11. */
const REGISTERS: Readonly<Record<Register, number>> = {
  number: 0, // rax
  result: 0, // rax
  value: 1, // rcx
  a2: 2, // rdx
  record: 3, // rbx
  signal: 5, // rbp
  a1: 6, // rsi
  a0: 7, // rdi
  a4: 8, // r8
  a5: 9, // r9
  a3: 10, // r10
  argv: 12, // r12
  envp: 13, // r13
  command: 14, // r14
  init: 15, // r15
};
const RSP = 4;

/** The second byte of a near conditional jump. */
const CONDITIONS: Readonly<Record<Condition, number>> = {
  equal: 0x84,
  notEqual: 0x85,
  atLeast: 0x8d,
  atMost: 0x8e,
};

/** An assembler for x86-64. */
export class X86Assembler implements Assembler {
  readonly #code = new CodeBuffer();

  label(name: string): void {
    this.#code.label(name);
  }

  stackPointer(to: Register): void {
    this.#operate(0x89, RSP, REGISTERS[to]); // mov to, rsp
  }

  set(to: Register, number: number): void {
    this.#operate(0xc7, 0, REGISTERS[to]); // mov to, imm32
    this.#code.push32(number);
  }

  move(to: Register, from: Register): void {
    this.#operate(0x89, REGISTERS[from], REGISTERS[to]); // mov to, from
  }

  load(to: Register, base: Register, offset: number): void {
    this.#access(0x8b, to, base, offset); // mov to, [base+disp32]
  }

  store(base: Register, offset: number, from: Register): void {
    this.#access(0x89, from, base, offset); // mov [base+disp32], from
  }

  add(to: Register, addend: Register | number): void {
    if (typeof addend === "number") this.#immediate(0, to, addend); // add to, imm32
    else this.#operate(0x01, REGISTERS[addend], REGISTERS[to]); // add to, addend
  }

  negate(to: Register): void {
    this.#operate(0xf7, 3, REGISTERS[to]); // neg to
  }

  shiftLeft(to: Register, bits: number): void {
    this.#operate(0xc1, 4, REGISTERS[to]); // shl to, imm8
    this.#code.push(bits);
  }

  shiftRight(to: Register, bits: number): void {
    this.#operate(0xc1, 5, REGISTERS[to]); // shr to, imm8
    this.#code.push(bits);
  }

  keepLow(to: Register, bits: number): void {
    this.#immediate(4, to, 2 ** bits - 1); // and to, imm32
  }

  branch(label: string, left: Register, condition: Condition, right: Register | number): void {
    if (typeof right === "number") this.#immediate(7, left, right); // cmp left, imm32
    else this.#operate(0x39, REGISTERS[right], REGISTERS[left]); // cmp left, right
    this.#code.push(0x0f, CONDITIONS[condition]); // jcc rel32
    this.#code.pushDistance(label, afterWord);
  }

  jump(label: string): void {
    this.#code.push(0xe9); // jmp rel32
    this.#code.pushDistance(label, afterWord);
  }

  jumpTo(address: Register): void {
    this.#operate(0xff, 4, REGISTERS[address]); // jmp address
  }

  systemCall(): void {
    this.#code.push(0x0f, 0x05); // syscall
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#code.bytes();
  }

  offsetOf(label: string): number {
    return this.#code.offsetOf(label);
  }

  /** An instruction with 64-bit operands: `field` is a register or part of the opcode. */
  #operate(opcode: number, field: number, target: number): void {
    this.#code.push(prefix(field, target), opcode, 0xc0 | (field & 7) << 3 | (target & 7));
  }

  #immediate(field: number, target: Register, number: number): void {
    this.#operate(0x81, field, REGISTERS[target]);
    this.#code.push32(number);
  }

  #access(opcode: number, register: Register, base: Register, offset: number): void {
    const [field, target] = [REGISTERS[register], REGISTERS[base]];
    this.#code.push(prefix(field, target), opcode, 0x80 | (field & 7) << 3 | (target & 7));
    // rsp and r12 as base need a second byte of addressing.
    if ((target & 7) === RSP) this.#code.push(0x24);
    this.#code.push32(offset);
  }
}

/** REX.W, with the fourth bits of both registers. */
function prefix(field: number, target: number): number {
  return 0x48 | (field > 7 ? 4 : 0) | (target > 7 ? 1 : 0);
}

/** Distances of jumps count from the end of the instruction, which ends with the word. */
function afterWord(distance: number): number {
  return distance - 4;
}

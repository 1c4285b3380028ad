/** A list of system calls as data, and how it becomes the records that the interpreter reads; knows no sandbox. */
import { invariant } from "../../../lib/errors.ts";
import type { SyscallName } from "./syscalls.ts";

/** Memory that the calls write to: all zero at the start. */
export const SLOTS = {
  /** Where results go that nobody needs. */
  nowhere: { offset: 0, bytes: 8 },
  /** The signals that were blocked when the launcher was started. */
  signals: { offset: 8, bytes: 8 },
  pipe: { offset: 16, bytes: 8 },
  /** Process ids, as seen from outside, of the two processes that the launcher starts. */
  init: { offset: 24, bytes: 8 },
  command: { offset: 32, bytes: 8 },
  status: { offset: 40, bytes: 8 },
  /** What is written into the journal when an operation fails. */
  report: { offset: 48, bytes: 24 },
  /** The working directory, by name. */
  cwd: { offset: 128, bytes: 4096 },
  /** What is being copied. */
  copy: { offset: 128 + 4096, bytes: 0x10000 },
} as const;
/** One of them. */
export type Slot = keyof typeof SLOTS;
/** How much memory all of them take. */
export const SLOT_BYTES = 128 + 4096 + 0x10000;

/** An argument of a system call; `text` is how the listing shows it. */
export type Argument =
  | number
  | bigint
  /** A path or a word: the address of its UTF-8 bytes and a zero. */
  | string
  | { readonly slot: Slot }
  | { readonly text: string; readonly value: number }
  | { readonly text: string; readonly bytes: Uint8Array }
  /** A structure of 64-bit words, some of them addresses. */
  | { readonly text: string; readonly words: readonly (number | Uint8Array)[] };

/** Where operations go on, by the `label` of another operation of the same list or of its children. */
export interface Ways {
  readonly label?: string;
  /** After a success; the next operation if left out. */
  readonly then?: string;
  /** After a failure. If it is left out, a failure is reported and ends the process. */
  readonly otherwise?: string;
}

/** One system call. */
export interface Call extends Ways {
  readonly type: "call";
  /** What it is for, as a message about its failure says it: "hide /etc/secret". */
  readonly name: string;
  readonly call: SyscallName;
  readonly args: readonly Argument[];
  /** The only result that counts as success, such as a descriptor; any that is not negative if left out. */
  readonly expected?: number;
  /** A failure changes nothing: the next operation follows. */
  readonly mayFail?: boolean;
  /** Where the result is kept. */
  readonly keep?: Slot;
}

/** Splits the process in two: the child does `child`, the parent goes on with what follows. */
export interface Fork extends Ways {
  readonly type: "fork";
  readonly name: string;
  /** Heads the operations of the child in the listing; the name of the slot if left out. */
  readonly title?: string;
  readonly keep: Slot;
  readonly child: readonly Operation[];
}

/** Passes signals on to the command until it ends, ends the init, and ends as the command did. */
export interface Supervise {
  readonly type: "supervise";
  readonly name: string;
}

/** Becomes the command that the arguments of the launcher name. */
export interface Execute {
  readonly type: "execute";
  readonly name: string;
}

/** Writes to `to` whatever can be read from `from`, until that ends. The only user of slot `copy`. */
export interface Copy extends Ways {
  readonly type: "copy";
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** A step of a script. The last one of every list must not return. */
export type Operation = Call | Fork | Copy | Supervise | Execute;

const SIGCHLD = 17;

/** A call that must succeed. */
export function call(
  name: string,
  system: SyscallName,
  { args = [], ...options }:
    & Partial<Pick<Call, "args" | "expected" | "mayFail" | "keep">>
    & Ways = {},
): Call {
  return { type: "call", name, call: system, args, ...options };
}

/** All operations in the order of their records: children follow their parents. */
export function flatten(operations: readonly Operation[]): Operation[] {
  const all: Operation[] = [];
  const waiting = [operations];
  for (let list = waiting.shift(); list !== undefined; list = waiting.shift()) {
    for (const operation of list) {
      all.push(operation);
      if (operation.type === "fork") waiting.push(operation.child);
    }
  }
  return all;
}

/** Where things are in the memory of the launcher. */
export interface Layout {
  /** Of the first record. */
  readonly records: number;
  /** Of the slots. */
  readonly slots: number;
  /** Of the routines of the interpreter. */
  readonly routines: Readonly<Record<"perform" | "copy" | "supervise" | "execute", number>>;
  readonly numberOf: (call: SyscallName) => number;
}

/** Offsets of the words of a record, in bytes. */
export const RECORD = {
  /** Address of the routine of the interpreter that does it. */
  routine: 0,
  number: 8,
  /** The first of six. */
  args: 16,
  /** Address at which the result is stored. */
  keep: 64,
  expected: 72,
  /** 1: only `expected` is success. 0: whatever is not negative. */
  isExact: 80,
  /** Address of the record that follows a failure. 0: none, a failure is reported. */
  afterFailure: 88,
  /** Address of the record that follows result 0: in a new child. */
  afterZero: 96,
  /** Address of the record that follows any other result. */
  after: 104,
} as const;
/** The size of a record. */
export const RECORD_BYTES = 112;

/** The records and, behind them, what their arguments point to. */
export function encodeScript(
  operations: readonly Operation[],
  layout: Layout,
): Uint8Array<ArrayBuffer> {
  const all = flatten(operations);
  const data = new DataArea(layout.records + all.length * RECORD_BYTES);
  const records = new BigInt64Array(all.length * RECORD_BYTES / 8);
  const addressOf = (label: string) => layout.records + indexOfLabel(all, label) * RECORD_BYTES;
  all.forEach((operation, index) => {
    const put = (offset: number, value: number | bigint) =>
      records[(index * RECORD_BYTES + offset) / 8] = BigInt(value);
    const next = layout.records + (index + 1) * RECORD_BYTES;
    put(RECORD.after, next);
    put(RECORD.afterZero, next);
    put(RECORD.keep, layout.slots + SLOTS.nowhere.offset);
    switch (operation.type) {
      case "supervise":
      case "execute":
        return put(RECORD.routine, layout.routines[operation.type]);
      case "copy":
        put(RECORD.routine, layout.routines.copy);
        put(RECORD.args, operation.from);
        put(RECORD.args + 8, operation.to);
        break;
      case "fork": {
        put(RECORD.routine, layout.routines.perform);
        put(RECORD.number, layout.numberOf("clone"));
        put(RECORD.args, SIGCHLD);
        put(RECORD.keep, layout.slots + SLOTS[operation.keep].offset);
        break;
      }
      case "call": {
        put(RECORD.routine, layout.routines.perform);
        put(RECORD.number, layout.numberOf(operation.call));
        operation.args.forEach((argument, position) =>
          put(RECORD.args + position * 8, valueOf(argument, { data, layout }))
        );
        put(RECORD.keep, layout.slots + SLOTS[operation.keep ?? "nowhere"].offset);
        put(RECORD.expected, operation.expected ?? 0);
        put(RECORD.isExact, operation.expected === undefined ? 0 : 1);
        if (operation.mayFail) put(RECORD.afterFailure, next);
        break;
      }
    }
    const { then, otherwise } = operation;
    if (then !== undefined) {
      put(RECORD.after, addressOf(then));
      put(RECORD.afterZero, addressOf(then));
    }
    if (otherwise !== undefined) put(RECORD.afterFailure, addressOf(otherwise));
    if (operation.type === "fork") {
      const [first] = operation.child;
      invariant(first !== undefined, "A child has nothing to do");
      put(RECORD.afterZero, layout.records + all.indexOf(first) * RECORD_BYTES);
    }
  });
  return data.after(new Uint8Array(records.buffer));
}

/** Where a label is in the flat list of operations. */
export function indexOfLabel(operations: readonly Operation[], label: string): number {
  const index = operations.findIndex((each) => "label" in each && each.label === label);
  invariant(index >= 0, `No operation has the label ${label}`);
  return index;
}

function valueOf(
  argument: Argument,
  { data, layout }: { readonly data: DataArea; readonly layout: Layout },
): number | bigint {
  if (typeof argument === "number" || typeof argument === "bigint") return argument;
  if (typeof argument === "string") return data.addressOfText(argument);
  if ("slot" in argument) return layout.slots + SLOTS[argument.slot].offset;
  if ("value" in argument) return argument.value;
  if ("bytes" in argument) return data.addressOf(argument.bytes);
  const words = argument.words.map((word) =>
    BigInt(typeof word === "number" ? word : data.addressOf(word))
  );
  return data.addressOf(new Uint8Array(new BigInt64Array(words).buffer));
}

/** Constant bytes that arguments point to, each string only once. */
class DataArea {
  readonly #start: number;
  readonly #parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #texts = new Map<string, number>();
  #size = 0;

  constructor(start: number) {
    this.#start = start;
  }

  addressOf(bytes: Uint8Array): number {
    const at = this.#size;
    this.#parts.push({ at, bytes });
    // Structures of the kernel are aligned to 8 bytes.
    this.#size += Math.ceil(bytes.length / 8) * 8;
    return this.#start + at;
  }

  addressOfText(text: string): number {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    invariant(!text.includes("\0"), "A path contains a NUL character");
    const address = this.addressOf(new TextEncoder().encode(`${text}\0`));
    this.#texts.set(text, address);
    return address;
  }

  /** The records, followed by the data. */
  after(records: Uint8Array): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(records.length + this.#size);
    all.set(records);
    for (const { at, bytes } of this.#parts) all.set(bytes, records.length + at);
    return all;
  }
}

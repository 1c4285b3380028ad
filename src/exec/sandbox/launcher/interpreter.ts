/**
 * The machine code of the launcher, written once for all architectures: it reads records of system calls and
 * makes them, one after the other; must not know what they are for.
 *
 * The code has no other input than the records (constant), the slots (its own memory), and the arguments and
 * environment that the kernel put onto the stack:
 *
 *     argv[0] unused   argv[1] eight characters that mark reports of this start
 *     argv[2] path of the program to become   argv[3...] its arguments, argv[3] being its own name
 *
 * A failed call ends the process with code 125 after a report was written to the journal, a descriptor that
 * the command does not inherit. So nothing that a command does or prints can look like a failed start.
 */
import { ARGUMENTS, type Assembler } from "./assembler.ts";
import { RECORD, SLOTS } from "./script.ts";
import { type Architecture, type SyscallName, syscallNumber } from "./syscalls.ts";
import { invariant } from "../../../lib/errors.ts";

/** The descriptor to which failures are reported. */
export const JOURNAL_DESCRIPTOR = 3;
/** Mark, address of the record, result of the call. */
export const REPORT_BYTES = 24;
/** What a launcher that could not start the command exits with. */
export const SETUP_EXIT_CODE = 125;

const SIGCHLD = 17;
const SIGKILL = 9;
const WNOHANG = 1;
const SIG_SETMASK = 2;
/** Bytes of a signal set as the kernel sees it. */
const SIGNAL_SET_BYTES = 8;

/** Addresses that the code refers to. The constants are 8 bytes of ones and 32 bytes of zeros. */
export interface CodeAddresses {
  readonly records: number;
  readonly slots: number;
  readonly ones: number;
  readonly zeros: number;
}

/** Writes the whole code; the labels `perform`, `copy`, `supervise` and `execute` are the routines of records. */
export function assembleInterpreter(
  assembler: Assembler,
  options: { readonly architecture: Architecture; readonly at: CodeAddresses },
): void {
  const writer = new Writer(assembler, options);
  writer.start();
  writer.perform();
  writer.copy();
  writer.report();
  writer.execute();
  writer.supervise();
}

class Writer {
  readonly #asm: Assembler;
  readonly #architecture: Architecture;
  readonly #at: CodeAddresses;

  constructor(
    asm: Assembler,
    { architecture, at }: { readonly architecture: Architecture; readonly at: CodeAddresses },
  ) {
    this.#asm = asm;
    this.#architecture = architecture;
    this.#at = at;
  }

  /** Finds arguments and environment, then takes up the first record. */
  start(): void {
    const asm = this.#asm;
    asm.stackPointer("argv"); // The stack starts with the number of arguments,
    asm.load("envp", "argv", 0);
    asm.add("argv", 8); // then their addresses
    asm.shiftLeft("envp", 3);
    asm.add("envp", "argv");
    asm.add("envp", 8); // and a zero, then the environment.
    asm.set("record", this.#at.records);
    asm.label("next");
    asm.load("value", "record", RECORD.routine);
    asm.jumpTo("value");
  }

  /** Makes the call of a record, keeps its result, and goes on if it is a success. */
  perform(): void {
    const asm = this.#asm;
    asm.label("perform");
    asm.load("number", "record", RECORD.number);
    ARGUMENTS.forEach((argument, index) => asm.load(argument, "record", RECORD.args + index * 8));
    asm.systemCall();
    asm.load("value", "record", RECORD.keep);
    asm.store("value", 0, "result");
    asm.load("value", "record", RECORD.isExact);
    asm.branch("exact", "value", "notEqual", 0);
    asm.branch("onward", "result", "atLeast", 0);
    asm.jump("failed");
    asm.label("exact");
    asm.load("value", "record", RECORD.expected);
    asm.branch("onward", "result", "equal", "value");
    asm.label("failed");
    asm.load("value", "record", RECORD.afterFailure);
    asm.branch("report", "value", "equal", 0);
    asm.move("record", "value");
    asm.jump("next");
    asm.label("onward");
    asm.branch("zero", "result", "equal", 0);
    asm.load("record", "record", RECORD.after);
    asm.jump("next");
    asm.label("zero");
    asm.load("record", "record", RECORD.afterZero);
    asm.jump("next");
  }

  /** Reads and writes until there is nothing more to read; a write may take only part of what was read. */
  copy(): void {
    const asm = this.#asm;
    const buffer = this.#at.slots + SLOTS.copy.offset;
    asm.label("copy");
    asm.load("a0", "record", RECORD.args);
    asm.set("a1", buffer);
    asm.set("a2", SLOTS.copy.bytes);
    this.#syscall("read");
    asm.branch("onward", "result", "equal", 0);
    asm.branch("failed", "result", "atMost", 0);
    // These registers are those of the supervisor, which does not copy.
    asm.set("init", buffer);
    asm.move("command", "result");
    asm.label("rest");
    asm.load("a0", "record", RECORD.args + 8);
    asm.move("a1", "init");
    asm.move("a2", "command");
    this.#syscall("write");
    asm.branch("failed", "result", "atMost", 0);
    asm.add("init", "result");
    asm.negate("result");
    asm.add("command", "result");
    asm.branch("rest", "command", "notEqual", 0);
    asm.jump("copy");
  }

  /** Writes {mark, record, result} to the journal and ends the process. */
  report(): void {
    const asm = this.#asm;
    const report = this.#at.slots + SLOTS.report.offset;
    asm.label("report");
    asm.set("value", report);
    asm.store("value", 16, "result");
    asm.store("value", 8, "record");
    asm.load("signal", "argv", 8);
    asm.load("signal", "signal", 0);
    asm.store("value", 0, "signal");
    this.#call("write", JOURNAL_DESCRIPTOR, report, REPORT_BYTES);
    asm.set("a0", SETUP_EXIT_CODE);
    this.#exit();
  }

  /** execve(argv[2], &argv[3], envp); only a failure comes back. */
  execute(): void {
    const asm = this.#asm;
    asm.label("execute");
    asm.load("a0", "argv", 16);
    asm.move("a1", "argv");
    asm.add("a1", 24);
    asm.move("a2", "envp");
    this.#syscall("execve");
    asm.jump("report");
  }

  /** All signals are blocked here, so each is taken from the queue and none interrupts. */
  supervise(): void {
    const asm = this.#asm;
    const slot = (name: keyof typeof SLOTS) => this.#at.slots + SLOTS[name].offset;
    asm.label("supervise");
    asm.set("value", slot("init"));
    asm.load("init", "value", 0);
    asm.set("value", slot("command"));
    asm.load("command", "value", 0);

    asm.label("wait");
    this.#call("rt_sigtimedwait", this.#at.ones, 0, 0, SIGNAL_SET_BYTES);
    asm.branch("wait", "result", "atMost", 0);
    asm.branch("ended", "result", "equal", SIGCHLD);
    asm.move("signal", "result");
    // To the group that the command leads, as a caller would signal a command without a launcher;
    asm.move("a0", "command");
    asm.negate("a0");
    asm.move("a1", "signal");
    this.#syscall("kill");
    asm.branch("wait", "result", "atLeast", 0);
    // in its first moments it leads none yet.
    asm.move("a0", "command");
    asm.move("a1", "signal");
    this.#syscall("kill");
    asm.jump("wait");

    asm.label("ended");
    asm.move("a0", "command");
    asm.set("a1", slot("status"));
    asm.set("a2", WNOHANG);
    asm.set("a3", 0);
    this.#syscall("wait4");
    asm.branch("wait", "result", "notEqual", "command");
    // The end of the init ends every process of the namespace, and is over only when they are gone.
    asm.move("a0", "init");
    asm.set("a1", SIGKILL);
    this.#syscall("kill");
    asm.move("a0", "init");
    asm.set("a1", 0);
    asm.set("a2", 0);
    asm.set("a3", 0);
    this.#syscall("wait4");
    this.#endAsTheCommand(slot("status"));
  }

  /** The low 7 bits of a wait status are the signal, the next 8 above them the exit code. */
  #endAsTheCommand(status: number): void {
    const asm = this.#asm;
    asm.set("value", status);
    asm.load("signal", "value", 0);
    asm.move("a0", "signal");
    asm.keepLow("signal", 7);
    asm.branch("signalled", "signal", "notEqual", 0);
    asm.shiftRight("a0", 8);
    asm.keepLow("a0", 8);
    this.#exit();
    asm.label("signalled");
    asm.move("a0", "signal");
    asm.set("a1", this.#at.zeros); // SIG_DFL
    asm.set("a2", 0);
    asm.set("a3", SIGNAL_SET_BYTES);
    this.#syscall("rt_sigaction");
    this.#call("rt_sigprocmask", SIG_SETMASK, this.#at.zeros, 0, SIGNAL_SET_BYTES);
    this.#call("getpid");
    asm.move("a0", "result");
    asm.move("a1", "signal");
    this.#syscall("kill");
    // Not reached: every signal that ended the command ends this process too.
    asm.move("a0", "signal");
    asm.add("a0", 128);
    this.#exit();
  }

  #call(name: SyscallName, ...args: readonly number[]): void {
    args.forEach((value, index) => {
      const register = ARGUMENTS[index];
      invariant(register !== undefined, "A system call has six arguments at most");
      this.#asm.set(register, value);
    });
    this.#syscall(name);
  }

  #syscall(name: SyscallName): void {
    const number = syscallNumber(name, this.#architecture);
    invariant(number !== null, `There is no ${name} on ${this.#architecture}`);
    this.#asm.set("number", number);
    this.#asm.systemCall();
  }

  /** Ends the process with the code in `a0`. */
  #exit(): void {
    this.#syscall("exit_group");
  }
}

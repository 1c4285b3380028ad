import assert from "node:assert/strict";
import fc from "fast-check";
import { ArmAssembler } from "../../../src/exec/sandbox/launcher/aarch64.ts";
import type { Assembler } from "../../../src/exec/sandbox/launcher/assembler.ts";
import { buildExecutable, RECORDS_ADDRESS } from "../../../src/exec/sandbox/launcher/elf.ts";
import { assembleInterpreter } from "../../../src/exec/sandbox/launcher/interpreter.ts";
import { call, type Operation, RECORD_BYTES } from "../../../src/exec/sandbox/launcher/script.ts";
import type { Architecture } from "../../../src/exec/sandbox/launcher/syscalls.ts";
import { X86Assembler } from "../../../src/exec/sandbox/launcher/x86_64.ts";
import { hasProgram } from "./launcher_support.ts";

const QEMU = "/usr/bin/qemu-aarch64-static";
const ARCHITECTURES: readonly Architecture[] = ["x86_64", "aarch64"];

/** How code of an architecture is run here: natively, in emulation, or not at all. */
function runner(architecture: Architecture): readonly string[] | null {
  if (Deno.build.os !== "linux") return null;
  if (Deno.build.arch === architecture) return [];
  return architecture === "aarch64" && hasProgram(QEMU) ? [QEMU] : null;
}

const EXECUTE: Operation = { type: "execute", name: "start" };
const EXIT: Operation = call("end", "exit_group", { args: [0] });

interface Ended {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: Uint8Array;
}

async function run(
  operations: readonly Operation[],
  options: { readonly architecture: Architecture; readonly args?: readonly string[] },
): Promise<Ended> {
  const folder = await Deno.makeTempDir({ prefix: "codex_code_" });
  try {
    const path = `${folder}/program`;
    await Deno.writeFile(path, buildExecutable(operations, options.architecture), { mode: 0o755 });
    const [program = "", ...args] = [
      ...runner(options.architecture) ?? [],
      path,
      ...options.args ?? ["12345678"],
    ];
    return await new Deno.Command(program, {
      args,
      clearEnv: true,
      env: { VARIABLE: "value" },
      stdin: "null",
      stderr: "inherit",
    }).output();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function say(words: string): Operation {
  return call("say", "write", { args: [1, words, words.length], expected: words.length });
}

/** Reports go to standard output then. */
const reportToOutput = call("report", "dup3", { args: [1, 3, 0], expected: 3 });

/** A launcher without any confinement: supervises what it starts. */
function supervised(command: readonly Operation[]): Operation[] {
  const all = { text: "{all}", bytes: new Uint8Array(8).fill(0xff) };
  return [
    call("block", "rt_sigprocmask", { args: [2, all, { slot: "signals" }, 8] }),
    {
      type: "fork",
      name: "init",
      keep: "init",
      // Waits for a signal that never comes.
      child: [call("wait", "rt_sigtimedwait", { args: [{ slot: "cwd" }, 0, 0, 8] }), EXIT],
    },
    {
      type: "fork",
      name: "command",
      keep: "command",
      child: [
        call("lead", "setsid"),
        call("unblock", "rt_sigprocmask", { args: [2, { slot: "signals" }, 0, 8] }),
        ...command,
      ],
    },
    { type: "supervise", name: "wait" },
  ];
}

for (const architecture of ARCHITECTURES) {
  const ignore = runner(architecture) === null;
  const test = (name: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${architecture} code ${name}`, ignore, fn });

  test("makes calls in order and ends", async () => {
    const { code, stdout } = await run([say("one "), say("two"), EXIT], { architecture });
    assert.deepEqual([code, text(stdout)], [0, "one two"]);
  });

  test("becomes the program, with its arguments and environment", async () => {
    const script = 'printf "%s|" "$0" "$@" "$VARIABLE"';
    const args = ["12345678", "/bin/sh", "name", "-c", script, "zero", "", "two words"];
    const { code, stdout } = await run([EXECUTE], { architecture, args });
    assert.deepEqual([code, text(stdout)], [0, "zero||two words|value|"]);
  });

  test("reports the first failure with mark, record and error", async () => {
    const operations = [
      reportToOutput,
      call("may fail", "close", { args: [99], mayFail: true }),
      call("must fail", "close", { args: [99], expected: -9 }),
      call("fails", "close", { args: [99] }),
      say("never"),
      EXIT,
    ];
    const { code, stdout } = await run(operations, { architecture });
    assert.equal(code, 125);
    assert.equal(text(stdout.subarray(0, 8)), "12345678");
    const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
    assert.equal(stdout.length, 24);
    assert.equal(view.getBigInt64(8, true), BigInt(RECORDS_ADDRESS + 3 * RECORD_BYTES));
    assert.equal(view.getBigInt64(16, true), -9n);
  });

  test("takes an unexpected result for a failure", async () => {
    const operations = [
      reportToOutput,
      call("dup", "dup3", { args: [1, 9, 0], expected: 8 }),
      EXIT,
    ];
    const { code, stdout } = await run(operations, { architecture });
    assert.equal(code, 125);
    assert.equal(new DataView(stdout.buffer, stdout.byteOffset).getBigInt64(16, true), 9n);
  });

  test("reports a program that cannot be executed", async () => {
    const args = ["12345678", "/no/such/program", "name"];
    const { code, stdout } = await run([reportToOutput, EXECUTE], { architecture, args });
    assert.equal(code, 125);
    assert.equal(new DataView(stdout.buffer, stdout.byteOffset).getBigInt64(16, true), -2n);
  });

  test("copies until the end of input, and goes where it is told", async () => {
    const operations = [
      call("pipe", "pipe2", { args: [{ slot: "pipe" }, 0] }),
      call("fill", "write", { args: [4, "x".repeat(5000), 5000], expected: 5000 }),
      call("end", "close", { args: [4] }),
      { type: "copy", name: "copy", from: 3, to: 1, then: "copied", otherwise: "never" } as const,
      say("never"),
      {
        type: "copy",
        name: "fail",
        from: 77,
        to: 1,
        label: "copied",
        otherwise: "failed",
      } as const,
      call("never", "exit_group", { args: [1], label: "never" }),
      say("failed "),
      call("fail", "close", { args: [77], label: "failed", otherwise: "closed" }),
      call("end", "exit_group", { args: [2] }),
      call("close", "close", { args: [3], label: "closed", then: "last" }),
      say("never"),
      call("last", "exit_group", { args: [7], label: "last" }),
    ];
    const { code, stdout } = await run(operations, { architecture });
    assert.deepEqual([code, text(stdout)], [7, "x".repeat(5000)]);
  });

  for (const exit of [0, 1, 42, 255]) {
    test(`passes on exit code ${exit}`, async () => {
      const command = [call("end", "exit_group", { args: [exit] })];
      assert.equal((await run(supervised(command), { architecture })).code, exit);
    });
  }

  for (const [name, signal] of [["SIGKILL", 9], ["SIGTERM", 15], ["SIGHUP", 1]] as const) {
    test(`passes on ${name}`, async () => {
      const args = ["12345678", "/bin/sh", "sh", "-c", `kill -${signal} $$`];
      const ended = await run(supervised([EXECUTE]), { architecture, args });
      assert.deepEqual([ended.signal, ended.code], [name, 128 + signal]);
    });
  }

  test("passes structures and data of any size", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ minLength: 1 }), { maxLength: 40 }), async (words) => {
        const plain = words.map((word) => word.replaceAll("\0", "0"));
        const operations = plain.map((word) => {
          const length = new TextEncoder().encode(word).length;
          return call("say", "write", { args: [1, word, length], expected: length });
        });
        const { stdout } = await run([...operations, EXIT], { architecture });
        // What is no Unicode was replaced when it was encoded.
        assert.equal(text(stdout), text(new TextEncoder().encode(plain.join(""))));
      }),
      { numRuns: 10 },
    );
  });

  Deno.test(`${architecture} file has no memory that is both writable and executable`, () => {
    const file = buildExecutable([EXIT], architecture);
    const view = new DataView(file.buffer);
    assert.equal(view.getUint16(18, true), architecture === "x86_64" ? 62 : 183);
    const count = view.getUint16(56, true);
    const accesses = Array.from({ length: count }, (_, index) => {
      const offset = 64 + index * 56;
      const start = Number(view.getBigUint64(offset + 16, true));
      const fileOffset = Number(view.getBigUint64(offset + 8, true));
      // A kernel with pages of 64 KiB maps it as well.
      const isLoaded = view.getUint32(offset, true) === 1;
      if (isLoaded && view.getBigUint64(offset + 32, true) > 0n) {
        assert.equal(start % 0x10000, fileOffset % 0x10000);
      }
      return view.getUint32(offset + 4, true);
    });
    assert.deepEqual(accesses, [5, 4, 6, 6]);
  });
}

Deno.test("both architectures have the same routines", () => {
  const at = { records: 1, slots: 2, ones: 3, zeros: 4 };
  const labels = [
    "next",
    "perform",
    "report",
    "execute",
    "supervise",
    "wait",
    "ended",
    "signalled",
  ];
  const offsets = (assembler: Assembler, architecture: Architecture) => {
    assembleInterpreter(assembler, { architecture, at });
    return labels.map((label) => assembler.offsetOf(label));
  };
  for (
    const list of [offsets(new X86Assembler(), "x86_64"), offsets(new ArmAssembler(), "aarch64")]
  ) {
    assert.deepEqual(list, [...list].sort((one, other) => one - other));
  }
});

const DISASSEMBLERS = {
  x86_64: { program: "/usr/bin/objdump", machine: "i386:x86-64" },
  aarch64: { program: "/usr/bin/aarch64-linux-gnu-objdump", machine: "aarch64" },
} as const;

for (const architecture of ARCHITECTURES) {
  const { program, machine } = DISASSEMBLERS[architecture];
  Deno.test({
    name: `${architecture} code is what an independent disassembler reads`,
    ignore: !hasProgram(program) || architecture === "x86_64" && Deno.build.arch !== "x86_64",
    fn: async () => {
      const assembler = architecture === "x86_64" ? new X86Assembler() : new ArmAssembler();
      assembler.label("start");
      assembler.stackPointer("argv");
      assembler.set("value", 0x500028);
      assembler.move("a1", "argv");
      assembler.load("a0", "argv", 16);
      assembler.store("value", 8, "record");
      assembler.add("a1", 24);
      assembler.add("envp", "argv");
      assembler.negate("a0");
      assembler.shiftLeft("envp", 3);
      assembler.shiftRight("a0", 8);
      assembler.keepLow("signal", 7);
      assembler.branch("start", "result", "atLeast", 0);
      assembler.branch("end", "result", "equal", "command");
      assembler.jumpTo("value");
      assembler.systemCall();
      assembler.jump("start");
      assembler.label("end");
      const path = await Deno.makeTempFile();
      await Deno.writeFile(path, assembler.bytes());
      const { stdout } = await new Deno.Command(program, {
        args: ["-D", "-b", "binary", "-m", machine, path],
      }).output();
      await Deno.remove(path);
      const lines = text(stdout).split("\n").flatMap((line) => {
        // Address, bytes, then the instruction and, with some versions, its operands apart.
        const instruction = line.split("\t").slice(2).join(" ");
        const plain = instruction.replace(/\s#\s.*|\/\/.*/, "").replace(/\s+/g, " ").trim();
        return plain === "" ? [] : [plain];
      });
      assert.deepEqual(lines, EXPECTED[architecture]);
    },
  });
}

const EXPECTED: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: [
    "mov %rsp,%r12",
    "mov $0x500028,%rcx",
    "mov %r12,%rsi",
    "mov 0x10(%r12),%rdi",
    "mov %rbx,0x8(%rcx)",
    "add $0x18,%rsi",
    "add %r12,%r13",
    "neg %rdi",
    "shl $0x3,%r13",
    "shr $0x8,%rdi",
    "and $0x7f,%rbp",
    "cmp $0x0,%rax",
    "jge 0x0",
    "cmp %r14,%rax",
    "je 0x58",
    "rex.W jmp *%rcx",
    "syscall",
    "jmp 0x0",
  ],
  aarch64: [
    "mov x20, sp",
    "mov x9, #0x28",
    "movk x9, #0x50, lsl #16",
    "mov x1, x20",
    "ldr x0, [x20, #16]",
    "str x19, [x9, #8]",
    "add x1, x1, #0x18",
    "add x21, x21, x20",
    "neg x0, x0",
    "lsl x21, x21, #3",
    "lsr x0, x0, #8",
    "ubfx x24, x24, #0, #7",
    "cmp x25, #0x0",
    "b.ge 0x0",
    "cmp x25, x22",
    "b.eq 0x50",
    "br x9",
    "svc #0x0",
    "mov x25, x0",
    "b 0x0",
  ],
};

/**
 * Starts programs through a generated executable that makes a list of system calls first, for backends that
 * need calls made in the process of the command; must not know what the calls are for.
 */
import { messageOf } from "../../lib/errors.ts";
import { libc } from "../ffi_libc.ts";
import type { Command, ConfinedCommand, Refused, StartTrouble } from "./backend.ts";
import { buildExecutable, RECORDS_ADDRESS } from "./launcher/elf.ts";
import { errorText } from "./launcher/errno.ts";
import { AT_FDCWD, flags } from "./launcher/flags.ts";
import { JOURNAL_DESCRIPTOR } from "./launcher/interpreter.ts";
import { Journal } from "./launcher/journal.ts";
import { sealedMemoryFile } from "./launcher/memory_file.ts";
import { call, flatten, type Operation, RECORD_BYTES } from "./launcher/script.ts";
import type { Architecture } from "./launcher/syscalls.ts";

/** The first descriptor that is free when the calls begin. */
export const FIRST_DESCRIPTOR = JOURNAL_DESCRIPTOR + 1;
/** For `close_range`. */
const LAST_DESCRIPTOR = 0xffffffff;
const SIGKILL = 9;
const TIOCSCTTY = { text: "TIOCSCTTY", value: 0x540e } as const;

/** What a program is started with, once the calls have succeeded. */
export interface Start {
  readonly program: string;
  /** The arguments, the name of the program first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the executables. Each serves one command: the calls name files of that command. */
export class Starter {
  readonly #journal = new Journal();
  readonly #architecture: Architecture;

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  /** The architecture of this machine; null where no executable can be generated. */
  static architecture(): Architecture | null {
    const { os, arch } = Deno.build;
    return os === "linux" && (arch === "x86_64" || arch === "aarch64") ? arch : null;
  }

  /** The command as it is started: leader of a session, with nothing open but its input and output. */
  start(
    command: Pick<Command, "cwd" | "terminal" | "stdin">,
    { start, operations, release }: {
      readonly start: Start;
      readonly operations: readonly Operation[];
      /** Called with the release of the command. */
      readonly release: () => void;
    },
  ): ConfinedCommand | Refused {
    const all: readonly Operation[] = [
      ...standApart(command, this.#journal.path),
      ...operations,
      { type: "execute", name: "start the program" },
    ];
    const executable = this.#executable(all);
    if (typeof executable === "string") {
      release();
      return { type: "refused", reason: executable };
    }
    const mark = this.#journal.nextMark();
    let isHeld = true;
    return {
      argv: [`/proc/${Deno.pid}/fd/${executable}`, mark, start.program, ...start.argv],
      cwd: command.cwd,
      env: start.env,
      leads: true,
      failure: () => this.#troubleOf(mark, { operations: all, program: start.program }),
      release: () => {
        // The number may stand for another file by now.
        if (!isHeld) return;
        isHeld = false;
        libc().close(executable);
        release();
      },
    };
  }

  /** The descriptor of the executable, or why it cannot be made, such as too many open files. */
  #executable(operations: readonly Operation[]): number | string {
    try {
      const bytes = buildExecutable(operations, this.#architecture);
      return sealedMemoryFile("codex-sandbox", bytes);
    } catch (error) {
      return messageOf(error);
    }
  }

  #troubleOf(
    mark: string,
    { operations, program }: { operations: readonly Operation[]; program: string },
  ): StartTrouble | null {
    const report = this.#journal.reportOf(mark);
    if (report === null) return null;
    const operation = flatten(operations)[(report.record - RECORDS_ADDRESS) / RECORD_BYTES];
    const errno = Math.max(0, -report.result);
    const reason = errno > 0 ? errorText(errno) : `Unexpected result ${report.result}`;
    if (operation?.type === "execute") {
      return { at: "program", message: `Cannot start ${program}: ${reason}`, errno };
    }
    const step = operation?.name ?? "unknown step";
    return { at: "sandbox", message: `The sandbox could not be set up: ${step}: ${reason}`, errno };
  }
}

function standApart(command: Pick<Command, "terminal" | "stdin">, journal: string): Operation[] {
  return [
    // Fails if the caller made it the leader already.
    call("become leader of a session", "setsid", { mayFail: true }),
    call("end with the caller", "prctl", {
      args: [flags("PR", ["SET_PDEATHSIG"]), SIGKILL],
    }),
    call("close what was left open", "close_range", {
      args: [JOURNAL_DESCRIPTOR, LAST_DESCRIPTOR, 0],
    }),
    call("open the journal", "openat", {
      args: [AT_FDCWD, journal, flags("O", ["WRONLY", "APPEND", "CLOEXEC"])],
      expected: JOURNAL_DESCRIPTOR,
    }),
    ...inputOperations(command),
  ];
}

function inputOperations(
  { terminal, stdin }: Pick<Command, "terminal" | "stdin">,
): Operation[] {
  if (terminal !== undefined) {
    return [
      call("open the terminal", "openat", {
        args: [AT_FDCWD, terminal, flags("O", ["RDWR", "NOCTTY"])],
        expected: FIRST_DESCRIPTOR,
      }),
      call("control the terminal", "ioctl", { args: [FIRST_DESCRIPTOR, TIOCSCTTY, 0] }),
      ...[0, 1, 2].map((descriptor) =>
        call("use the terminal", "dup3", {
          args: [FIRST_DESCRIPTOR, descriptor, 0],
          expected: descriptor,
        })
      ),
      call("use the terminal", "close", { args: [FIRST_DESCRIPTOR] }),
    ];
  }
  if (stdin !== "null") return [];
  // Not `/dev/null`: with a descriptor of it, its owner could change its mode for the whole machine.
  return [
    call("make an empty input", "pipe2", { args: [{ slot: "pipe" }, flags("O", ["CLOEXEC"])] }),
    call("use the empty input", "dup3", { args: [FIRST_DESCRIPTOR, 0, 0], expected: 0 }),
    call("use the empty input", "close_range", {
      args: [FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1, 0],
    }),
  ];
}

/**
 * Pseudo-terminals: opens one, starts a program that controls it, resizes it; must not know what the program is.
 * Loaded with the first terminal only.
 */
import type { Child, ProcessSpec } from "./process.ts";
import type { Wait } from "./process_tree.ts";
import { cString } from "./c_library.ts";
import { exitOf } from "./pty/exits.ts";
import { TerminalInput } from "./pty/input.ts";
import { terminalSystem } from "./pty/libc.ts";
import { TerminalOutput } from "./pty/output.ts";
import { spawnOnTerminal } from "./pty/spawn.ts";

const MASTER = "/dev/ptmx";
const SET_STATUS_FLAGS = 4;

/** In character cells. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** Opens a terminal; throws when the system has none left. */
export function openTerminal(size: TerminalSize, wait: Wait): Terminal {
  const system = terminalSystem();
  const { libc } = system;
  const master = libc.open(cString(MASTER), system.openFlags, 0);
  if (master < 0) throw new Error(`Cannot open a terminal (os error ${system.errno()})`);
  libc.grantpt(master);
  libc.unlockpt(master);
  const name = libc.ptsname(master);
  if (name === null) {
    libc.close(master);
    throw new Error("Cannot open a terminal: its other end has no name");
  }
  // Its own number for writing: the reader closes the other one by itself, and then it may mean another file.
  const writer = libc.fcntl(master, system.duplicate, 0n, 0n, 0n, 0n, 0n, 0n, 0n);
  const flags = BigInt(system.nonBlocking);
  libc.fcntl(master, SET_STATUS_FLAGS, flags, 0n, 0n, 0n, 0n, 0n, flags);
  const terminal = new Terminal({
    path: new Deno.UnsafePointerView(name).getCString(),
    reader: master,
    writer,
    wait,
  });
  terminal.resize(size);
  return terminal;
}

/** One terminal. Invariants: after `close` no descriptor of it is used; it closes once its output has ended. */
export class Terminal {
  /** The device that a program opens to use it. */
  readonly path: string;
  readonly #descriptor: number;
  readonly #output: TerminalOutput;
  readonly #input: TerminalInput;
  /** Our own hold on the other end, or -1. */
  #held = -1;
  #isClosed = false;

  constructor(options: {
    readonly path: string;
    readonly reader: number;
    readonly writer: number;
    readonly wait: Wait;
  }) {
    this.path = options.path;
    this.#descriptor = options.writer;
    this.#output = new TerminalOutput(options.reader);
    this.#input = new TerminalInput(options.writer, options.wait);
  }

  /** Starts a program that leads a session and controls this terminal; throws one of `Deno.errors`. */
  spawn(path: string, spec: Pick<ProcessSpec, "argv" | "cwd" | "env">): Child {
    const { argv, cwd, env } = spec;
    const pid = spawnOnTerminal({ terminal: this.path, path, argv, cwd, env });
    return this.#child(pid, exitOf(pid));
  }

  /** Serves a program that was given `path` and opens it by itself. */
  attach(child: Pick<Deno.ChildProcess, "pid" | "status">): Child {
    const { libc, openFlags } = terminalSystem();
    // Until the program has opened it, a terminal that nobody holds would look like one that has ended.
    this.#held = libc.open(cString(this.path), openFlags, 0);
    const status = child.status.then((exit) => {
      this.#letGo();
      return exit;
    });
    return this.#child(child.pid, status);
  }

  #child(pid: number, status: Child["status"]): Child {
    return {
      pid,
      status,
      outputs: [["stdout", this.#output]],
      input: this.#input,
      terminal: this,
    };
  }

  /** The programs on it are told by SIGWINCH. */
  resize({ rows, cols }: TerminalSize): boolean {
    if (this.#isClosed) return false;
    const { libc, setWindowSize } = terminalSystem();
    const size = new Uint8Array(new Uint16Array([rows, cols, 0, 0]).buffer);
    return libc.ioctl(this.#descriptor, setWindowSize, size, 0n, 0n, 0n, 0n, 0n, size) === 0;
  }

  /** Hangs up: whoever still controls it gets SIGHUP. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#input.abandon();
    this.#output.cancel();
    this.#letGo();
    terminalSystem().libc.close(this.#descriptor);
  }

  #letGo(): void {
    if (this.#held >= 0) terminalSystem().libc.close(this.#held);
    this.#held = -1;
  }
}

/** Starts processes, each leader of its own group, and ends them whole; must not know threads, tools or policies. */
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { isGroupAlive, isProcessAlive, signalGroup, signalProcess } from "./process_group.ts";
import {
  type ByteSink,
  type ByteSource,
  pipeSink,
  pipeSource,
  readFailure,
} from "./process_streams.ts";
import { MARK_VARIABLE, type ProcessTree, ProcessTrees, type Wait } from "./process_tree.ts";
import type { Terminal, TerminalSize } from "./pty.ts";
import { errorText } from "./sandbox/launcher/errno.ts";
import { asLeader } from "./session_leader.ts";
import { CharacterAligner } from "./utf8.ts";

/** How long a tree may take to end after SIGTERM before it gets SIGKILL. */
const KILL_GRACE_MS = 500;
/**
 * After the leader ended, its pipes count as empty when nothing came for this many periods in a row.
 * One alone can be the program's own pause, in which nothing was read.
 */
const DRAIN_QUIET_PERIODS = 2;
const DRAIN_PERIOD_MS = 25;
/** How long a descendant that keeps writing may delay the exit of its leader. */
const DRAIN_MAX_MS = 1000;
/** Registered processes, above which those that ended unseen are looked for. */
const SWEEP_MIN = 64;

/** A terminal has one stream for both; it counts as `stdout`. */
export type OutputStream = "stdout" | "stderr";

/** What to start. */
export interface ProcessSpec {
  /** Program and arguments; a program without a slash is looked up in the `PATH` of `env`. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment but for one mark: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Without meaning for a process with a terminal, which reads from that. */
  readonly stdin: "null" | "piped";
  /**
   * Both streams in the order of arrival. The chunk must not be kept. A promise holds further output of the
   * stream back until it resolves, and then the process itself; it must not reject. Anything else is ignored.
   */
  readonly onOutput: (stream: OutputStream, chunk: Uint8Array) => unknown;
  /** Chunks come as they are read; otherwise none splits a UTF-8 character. */
  readonly isBinary?: boolean;
  /** Ends the tree when aborted. */
  readonly signal?: AbortSignal;
  /** Whose process it is, for `terminateOwned`. */
  readonly owner?: string;
  /** What to control, as `openTerminal` gave it. It is closed with the process, also when that does not start. */
  readonly terminal?: Terminal;
  /** The program makes itself leader of a session and group, and takes the terminal. */
  readonly leads?: boolean;
  /** What the program sees as its own name, where the leader can pass it on: see `prepareLeader`. */
  readonly arg0?: string | undefined;
  /** Output of descendants that outlive the leader is reported, too, until `gone`. */
  readonly reportsDescendants?: boolean;
  /** Called once, when nothing of the process is left or was ever started. */
  readonly onGone?: () => void;
}

/** How a process ended; `code` is 128+n after signal n. */
export interface ProcessExit {
  readonly code: number;
  readonly signal: string | null;
}

/** A process that could not be started. Upstream's texts, as clients and models know them. */
export interface StartFailure {
  readonly type: "failed";
  readonly reason: "notFound" | "badCwd" | "notPermitted" | "invalid" | "other";
  readonly message: string;
}

export type StartResult = { readonly type: "started"; readonly process: Process } | StartFailure;

/** A child as the operating system gave it. */
export interface Child {
  readonly pid: number;
  readonly status: Promise<ProcessExit>;
  readonly outputs: readonly (readonly [OutputStream, ByteSource])[];
  readonly input: ByteSink | null;
  readonly terminal: Terminal | null;
}

/**
 * A running process and its tree.
 *
 * Invariants: nothing here throws or rejects; after `exited` no output is reported; descendants that
 * outlive the leader stay in the registry, with their output discarded, until they end or are terminated.
 */
export class Process {
  readonly pid: number;
  /** Resolves once the leader has ended and its output was reported. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: Child;
  readonly #spec: ProcessSpec;
  readonly #wait: Wait;
  readonly #tree: ProcessTree;
  readonly #onEnding: (ending: Promise<void>) => void;
  readonly #drained: Promise<unknown>;
  /** Reads that brought something, to tell a quiet pipe from a busy one. */
  #chunks = 0;
  /** Streams whose receiver holds further output back. */
  #held = 0;
  #isReporting = true;
  #hasExited = false;
  #ending: Promise<void> | null = null;

  constructor(
    child: Child,
    options: {
      readonly spec: ProcessSpec;
      readonly wait: Wait;
      readonly tree: ProcessTree;
      /** Told once that the process is being terminated, with what resolves when it was. */
      readonly onEnding: (ending: Promise<void>) => void;
    },
  ) {
    this.#child = child;
    this.#spec = options.spec;
    this.#wait = options.wait;
    this.#tree = options.tree;
    this.#onEnding = options.onEnding;
    this.pid = child.pid;
    this.#drained = Promise.all(child.outputs.map(([name, source]) => this.#read(name, source)))
      .then(() => child.terminal?.close());
    this.exited = this.#waitForExit();
  }

  /** Whether the leader has not ended yet. */
  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** Whether `write` can still reach the process. */
  get isStdinOpen(): boolean {
    return !this.#hasExited && (this.#child.input?.isOpen ?? false);
  }

  /** Whether it controls a terminal. */
  get hasTerminal(): boolean {
    return this.#child.terminal !== null;
  }

  /** Resolves when the leader and every pipe holder is gone. */
  async gone(): Promise<void> {
    await this.exited;
    await this.#drained;
  }

  /** Feeds stdin; false when it is closed. Writes keep their order, also when nobody waits for them. */
  write(bytes: Uint8Array): Promise<boolean> {
    return this.#child.input?.write(bytes) ?? Promise.resolve(false);
  }

  /** Ends the input of the process; on a terminal the end of input is typed. */
  async closeStdin(): Promise<void> {
    await this.#child.input?.close();
  }

  /** False without a terminal. */
  resize(size: TerminalSize): boolean {
    return this.#child.terminal?.resize(size) ?? false;
  }

  /** Sends a signal to the group. */
  signal(signal: Deno.Signal): void {
    if (!this.#isGroupOurs()) return;
    // In its first moments the leader has no group of its own yet.
    if (!signalGroup(this.pid, signal) && !this.#hasExited) signalProcess(this.pid, signal);
  }

  /**
   * SIGTERM to the whole tree, SIGKILL after the grace; resolves when that is done. Clock timers do not
   * keep a program alive: one that shuts down must stay until this has resolved.
   */
  terminate(graceMs: number = KILL_GRACE_MS): Promise<void> {
    if (this.#ending) return this.#ending;
    this.#ending = this.#terminate(graceMs);
    this.#onEnding(this.#ending);
    return this.#ending;
  }

  async #terminate(graceMs: number): Promise<void> {
    // Looked for before anything ends: afterwards, children of those that ended first are orphans.
    const count = await this.#tree.signal("SIGTERM");
    this.signal("SIGTERM");
    const grace = this.#wait(graceMs);
    const isGone = await Promise.race([this.gone().then(() => true), grace.over.then(() => false)]);
    grace.cancel();
    // Closed pipes do not prove that the tree is empty.
    if (count === null) await this.#endGroup(isGone ? graceMs : 0);
    else if (!await this.#tree.ended(isGone ? graceMs : 0)) await this.#tree.kill();
    const last = this.#wait(graceMs);
    await Promise.race([this.exited, last.over]);
    last.cancel();
    // Whoever still holds a pipe is out of reach.
    for (const [, source] of this.#child.outputs) source.cancel();
    this.#child.terminal?.close();
  }

  /** Where a tree cannot be looked for, its group is all that is known. */
  async #endGroup(graceMs: number): Promise<void> {
    for (let pauseMs = 2, waitedMs = 0; waitedMs < graceMs; waitedMs += pauseMs, pauseMs *= 2) {
      if (!this.#isGroupOurs() || !isGroupAlive(this.pid)) return;
      await this.#wait(pauseMs).over;
    }
    this.signal("SIGKILL");
  }

  /**
   * After the leader was reaped its id may be given to a stranger, but only once the group is empty.
   * A process with the leader's id is then the stranger, and its group must not be touched.
   */
  #isGroupOurs(): boolean {
    return !this.#hasExited || !isProcessAlive(this.pid);
  }

  async #waitForExit(): Promise<ProcessExit> {
    const { code, signal } = await this.#child.status;
    this.#hasExited = true;
    await this.#drain();
    // Pipes that descendants hold are read on and discarded: closing them would kill a server that
    // was started in the background with SIGPIPE at its next log line.
    this.#isReporting = this.#spec.reportsDescendants ?? false;
    await this.closeStdin();
    return { code, signal };
  }

  /** Waits for what the leader has written; a loaded machine may deliver it late, so quiet counts, not time. */
  async #drain(): Promise<void> {
    let isDrained = false;
    const drained = this.#drained.then(() => isDrained = true);
    let quietPeriods = 0;
    for (let waitedMs = 0; waitedMs < DRAIN_MAX_MS;) {
      const before = this.#chunks;
      const period = this.#wait(DRAIN_PERIOD_MS);
      await Promise.race([drained, period.over]);
      period.cancel();
      if (isDrained) return;
      // A receiver that takes its time does not make the pipe quiet.
      if (this.#held > 0) continue;
      waitedMs += DRAIN_PERIOD_MS;
      quietPeriods = this.#chunks === before ? quietPeriods + 1 : 0;
      if (quietPeriods >= DRAIN_QUIET_PERIODS) return;
    }
  }

  async #read(name: OutputStream, source: ByteSource): Promise<void> {
    const aligner = this.#spec.isBinary ? null : new CharacterAligner();
    try {
      for (let value = await source.read(); value !== null; value = await source.read()) {
        this.#chunks++;
        const held = this.#report(name, aligner ? aligner.push(value) : value);
        if (!(held instanceof Promise)) continue;
        this.#held++;
        await held;
        this.#held--;
      }
    } catch (error) {
      // A pipe that breaks ends like one that is closed; the exit status still arrives.
      this.#report(name, readFailure(name, error));
    }
    if (aligner) this.#report(name, aligner.finish());
  }

  #report(name: OutputStream, chunk: Uint8Array): unknown {
    if (this.#isReporting && chunk.length > 0) return this.#spec.onOutput(name, chunk);
  }
}

/** Every process that this program has started and that is not gone. */
export class Processes {
  readonly #wait: Wait;
  readonly #trees: ProcessTrees;
  /** The ends of processes and owners that are under way, which nobody else may wait for. */
  readonly #endings = new Set<Promise<void>>();
  readonly #live = new Map<Process, string | undefined>();
  /** What the marks of each owner start with; kept as long as anything it has started may run. */
  readonly #owners = new Map<string, string>();
  #lastOwner = 0;
  #lastMark = 0;

  constructor(options: { clock: Clock }) {
    const { clock } = options;
    this.#wait = (delayMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      return { over: promise, cancel: clock.after(delayMs, resolve) };
    };
    this.#trees = new ProcessTrees(this.#wait);
  }

  get size(): number {
    return this.#live.size;
  }

  /** A terminal for `ProcessSpec.terminal`; nothing of this is loaded before the first one. */
  async openTerminal(size: TerminalSize): Promise<Terminal | StartFailure> {
    const { openTerminal } = await import("./pty.ts");
    try {
      return openTerminal(size, this.#wait);
    } catch (error) {
      return failure("other", messageOf(error));
    }
  }

  /** Starts a process as leader of its own session and group; failures are data. */
  start(spec: ProcessSpec): StartResult {
    const mark = `${this.#prefixOf(spec.owner)}${++this.#lastMark}`;
    const outer = spec.env[MARK_VARIABLE];
    const env = { ...spec.env, [MARK_VARIABLE]: outer === undefined ? mark : `${outer},${mark}` };
    const child = startChild({ ...spec, env });
    if ("type" in child) {
      spec.terminal?.close();
      spec.onGone?.();
      return child;
    }
    const leader = () => ({ pid: child.pid, isRunning: process.isRunning });
    const tree = this.#trees.tree(() => ({ mark, leader: leader() }));
    const onEnding = (ending: Promise<void>) =>
      void this.#follow(ending.then(() => void this.#live.delete(process)));
    const process: Process = new Process(child, { spec, wait: this.#wait, tree, onEnding });
    this.#track(process, spec);
    return { type: "started", process };
  }

  /** Ends every process of an owner, descendants included, also of those that ended before. */
  async terminateOwned(owner: string): Promise<void> {
    await this.#follow(this.#endOwner(owner));
  }

  async #follow(ending: Promise<void>): Promise<void> {
    this.#endings.add(ending);
    await ending.finally(() => this.#endings.delete(ending));
  }

  async #endOwner(owner: string): Promise<void> {
    const owned = [...this.#live].filter(([, of]) => of === owner);
    await Promise.all(owned.map(([process]) => process.terminate()));
    const prefix = this.#owners.get(owner);
    if (prefix === undefined) return;
    this.#owners.delete(owner);
    await this.#endMarked(prefix);
  }

  /** Ends what an owner has left behind: descendants of processes that have ended. */
  async terminateLeft(owner: string): Promise<void> {
    const left = [...this.#live].filter(([process, of]) => of === owner && !process.isRunning);
    await Promise.all(left.map(([process]) => process.terminate()));
  }

  /** Ends every process, descendants included: for shutdown. */
  async terminateAll(): Promise<void> {
    await Promise.all([...this.#live.keys()].map((process) => process.terminate()));
    if (this.#lastMark > 0) await this.#endMarked(this.#trees.prefix);
    // Connections that close after this have nothing left to end; what was being ended before is waited for.
    this.#owners.clear();
    await Promise.all(this.#endings);
  }

  async #endMarked(prefix: string): Promise<void> {
    const tree = this.#trees.tree(() => ({ mark: prefix, leader: null }));
    if (!await tree.signal("SIGTERM")) return;
    if (!await tree.ended(KILL_GRACE_MS)) await tree.kill();
  }

  #prefixOf(owner = ""): string {
    let prefix = this.#owners.get(owner);
    if (prefix === undefined) {
      prefix = `${this.#trees.prefix}${++this.#lastOwner}.`;
      this.#owners.set(owner, prefix);
    }
    return prefix;
  }

  #track(process: Process, spec: ProcessSpec): void {
    const { signal, owner } = spec;
    this.#live.set(process, owner);
    const onAbort = () => void process.terminate();
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    void process.exited.then(() => signal?.removeEventListener("abort", onAbort));
    void process.gone().then(() => {
      spec.onGone?.();
      // A descendant without our pipes can still be in the group; it stays listed for terminateAll.
      if (!isGroupAlive(process.pid)) this.#live.delete(process);
    });
    this.#sweep();
  }

  /** Forgets groups whose last member ended unseen. */
  #sweep(): void {
    if (this.#live.size < SWEEP_MIN) return;
    for (const process of this.#live.keys()) {
      if (!process.isRunning && !isGroupAlive(process.pid)) this.#live.delete(process);
    }
  }
}

/** Upstream's texts. */
const NOT_FOUND = "No such file or directory (os error 2)";
const NUL_FOUND = "nul byte found in provided data";
const ENOENT = 2;
const ENOTDIR = 20;

function startChild(spec: ProcessSpec): Child | StartFailure {
  if (!spec.argv[0]) return failure("invalid", "command must not be empty");
  const texts = [...spec.argv, spec.cwd, ...Object.values(spec.env)];
  if (texts.some((text) => text.includes("\0"))) return failure("invalid", NUL_FOUND);
  const leading = asLeader(spec);
  if (leading.type === "notFound") return failure("notFound", NOT_FOUND);
  if (leading.type === "failed") return failedStart(leading.errno);
  try {
    if (spec.terminal && !spec.leads) {
      const [name = "", ...args] = spec.argv;
      return spec.terminal.spawn(leading.path, { ...spec, argv: [spec.arg0 ?? name, ...args] });
    }
    const { terminal } = spec;
    const onTerminal = terminal !== undefined;
    // Measured: Deno.Command starts a shell in 3.2 ms, node:child_process in 3.6 ms.
    const child = new Deno.Command(leading.program, {
      args: [...leading.args],
      cwd: spec.cwd,
      clearEnv: true,
      env: spec.env,
      stdin: onTerminal ? "null" : spec.stdin,
      stdout: onTerminal ? "null" : "piped",
      stderr: onTerminal ? "null" : "piped",
      detached: leading.detached,
    }).spawn();
    if (terminal) return terminal.attach(child);
    return {
      pid: child.pid,
      status: child.status,
      outputs: [["stdout", pipeSource(child.stdout)], ["stderr", pipeSource(child.stderr)]],
      input: spec.stdin === "piped" ? pipeSink(child.stdin) : null,
      terminal: null,
    };
  } catch (error) {
    return startFailure(error);
  }
}

function startFailure(error: unknown): StartFailure {
  const message = messageOf(error);
  if (error instanceof Deno.errors.NotFound) {
    if (/cwd is not a directory/.test(message)) return failure("badCwd", errorText(ENOTDIR));
    return failure(/No such cwd/.test(message) ? "badCwd" : "notFound", NOT_FOUND);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return failure("notPermitted", "Permission denied (os error 13)");
  }
  return failure("other", message.replace(/^Failed to spawn '[^]*?': /, ""));
}

function failedStart(errno: number): StartFailure {
  return failure(errno === ENOENT ? "notFound" : "other", errorText(errno));
}

function failure(reason: StartFailure["reason"], message: string): StartFailure {
  return { type: "failed", reason, message };
}

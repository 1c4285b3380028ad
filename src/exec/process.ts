/** Starts processes, each leader of its own group, and ends them whole; must not know threads, tools or policies. */
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import {
  isGroupAlive,
  isGroupRunning,
  isProcessAlive,
  signalGroup,
  signalProcess,
} from "./process_group.ts";
import { asLeader } from "./session_leader.ts";
import { CharacterAligner } from "./utf8.ts";

/** How long a group may take to end after SIGTERM before it gets SIGKILL. */
const KILL_GRACE_MS = 500;
/**
 * After the leader ended, its pipes count as empty when nothing came for this many periods in a row.
 * One alone can be the program's own pause, in which nothing was read.
 */
const DRAIN_QUIET_PERIODS = 2;
const DRAIN_PERIOD_MS = 25;
/** How long a descendant that keeps writing may delay the exit of its leader. */
const DRAIN_MAX_MS = 1000;

export type OutputStream = "stdout" | "stderr";

/** What to start. */
export interface ProcessSpec {
  /** Program and arguments; a program without a slash is looked up in the `PATH` of `env`. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: "null" | "piped";
  /** Both streams in the order of arrival; no chunk splits a UTF-8 character. The chunk must not be kept. */
  readonly onOutput: (stream: OutputStream, chunk: Uint8Array) => void;
  /** Terminates the group when aborted. */
  readonly signal?: AbortSignal;
  /** Whose process it is, for `terminateOwned`. */
  readonly owner?: string;
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

/**
 * A running process and its group.
 *
 * Invariants: nothing here throws or rejects; after `exited` no output is reported; descendants that
 * outlive the leader stay in the registry, with their output discarded, until they end or are terminated.
 */
export class Process {
  readonly pid: number;
  /** Resolves once the leader has ended and its output was reported. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: Deno.ChildProcess;
  readonly #clock: Clock;
  readonly #onOutput: ProcessSpec["onOutput"];
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  readonly #drained: Promise<unknown>;
  #stdin: WritableStreamDefaultWriter<Uint8Array> | null;
  /** Reads that brought something, to tell a quiet pipe from a busy one. */
  #chunks = 0;
  #isReporting = true;
  #hasExited = false;
  #ending: Promise<void> | null = null;

  constructor(child: Deno.ChildProcess, options: { spec: ProcessSpec; clock: Clock }) {
    this.#child = child;
    this.#clock = options.clock;
    this.#onOutput = options.spec.onOutput;
    this.pid = child.pid;
    this.#stdin = options.spec.stdin === "piped" ? child.stdin.getWriter() : null;
    // A writer that nobody awaits must not become an unhandled rejection when the reader goes away.
    this.#stdin?.closed.catch(() => this.#stdin = null);
    this.#drained = Promise.all([
      this.#read("stdout", child.stdout),
      this.#read("stderr", child.stderr),
    ]);
    this.exited = this.#waitForExit();
  }

  /** Whether the leader has not ended yet. */
  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** Whether `write` can still reach the process. */
  get isStdinOpen(): boolean {
    return this.#stdin !== null && !this.#hasExited;
  }

  /** Resolves when the leader and every pipe holder is gone. */
  async gone(): Promise<void> {
    await this.exited;
    await this.#drained;
  }

  /** Feeds stdin; false when it is closed. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (!this.#stdin) return false;
    try {
      await this.#stdin.write(bytes);
      return true;
    } catch {
      this.#stdin = null;
      return false;
    }
  }

  /** Ends the input of the process. */
  async closeStdin(): Promise<void> {
    const writer = this.#stdin;
    this.#stdin = null;
    // A reader that went away first has closed the pipe already: nothing is left to do.
    await writer?.close().catch(() => undefined);
  }

  /** Sends a signal to the group. */
  signal(signal: Deno.Signal): void {
    if (!this.#isGroupOurs()) return;
    // In its first moments the leader has no group of its own yet.
    if (!signalGroup(this.pid, signal) && !this.#hasExited) signalProcess(this.pid, signal);
  }

  /**
   * SIGTERM to the whole group, SIGKILL after the grace; resolves when that is done. Clock timers do not
   * keep a program alive: one that shuts down must stay until this has resolved.
   */
  terminate(graceMs: number = KILL_GRACE_MS): Promise<void> {
    return this.#ending ??= this.#terminate(graceMs);
  }

  async #terminate(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    const grace = this.#wait(graceMs);
    await Promise.race([this.gone(), grace.over]);
    grace.cancel();
    // Closed pipes do not prove that the group is empty.
    const startedAtMs = this.#clock.now();
    for (let pauseMs = 2; this.#isGroupOurs() && await isGroupRunning(this.pid); pauseMs *= 2) {
      if (this.#clock.now() - startedAtMs + pauseMs > graceMs) break;
      await this.#wait(pauseMs).over;
    }
    this.signal("SIGKILL");
    const last = this.#wait(graceMs);
    await Promise.race([this.exited, last.over]);
    last.cancel();
    // A process that called setsid left the group and may still hold the pipes.
    await Promise.all(this.#readers.map((reader) => reader.cancel().catch(() => undefined)));
  }

  #wait(delayMs: number): { over: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { over: promise, cancel: this.#clock.after(delayMs, resolve) };
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
    this.#isReporting = false;
    await this.closeStdin();
    return { code, signal };
  }

  /** Waits for what the leader has written; a loaded machine may deliver it late, so quiet counts, not time. */
  async #drain(): Promise<void> {
    let isDrained = false;
    const drained = this.#drained.then(() => isDrained = true);
    let quietPeriods = 0;
    for (let waitedMs = 0; waitedMs < DRAIN_MAX_MS; waitedMs += DRAIN_PERIOD_MS) {
      const before = this.#chunks;
      const period = this.#wait(DRAIN_PERIOD_MS);
      await Promise.race([drained, period.over]);
      period.cancel();
      quietPeriods = this.#chunks === before ? quietPeriods + 1 : 0;
      if (isDrained || quietPeriods >= DRAIN_QUIET_PERIODS) return;
    }
  }

  async #read(name: OutputStream, stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    this.#readers.push(reader);
    const aligner = new CharacterAligner();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#chunks++;
        if (!this.#isReporting) continue;
        const chunk = aligner.push(value);
        if (chunk.length > 0) this.#onOutput(name, chunk);
      }
    } catch (error) {
      // A pipe that breaks ends like one that is closed; the exit status still arrives.
      if (this.#isReporting) this.#report(name, `[${name} failed: ${messageOf(error)}]\n`);
    }
    const rest = aligner.finish();
    if (rest.length > 0 && this.#isReporting) this.#onOutput(name, rest);
  }

  #report(name: OutputStream, text: string): void {
    this.#onOutput(name, new TextEncoder().encode(text));
  }
}

/** Every process that this program has started and that is not gone. */
export class Processes {
  readonly #clock: Clock;
  readonly #live = new Map<Process, string | undefined>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Starts a process as leader of its own session and group; failures are data. */
  start(spec: ProcessSpec): StartResult {
    if (!spec.argv[0]) return failure("invalid", "command must not be empty");
    if (spec.argv.some((word) => word.includes("\0"))) {
      return failure("invalid", "Command contains a NUL character");
    }
    const leading = asLeader(spec);
    if (leading.type === "notFound") return failure("notFound", NOT_FOUND);
    let child: Deno.ChildProcess;
    try {
      // Measured: Deno.Command starts a shell in 3.2 ms, node:child_process in 3.6 ms.
      child = new Deno.Command(leading.program, {
        args: [...leading.args],
        cwd: spec.cwd,
        clearEnv: true,
        env: spec.env,
        stdin: spec.stdin,
        stdout: "piped",
        stderr: "piped",
        detached: leading.detached,
      }).spawn();
    } catch (error) {
      return startFailure(error);
    }
    const process = new Process(child, { spec, clock: this.#clock });
    this.#track(process, spec);
    return { type: "started", process };
  }

  /** Ends every process of an owner, descendants included. */
  async terminateOwned(owner: string): Promise<void> {
    const owned = [...this.#live].filter(([, of]) => of === owner);
    await Promise.all(owned.map(([process]) => this.#end(process)));
  }

  /** Ends every process, descendants included: for shutdown. */
  async terminateAll(): Promise<void> {
    await Promise.all([...this.#live.keys()].map((process) => this.#end(process)));
  }

  async #end(process: Process): Promise<void> {
    await process.terminate();
    this.#live.delete(process);
  }

  #track(process: Process, spec: ProcessSpec): void {
    const { signal, owner } = spec;
    this.#live.set(process, owner);
    const onAbort = () => void this.#end(process);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    void process.exited.then(() => signal?.removeEventListener("abort", onAbort));
    void process.gone().then(() => {
      // A descendant without our pipes can still be in the group; it stays listed for terminateAll.
      if (!isGroupAlive(process.pid)) this.#live.delete(process);
    });
    this.#sweep();
  }

  /** Forgets groups whose last member ended unseen. */
  #sweep(): void {
    if (this.#live.size < 64) return;
    for (const process of this.#live.keys()) {
      if (!process.isRunning && !isGroupAlive(process.pid)) this.#live.delete(process);
    }
  }
}

/** Upstream's text. */
const NOT_FOUND = "No such file or directory (os error 2)";

function startFailure(error: unknown): StartFailure {
  const message = messageOf(error);
  if (error instanceof Deno.errors.NotFound) {
    const isCwd = /No such cwd|cwd is not a directory/.test(message);
    return failure(isCwd ? "badCwd" : "notFound", NOT_FOUND);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return failure("notPermitted", "Permission denied (os error 13)");
  }
  return failure("other", message);
}

function failure(reason: StartFailure["reason"], message: string): StartFailure {
  return { type: "failed", reason, message };
}

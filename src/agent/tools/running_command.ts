/** A started command with its item: captures output, tells clients, ends; must not know what the model is told. */
import { type Capture, captureText, HeadTailBuffer } from "../../exec/capture.ts";
import type {
  Process,
  Processes,
  ProcessExit,
  StartFailure,
  StartResult,
} from "../../exec/process.ts";
import type { Terminal } from "../../exec/pty.ts";
import type { ConfinedCommand, StartTrouble } from "../../exec/sandbox/backend.ts";
import { isSandboxDenial } from "../../exec/sandbox/denial.ts";
import { type Clock, elapsedMs } from "../../lib/clock.ts";
import type { CommandExecutionItem } from "../../protocol/item.ts";
import { OutputDeltas } from "./output_deltas.ts";
import type { ToolContext } from "./tool.ts";

/** Head and tail of what one answer to the model is made from. */
const PENDING_BYTES = 1 << 20;
/** Head and tail that the finished item keeps. */
const ITEM_BYTES = 256 * 1024;
/** Stands between the output of a run that the sandbox has stopped and that of the next. */
const AGAIN = "[Stopped by the sandbox; allowed to run again:]\n";

/** What a command tells of itself. */
export type CommandAudience = Pick<
  ToolContext,
  "itemStarted" | "itemCompleted" | "commandOutput" | "commandDenied"
>;

/** What to start, and the item that stands for it. */
export interface CommandStart {
  readonly argv: readonly string[];
  readonly stdin: "null" | "piped";
  /** Whose process it is. */
  readonly owner: string;
  readonly env: Readonly<Record<string, string>>;
  readonly item: CommandExecutionItem;
  /** Clients know the item already, because a person was asked about it. */
  readonly isAnnounced: boolean;
  readonly context: CommandAudience;
  /** What it controls; null: it runs on pipes. */
  readonly terminal: Terminal | null;
  /** The command as its sandbox starts it; null: it runs without one. */
  readonly confined: ConfinedCommand | null;
  /** Asked once its sandbox has stopped it: how it may run again, or null. It must not reject. */
  readonly retry: () => Promise<Restart | null>;
}

/** How a command runs again. */
export interface Restart {
  readonly confined: ConfinedCommand | null;
  readonly terminal: Terminal | null;
}

/** What the item of a command says that somebody has ended, in the place of how the process ended. */
export interface Verdict {
  readonly exitCode: number;
  /** A last line of its output, or null. */
  readonly note: string | null;
}

/** That a person has interrupted it; upstream's number and words. */
export const ABORTED: Verdict = { exitCode: -1, note: "command aborted by user" };

interface Deps {
  readonly clock: Clock;
  readonly processes: Processes;
}

/** Everything that a command has written. */
interface Output {
  /** For the finished item. */
  readonly whole: HeadTailBuffer;
  /** What the model has not been told yet. */
  readonly pending: HeadTailBuffer;
  readonly deltas: OutputDeltas;
  /** The item is complete: nobody is told of anything more. */
  isClosed: boolean;
}

/**
 * A command from its start to its end, also beyond its turn.
 *
 * Invariants: the item is started before and completed after all of its deltas, exactly once each;
 * `finished` resolves after the completion was sent; what confines it is released when it has ended.
 */
export class RunningCommand {
  readonly finished: Promise<ProcessExit>;
  readonly #start: CommandStart;
  readonly #deps: Deps;
  readonly #output: Output;
  readonly #startedAtMs: number;
  #process: Process;
  #exit: ProcessExit | null = null;
  #trouble: StartTrouble | null = null;
  #wasDenied = false;
  #verdict: Verdict | null = null;
  #isComplete = false;
  /** While a person is asked whether it may run again. */
  #asking: Promise<Restart | null> | null = null;
  #isWatched = true;

  private constructor(
    process: Process,
    options: { readonly start: CommandStart; readonly deps: Deps; readonly output: Output },
  ) {
    this.#process = process;
    this.#start = options.start;
    this.#deps = options.deps;
    this.#output = options.output;
    this.#startedAtMs = options.deps.clock.now();
    this.finished = this.#toEnd().then((exit) => this.#exit = exit);
  }

  /** Starts a command. A failure is told to clients as a failed item and returned. */
  static start(start: CommandStart, deps: Deps): RunningCommand | StartFailure {
    const { context, item } = start;
    const output: Output = {
      whole: new HeadTailBuffer(ITEM_BYTES),
      pending: new HeadTailBuffer(PENDING_BYTES),
      deltas: new OutputDeltas({
        clock: deps.clock,
        emit: (delta) => context.commandOutput(item.id, delta),
      }),
      isClosed: false,
    };
    const result = startProcess(start, { restart: start, output, deps });
    if (!start.isAnnounced) context.itemStarted(item);
    if (result.type === "failed") {
      start.confined?.release();
      complete(start, { status: "failed", aggregatedOutput: result.message });
      return result;
    }
    return new RunningCommand(result.process, { start, deps, output });
  }

  /** The process that runs now. */
  get process(): Process {
    return this.#process;
  }

  /** Why the command never ran, although something was started for it; null when it did. */
  get trouble(): StartTrouble | null {
    return this.#trouble;
  }

  /** Whether its sandbox has probably stopped it. */
  get wasDenied(): boolean {
    return this.#wasDenied;
  }

  /** Nobody waits for its end any more, so nobody is to be asked about it. */
  leave(): void {
    this.#isWatched = false;
  }

  /** Ends the command with its tree. With `isNow` its item is complete at once: nobody waits for the tree. */
  stop(verdict: Verdict, options: { readonly isNow: boolean }): void {
    if (this.#exit !== null || this.#verdict !== null) return;
    this.#verdict = verdict;
    this.leave();
    void this.#process.terminate();
    if (options.isNow) this.#complete({ exitCode: verdict.exitCode });
  }

  async #toEnd(): Promise<ProcessExit> {
    let exit = await this.#process.exited;
    if (this.#start.confined !== null) exit = await this.#afterSandbox(exit, this.#start.confined);
    // The code of a launcher is not one of the command.
    const ownCode = this.#trouble === null ? exit.code : null;
    this.#complete({ exitCode: this.#verdict?.exitCode ?? ownCode });
    return exit;
  }

  #complete({ exitCode }: { readonly exitCode: number | null }): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    const { whole, deltas } = this.#output;
    deltas.flush();
    const lines = [this.#trouble?.message, this.#verdict?.note].filter((line) => line);
    const text = [captureText(whole.snapshot()), ...lines.map((line) => `${line}\n`)].join("");
    complete(this.#start, {
      status: exitCode === 0 ? "completed" : "failed",
      // Upstream sends null, not an empty text.
      aggregatedOutput: text || null,
      exitCode,
      durationMs: elapsedMs(this.#deps.clock, this.#startedAtMs),
    });
    this.#output.isClosed = true;
  }

  async #afterSandbox(exit: ProcessExit, confined: ConfinedCommand): Promise<ProcessExit> {
    this.#trouble = confined.failure?.(exit) ?? null;
    confined.release();
    if (this.#trouble !== null || exit.code === 0 || exit.signal !== null) return exit;
    const { whole } = this.#output;
    this.#wasDenied = isSandboxDenial(exit.code, captureText(whole.snapshot()));
    if (!this.#wasDenied) return exit;
    this.#start.context.commandDenied?.(this.#start.item.id, exit.code);
    if (!this.#isWatched) return exit;
    this.#asking = this.#start.retry();
    const restart = await this.#asking;
    this.#asking = null;
    return restart === null ? exit : await this.#again(exit, restart);
  }

  async #again(before: ProcessExit, restart: Restart): Promise<ProcessExit> {
    const { confined } = restart;
    const result = startProcess(this.#start, {
      restart,
      output: this.#output,
      deps: this.#deps,
    });
    if (result.type === "failed") {
      confined?.release();
      return before;
    }
    this.#wasDenied = false;
    this.#process = result.process;
    const isMidLine = !/(^|\n)$/.test(captureText(this.#output.whole.snapshot()));
    write(this.#output, new TextEncoder().encode(isMidLine ? `\n${AGAIN}` : AGAIN));
    const exit = await result.process.exited;
    this.#trouble = confined?.failure?.(exit) ?? null;
    confined?.release();
    return exit;
  }

  /** How it ended, or null while it runs. */
  get exit(): ProcessExit | null {
    return this.#exit;
  }

  /** What it has written since the last call. */
  takeOutput(): Capture {
    return this.#output.pending.take();
  }

  /**
   * Waits until the command has ended or the time is over; true when it has ended. The time that a person
   * takes to answer does not count. Rejects with the signal's reason when the turn is interrupted.
   */
  async wait(
    timeoutMs: number,
    options: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<boolean> {
    options.signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(options.signal.reason);
    options.signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        const { promise: over, resolve } = Promise.withResolvers<void>();
        const cancel = options.clock.after(timeoutMs, resolve);
        await Promise.race([this.finished, over, aborted]).finally(cancel);
        if (this.#exit !== null || this.#asking === null) return this.#exit !== null;
        await Promise.race([this.#asking, aborted]);
      }
    } finally {
      options.signal.removeEventListener("abort", onAbort);
    }
  }
}

function startProcess(
  start: CommandStart,
  { restart, output, deps }: {
    readonly restart: Restart;
    readonly output: Output;
    readonly deps: Deps;
  },
): StartResult {
  const { item } = start;
  const { confined, terminal } = restart;
  return deps.processes.start({
    argv: confined?.argv ?? start.argv,
    cwd: confined?.cwd ?? item.cwd,
    env: confined?.env ?? start.env,
    ...confined?.leads ? { leads: true } : {},
    ...terminal ? { terminal } : {},
    stdin: start.stdin,
    owner: start.owner,
    onOutput: (_stream, chunk) => write(output, chunk),
  });
}

function write(output: Output, chunk: Uint8Array): void {
  if (output.isClosed) return;
  output.whole.push(chunk);
  output.pending.push(chunk);
  output.deltas.push(chunk);
}

function complete(
  { context, item, argv }: CommandStart,
  change: Partial<CommandExecutionItem>,
): void {
  context.itemCompleted({ ...item, ...change }, { argv });
}

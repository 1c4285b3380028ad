/** A started command with its item: captures output, tells clients, ends; must not know what the model is told. */
import { type Capture, captureText, HeadTailBuffer } from "../../exec/capture.ts";
import type { Process, Processes, ProcessExit, StartFailure } from "../../exec/process.ts";
import type { Clock } from "../../lib/clock.ts";
import type { CommandExecutionItem } from "../../protocol/item.ts";
import { OutputDeltas } from "./output_deltas.ts";
import type { ToolContext } from "./tool.ts";

/** Head and tail of what one answer to the model is made from. */
const PENDING_BYTES = 1 << 20;
/** Head and tail that the finished item keeps. */
const ITEM_BYTES = 256 * 1024;

/** What to start, and the item that stands for it. */
export interface CommandStart {
  readonly argv: readonly string[];
  readonly stdin: "null" | "piped";
  readonly env: Readonly<Record<string, string>>;
  readonly item: CommandExecutionItem;
  /** Clients know the item already, because a person was asked about it. */
  readonly isAnnounced: boolean;
  readonly context: ToolContext;
}

/**
 * A command from its start to its end, also beyond its turn.
 *
 * Invariants: the item is started before and completed after all of its deltas, exactly once each;
 * `finished` resolves after the completion was sent.
 */
export class RunningCommand {
  readonly process: Process;
  readonly finished: Promise<ProcessExit>;
  /** What the model has not been told yet. */
  readonly #pending: HeadTailBuffer;
  #exit: ProcessExit | null = null;

  private constructor(
    process: Process,
    options: { readonly finished: Promise<ProcessExit>; readonly pending: HeadTailBuffer },
  ) {
    this.process = process;
    this.#pending = options.pending;
    this.finished = options.finished.then((exit) => this.#exit = exit);
  }

  /** Starts a command. A failure is told to clients as a failed item and returned. */
  static start(
    start: CommandStart,
    deps: { readonly clock: Clock; readonly processes: Processes },
  ): RunningCommand | StartFailure {
    const { context, item } = start;
    const startedAtMs = deps.clock.now();
    const whole = new HeadTailBuffer(ITEM_BYTES);
    const deltas = new OutputDeltas({
      clock: deps.clock,
      emit: (delta) => context.commandOutput(item.id, delta),
    });
    const pending = new HeadTailBuffer(PENDING_BYTES);
    const result = deps.processes.start({
      argv: start.argv,
      cwd: item.cwd,
      env: start.env,
      stdin: start.stdin,
      owner: context.threadId,
      onOutput: (_stream, chunk) => {
        whole.push(chunk);
        pending.push(chunk);
        deltas.push(chunk);
      },
    });
    if (!start.isAnnounced) context.itemStarted(item);
    const complete = (change: Partial<CommandExecutionItem>) =>
      context.itemCompleted({ ...item, ...change }, { argv: start.argv });
    if (result.type === "failed") {
      complete({ status: "failed", aggregatedOutput: result.message });
      return result;
    }
    const finished = result.process.exited.then((exit) => {
      deltas.flush();
      complete({
        status: exit.code === 0 ? "completed" : "failed",
        // Upstream sends null, not an empty text.
        aggregatedOutput: captureText(whole.snapshot()) || null,
        exitCode: exit.code,
        durationMs: deps.clock.now() - startedAtMs,
      });
      return exit;
    });
    return new RunningCommand(result.process, { finished, pending });
  }

  /** How it ended, or null while it runs. */
  get exit(): ProcessExit | null {
    return this.#exit;
  }

  /** What it has written since the last call. */
  takeOutput(): Capture {
    return this.#pending.take();
  }

  /**
   * Waits until the command has ended or the time is over; true when it has ended. Rejects with the
   * signal's reason when the turn is interrupted.
   */
  async wait(
    timeoutMs: number,
    options: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<boolean> {
    options.signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(options.signal.reason);
    options.signal.addEventListener("abort", onAbort, { once: true });
    const cancel = options.clock.after(timeoutMs, resolve);
    try {
      await Promise.race([this.finished, promise]);
    } finally {
      cancel();
      options.signal.removeEventListener("abort", onAbort);
    }
    return this.#exit !== null;
  }
}

/** The terminal of this process: raw input, output that never blocks, and its restoration in every case; must not know what is drawn. */
import process from "node:process";
import { StdinBuffer } from "pi-tui";
import type { TuiTerminal } from "../../tui/ports.ts";
import { terminalTraits } from "../../tui/terminal_traits.ts";
import { terminalSize } from "../terminal_size.ts";
import { KeyboardProtocol } from "./keyboard_protocol.ts";
import { ModeTracker } from "./mode_tracker.ts";
import { OutputQueue } from "./output_queue.ts";
import { openSink } from "./terminal_device.ts";
import { type Ending, exitCodeOf, TerminalSignals } from "./terminal_signals.ts";
import { takeTypedAhead } from "./typed_ahead.ts";

/** Why this process has to end, and with which code a shell would see it. */
export interface TerminalEnd {
  /** `gone`: the terminal has been closed, or the connection to it has broken. */
  readonly reason: Ending | "gone";
  readonly exitCode: number;
}

/** What the terminal needs to know. */
export interface ProcessTerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  /**
   * The terminal has been restored, and whatever is written to it is dropped. To finish and exit is up to the caller,
   * soon: a second signal of the kind ends the process at once.
   */
  readonly onEnd: (end: TerminalEnd) => void;
}

const DEVICE = Deno.build.os === "linux" ? "/proc/self/fd/1" : "/dev/tty";
const PASTE_ON = "\u001b[?2004h";
const PASTE_OFF = "\u001b[?2004l";
const BACKGROUND_QUERY = "\u001b]11;?";
const BACKGROUND_ANSWER = "\u001b]11;";
/** How long an escape may be the begin of a longer sequence; over a network its parts may come apart. */
const ESCAPE_MS = 10;
const ESCAPE_REMOTE_MS = 100;
/** How long the rest of a sequence may take. */
const SEQUENCE_MS = 300;
/** At the end, the answers of the terminal are waited for: a shell would take them for keys. */
const ANSWERS_MAX_MS = 200;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** The terminal. Invariant: raw, and modes on, between `start` and `stop` only. */
export class ProcessTerminal implements TuiTerminal, Disposable {
  readonly #options: ProcessTerminalOptions;
  readonly #output: OutputQueue;
  readonly #modes = new ModeTracker();
  readonly #keyboard: KeyboardProtocol;
  readonly #signals: TerminalSignals;
  readonly #stopRequest = new Set<() => void>();
  readonly #continue = new Set<() => void>();
  #input: TerminalInput | null = null;
  #onResize: (() => void) | null = null;
  #size = { columns: DEFAULT_COLUMNS, rows: DEFAULT_ROWS };
  #answersDue = 0;
  #hasAnswered: (() => void) | null = null;
  /** Why it was restored for good; `dying` when this process ends by itself. */
  #ended: TerminalEnd["reason"] | "dying" | null = null;

  constructor(options: ProcessTerminalOptions) {
    this.#options = options;
    this.#output = new OutputQueue(openSink(DEVICE) ?? Deno.stdout, {
      onGone: () => this.#end("gone"),
    });
    this.#keyboard = new KeyboardProtocol((text) => this.write(text));
    this.#signals = new TerminalSignals({
      resized: () => this.#resized(),
      stopRequested: () => tell(this.#stopRequest),
      continued: () => this.#continued(),
      ended: (signal) => this.#end(signal),
      dying: () => this.#restore("dying"),
      exiting: () => this.#finish(),
    });
    this.#measure();
  }

  get columns(): number {
    return this.#size.columns;
  }

  get rows(): number {
    return this.#size.rows;
  }

  get kittyProtocolActive(): boolean {
    return this.#keyboard.isKitty;
  }

  get isCongested(): boolean {
    return this.#output.isCongested;
  }

  onDrained(listener: () => void): () => void {
    return this.#output.onDrained(listener);
  }

  flushed(): Promise<void> {
    return this.#output.flushed();
  }

  onStopRequest(listener: () => void): () => void {
    return subscribe(this.#stopRequest, listener);
  }

  onContinue(listener: () => void): () => void {
    return subscribe(this.#continue, listener);
  }

  start(onInput: (data: string) => void, onResize: () => void): void {
    if (this.#ended !== null) return;
    const { env } = this.#options;
    this.#onResize = onResize;
    this.#signals.claim();
    this.#measure();
    this.#input = new TerminalInput({
      isRemote: env["SSH_CONNECTION"] !== undefined || env["SSH_TTY"] !== undefined,
      onSequence: (sequence) => this.#take(sequence, onInput),
      onGone: () => this.#end("gone"),
    });
    this.write(PASTE_ON);
    if (terminalTraits(env).hasCommands) this.#keyboard.begin();
  }

  stop(): void {
    if (this.#input === null) return;
    this.write(PASTE_OFF);
    this.#keyboard.end();
    this.#signals.release();
    this.#onResize = null;
    this.#input.close();
    this.#input = null;
  }

  /** Waits for the answers that are still to come, so that none of them reaches the shell. */
  async drainInput(maxMs: number = ANSWERS_MAX_MS): Promise<void> {
    if (this.#input === null || !this.#isWaiting) return;
    const answered = new Promise<void>((resolve) => this.#hasAnswered = resolve);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, maxMs));
    await Promise.race([answered, over]);
    clearTimeout(timer);
    this.#hasAnswered = null;
  }

  write(data: string): void {
    if (this.#ended !== null) return;
    this.#modes.observe(data);
    if (data.includes(BACKGROUND_QUERY)) this.#answersDue++;
    this.#output.write(data);
  }

  /** After the last `stop`: signals have their usual meaning again, unless this process is on its way out. */
  [Symbol.dispose](): void {
    this.stop();
    // A terminal that goes away may be noticed before its signal comes, which would end what is still to be done.
    if (this.#ended === null) this.#signals[Symbol.dispose]();
  }

  get #isWaiting(): boolean {
    return this.#keyboard.isWaiting || this.#answersDue > 0;
  }

  #take(sequence: string, onInput: (data: string) => void): void {
    if (sequence.startsWith(BACKGROUND_ANSWER)) {
      this.#answersDue = Math.max(0, this.#answersDue - 1);
    }
    const isTaken = this.#keyboard.take(sequence);
    if (!this.#isWaiting) this.#hasAnswered?.();
    if (!isTaken) onInput(sequence);
  }

  #resized(): void {
    this.#measure();
    this.#onResize?.();
  }

  /** The shell has used the terminal meanwhile. */
  #continued(): void {
    this.#measure();
    tell(this.#continue);
  }

  #measure(): void {
    this.#size = terminalSize() ?? this.#size;
  }

  #end(reason: TerminalEnd["reason"]): void {
    const exitCode = exitCodeOf(reason === "gone" ? "SIGHUP" : reason);
    if (this.#ended !== null) {
      // A terminal that goes away is noticed in several ways.
      const isSame = reason === "gone" || (this.#ended === "gone" && reason === "SIGHUP");
      if (isSame) return;
      return Deno.exit(exitCode);
    }
    this.#restore(reason);
    this.#options.onEnd({ reason, exitCode });
  }

  /** At once, in any state. */
  #restore(reason: TerminalEnd["reason"] | "dying"): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    const isTaken = this.#output.lastWords(this.#input ? this.#modes.restoration() : "");
    // The system changes settings only when all output has been taken, and what is to be done before the exit
    // should not wait for that.
    if (isTaken) this.#closeInput();
  }

  /** The exit itself waits for a terminal that takes nothing, so everything can wait here. */
  #finish(): void {
    this.#closeInput();
    this.#output.finish();
  }

  #closeInput(): void {
    this.#input?.close();
    this.#input = null;
  }
}

/** The keys of the terminal, raw, one sequence after the other. */
class TerminalInput {
  readonly #sequences: StdinBuffer;
  readonly #decoder = new TextDecoder();
  readonly #onData = (bytes: Uint8Array) => {
    this.#sequences.process(this.#decoder.decode(bytes, { stream: true }));
  };
  readonly #onGone: () => void;

  constructor(options: {
    readonly isRemote: boolean;
    readonly onSequence: (sequence: string) => void;
    readonly onGone: () => void;
  }) {
    this.#sequences = new StdinBuffer({
      timeout: SEQUENCE_MS,
      escapeTimeout: options.isRemote ? ESCAPE_REMOTE_MS : ESCAPE_MS,
    });
    this.#sequences.on("data", options.onSequence);
    this.#sequences.on(
      "paste",
      (text) => options.onSequence(`\u001b[200~${text}\u001b[201~`),
    );
    this.#onGone = options.onGone;
    const { stdin } = process;
    setRaw(true);
    const early = takeTypedAhead();
    if (early.length > 0) stdin.unshift(early);
    stdin.on("data", this.#onData);
    // EIO comes as an error or as an end.
    stdin.on("end", this.#onGone);
    stdin.on("error", this.#onGone);
    stdin.off("error", ignore);
    stdin.resume();
  }

  /** Leaves what is typed from now on to others. */
  close(): void {
    const { stdin } = process;
    stdin.pause();
    stdin.off("data", this.#onData);
    stdin.off("end", this.#onGone);
    // An error that nobody listens to would be one of the process.
    stdin.on("error", ignore);
    stdin.off("error", this.#onGone);
    this.#sequences.destroy();
    setRaw(false);
  }
}

/** Does nothing on a terminal that is gone. */
function setRaw(isRaw: boolean): void {
  try {
    process.stdin.setRawMode(isRaw);
  } catch (error) {
    // That it is gone is told by its end.
    void error;
  }
}

function ignore(): void {}

function tell(listeners: ReadonlySet<() => void>): void {
  for (const listener of [...listeners]) listener();
}

function subscribe(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

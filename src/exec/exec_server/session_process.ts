/** One process of a session: its numbered events, its kept output, its input; must not know connections. */
import type { Clock } from "../../lib/clock.ts";
import type { ExecServerResult } from "../../protocol/exec_server.ts";
import type { OutputStream, Process, ProcessExit } from "../process.ts";
import { isSandboxDenial } from "../sandbox/denial.ts";
import { type OutputSource, RetainedOutput } from "./retained_output.ts";

/** Input that a process has not read; more holds the answer to the write back. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;
/** Names of writes that are remembered, so that one that is sent again is not written again. */
const WRITE_IDS_MAX = 1024;
/** Timers take no more. */
const WAIT_MS_MAX = 2 ** 31 - 1;
/** As 0.120; 0.169 says 128 + n. */
const SIGNALLED_EXIT_CODE = -1;

/** Where the events of a process go. */
export interface EventReceiver {
  /** A whole notification. A returned promise holds further output back until it resolves. */
  event(text: string, outputBytes: number): Promise<void> | undefined;
}

/** What is asked of the kept output. */
export interface ReadRequest {
  readonly afterSeq: number;
  readonly maxBytes: number;
  readonly waitMs: number;
}

/**
 * Invariants: events are numbered from 1 without gaps in the order in which they are sent; `closed` is the last
 * one; what was read once is never another thing under the same number.
 */
export class SessionProcess {
  readonly id: string;
  readonly #receiver: EventReceiver;
  readonly #source: OutputSource | null;
  readonly #hasInput: boolean;
  readonly #retained = new RetainedOutput();
  readonly #started = Promise.withResolvers<Process | null>();
  readonly #waiters = new Set<() => void>();
  readonly #writeIds = new Set<string>();
  readonly #start: string;
  #process: Process | null = null;
  #seq = 0;
  #outputSeq = 0;
  #exitCode: number | null = null;
  #isClosed = false;
  #queuedBytes = 0;
  #failure: string | null = null;
  #wasDenied = false;

  constructor(options: {
    readonly id: string;
    readonly tty: boolean;
    readonly pipeStdin: boolean;
    readonly receiver: EventReceiver;
  }) {
    this.id = options.id;
    this.#receiver = options.receiver;
    this.#source = options.tty ? "pty" : null;
    this.#hasInput = options.tty || options.pipeStdin;
    this.#start = `"params":{"processId":${JSON.stringify(options.id)},"seq":`;
  }

  /** The number of the last output. */
  get outputSeq(): number {
    return this.#outputSeq;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes over the process, once it runs. `failureOf` says why it could not do its work, if so. */
  run(process: Process, { isConfined, failureOf }: {
    readonly isConfined: boolean;
    readonly failureOf: (exit: ProcessExit) => string | null;
  }): void {
    this.#process = process;
    this.#started.resolve(process);
    void process.exited.then((exit) => {
      this.#failure = failureOf(exit);
      this.#wasDenied = isConfined && exit.code !== 0 &&
        isSandboxDenial(exit.code, `${this.#failure ?? ""}\n${this.#retained.text()}`);
      this.#exited(exit.signal === null ? exit.code : SIGNALLED_EXIT_CODE);
    });
  }

  /** It could not be started. */
  abandon(): void {
    this.#started.resolve(null);
  }

  /** Resolves when the process has been closed. */
  async closed(): Promise<void> {
    await this.#process?.gone();
    this.#close();
  }

  /** Output, as the process gives it; the bytes are not kept. */
  output(stream: OutputStream, bytes: Uint8Array): Promise<void> | undefined {
    const source = this.#source ?? stream;
    const seq = this.#outputSeq = ++this.#seq;
    const chunk = bytes.toBase64();
    this.#retained.push({ seq, stream: source, chunk }, bytes.length);
    const text =
      `{"method":"process/output",${this.#start}${seq},"stream":"${source}","chunk":"${chunk}"}}`;
    const held = this.#receiver.event(text, bytes.length);
    this.#wake();
    return held;
  }

  /** Waits for something after `afterSeq`, if there is nothing yet. */
  async read(request: ReadRequest, clock: Clock): Promise<ExecServerResult<"process/read">> {
    if (request.waitMs > 0 && this.#seq <= request.afterSeq && !this.#isClosed) {
      await this.#wait(Math.min(request.waitMs, WAIT_MS_MAX), clock);
    }
    const chunks = this.#retained.after(request.afterSeq, request.maxBytes);
    return {
      chunks,
      nextSeq: (chunks.at(-1)?.seq ?? this.#seq) + 1,
      exited: this.#exitCode !== null,
      exitCode: this.#exitCode,
      closed: this.#isClosed,
      failure: this.#failure,
      sandboxDenied: this.#wasDenied,
    };
  }

  /** Feeds the process, in the order of the calls. */
  async write(bytes: Uint8Array, writeId: string | null): Promise<"accepted" | "stdinClosed"> {
    if (!this.#hasInput) return "stdinClosed";
    if (writeId !== null && !this.#remember(writeId)) return "accepted";
    const process = await this.#started.promise;
    // As upstream: what is written to a process that has ended is accepted all the same.
    if (process === null || bytes.length === 0) return "accepted";
    this.#queuedBytes += bytes.length;
    const written = process.write(bytes).then(() => {
      this.#queuedBytes -= bytes.length;
    });
    if (this.#queuedBytes > QUEUED_BYTES_MAX) await written;
    return "accepted";
  }

  /** False when it was there already. */
  #remember(writeId: string): boolean {
    if (this.#writeIds.has(writeId)) return false;
    this.#writeIds.add(writeId);
    const [oldest] = this.#writeIds;
    if (this.#writeIds.size > WRITE_IDS_MAX && oldest !== undefined) {
      this.#writeIds.delete(oldest);
    }
    return true;
  }

  interrupt(): void {
    if (this.#exitCode === null) this.#process?.signal("SIGINT");
  }

  /** Begins to end it; false when it has ended already. */
  terminate(): boolean {
    if (this.#exitCode !== null) return false;
    void this.#started.promise.then((process) => process?.terminate());
    return true;
  }

  /** Lets go whoever waits in `read`. */
  wake(): void {
    this.#wake();
  }

  #exited(exitCode: number): void {
    this.#exitCode = exitCode;
    const text = `${++this.#seq},"exitCode":${exitCode},"sandboxDenied":${this.#wasDenied}}}`;
    this.#receiver.event(`{"method":"process/exited",${this.#start}${text}`, 0);
    this.#wake();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#receiver.event(`{"method":"process/closed",${this.#start}${++this.#seq}}}`, 0);
    this.#wake();
  }

  #wait(waitMs: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#waiters.delete(done);
        resolve();
      };
      const cancel = clock.after(waitMs, done);
      this.#waiters.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiters]) done();
  }
}

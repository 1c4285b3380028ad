/** What is typed while a question is open, and the terminal as it was afterwards; must not know any question. */
import process from "node:process";
import { CliError } from "../../lib/errors.ts";

/** Signals that end this process, and how a shell sees that. */
const ENDINGS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Ending = keyof typeof ENDINGS;

/** The exit code of somebody who did not want to answer. */
const CANCELLED = ENDINGS.SIGINT;

/** Escape, which is a step back where there is one, and else ends the program as `cancelled` does. */
export class WentBack extends CliError {
  constructor() {
    super("", CANCELLED);
  }
}

/** No answer will come; ends the program without a word. */
export function cancelled(exitCode: number = CANCELLED): CliError {
  return new CliError("", exitCode);
}

/** Whether keys can be had one by one, and without an echo. */
export function hasRawMode(): boolean {
  try {
    process.stdin.setRawMode(true);
    process.stdin.setRawMode(false);
    return true;
  } catch (error) {
    // Only the system knows what this terminal is; that it cannot is the answer.
    void error;
    return false;
  }
}

/** The keys of the terminal, until disposed; what is typed later is left to others. */
export class Keys implements Disposable {
  readonly #isRaw: boolean;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #over = new AbortController();
  readonly #onEnd: () => void;
  readonly #signals: readonly (readonly [Ending, () => void])[];
  readonly #restore = () => this[Symbol.dispose]();

  constructor({ isRaw, onBytes }: {
    readonly isRaw: boolean;
    readonly onBytes: (bytes: Uint8Array) => void;
  }) {
    this.#isRaw = isRaw;
    this.#onBytes = onBytes;
    // Ctrl-D ends a line that is not raw; a raw one ends with the terminal.
    this.#onEnd = () => this.#end(isRaw ? ENDINGS.SIGHUP : CANCELLED);
    const names: readonly Ending[] = ["SIGHUP", "SIGINT", "SIGTERM"];
    this.#signals = names.map((name) => [name, () => this.#end(ENDINGS[name])] as const);
    for (const [name, listener] of this.#signals) Deno.addSignalListener(name, listener);
    addEventListener("unload", this.#restore);
    const { stdin } = process;
    if (isRaw) stdin.setRawMode(true);
    stdin.on("data", this.#onBytes);
    stdin.on("end", this.#onEnd);
    stdin.on("error", this.#onEnd);
    stdin.resume();
  }

  /** Aborts with the `CliError` to end with, when no answer will come. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#signals) Deno.removeSignalListener(name, listener);
    removeEventListener("unload", this.#restore);
    const { stdin } = process;
    stdin.pause();
    stdin.off("data", this.#onBytes);
    stdin.off("end", this.#onEnd);
    stdin.off("error", this.#onEnd);
    if (this.#isRaw) setCooked();
  }

  #end(exitCode: number): void {
    this.#over.abort(cancelled(exitCode));
  }
}

function setCooked(): void {
  try {
    process.stdin.setRawMode(false);
  } catch (error) {
    // A terminal that is gone keeps no mode.
    void error;
  }
}

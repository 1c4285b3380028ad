/** Signals and ends of this process as far as the terminal is concerned; must not know how it is drawn on. */
import { type ProcessRow, readProcess } from "../../exec/process_table.ts";

/** Signals that end this process. */
const ENDINGS = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;
/** From the keyboard: while another program has the terminal, they are meant for that one. */
const TYPED: ReadonlySet<Ending> = new Set(["SIGINT", "SIGQUIT"]);
/** Neither is survived. */
const ERRORS = ["error", "unhandledrejection"] as const;
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
/** A stop takes hold of all threads within this time. */
const STOP_MS = 20;

/** A signal that ends this process. */
export type Ending = typeof ENDINGS[number];

/** What happens. */
export interface SignalListeners {
  readonly resized: () => void;
  readonly stopRequested: () => void;
  readonly continued: () => void;
  /** Somebody or something ends this process. */
  readonly ended: (signal: Ending) => void;
  /** This process ends, or is about to end with an error. Synchronous: nothing else runs afterwards. */
  readonly dying: () => void;
  /** The very end, after `dying`. */
  readonly exiting: () => void;
}

/** How a shell would see the end. */
export function exitCodeOf(signal: Ending): number {
  return 128 + NUMBERS[signal];
}

/** Stops this process and those of its job as Ctrl-Z does; resolves when it goes on. */
export async function stopJob(): Promise<void> {
  if (!isWatched()) return;
  // The group, as keyboards do it: a shell waits until the whole job has stopped.
  Deno.kill(0, "SIGTSTP");
  await new Promise((resolve) => setTimeout(resolve, STOP_MS));
}

/**
 * Whether a shell of the same terminal could make this job go on again. The system asks the same before it stops
 * anybody, but the runtime turns the signal into one that stops in any case.
 */
function isWatched(): boolean {
  const own = readProcess(Deno.pid);
  // Not to be told on this system.
  if (own === null) return true;
  let outer: ProcessRow | null = own;
  while (outer !== null && outer.group === own.group) outer = readProcess(outer.parent);
  return outer?.session === own.session;
}

/** Listens to signals. Those about drawing count between `claim` and `release` only. */
export class TerminalSignals implements Disposable {
  readonly #listeners: SignalListeners;
  readonly #endings: readonly (readonly [Ending, () => void])[];
  readonly #dying: () => void;
  readonly #exiting: () => void;
  #isClaimed = false;

  constructor(listeners: SignalListeners) {
    this.#listeners = listeners;
    this.#endings = ENDINGS.map((signal) => [signal, () => this.#end(signal)] as const);
    for (const [signal, listener] of this.#endings) Deno.addSignalListener(signal, listener);
    this.#dying = () => listeners.dying();
    this.#exiting = () => {
      listeners.dying();
      listeners.exiting();
    };
    // An error is printed after its listeners have run, and has to appear on the main screen.
    for (const type of ERRORS) addEventListener(type, this.#dying);
    addEventListener("unload", this.#exiting);
  }

  claim(): void {
    if (this.#isClaimed) return;
    this.#isClaimed = true;
    Deno.addSignalListener("SIGWINCH", this.#listeners.resized);
    Deno.addSignalListener("SIGTSTP", this.#listeners.stopRequested);
    Deno.addSignalListener("SIGCONT", this.#listeners.continued);
  }

  /** From now on Ctrl-Z stops this process as any other. */
  release(): void {
    if (!this.#isClaimed) return;
    this.#isClaimed = false;
    Deno.removeSignalListener("SIGWINCH", this.#listeners.resized);
    Deno.removeSignalListener("SIGTSTP", this.#listeners.stopRequested);
    Deno.removeSignalListener("SIGCONT", this.#listeners.continued);
  }

  [Symbol.dispose](): void {
    this.release();
    for (const [signal, listener] of this.#endings) Deno.removeSignalListener(signal, listener);
    for (const type of ERRORS) removeEventListener(type, this.#dying);
    removeEventListener("unload", this.#exiting);
  }

  #end(signal: Ending): void {
    if (!this.#isClaimed && TYPED.has(signal)) return;
    this.#listeners.ended(signal);
  }
}

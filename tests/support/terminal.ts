/** A terminal for tests of components in this process; knows no component. */
import { StdinBuffer } from "pi-tui";
import type { TuiTerminal } from "../../src/tui/ports.ts";
import { type Expectation, shown, type UntilOptions } from "./awaited_screen.ts";
import { type Cell, Emulator, type EmulatorOptions, type Modes } from "./emulator.ts";
import { keyBytes, pasteBytes } from "./keys.ts";

/**
 * A terminal over an emulator. `settled` is for what was drawn at once (`renderNow`, or after a key); a frame that the
 * renderer puts off, as it does with those that follow each other closely, is to be awaited with `until`.
 */
export class FakeTerminal implements TuiTerminal {
  readonly emulator: Emulator;
  /** Each piece as it was written. */
  readonly writes: string[] = [];
  readonly #input = new StdinBuffer();
  #onInput: ((data: string) => void) | null = null;
  #onResize: (() => void) | null = null;
  readonly #listeners = {
    drained: new Set<() => void>(),
    stopRequest: new Set<() => void>(),
    goesOn: new Set<() => void>(),
  };
  #isCongested = false;
  readonly kittyProtocolActive = false;

  constructor({ columns = 80, rows = 24, ...options }: Partial<EmulatorOptions> = {}) {
    this.emulator = new Emulator({
      columns,
      rows,
      ...options,
      onAnswer: (text) => {
        options.onAnswer?.(text);
        this.send(text);
      },
    });
    this.#input.on("data", (sequence) => this.#onInput?.(sequence));
    this.#input.on("paste", (text) => this.#onInput?.(pasteBytes(text)));
  }

  get columns(): number {
    return this.emulator.columns;
  }

  get rows(): number {
    return this.emulator.rows;
  }

  get modes(): Modes {
    return this.emulator.modes;
  }

  /** False before `start` and after `stop`. */
  get isStarted(): boolean {
    return this.#onInput !== null;
  }

  start(onInput: (data: string) => void, onResize: () => void): void {
    this.#onInput = onInput;
    this.#onResize = onResize;
    this.write("\x1b[?2004h");
  }

  stop(): void {
    this.#onInput = null;
    this.#onResize = null;
    this.write("\x1b[?2004l");
  }

  drainInput(): Promise<void> {
    return Promise.resolve();
  }

  write(data: string): void {
    this.writes.push(data);
    this.emulator.write(data);
  }

  /** Sends what a terminal sends. A part of a sequence at the end counts as it is: there is nothing to wait for. */
  send(bytes: string): void {
    this.#input.process(bytes);
    for (const rest of this.#input.flush()) this.#onInput?.(rest);
  }

  /** Types text; line ends as the enter key sends them. */
  type(text: string): void {
    this.send(text.replaceAll("\n", "\r"));
  }

  press(...keys: readonly string[]): void {
    for (const key of keys) this.send(keyBytes(key));
  }

  paste(text: string): void {
    this.send(pasteBytes(text));
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.#onResize?.();
  }

  /** The visible rows, without spaces at the right. */
  frame(): string {
    return this.emulator.text();
  }

  cells(row: number): readonly Cell[] {
    return this.emulator.cells(row);
  }

  /** Resolves when what was asked for until now, and drawn in the same turn of the event loop, is on the screen. */
  async settled(): Promise<string> {
    // Frames after keys are drawn in the next tick, behind every promise that has been settled by now.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await this.emulator.parsed();
    return this.frame();
  }

  /** Waits until the screen shows it. */
  until(expectation: Expectation, options?: UntilOptions): Promise<string> {
    const { emulator } = this;
    return shown(emulator, expectation, options);
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Plays a line that takes nothing for a while, or takes it again. */
  set isCongested(isCongested: boolean) {
    this.#isCongested = isCongested;
    if (!isCongested) { for (const listener of [...this.#listeners.drained]) listener(); }
  }

  onDrained(listener: () => void): () => void {
    return subscribe(this.#listeners.drained, listener);
  }

  flushed(): Promise<void> {
    return this.emulator.parsed();
  }

  /** As `kill -TSTP` does. */
  requestStop(): void {
    for (const listener of [...this.#listeners.stopRequest]) listener();
  }

  onStopRequest(listener: () => void): () => void {
    return subscribe(this.#listeners.stopRequest, listener);
  }

  /** As after `kill -STOP` and `kill -CONT`. */
  goOn(): void {
    for (const listener of [...this.#listeners.goesOn]) listener();
  }

  onContinue(listener: () => void): () => void {
    return subscribe(this.#listeners.goesOn, listener);
  }
}

function subscribe(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

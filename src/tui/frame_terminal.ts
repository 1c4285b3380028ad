/** Passes a terminal on, each frame in one write that terminals show at once; must not know what is in it. */
import type { Terminal } from "pi-tui";
import type { TuiTerminal } from "./ports.ts";

const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";
const FOCUS_IN = "\u001b[I";
const FOCUS_OUT = "\u001b[O";

/** A terminal for a renderer. What it writes while it draws a frame is collected and written with its end. */
export class FrameTerminal implements Terminal {
  readonly #inner: TuiTerminal;
  readonly #focusChanged: (isFocused: boolean) => void;
  readonly #passesFocus: boolean;
  readonly #adapt: (text: string) => string;
  #frame: string[] | null = null;

  constructor(
    inner: TuiTerminal,
    { focusChanged = () => {}, passesFocus = false, adapt = (text) => text }: {
      readonly focusChanged?: ((isFocused: boolean) => void) | undefined;
      /** Whether the renderer wants to hear of it as well. */
      readonly passesFocus?: boolean;
      /** What is done to each frame, for terminals that lack something. */
      readonly adapt?: ((text: string) => string) | undefined;
    } = {},
  ) {
    this.#inner = inner;
    this.#focusChanged = focusChanged;
    this.#passesFocus = passesFocus;
    this.#adapt = adapt;
  }

  /** Draws a frame. Renderers move the cursor after the end of their frame, which would be seen. */
  frame(draw: () => void): void {
    const parts: string[] = [];
    this.#frame = parts;
    try {
      draw();
    } finally {
      this.#frame = null;
      const drawn = parts.join("").replaceAll(BEGIN, "").replaceAll(END, "");
      if (drawn !== "") this.#inner.write(BEGIN + this.#adapt(drawn) + END);
    }
  }

  write(data: string): void {
    if (this.#frame === null) this.#inner.write(data);
    else this.#frame.push(data);
  }

  start(onInput: (data: string) => void, onResize: () => void): void {
    this.#inner.start((data) => {
      const isFocused = data === FOCUS_IN;
      if (isFocused || data === FOCUS_OUT) this.#focusChanged(isFocused);
      else return onInput(data);
      // To others it would be a key.
      if (this.#passesFocus) onInput(data);
    }, onResize);
  }

  stop(): void {
    this.#inner.stop();
  }

  drainInput(maxMs?: number, idleMs?: number): Promise<void> {
    return this.#inner.drainInput(maxMs, idleMs);
  }

  get columns(): number {
    return this.#inner.columns;
  }

  get rows(): number {
    return this.#inner.rows;
  }

  get kittyProtocolActive(): boolean {
    return this.#inner.kittyProtocolActive;
  }

  moveBy(lines: number): void {
    if (lines !== 0) this.write(lines > 0 ? `\u001b[${lines}B` : `\u001b[${-lines}A`);
  }

  hideCursor(): void {
    this.write("\u001b[?25l");
  }

  showCursor(): void {
    this.write("\u001b[?25h");
  }

  clearLine(): void {
    this.write("\u001b[K");
  }

  clearFromCursor(): void {
    this.write("\u001b[J");
  }

  clearScreen(): void {
    this.write("\u001b[2J\u001b[H");
  }

  setTitle(title: string): void {
    this.write(`\u001b]0;${title}\u0007`);
  }

  setProgress(isActive: boolean): void {
    this.write(`\u001b]9;4;${isActive ? 3 : 0}\u0007`);
  }
}

/** The two renderers of the library, made to write whole frames and none that nobody takes; must not know the application. */
import {
  type Component,
  sliceByColumn,
  TuiAltScreen,
  type TuiAltScreenOptions,
  TuiMainScreen,
  type TuiStopOptions,
  visibleWidth,
} from "pi-tui";
import { FrameTerminal } from "./frame_terminal.ts";
import type { TuiTerminal } from "./ports.ts";

const CLEAR = "\u001b[2J\u001b[H";
/** No line of a component is this, so that every line of the screen counts as changed. */
const UNKNOWN_LINE = "\u0000";

/** What both need. */
export interface RendererOptions {
  readonly terminal: TuiTerminal;
  /** What stays on the main screen when the interface ends. */
  readonly transcript: Component;
  readonly focusChanged?: (isFocused: boolean) => void;
  /** What is done to each frame, for terminals that lack something. */
  readonly adapt?: ((text: string) => string) | undefined;
}

/** Puts frames off while the terminal does not take what it has, so that a slow line shows the newest one. */
class FramePacer {
  readonly #terminal: TuiTerminal;
  readonly #frames: FrameTerminal;
  #isLate = false;

  constructor(terminal: TuiTerminal, frames: FrameTerminal, requestRender: () => void) {
    this.#terminal = terminal;
    this.#frames = frames;
    terminal.onDrained(() => {
      if (!this.#isLate) return;
      this.#isLate = false;
      requestRender();
    });
  }

  draw(draw: () => void): void {
    if (this.#terminal.isCongested) this.#isLate = true;
    else this.#frames.frame(draw);
  }
}

/** The alternate screen. */
export class AlternateRenderer extends TuiAltScreen {
  readonly #pacer: FramePacer;
  readonly #transcript: Component;
  readonly #hasAlternateScreen: boolean;

  constructor({ terminal, transcript, hasAlternateScreen, focusChanged, adapt, ...options }:
    & RendererOptions
    & TuiAltScreenOptions
    & { readonly hasAlternateScreen: boolean }) {
    const frames = new FrameTerminal(terminal, { focusChanged, passesFocus: true, adapt });
    super(frames, false, undefined, options);
    this.#pacer = new FramePacer(terminal, frames, () => this.requestRender());
    this.#transcript = transcript;
    this.#hasAlternateScreen = hasAlternateScreen;
  }

  /** What is printed on the main screen at the end: not what was only good for typing. */
  override render(width: number): string[] {
    return this.#transcript.render(width);
  }

  /** Comes back after others had the terminal. A frame that was asked for before would never be drawn. */
  restart(): void {
    this.start();
    this.renderNow(true);
  }

  protected override doRender(): void {
    this.#pacer.draw(() => super.doRender());
  }

  protected override beforeTerminalStop(options: TuiStopOptions): void {
    super.beforeTerminalStop(options);
    // There the last frame would stay, and what follows would be written over it.
    if (!this.#hasAlternateScreen) this.terminal.write(CLEAR);
  }
}

/** The main screen, where what has left it upwards belongs to the terminal. */
export class InlineRenderer extends TuiMainScreen {
  readonly #pacer: FramePacer;
  #checked: string[] = [];
  #checkedWidth = 0;

  constructor({ terminal, focusChanged, adapt }: RendererOptions) {
    const frames = new FrameTerminal(terminal, { focusChanged, adapt });
    super(frames);
    this.#pacer = new FramePacer(terminal, frames, () => this.requestRender());
  }

  /** The library ends the program when a line is too long, and writes all lines into a file for everybody. */
  override render(width: number): string[] {
    const lines = super.render(width);
    const known = this.#checkedWidth === width ? this.#checked : [];
    const fitting = lines.map((line, row) => {
      // No character is wider than two columns.
      const fits = line.length * 2 <= width || line === known[row] || visibleWidth(line) <= width;
      return fits ? line : sliceByColumn(line, 0, width, true);
    });
    this.#checked = fitting;
    this.#checkedWidth = width;
    return fitting;
  }

  /** Draws what is visible anew, on an empty screen; what was above stays in the terminal as it is. */
  restart(): void {
    const state = this.captureRenderState();
    this.start();
    const { rows } = this.terminal;
    const top = Math.max(0, state.previousLines.length - rows);
    this.terminal.write(`\u001b[${rows};1H${"\n".repeat(rows)}\u001b[H`);
    this.restoreRenderState({
      ...state,
      previousLines: state.previousLines.map((line, row) => row < top ? line : UNKNOWN_LINE),
      previousHeight: rows,
      previousViewportTop: top,
      hardwareCursorRow: top,
    });
    this.renderNow();
  }

  protected override doRender(): void {
    this.#pacer.draw(() => super.doRender());
  }

  /** Goes below what was drawn. The library's own way writes a space over it and leaves a row empty. */
  protected override beforeTerminalStop(): void {
    const { previousLines, hardwareCursorRow } = this.captureRenderState();
    if (previousLines.length === 0) return;
    this.terminal.moveBy(previousLines.length - 1 - hardwareCursorRow);
    this.terminal.write("\r\n");
  }
}

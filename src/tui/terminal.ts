/** The screen that the application draws on: layout, focus, pauses, and commands to the terminal; must not know what it shows. */
import { type Component, ScrollView, type TuiInputListener, VStack } from "pi-tui";
import type { AttentionMethod } from "./attention.ts";
import { consoleSigns } from "./console_signs.ts";
import type { TuiTerminal } from "./ports.ts";
import { AlternateRenderer, InlineRenderer } from "./renderers.ts";
import {
  callCommand,
  clipboardCommand,
  focusReports,
  popTitle,
  pushTitle,
  titleCommand,
} from "./terminal_commands.ts";
import {
  backgroundFromEnv,
  backgroundOf,
  type TerminalEnv,
  type TerminalTraits,
  terminalTraits,
} from "./terminal_traits.ts";

/** How a screen is made. */
export interface ScreenOptions {
  readonly terminal: TuiTerminal;
  readonly env: TerminalEnv;
  /** `inline` leaves everything on the main screen, as it appears. */
  readonly mode: "alternate" | "inline";
  /** What grows, and stays on the main screen at the end. */
  readonly transcript: Component;
  /** What stays at the bottom. */
  readonly pane: Component;
  /** Stops this process for a while, when somebody else asks for it. */
  readonly suspend?: () => Promise<void>;
  /** Puts what was selected into the clipboard; false when the terminal is to do it. */
  readonly copy?: (text: string) => Promise<boolean>;
  /** The person looks here, or does so no more; never called where the terminal does not tell. */
  readonly focusChanged?: (isFocused: boolean) => void;
}

/** The state between `start` and `stop`; others have the terminal while it is `paused`. */
type ScreenState = "idle" | "drawing" | "paused";

const BACKGROUND_TIMEOUT_MS = 1000;

/** A screen of the application; nothing is drawn before `start`. Invariant: outside of `drawing`, the terminal is as a shell expects it. */
export class Screen {
  readonly traits: TerminalTraits;
  readonly #options: ScreenOptions;
  readonly #renderer: AlternateRenderer | InlineRenderer;
  readonly #unsubscribe: readonly (() => void)[];
  #state: ScreenState = "idle";
  #title: string | null = null;

  constructor(options: ScreenOptions) {
    const { terminal, env, mode, suspend } = options;
    this.#options = options;
    this.traits = terminalTraits(env);
    this.#renderer = mode === "alternate" ? this.#alternate() : this.#inline();
    this.#unsubscribe = [
      terminal.onContinue(() => void this.paused(() => Promise.resolve())),
      terminal.onStopRequest(() => suspend && void this.paused(suspend)),
    ];
  }

  get rows(): number {
    return this.#options.terminal.rows;
  }

  /** Takes the terminal and draws the first frame at once. */
  start(): void {
    if (this.#state !== "idle") return;
    this.#takeTitle();
    this.#renderer.start();
    this.#renderer.renderNow();
  }

  /** Gives the terminal back for good, with the transcript on the main screen. Resolves when all is written. */
  async stop(): Promise<void> {
    const { terminal, mode, pane } = this.#options;
    const wasDrawing = this.#state === "drawing";
    this.#state = "idle";
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    if (wasDrawing) {
      await terminal.drainInput();
      if (mode === "inline") {
        this.#renderer.removeChild(pane);
        this.#renderer.renderNow();
      }
      this.#renderer.stop();
      this.#giveBack();
    }
    await terminal.flushed();
  }

  /** Others have the terminal while it runs: an editor, or the shell while this process is stopped. */
  async paused<T>(run: () => Promise<T>): Promise<T> {
    if (this.#state !== "drawing") return await run();
    this.#state = "paused";
    await this.#options.terminal.drainInput();
    // On the main screen, the end of what is drawn has to be passed; the other one is left as it is.
    this.#renderer.stop({ preserveScreen: this.#options.mode === "alternate" });
    this.#giveBack();
    await this.#options.terminal.flushed();
    try {
      return await run();
    } finally {
      if (this.#isPaused) {
        this.#takeTitle();
        this.#renderer.restart();
      }
    }
  }

  requestRender(): void {
    this.#renderer.requestRender();
  }

  /** Draws at once what has changed; with `everything`, also what the terminal should show already. */
  renderNow({ everything = false }: { readonly everything?: boolean } = {}): void {
    if (this.#state === "drawing") this.#renderer.renderNow(everything);
  }

  /** Lines came or went above what is looked at: it stays where it is. At the end of the document it follows anyway. */
  shift(lines: number): void {
    const renderer = this.#renderer;
    if (renderer instanceof AlternateRenderer && !renderer.isFollowingOutput) {
      renderer.scrollBy(lines);
    }
  }

  focus(component: Component | null): void {
    this.#renderer.setFocus(component);
  }

  /** Sees every key before the component that has the focus. */
  onInput(listener: TuiInputListener): () => void {
    return this.#renderer.addInputListener(listener);
  }

  /** The title of the window; the one that it had comes back with the end. */
  setTitle(title: string): void {
    this.#title = title;
    if (this.#state === "drawing") this.#write(titleCommand(title, this.traits));
  }

  /** Tells somebody who looks at something else. */
  notify(text: string, method: AttentionMethod = "auto"): void {
    this.#write(callCommand(text, { method, told: this.traits }));
  }

  /** Puts text into the clipboard through the terminal; false where that cannot be done. Nobody says whether it was. */
  copy(text: string): boolean {
    const command = clipboardCommand(text, this.traits);
    if (command !== null) this.#write(command);
    return command !== null;
  }

  /** Asks for the background of the terminal; null where nothing tells. To be asked after `start`. */
  async background(
    { timeoutMs = BACKGROUND_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<"dark" | "light" | null> {
    const told = backgroundFromEnv(this.#options.env);
    if (!this.traits.hasCommands) return told;
    const color = await this.#renderer.queryTerminalBackgroundColor({ timeoutMs });
    return color === undefined ? told : backgroundOf(color);
  }

  #alternate(): AlternateRenderer {
    const { terminal, transcript, pane } = this.#options;
    const renderer = new AlternateRenderer({
      terminal,
      focusChanged: (isFocused) => this.#options.focusChanged?.(isFocused),
      adapt: this.#adapt,
      transcript,
      hasAlternateScreen: this.traits.hasAlternateScreen,
      copySelection: (text) => this.#copySelection(text),
    });
    const scrolled = new ScrollView(transcript, {
      follow: "end",
      primary: true,
      scrollbar: "auto",
    });
    renderer.setLayoutRoot(
      new VStack([{ component: scrolled, grow: 1, basis: 0 }, { component: pane, shrink: 0 }]),
    );
    return renderer;
  }

  #inline(): InlineRenderer {
    const { transcript, pane } = this.#options;
    const renderer = new InlineRenderer({ ...this.#options, adapt: this.#adapt });
    renderer.addChild(transcript);
    renderer.addChild(pane);
    return renderer;
  }

  get #adapt(): ((text: string) => string) | undefined {
    return this.traits.hasCommands ? undefined : consoleSigns;
  }

  async #copySelection(text: string): Promise<boolean> {
    return await this.#options.copy?.(text) === true || this.copy(text);
  }

  /** May have ended meanwhile. */
  get #isPaused(): boolean {
    return this.#state === "paused";
  }

  #takeTitle(): void {
    this.#state = "drawing";
    this.#write(pushTitle(this.traits));
    if (this.#title !== null) this.setTitle(this.#title);
    // The other renderer asks for it together with the mouse.
    if (this.#options.mode === "inline") this.#write(focusReports(true, this.traits));
  }

  #giveBack(): void {
    if (this.#options.mode === "inline") this.#write(focusReports(false, this.traits));
    this.#write(popTitle(this.traits));
  }

  #write(command: string): void {
    if (command !== "") this.#options.terminal.write(command);
  }
}

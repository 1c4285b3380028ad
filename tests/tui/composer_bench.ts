/** A composer on a terminal, with everything around it played; asserts nothing. */
import { TuiMainScreen } from "pi-tui";
import type { SlashEntry } from "../../src/tui/composer/completion.ts";
import { Composer } from "../../src/tui/composer/composer.ts";
import type { FileMatches, FileSearch } from "../../src/tui/composer/file_search.ts";
import { FrameTerminal } from "../../src/tui/frame_terminal.ts";
import type { Desk, HistoryEntry, LocalImage, PromptHistory } from "../../src/tui/ports.ts";
import type { Draft } from "../../src/tui/session_port.ts";
import { createTheme } from "../../src/tui/theme.ts";
import { FakeTerminal } from "../support/terminal.ts";

/** What was done with what was written. */
export type Done =
  | { readonly type: "send" | "queue"; readonly draft: Draft }
  | { readonly type: "shell"; readonly command: string }
  | { readonly type: "slash"; readonly name: string; readonly args: string };

/** What a test may choose. */
export interface BenchOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly colors?: boolean;
  readonly history?: readonly string[];
  readonly desk?: Partial<Desk>;
  readonly commands?: readonly SlashEntry[];
}

/** Commands as an application could have them. */
export const COMMANDS: readonly SlashEntry[] = [
  {
    name: "model",
    description: "Choose the model",
    argumentHint: "[NAME]",
  },
  { name: "new", description: "Start a new thread" },
  { name: "rename", description: "Rename the thread", argumentHint: "<NAME>" },
];

/** Files that a test answers with. */
export class PlayedFiles implements FileSearch {
  readonly looked: string[] = [];
  stopped = 0;
  #onFound: (matches: FileMatches) => void = () => {};

  open(onFound: (matches: FileMatches) => void): { look(query: string): void; stop(): void } {
    this.#onFound = onFound;
    return {
      look: (query) => void this.looked.push(query),
      stop: () => void this.stopped++,
    };
  }

  find(query: string, paths: readonly string[], isComplete = true): void {
    const files = paths.map((path) => ({
      path: path.replace(/\/$/, ""),
      isFolder: path.endsWith("/"),
      indices: [0],
    }));
    this.#onFound({ query, files, isComplete });
  }
}

/** History in memory. */
export class PlayedHistory implements PromptHistory {
  readonly added: HistoryEntry[] = [];
  readonly #texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  load(): Promise<readonly HistoryEntry[]> {
    return Promise.resolve(this.#texts.map((text) => ({ threadId: "t", timeS: 1, text })));
  }

  add(entry: HistoryEntry): Promise<void> {
    this.added.push(entry);
    return Promise.resolve();
  }
}

/** A composer alone on a screen. */
export class ComposerBench {
  readonly terminal: FakeTerminal;
  readonly composer: Composer;
  readonly files = new PlayedFiles();
  readonly history: PlayedHistory;
  readonly done: Done[] = [];
  readonly notices: string[] = [];
  readonly unused: string[] = [];
  /** Whether the application takes what it is given. */
  takes = true;
  readonly #tui: TuiMainScreen;

  constructor(options: BenchOptions = {}) {
    const { columns = 60, rows = 24 } = options;
    this.terminal = new FakeTerminal({ columns, rows });
    this.history = new PlayedHistory(options.history ?? []);
    this.#tui = new TuiMainScreen(new FrameTerminal(this.terminal));
    this.composer = new Composer({
      tui: this.#tui,
      theme: createTheme({ colors: options.colors ?? true, background: "dark" }),
      history: this.history,
      desk: { ...EMPTY_DESK, ...options.desk },
      files: this.files,
      commands: () => options.commands ?? COMMANDS,
      notice: (level, text) => void this.notices.push(`${level}: ${text}`),
      clock: { now: () => 5000 },
      threadId: () => "thread-1",
      placeholder: "Ask anything",
      standingHint: () => "",
    });
    this.composer.onSubmit = (kind, draft) => this.#take({ type: kind, draft });
    this.composer.onShell = (command) => this.#take({ type: "shell", command });
    this.composer.onSlash = (name, args) => this.#take({ type: "slash", name, args });
    this.composer.onUnused = (data) => void this.unused.push(data);
    this.#tui.addChild(this.composer);
    this.#tui.setFocus(this.composer);
    this.#tui.start();
    this.#tui.renderNow();
  }

  /** The texts of the prompts that were sent. */
  get sent(): readonly string[] {
    return this.done.flatMap((one) => one.type === "send" ? [one.draft.text] : []);
  }

  type(text: string): void {
    this.terminal.send(text);
  }

  press(...keys: readonly string[]): void {
    this.terminal.press(...keys);
  }

  /** What the screen shows when everything has come to rest. */
  async screen(): Promise<string> {
    await this.terminal.settled();
    this.#tui.renderNow();
    const frame = await this.terminal.settled();
    return frame.trimEnd();
  }

  /** The same without the rules. */
  async body(): Promise<readonly string[]> {
    return (await this.screen()).split("\n").filter((line) => !line.startsWith("──"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.composer.close();
    this.#tui.stop();
    // The emulator reads what it was given in turns of its own.
    await this.terminal.settled();
  }

  #take(done: Done): boolean {
    if (this.takes) this.done.push(done);
    return this.takes;
  }
}

/** An image of a name. */
export function playedImage(name: string, chars = 4): LocalImage {
  return { name, dataUrl: `data:image/png;base64,${"A".repeat(chars)}` };
}

const EMPTY_DESK: Desk = {
  readImage: (path) => Promise.reject(new Error(`Cannot read the image ${path}`)),
  clipboardImage: () => Promise.resolve(null),
  copy: () => Promise.resolve(false),
  edit: () => Promise.resolve(null),
  editorProblem: "No editor is set",
};

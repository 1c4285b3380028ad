/** What the interface needs from the world it runs in, as ports; must not know processes, files or environments. */
import type { Terminal } from "pi-tui";
import type { Clock } from "../lib/clock.ts";
import type { AttentionSettings } from "./attention.ts";

/** One entry of the history of prompts; the file is shared with the real program. */
export interface HistoryEntry {
  readonly threadId: string;
  /** Unix seconds. */
  readonly timeS: number;
  readonly text: string;
}

/** The prompts of all sessions. */
export interface PromptHistory {
  /** The newest last; at most a few thousand. */
  load(): Promise<readonly HistoryEntry[]>;
  /** Never rejects: a history that cannot be written is a pity, no error. */
  add(entry: HistoryEntry): Promise<void>;
}

/** An image that a person wants to send. */
export interface LocalImage {
  /** A short name for people. */
  readonly name: string;
  /** `data:image/png;base64,…` */
  readonly dataUrl: string;
}

/** The machine in front of which the person sits. */
export interface Desk {
  /** Reads an image file of this machine; rejects with a sentence for people. */
  readImage(path: string): Promise<LocalImage>;
  /** The image in the clipboard, or null. */
  clipboardImage(): Promise<LocalImage | null>;
  /** Puts text into the clipboard; false when only the terminal can do it (OSC 52). */
  copy(text: string): Promise<boolean>;
  /**
   * Lets the person edit a text in their own editor, which has the terminal meanwhile; null when nothing was changed or
   * there is no editor. `name` gives the file its extension.
   */
  edit(text: string, name: string): Promise<string | null>;
  /** Null when there is an editor, else why not. */
  readonly editorProblem: string | null;
}

/** What is written as sequences, which `FrameTerminal` does for all terminals. */
type Sequences =
  | ("moveBy" | "hideCursor" | "showCursor" | "clearLine" | "clearFromCursor" | "clearScreen")
  | ("setTitle" | "setProgress");

/** The terminal of this process, or one for tests. */
export interface TuiTerminal extends Omit<Terminal, Sequences> {
  /** Much that was written has not been taken yet, as over a slow line: frames should wait for `onDrained`. */
  readonly isCongested: boolean;
  onDrained(listener: () => void): () => void;
  /** Resolves when all that was written has been taken, or nobody will take it any more. */
  flushed(): Promise<void>;
  /** Somebody else asks this process to stop for a while; it does nothing by itself. */
  onStopRequest(listener: () => void): () => void;
  /** This process goes on after it was stopped without being asked: all modes of the terminal may be lost. */
  onContinue(listener: () => void): () => void;
}

/** Everything that the interface takes from outside. */
export interface TuiPorts {
  readonly terminal: TuiTerminal;
  readonly clock: Clock;
  randomId(): string;
  readonly history: PromptHistory;
  readonly desk: Desk;
  /** Stops this process as Ctrl-Z does, and returns when it goes on; the terminal is restored around it. */
  suspend(): Promise<void>;
  /** What the person wants to be called for; asked when there is something. */
  attention(): Promise<AttentionSettings>;
  /** Environment variables that tell about the terminal: TERM, COLORTERM, NO_COLOR, COLORFGBG, TMUX, TERM_PROGRAM. */
  readonly env: Readonly<Record<string, string>>;
}

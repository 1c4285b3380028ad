/** A terminal emulator: parses what a program prints and answers its queries as real ones do; knows no program. */
import xterm from "@xterm/headless";
import type { IBuffer, IBufferCell } from "@xterm/headless";
import { GRAPHEMES } from "./graphemes.ts";

/** Which terminal is played. `silent` answers no query at all, as old ones and some multiplexers. */
export type TerminalKind = "dark" | "light" | "kitty" | "silent";

export interface EmulatorOptions {
  readonly columns: number;
  readonly rows: number;
  readonly kind?: TerminalKind;
  /** What it answers. */
  readonly onAnswer?: (text: string) => void;
}

/** One cell: a character, empty behind a wide one, and how it looks. */
export interface Cell {
  readonly char: string;
  /** `default`, a number of the palette, or `#rrggbb`. */
  readonly foreground: string;
  readonly background: string;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strikethrough: boolean;
}

/** What programs switch on and have to switch off again. */
export interface Modes {
  readonly alternateScreen: boolean;
  readonly cursorVisible: boolean;
  readonly bracketedPaste: boolean;
  readonly mouse: boolean;
  readonly focusEvents: boolean;
  readonly autoWrap: boolean;
  readonly synchronizedOutput: boolean;
  readonly colorSchemeReports: boolean;
  /** Levels that were pushed and not popped, on both screens together. */
  readonly kittyKeyboard: number;
  readonly modifyOtherKeys: boolean;
}

/** A terminal as a shell expects it. */
export const RESTORED: Modes = {
  alternateScreen: false,
  cursorVisible: true,
  bracketedPaste: false,
  mouse: false,
  focusEvents: false,
  autoWrap: true,
  synchronizedOutput: false,
  colorSchemeReports: false,
  kittyKeyboard: 0,
  modifyOtherKeys: false,
};

const SCROLLBACK_LINES = 20_000;
const BACKGROUNDS: Readonly<Record<TerminalKind, string>> = {
  dark: "rgb:1e1e/1e1e/2e2e",
  kitty: "rgb:0000/0000/0000",
  light: "rgb:fafa/fafa/fafa",
  silent: "",
};
const CURSOR_MODE = 25;
const COLOR_SCHEME_MODE = 2031;

type Params = readonly (number | number[])[];

/** The emulator. What is written is parsed a little later; `parsed` tells when. */
export class Emulator {
  readonly #xterm: InstanceType<typeof xterm.Terminal>;
  readonly #kind: TerminalKind;
  readonly #answer: (text: string) => void;
  readonly #listeners = new Set<() => void>();
  #cursorVisible = true;
  #colorSchemeReports = false;
  #kitty = { normal: 0, alternate: 0 };
  #modifyOtherKeys = false;
  /** The newest title, empty until there is one. */
  title = "";
  bells = 0;
  /** The texts of OSC 9. */
  readonly notifications: string[] = [];
  /** What was put into the clipboard by OSC 52. */
  readonly clipboard: string[] = [];

  constructor({ columns, rows, kind = "dark", onAnswer = () => {} }: EmulatorOptions) {
    this.#kind = kind;
    this.#answer = (text) => {
      if (kind !== "silent") onAnswer(text);
    };
    this.#xterm = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: SCROLLBACK_LINES,
      allowProposedApi: true,
      logLevel: "off",
    });
    this.#xterm.unicode.register(GRAPHEMES);
    this.#xterm.unicode.activeVersion = GRAPHEMES.version;
    this.#xterm.onData((text) => this.#answer(text));
    this.#xterm.onTitleChange((title) => this.title = title);
    this.#xterm.onBell(() => this.bells++);
    this.#xterm.onWriteParsed(() => {
      for (const listener of this.#listeners) listener();
    });
    this.#observeModes();
    this.#observeKeyboard();
    this.#observeCommands();
  }

  get columns(): number {
    return this.#xterm.cols;
  }

  get rows(): number {
    return this.#xterm.rows;
  }

  write(output: string | Uint8Array): void {
    this.#xterm.write(output);
  }

  /** Resolves when everything that was written before is on the screen. */
  parsed(): Promise<void> {
    return new Promise((resolve) => this.#xterm.write("", resolve));
  }

  /** Calls back after each piece of output that was parsed. */
  onParsed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  resize(columns: number, rows: number): void {
    this.#xterm.resize(columns, rows);
  }

  /** The visible rows, without spaces at the right and without empty rows at the end. */
  text(): string {
    const { active } = this.#xterm.buffer;
    return this.#lines(active, active.baseY, active.baseY + this.rows).join("\n").trimEnd();
  }

  /** What the main screen shows and what has left it upwards, also while the other screen is shown. */
  scrollback(): string {
    const { normal } = this.#xterm.buffer;
    return this.#lines(normal, 0, normal.length).join("\n").trimEnd();
  }

  /** A visible row, from 0. */
  cells(row: number): readonly Cell[] {
    const { active } = this.#xterm.buffer;
    const line = active.getLine(active.baseY + row);
    return Array.from({ length: this.columns }, (_, column) => {
      const cell = line?.getCell(column);
      return cell ? cellOf(cell) : BLANK;
    });
  }

  /** Where the next character would go, from 0. */
  get cursor(): { readonly row: number; readonly column: number } {
    const { active } = this.#xterm.buffer;
    return { row: active.cursorY, column: active.cursorX };
  }

  get modes(): Modes {
    const { modes, buffer } = this.#xterm;
    return {
      alternateScreen: buffer.active.type === "alternate",
      cursorVisible: this.#cursorVisible,
      bracketedPaste: modes.bracketedPasteMode,
      mouse: modes.mouseTrackingMode !== "none",
      focusEvents: modes.sendFocusMode,
      autoWrap: modes.wraparoundMode,
      synchronizedOutput: modes.synchronizedOutputMode,
      colorSchemeReports: this.#colorSchemeReports,
      kittyKeyboard: this.#kitty.normal + this.#kitty.alternate,
      modifyOtherKeys: this.#modifyOtherKeys,
    };
  }

  dispose(): void {
    this.#listeners.clear();
    this.#xterm.dispose();
  }

  #lines(buffer: IBuffer, from: number, to: number): string[] {
    return Array.from(
      { length: to - from },
      (_, index) => buffer.getLine(from + index)?.translateToString(true).trimEnd() ?? "",
    );
  }

  #observeModes(): void {
    const { parser } = this.#xterm;
    const setMode = (isOn: boolean) => (params: Params) => {
      if (params.includes(CURSOR_MODE)) this.#cursorVisible = isOn;
      if (params.includes(COLOR_SCHEME_MODE)) this.#colorSchemeReports = isOn;
      return false;
    };
    parser.registerCsiHandler({ prefix: "?", final: "h" }, setMode(true));
    parser.registerCsiHandler({ prefix: "?", final: "l" }, setMode(false));
  }

  /** Each screen has a stack of its own. */
  #observeKeyboard(): void {
    const { parser, buffer } = this.#xterm;
    const isKitty = this.#kind === "kitty";
    parser.registerCsiHandler({ prefix: ">", final: "u" }, () => {
      if (isKitty) this.#kitty[buffer.active.type]++;
      return true;
    });
    parser.registerCsiHandler({ prefix: "<", final: "u" }, ([count]) => {
      const level = this.#kitty[buffer.active.type];
      this.#kitty[buffer.active.type] = Math.max(0, level - Math.max(1, Number(count ?? 1)));
      return true;
    });
    parser.registerCsiHandler({ prefix: "?", final: "u" }, () => {
      if (isKitty) this.#answer(this.#kitty[buffer.active.type] > 0 ? "\x1b[?7u" : "\x1b[?0u");
      return true;
    });
    parser.registerCsiHandler({ prefix: ">", final: "m" }, ([resource, value]) => {
      if (resource === 4) this.#modifyOtherKeys = Number(value ?? 0) > 0;
      return true;
    });
  }

  #observeCommands(): void {
    const { parser } = this.#xterm;
    parser.registerOscHandler(11, (text) => {
      if (text === "?") this.#answer(`\x1b]11;${BACKGROUNDS[this.#kind]}\x1b\\`);
      return true;
    });
    parser.registerOscHandler(9, (text) => {
      this.notifications.push(text);
      return true;
    });
    parser.registerOscHandler(52, (text) => {
      const encoded = text.split(";")[1] ?? "";
      const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
      this.clipboard.push(new TextDecoder().decode(bytes));
      return true;
    });
  }
}

const BLANK: Cell = {
  char: "",
  foreground: "default",
  background: "default",
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strikethrough: false,
};

function cellOf(cell: IBufferCell): Cell {
  return {
    char: cell.getChars(),
    foreground: colorText(cell.getFgColor(), cell.isFgDefault(), cell.isFgRGB()),
    background: colorText(cell.getBgColor(), cell.isBgDefault(), cell.isBgRGB()),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
    inverse: cell.isInverse() !== 0,
    strikethrough: cell.isStrikethrough() !== 0,
  };
}

function colorText(color: number, isDefault: boolean, isRgb: boolean): string {
  if (isDefault) return "default";
  return isRgb ? `#${color.toString(16).padStart(6, "0")}` : String(color);
}

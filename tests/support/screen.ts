/** A real program on a real terminal, and what a person in front of it sees and does; knows no program. */
import { closeSync, constants, openSync } from "node:fs";
import { MARK_VARIABLE, ProcessTrees, type Wait } from "../../src/exec/process_tree.ts";
import { signalProcess } from "../../src/exec/process_group.ts";
import { openTerminal, type Terminal } from "../../src/exec/pty.ts";
import type { ChildExit } from "../../src/exec/pty/exits.ts";
import type { Child } from "../../src/exec/process.ts";
import { type Expectation, shown, type UntilOptions } from "./awaited_screen.ts";
import { type Cell, Emulator, type Modes, RESTORED, type TerminalKind } from "./emulator.ts";
import { keyBytes, pasteBytes } from "./keys.ts";

/** What a test may choose. */
export interface ScreenOptions {
  readonly columns?: number;
  readonly rows?: number;
  /** Besides `PATH`, `TERM` and `LANG`; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly kind?: TerminalKind;
}

const RAW_CHARS_MAX = 8 * 1024 * 1024;
const BASE_ENV = { PATH: "/usr/local/bin:/usr/bin:/bin", TERM: "xterm-256color", LANG: "C.UTF-8" };
const encoder = new TextEncoder();

/** Starts a program on a terminal of its own. `command` are the words that come before the arguments. */
export async function startScreen(
  command: readonly string[],
  args: readonly string[],
  { columns = 80, rows = 24, env = {}, cwd = "/", kind = "dark" }: ScreenOptions = {},
): Promise<Screen> {
  const terminal = openTerminal({ rows, cols: columns }, wait);
  // Settings are forgotten when nobody has a terminal open any more, and they are to be looked at after the end.
  const hold = openSync(terminal.path, constants.O_RDWR | constants.O_NOCTTY);
  const settings = await terminalSettings(terminal.path);
  const trees = new ProcessTrees(wait);
  const mark = `${trees.prefix}screen`;
  const argv = [...command, ...args];
  const child = terminal.spawn(argv[0] ?? "", {
    argv,
    cwd,
    env: { ...BASE_ENV, ...env, [MARK_VARIABLE]: mark },
  });
  let isRunning = true;
  void child.status.then(() => isRunning = false);
  const tree = trees.tree(() => ({ mark, leader: { pid: child.pid, isRunning } }));
  return new Screen({
    child,
    terminal,
    hold,
    settings,
    killTree: () => tree.kill(),
    emulator: new Emulator({
      columns,
      rows,
      kind,
      onAnswer: (text) => void child.input?.write(encoder.encode(text)),
    }),
  });
}

/** The settings of a terminal in the words of `stty`; null where it is gone. */
async function terminalSettings(path: string): Promise<string | null> {
  const { success, stdout } = await new Deno.Command("stty", {
    args: ["-a", "-F", path],
    stderr: "null",
  }).output();
  // The size is no setting.
  return success ? new TextDecoder().decode(stdout).replace(/rows \d+; columns \d+; /, "") : null;
}

function wait(delayMs: number): ReturnType<Wait> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, delayMs);
  return { over: promise, cancel: () => clearTimeout(timer) };
}

/** What belongs to a screen. */
interface ScreenParts {
  readonly child: Child;
  readonly terminal: Terminal;
  readonly hold: number;
  readonly settings: string | null;
  readonly killTree: () => Promise<void>;
  readonly emulator: Emulator;
}

/** The terminal with the program. Disposing it ends the program and all that it has started. */
export class Screen implements AsyncDisposable {
  readonly #parts: ScreenParts;
  readonly #decoder = new TextDecoder();
  readonly #reading: Promise<void>;
  #raw = "";
  #rawDropped = 0;
  #hold: number | null;
  #settingsAfter: string | null = null;
  #gate: PromiseWithResolvers<void> | null = null;
  /** Resolves when the program has ended and all that it printed is on the screen. */
  readonly exit: Promise<ChildExit>;

  constructor(parts: ScreenParts) {
    this.#parts = parts;
    this.#hold = parts.hold;
    this.#reading = this.#read();
    this.exit = this.#finish();
  }

  get pid(): number {
    return this.#parts.child.pid;
  }

  get emulator(): Emulator {
    return this.#parts.emulator;
  }

  get modes(): Modes {
    return this.emulator.modes;
  }

  /** What the program printed, the newest eight million characters of it. */
  get raw(): string {
    return this.#raw;
  }

  /** How many characters it has printed. */
  get rawLength(): number {
    return this.#rawDropped + this.#raw.length;
  }

  /** Types text; line ends as the enter key sends them. */
  type(text: string): void {
    this.send(text.replaceAll("\n", "\r"));
  }

  /** Presses keys one after the other: `enter`, `esc`, `ctrl+c`, `alt+x`, `pageup`, … */
  press(...keys: readonly string[]): void {
    for (const key of keys) this.send(keyBytes(key));
  }

  paste(text: string): void {
    this.send(pasteBytes(text));
  }

  /** Sends what a terminal sends. */
  send(bytes: string): void {
    void this.#parts.child.input?.write(encoder.encode(bytes));
  }

  signal(signal: Deno.Signal): void {
    signalProcess(this.pid, signal);
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.#parts.terminal.resize({ rows, cols: columns });
  }

  /** Takes nothing any more until `flow`, as over a broken line; some 300 kB are taken on the way. */
  stall(): void {
    this.#gate ??= Promise.withResolvers();
  }

  flow(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** The terminal goes away, as when its window is closed or the connection to it breaks. */
  hangUp(): void {
    this.#letGo();
    this.#parts.terminal.close();
  }

  /** The visible rows, without spaces at the right and empty rows at the end. */
  text(): string {
    return this.emulator.text();
  }

  /** The main screen with what has left it upwards. */
  scrollback(): string {
    return this.emulator.scrollback();
  }

  cells(row: number): readonly Cell[] {
    return this.emulator.cells(row);
  }

  /** Waits until the screen shows it; rejects with the screen when the program ends before, or never does it. */
  until(expectation: Expectation, options?: UntilOptions): Promise<string> {
    const { emulator } = this;
    return shown(
      {
        text: () => emulator.text(),
        onParsed: (listener) => emulator.onParsed(listener),
        isDrawing: () => emulator.modes.synchronizedOutput,
        over: this.exit.then(({ code }) => `The program ended (${code})`),
      },
      expectation,
      options,
    );
  }

  /** Waits until the program has printed this, shown or not. */
  async untilRaw(pattern: RegExp, options: UntilOptions = {}): Promise<void> {
    await this.until(() => pattern.test(this.#raw), { why: String(pattern), ...options });
  }

  /** What a shell would find changed after the program; empty as it should be. Only after `exit`. */
  leftovers(): readonly string[] {
    const is = Object.entries(this.modes);
    const left = Object.entries(RESTORED)
      .filter(([name, value]) => is.some(([other, now]) => other === name && now !== value))
      .map(([name]) => name);
    const { settings } = this.#parts;
    return settings === this.#settingsAfter
      ? left
      : [...left, `settings: ${settings}\n → ${this.#settingsAfter}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.killTree();
    this.flow();
    await this.exit;
    this.#parts.terminal.close();
    this.emulator.dispose();
  }

  async #read(): Promise<void> {
    const { child: { outputs: [output] }, emulator } = this.#parts;
    for (let chunk = await output?.[1].read(); chunk; chunk = await output?.[1].read()) {
      this.#keep(this.#decoder.decode(chunk, { stream: true }));
      emulator.write(chunk);
      await this.#gate?.promise;
    }
    await emulator.parsed();
  }

  #keep(text: string): void {
    this.#raw += text;
    if (this.#raw.length <= 2 * RAW_CHARS_MAX) return;
    this.#rawDropped += this.#raw.length - RAW_CHARS_MAX;
    this.#raw = this.#raw.slice(-RAW_CHARS_MAX);
  }

  async #finish(): Promise<ChildExit> {
    const { child, terminal } = this.#parts;
    const exit = await child.status;
    this.#settingsAfter = await terminalSettings(terminal.path);
    this.flow();
    // With us gone, the output ends where all of it has been read.
    this.#letGo();
    await this.#reading;
    return exit;
  }

  #letGo(): void {
    if (this.#hold !== null) closeSync(this.#hold);
    this.#hold = null;
  }
}

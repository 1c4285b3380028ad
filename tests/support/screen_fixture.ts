/** A small program that uses the terminal as the application does, for tests of the terminal itself; asserts nothing. */
import { type Component, Input, visibleWidth, wrapTextWithAnsi } from "pi-tui";
import { ProcessTerminal } from "../../src/programs/tui/terminal.ts";
import { stopJob } from "../../src/programs/tui/terminal_signals.ts";
import { Screen } from "../../src/tui/terminal.ts";
import { createTheme, type Theme } from "../../src/tui/theme.ts";

/** Lines that grow. */
class Lines implements Component {
  readonly lines: string[] = [];

  render(width: number): string[] {
    return this.lines.flatMap((line) => wrapTextWithAnsi(line, width));
  }

  invalidate(): void {}
}

/** A box with the input, as wide as the screen. */
class Pane implements Component {
  readonly input = new Input();
  theme: Theme | null = null;

  render(width: number): string[] {
    const label = "ready";
    const line = `${label}${" ".repeat(Math.max(0, width - visibleWidth(label)))}`;
    return [this.theme?.userMessage(line) ?? line, ...this.input.render(width)];
  }

  handleInput(data: string): void {
    this.input.handleInput(data);
  }

  invalidate(): void {}
}

const lines = new Lines();
const pane = new Pane();
const env = Deno.env.toObject();
const terminal = new ProcessTerminal({
  env,
  onEnd({ exitCode, reason }) {
    const file = env["END_FILE"];
    if (file) Deno.writeTextFileSync(file, reason);
    Deno.exit(exitCode);
  },
});
const screen = new Screen({
  terminal,
  env,
  mode: Deno.args[0] === "inline" ? "inline" : "alternate",
  transcript: lines,
  pane,
  suspend: stopJob,
});

/** What can be typed; the rest of the line is the argument. */
const COMMANDS: Readonly<Record<string, (rest: string) => unknown>> = {
  stop: async (rest) => {
    await screen.stop();
    terminal[Symbol.dispose]();
    console.log(rest);
  },
  exit: (rest) => Deno.exit(Number(rest)),
  throw: (rest) => {
    throw new Error(rest);
  },
  reject: (rest) => void Promise.reject(new Error(rest)),
  stream: async (rest) => {
    for (let count = 1; count <= Number(rest); count++) {
      lines.lines.push(`line ${count}`);
      screen.requestRender();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const file = env["MARK_FILE"];
    if (file) Deno.writeTextFileSync(file, "streamed");
    lines.lines.push("streamed");
    screen.requestRender();
  },
  child: (rest) => screen.paused(async () => void await shell(rest)),
  /** The same on a machine that is too busy afterwards to look at the keys at once; tells them one by one. */
  busy: async (rest) => {
    await screen.paused(async () => void await shell(rest));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    screen.onInput((key) => {
      say(`key ${JSON.stringify(key)}`);
      return { consume: true };
    });
  },
  fill: (rest) => terminal.write("\u0000".repeat(Number(rest))),
  flood: (rest) => {
    terminal.write("x".repeat(Number(rest)));
    Deno.kill(Deno.pid, "SIGTERM");
  },
  title: (rest) => screen.setTitle(rest),
  notify: (rest) => {
    screen.notify(rest);
  },
  copy: (rest) => screen.copy(rest),
  self: () => say(`pid ${Deno.pid}`),
  background: async () => {
    const background = await screen.background({ timeoutMs: 200 });
    say(`background ${background}`);
    pane.theme = createTheme({
      colors: screen.traits.colors > 0,
      background: background ?? "dark",
    });
    screen.requestRender();
  },
};

function shell(script: string): Promise<Deno.CommandStatus> {
  const command = new Deno.Command("sh", {
    args: ["-c", script],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  return command.spawn().status;
}

function say(text: string): void {
  lines.lines.push(text);
  screen.requestRender();
}

pane.input.onSubmit = (text) => {
  pane.input.setValue("");
  const [, name = "", rest = ""] = /^\/(\w+) ?(.*)$/.exec(text) ?? [];
  if (Object.hasOwn(COMMANDS, name)) COMMANDS[name]?.(rest);
  else say(text);
};
screen.onInput((data) => {
  if (data !== "\x1a") return undefined;
  void screen.paused(stopJob);
  return { consume: true };
});
screen.focus(pane);
screen.start();

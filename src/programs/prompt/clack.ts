/** Questions that are answered with the arrow keys, on a terminal that can move its cursor; must not know what is asked about. */
import { PassThrough, Writable } from "node:stream";
import { confirm, isCancel, log, password, select, text } from "@clack/prompts";
import { invariant } from "../../lib/errors.ts";
import type { TextWriter } from "../host.ts";
import type { Prompt } from "../prompt.ts";
import { terminalSize } from "../terminal_size.ts";
import { cancelled, Keys, WentBack } from "./keys.ts";

/** What every question of the library takes. */
interface Around {
  readonly input: PassThrough;
  readonly output: Writable;
  readonly signal: AbortSignal;
  /** Else it asks the environment. */
  readonly accessible: false;
}

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const ESCAPE = 0x1b;
/** What the library draws at the left. */
const GUIDE_COLUMNS = 3;

/** Asks with the library for it. */
export function clackPrompt(writer: TextWriter): Prompt {
  return {
    choose: async ({ message, choices, initial }) => {
      const names = choices.map(({ value }) => value);
      const options = choices.map(({ label, hint }, index) => ({
        value: String(index),
        label,
        ...hint === undefined ? {} : { hint },
      }));
      const initialValue = String(initial === undefined ? 0 : names.indexOf(initial));
      const index = await ask(
        writer,
        (around) =>
          select<string>({ ...around, message, options, initialValue, showInstructions: false }),
      );
      const chosen = names[Number(index)];
      invariant(chosen !== undefined, "A choice that was not offered");
      return chosen;
    },
    confirm: async ({ message, yes, no, initial }) =>
      await ask(writer, (around) =>
        confirm({
          ...around,
          message,
          active: yes,
          inactive: no,
          initialValue: initial,
          vertical: true,
        })),
    secret: async ({ message, check }) =>
      (await ask(writer, (around) => password({ ...around, message, validate: problemOf(check) })))
        .trim(),
    text: async ({ message, initial, check }) =>
      (await ask(
        writer,
        (around) => text({ ...around, message, initialValue: initial, validate: problemOf(check) }),
      )).trim(),
    say: (words) => {
      const output = new ScreenStream(writer);
      log.message(wrapped(words, output.columns - GUIDE_COLUMNS), { output });
    },
  };
}

async function ask<T>(
  writer: TextWriter,
  question: (around: Around) => Promise<T>,
): Promise<Exclude<T, symbol>> {
  const input = new PassThrough();
  const output = new ScreenStream(writer);
  let isEscape = false;
  using keys = new Keys({
    isRaw: true,
    // The library would wait for ever after the key that ends a text elsewhere.
    onBytes: (bytes) => {
      isEscape = bytes.length === 1 && bytes[0] === ESCAPE;
      input.write(bytes.map((byte) => byte === CTRL_D ? CTRL_C : byte));
    },
  });
  const resized = () => void output.emit("resize");
  Deno.addSignalListener("SIGWINCH", resized);
  try {
    const answer = await question({ input, output, signal: keys.over, accessible: false });
    keys.over.throwIfAborted();
    if (!isAnswer(answer)) throw isEscape ? new WentBack() : cancelled();
    return answer;
  } finally {
    Deno.removeSignalListener("SIGWINCH", resized);
    input.destroy();
  }
}

function isAnswer<T>(answer: T): answer is Exclude<T, symbol> {
  return !isCancel(answer);
}

function problemOf(
  check: (text: string) => string | null,
): (text: string | undefined) => string | undefined {
  return (answer) => check((answer ?? "").trim()) ?? undefined;
}

/** Questions are wrapped by the library, and what is said between them is not. */
function wrapped(text: string, columns: number): string {
  return text.split("\n").flatMap((line) => {
    const rows = [""];
    for (const word of line.split(" ")) {
      const row = rows.at(-1) ?? "";
      const longer = row === "" ? word : `${row} ${word}`;
      if (longer.length <= columns || row === "") rows[rows.length - 1] = longer;
      else rows.push(word);
    }
    return rows;
  }).join("\n");
}

/** The terminal as the library wants it; nothing is ever held back. */
class ScreenStream extends Writable {
  readonly isTTY = true;
  readonly #writer: TextWriter;

  constructor(writer: TextWriter) {
    super({ decodeStrings: false });
    this.#writer = writer;
  }

  get columns(): number {
    return terminalSize()?.columns ?? 80;
  }

  get rows(): number {
    return terminalSize()?.rows ?? 24;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.#writer.write(String(chunk));
    done();
  }
}

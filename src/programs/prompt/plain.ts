/** Questions line by line, for terminals that can do nothing else; must not know what is asked about. */
import { invariant } from "../../lib/errors.ts";
import type { TextWriter } from "../host.ts";
import type { LineQuestion, Prompt } from "../prompt.ts";
import { cancelled, hasRawMode, Keys } from "./keys.ts";
import { LineEditor } from "./line_editor.ts";

/** Where the lines come from; a port so that tests can answer. Both print `ask` first, and reject when no line will come. */
export interface LineSource {
  read(ask: string): Promise<string>;
  /** The line does not appear on the terminal; where that cannot be, `isHidden` is false. */
  readHidden(ask: string): Promise<string>;
  readonly isHidden: boolean;
}

/** Asks with numbers and lines of text. */
export function plainPrompt(
  { write }: Pick<TextWriter, "write">,
  source: LineSource = terminalLines(write),
): Prompt {
  const print = (line: string) => void write(`${line}\n`);
  const line = async (
    read: (ask: string) => Promise<string>,
    { check, ask }: Pick<LineQuestion, "check"> & { readonly ask: string },
  ) => {
    for (;;) {
      const answer = (await read(ask)).trim();
      const problem = check(answer);
      if (problem === null) return answer;
      print(problem);
    }
  };
  const number = async (labels: readonly string[], initial: number) => {
    for (const [index, label] of labels.entries()) print(`  ${index + 1}. ${label}`);
    const isOffered = (text: string) =>
      /^\d{1,4}$/.test(text) && labels[Number(text) - 1] !== undefined;
    const answer = await line((ask) => source.read(ask), {
      ask: `1-${labels.length} [${initial + 1}]: `,
      check: (text) =>
        text === "" || isOffered(text) ? null : `Type a number from 1 to ${labels.length}`,
    });
    return answer === "" ? initial : Number(answer) - 1;
  };
  return {
    choose: async ({ message, choices, initial }) => {
      print(message);
      const labels = choices.map(({ label, hint }) => hint ? `${label} (${hint})` : label);
      const first = Math.max(0, choices.findIndex(({ value }) => value === initial));
      const chosen = choices[await number(labels, first)];
      invariant(chosen, "A choice that was not offered");
      return chosen.value;
    },
    confirm: async ({ message, yes, no, initial }) => {
      print(message);
      return await number([yes, no], initial ? 0 : 1) === 0;
    },
    secret: async ({ message, check }) => {
      print(source.isHidden ? message : `${message}\n(It will be visible on this terminal)`);
      return await line((ask) => source.readHidden(ask), { ask: "> ", check });
    },
    text: async ({ message, initial, check }) => {
      print(message);
      const answer = await line((ask) => source.read(ask), {
        ask: `[${initial}]: `,
        check: (text) => check(text === "" ? initial : text),
      });
      return answer === "" ? initial : answer;
    },
    say: print,
  };
}

/** The lines of this process's terminal, which echoes and edits them itself. */
function terminalLines(write: TextWriter["write"]): LineSource {
  const isHidden = hasRawMode();
  const read = (ask: string) => readLine(ask, { isRaw: false, write });
  return {
    isHidden,
    read,
    readHidden: (ask) => isHidden ? readLine(ask, { isRaw: true, write }) : read(ask),
  };
}

async function readLine(ask: string, { isRaw, write }: {
  readonly isRaw: boolean;
  readonly write: TextWriter["write"];
}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const editor = new LineEditor();
  using keys = new Keys({
    isRaw,
    onBytes(bytes) {
      const outcome = editor.take(bytes);
      if (outcome.type === "line") resolve(outcome.text);
      else if (outcome.type === "cancelled") reject(cancelled());
    },
  });
  keys.over.addEventListener("abort", () => reject(keys.over.reason));
  // Whoever sees it may type without an echo.
  write(ask);
  try {
    return await promise;
  } finally {
    // The terminal echoes no line end of its own, or shows `^C` only.
    if (isRaw || keys.over.aborted) write("\n");
  }
}

/** Questions to the person at the terminal, outside of the screen; must not know what is asked about. */
import { CliError } from "../lib/errors.ts";
import { sanitizeLine, sanitizeText } from "../lib/sanitize.ts";
import { canMoveCursor } from "../lib/terminal_kind.ts";
import type { Host, TextWriter } from "./host.ts";

/** One of the answers to choose from. */
export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  /** A few words more. */
  readonly hint?: string;
}

/** A question with a few answers. */
export interface ChooseQuestion<T extends string> {
  readonly message: string;
  /** Not empty; the first one is what Enter takes, unless `initial` names another. */
  readonly choices: readonly Choice<T>[];
  readonly initial?: T;
}

/** A question with two answers. */
export interface ConfirmQuestion {
  readonly message: string;
  readonly yes: string;
  readonly no: string;
  /** What Enter takes. */
  readonly initial: boolean;
}

/** A question that is answered with a line of text, without blanks around it. */
export interface LineQuestion {
  readonly message: string;
  /** Says what is wrong with an answer, or null; asked again then. */
  readonly check: (text: string) => string | null;
}

/**
 * Asks. Each method rejects with the `CliError` that ends the program when no answer comes: 130 after Ctrl-C or Ctrl-D,
 * else as the signal demands; the terminal is restored before that. After Escape it is a `WentBack`, for those who have
 * something to go back to.
 */
export interface Prompt {
  choose<T extends string>(question: ChooseQuestion<T>): Promise<T>;
  confirm(question: ConfirmQuestion): Promise<boolean>;
  /** The answer does not appear on the terminal. */
  secret(question: LineQuestion): Promise<string>;
  text(question: LineQuestion & { readonly initial: string }): Promise<string>;
  /** Says something between two questions. */
  say(text: string): void;
}

/** What asking needs of the process. */
export type PromptHost = Pick<Host, "env" | "stdin" | "stdout" | "stderr">;

/** True where there is somebody to ask. */
export function canPrompt({ stdin, stdout, stderr }: PromptHost): boolean {
  return stdin.isTerminal && (stdout.isTerminal || stderr.isTerminal);
}

/** Throws a `CliError` where there is nobody to ask. */
export async function openPrompt(host: PromptHost): Promise<Prompt> {
  const { env, stdin, stdout, stderr } = host;
  // deno-lint-ignore codex/error-message -- As the interface says it, in upstream's words.
  if (!stdin.isTerminal) throw new CliError("stdin is not a terminal");
  const output = [stdout, stderr].find((one) => one.isTerminal);
  if (!output) throw new CliError("There is no terminal to ask on: stdout and stderr are not one");
  return sanitized(await promptOn(lenient(output), env));
}

async function promptOn(output: TextWriter, env: Host["env"]): Promise<Prompt> {
  const { hasRawMode } = await import("./prompt/keys.ts");
  if (!canMoveCursor(env) || !hasRawMode()) {
    const { plainPrompt } = await import("./prompt/plain.ts");
    return plainPrompt(output);
  }
  const { clackPrompt } = await import("./prompt/clack.ts");
  return clackPrompt(output);
}

/** A terminal that is gone takes nothing; what to do about that is told by the end of its keys. */
function lenient(output: TextWriter): TextWriter {
  return {
    gone: output.gone,
    isTerminal: output.isTerminal,
    write(text) {
      try {
        return output.write(text);
      } catch (error) {
        if (error instanceof Error) return false;
        throw error;
      }
    },
  };
}

/** Questions quote paths, names and addresses of others. */
function sanitized(prompt: Prompt): Prompt {
  return {
    choose: (question) =>
      prompt.choose({
        ...question,
        message: lines(question.message),
        choices: question.choices.map(({ value, label, hint }) => ({
          value,
          label: sanitizeLine(label),
          ...hint === undefined ? {} : { hint: sanitizeLine(hint) },
        })),
      }),
    confirm: (question) =>
      prompt.confirm({
        ...question,
        message: lines(question.message),
        yes: sanitizeLine(question.yes),
        no: sanitizeLine(question.no),
      }),
    secret: (question) => prompt.secret(cleanLine(question)),
    text: (question) =>
      prompt.text({ ...cleanLine(question), initial: sanitizeLine(question.initial) }),
    say: (text) => prompt.say(lines(text)),
  };
}

function cleanLine({ message, check }: LineQuestion): LineQuestion {
  return {
    message: lines(message),
    check: (text) => {
      const problem = check(text);
      return problem === null ? null : lines(problem);
    },
  };
}

function lines(text: string): string {
  return sanitizeText(text).replaceAll("\t", "  ");
}

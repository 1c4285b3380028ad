/** Turns what ended a program into the one line on stderr and the exit code; must not know any program. */
import { CliError, CodexError, InvariantError, messageOf } from "../lib/errors.ts";
import { sanitizeText } from "../lib/sanitize.ts";
import { syncWriter } from "./host.ts";

/** The exit code of a bug in the program itself. */
const BUG = 70;

/** Prints the final error and returns the exit code. */
export function reportFailure(error: unknown): number {
  const { text, exitCode } = describeFailure(error);
  if (text !== "") syncWriter(Deno.stderr).write(`${text}\n`);
  return exitCode;
}

interface Failure {
  readonly text: string;
  readonly exitCode: number;
}

/** What to print for a failure, and the exit code. A server, a model or a file may have had a say in the text. */
export function describeFailure(error: unknown): Failure {
  const { text, exitCode } = plainFailure(error);
  return { text: sanitizeText(text), exitCode };
}

function plainFailure(error: unknown): Failure {
  // A reader that went away (`| head -1`) wants to hear nothing.
  if (error instanceof Deno.errors.BrokenPipe) return { text: "", exitCode: 0 };
  if (error instanceof CliError) {
    // Usage errors carry clap's own prefix.
    const text = error.exitCode === 2 || error.message === ""
      ? error.message
      : `Error: ${error.message}`;
    return { text, exitCode: error.exitCode };
  }
  if (error instanceof CodexError) return { text: `Error: ${error.message}`, exitCode: 1 };
  if (isBug(error)) {
    const where = error instanceof Error && error.stack ? `\n${error.stack}` : "";
    return {
      text: `Error: Internal error, please report it: ${messageOf(error)}${where}`,
      exitCode: BUG,
    };
  }
  return { text: `Error: ${messageOf(error)}`, exitCode: 1 };
}

/** Errors that only a mistake in this program raises. */
function isBug(error: unknown): boolean {
  return error instanceof InvariantError || error instanceof TypeError ||
    error instanceof RangeError || error instanceof ReferenceError;
}

/** Where the token for a remote server comes from; must not know where it goes. */
import { CliError, messageOf } from "../lib/errors.ts";

/** At most one of the two is set. */
export interface TokenFlags {
  /** Name of an environment variable. */
  readonly variable: string | null;
  /** Path of a file, absolute. */
  readonly file: string | null;
}

/**
 * Gives the token at each connect: a file is read anew, so that one that is renewed counts from the next connection.
 * Throws a `CliError` now when there is none, and from the call when there is none any more.
 */
export function tokenSource(
  { variable, file }: TokenFlags,
  env: Readonly<Record<string, string | undefined>>,
): () => Promise<string | null> {
  if (file !== null) return () => readToken(file);
  if (variable === null) return () => Promise.resolve(null);
  const token = env[variable];
  if (token === undefined) {
    // deno-lint-ignore codex/error-message -- Upstream's words.
    throw new CliError(`environment variable \`${variable}\` is not set`);
  }
  const checked = checkToken(token, `environment variable \`${variable}\``);
  return () => Promise.resolve(checked);
}

async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new CliError(`Cannot read the token in ${file}: ${messageOf(error)}`, 1, {
      cause: error,
    });
  }
  return checkToken(text, file);
}

/** What a header cannot carry would fail later with a text that repeats the token. */
function checkToken(text: string, where: string): string {
  const token = text.trim();
  if (token === "") throw new CliError(`${where} is empty`);
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CliError(`${where} holds no token: it has spaces, lines or letters that none has`);
}

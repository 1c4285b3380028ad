/** What the parser makes of a line, for tests that expect the one or the other; asserts nothing about it. */
import assert from "node:assert/strict";
import type { Args } from "../../src/cli/args.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { CliError } from "../../src/lib/errors.ts";

/** The arguments of a line that runs something. */
export function argsOf(...words: readonly string[]): Args {
  const line = parseCommandLine(words);
  assert.equal(line.type, "run");
  return line.type === "run" ? line.args : assert.fail();
}

/** The usage error of a line, without the closing hint. */
export function errorOf(...words: readonly string[]): string {
  try {
    parseCommandLine(words);
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /\n\nFor more information, try '--help'\.$/);
    return error.message.replace("\n\nFor more information, try '--help'.", "");
  }
  return assert.fail(`no error for ${words.join(" ")}`);
}

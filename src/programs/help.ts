/** `codex` without a program: says what can be used; must not start an agent. */
import { CliError } from "../lib/errors.ts";
import type { Invocation } from "./host.ts";

/** Fails, because there is no terminal interface yet. */
export function run(_invocation: Invocation): Promise<number> {
  return Promise.reject(
    new CliError(
      "This version has no terminal interface; use `codex exec PROMPT` for one prompt, or " +
        "`codex app-server --listen ws://127.0.0.1:4500` and connect a Codex client to it " +
        "(see `codex help`)",
    ),
  );
}

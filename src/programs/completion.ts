/** `codex completion SHELL`: prints a completion script; must not install it. */
import { completionScript, type Shell } from "../cli/completion.ts";
import type { Invocation } from "./host.ts";

/** Prints the script for the shell that was named, or for bash. */
export function run({ args, host }: Invocation): Promise<number> {
  host.stdout.write(completionScript(shellOf(args.text("SHELL"))));
  return Promise.resolve(0);
}

function shellOf(word: string | null): Shell {
  return word === "zsh" || word === "fish" ? word : "bash";
}

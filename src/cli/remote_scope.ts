/** Refuses `--remote` and its like where there is no server elsewhere to use; must not know what they mean. */
import { CliError } from "../lib/errors.ts";
import type { Args } from "./args.ts";
import { REMOTE_FLAG_NAMES, tuiCommands } from "./tui_command.ts";

/** Upstream names these with their subcommands, all others without. */
const NAMED_WHOLE: readonly string[] = ["app-server", "features", "sandbox", "cache"];

/** Throws upstream's error for a program that works on this machine only. */
export function checkRemoteScope(args: Args): void {
  const [program] = args.path;
  if (program === undefined || tuiCommands.some(({ name }) => name === program)) return;
  const flag = REMOTE_FLAG_NAMES.find((name) => args.knows(name) && args.isSet(name));
  if (flag === undefined) return;
  const written = flag === "remote" ? `--remote ${args.text(flag)}` : `--${flag}`;
  const named = NAMED_WHOLE.includes(program) ? args.path.join(" ") : program;
  throw new CliError(
    `\`${written}\` is only supported for interactive TUI commands, not \`codex ${named}\``,
  );
}

/** Which server elsewhere a command line or the environment names; must not know how one is reached. */
import type { Args } from "../../cli/args.ts";
import { REMOTE_FLAG_NAMES } from "../../cli/tui_command.ts";
import { CliError } from "../../lib/errors.ts";
import type { Host } from "../host.ts";

/** Stands for `--remote`. */
const URL_VARIABLE = "CODEX_APP_SERVER_URL";

/** As it was written; null when the interface is to have a server of its own. */
export function remoteAddress(args: Args, { env }: Pick<Host, "env">): string | null {
  const asked = args.text("remote") ?? (env[URL_VARIABLE] || null);
  const loose = asked === null ? REMOTE_FLAG_NAMES.find((name) => args.isSet(name)) : undefined;
  if (loose === undefined) return asked;
  // deno-lint-ignore codex/error-message -- Upstream's words, as far as it has such a flag.
  throw new CliError(`\`--${loose}\` requires \`--remote\`.`);
}

/** Checks how many files and connections this process may have open; must not change it. */
import type { OpenFileLimits } from "../../exec/system_calls.ts";
import { type Check, type Finding, ok, warning } from "./check.ts";

/** A server with many clients, commands and watched folders needs that many. */
const LIMIT_MIN = 1024;

/** The limit that `ulimit -n` sets. */
export const openFilesCheck: Check = {
  name: "open-files",
  run: ({ system }) => Promise.resolve(openFilesFinding(system?.openFileLimits() ?? null)),
};

/** What to say about the limits. The runtime raises the soft one to the hard one when it starts. */
export function openFilesFinding(limits: OpenFileLimits | null): Finding {
  if (limits === null) return warning("The limit cannot be read", "Look at it with `ulimit -n`");
  const { soft, hard } = limits;
  const message = `At most ${limitText(soft)} open files (hard limit ${limitText(hard)})`;
  if (soft >= LIMIT_MIN) return ok(message);
  return warning(
    message,
    `Raise it to ${LIMIT_MIN} or more: ulimit -Hn, limits.conf or LimitNOFILE=`,
  );
}

function limitText(limit: number): string {
  return limit === Infinity ? "unlimited" : String(limit);
}

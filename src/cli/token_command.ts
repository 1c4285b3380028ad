/** `app-server token` and its flags, as data; must not know what a token is made of. */
import type { Command } from "./commands.ts";
import { everywhere } from "./shared_flags.ts";

/** Makes what `--ws-auth` asks for. */
export const token: Command = {
  name: "token",
  doc: "Make tokens for clients of a listener",
  requiresCommand: true,
  flags: [...everywhere],
  commands: [
    {
      name: "new",
      doc: "Write a random secret to a new file, for --ws-token-file or --ws-shared-secret-file",
      positionals: [{
        name: "FILE",
        required: true,
        doc: "The file to make; one that exists is left alone",
      }],
      flags: [...everywhere],
    },
    {
      name: "mint",
      doc: "Print a signed token for a client of --ws-auth signed-bearer-token",
      flags: [
        ...everywhere,
        {
          name: "ws-shared-secret-file",
          value: "PATH",
          required: true,
          completes: "file",
          doc: "File with the secret of the listener",
        },
        { name: "ws-issuer", value: "ISSUER", doc: "Issuer that the listener asks for" },
        { name: "ws-audience", value: "AUDIENCE", doc: "Audience that the listener asks for" },
        {
          name: "subject",
          value: "NAME",
          doc: "Whose token it is; clients with it are kept apart",
        },
        {
          name: "expires-in",
          value: "DURATION",
          check: checkDuration,
          doc: "How long it opens the door, such as 15m, 12h or 30d (default: 1h)",
        },
      ],
    },
  ],
};

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Longer than that, nobody remembers who has it. */
const SECONDS_MAX = 366 * 86_400;

/** The seconds in a text such as `15m`, or null. */
export function durationSeconds(text: string): number | null {
  const match = /^([1-9][0-9]{0,8})([smhd])$/.exec(text);
  const seconds = Number(match?.[1]) * (UNIT_SECONDS[match?.[2] ?? ""] ?? NaN);
  return seconds <= SECONDS_MAX ? seconds : null;
}

function checkDuration(value: string): string | null {
  return durationSeconds(value) === null ? "expected a duration up to 366d, such as 15m" : null;
}

/** Who may connect to the listeners of an app-server, as its command line asks; must not know listeners. */
import process from "node:process";
import type { Args } from "../../cli/args.ts";
import type { ListenUrl } from "../../cli/listen_url.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import { CliError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Authorizer } from "../../server/auth/authorizer.ts";
import { createAuthorizer, type WsAuth, wsAuthOf } from "../../server/auth/ws_auth.ts";
import type { Host } from "../host.ts";
import { isExposed } from "./listen_urls.ts";

/** Reads the flags; throws a `CliError` for those that do not fit together, also where no listener asks for a token. */
export function wsAuthOfArgs(
  args: Args,
  { urls, host }: { readonly urls: readonly ListenUrl[]; readonly host: Pick<Host, "cwd"> },
): WsAuth {
  const auth = wsAuthOf({
    mode: args.text("ws-auth"),
    tokenFile: pathOf(args, { flag: "ws-token-file", host }),
    tokenSha256: args.text("ws-token-sha256"),
    sharedSecretFile: pathOf(args, { flag: "ws-shared-secret-file", host }),
    issuer: args.text("ws-issuer"),
    audience: args.text("ws-audience"),
    maxClockSkewSeconds: args.text("ws-max-clock-skew-seconds"),
  });
  if (args.isSet("ws-close-at-expiry") && auth.type !== "signed") {
    throw new CliError("`--ws-close-at-expiry` requires `--ws-auth signed-bearer-token`");
  }
  checkTokenInArgv(auth, { urls, isAllowed: args.isSet("allow-token-in-argv") });
  return auth;
}

/** Decides about clients; null for everybody. Warnings come to `stderr` at first, and to the log once clients come. */
export async function authorizerOf(
  auth: WsAuth,
  { host, log }: { readonly host: Pick<Host, "stderr" | "clock">; readonly log: Logger },
): Promise<Authorizer | null> {
  const warnPerson = (text: string): void => void host.stderr.write(`warning: ${text}\n`);
  let warn = warnPerson;
  if (isInArgv(auth)) {
    hideArguments();
    warnPerson(
      "other users of this machine may have seen the token of `--ws-auth bearer:TOKEN` in the list of processes; " +
        "`codex app-server token new FILE` makes one for --ws-auth capability-token --ws-token-file FILE",
    );
  }
  const authorizer = await createAuthorizer(auth, {
    clock: host.clock,
    warn: (text) => warn(text),
  });
  warn = (text) => void log.error?.(text);
  return authorizer;
}

/** A token on the command line may be meant for trying things out on this machine, but for nothing more. */
function checkTokenInArgv(
  auth: WsAuth,
  { urls, isAllowed }: { readonly urls: readonly ListenUrl[]; readonly isAllowed: boolean },
): void {
  if (!isInArgv(auth)) {
    if (isAllowed) throw new CliError("`--allow-token-in-argv` requires `--ws-auth bearer:TOKEN`");
    return;
  }
  if (isAllowed || !urls.some(isExposed)) return;
  throw new CliError(
    "refusing `--ws-auth bearer:TOKEN` on a non-loopback listener: other users can read the token " +
      "in the list of processes; use `--ws-auth capability-token --ws-token-file FILE`, " +
      "or add `--allow-token-in-argv`",
  );
}

function isInArgv(auth: WsAuth): boolean {
  return auth.type === "tokenDigest" && auth.isInArgv;
}

/** Commands that see the processes of this user must not find the token there later. */
function hideArguments(): void {
  process.title = "codex app-server";
}

function pathOf(
  args: Args,
  { flag, host }: { readonly flag: string; readonly host: Pick<Host, "cwd"> },
): string | null {
  const path = args.text(flag);
  return path === null ? null : absolutePath(path, host.cwd);
}

/** Where an app-server is told to listen: command line, environment, configuration; must not open anything. */
import type { Args } from "../../cli/args.ts";
import { checkListenUrl, type ListenUrl, parseListenUrl } from "../../cli/listen_url.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import { CliError, invariant } from "../../lib/errors.ts";
import { configFromArgs } from "../config_options.ts";
import { codexHomeOf, type Host } from "../host.ts";

/** Where the URLs came from. */
export interface ListenUrls {
  readonly source: "flags" | "environment" | "config" | "default";
  /** As they were written. */
  readonly texts: readonly string[];
}

const TLS_FLAGS = ["ws-tls-cert", "ws-tls-key", "ws-tls-client-ca"];
const VARIABLE = "CODEX_APP_SERVER_LISTEN";

/** What was asked for, the command line first, then the environment, then the configuration; stdio otherwise. */
export async function askedListenUrls(
  args: Args,
  host: Pick<Host, "env" | "cwd">,
): Promise<ListenUrls> {
  if (args.isSet("stdio")) return { source: "flags", texts: ["stdio://"] };
  if (args.isSet("listen")) return { source: "flags", texts: args.texts("listen") };
  const named = (host.env[VARIABLE] ?? "").split(",").map((url) => url.trim())
    .filter((url) => url !== "");
  if (named.length > 0) return { source: "environment", texts: checked(named, `\`${VARIABLE}\``) };
  const configured = await configuredUrls(args, host);
  if (configured.length > 0) {
    return { source: "config", texts: checked(configured, "`listen` in [app_server]") };
  }
  return { source: "default", texts: ["stdio://"] };
}

/** The same as addresses; throws a `CliError` where no client could come in. */
export function listenUrls({ texts }: ListenUrls): readonly ListenUrl[] {
  const urls = texts.map((text) => {
    const url = parseListenUrl(text);
    invariant(url, `The checks let ${text} through`);
    return url;
  });
  if (urls.every((url) => url.type === "off")) {
    // Upstream's words.
    // deno-lint-ignore codex/error-message
    throw new CliError("no transport configured; use --listen or enable remote control");
  }
  return urls;
}

/** Whether other machines can reach a listener; what is not known as this machine's own address counts as such. */
export function isExposed(url: ListenUrl): boolean {
  return url.type === "websocket" && !/^(127\.[\d.]+|::1)$/.test(url.hostname);
}

/** The path of the socket that a URL names; the one in the home folder is where clients look for it. */
export function socketPath({ path }: UnixUrl, host: Pick<Host, "env" | "cwd">): string {
  return path === null
    ? `${codexHomeOf(host)}/app-server-control/app-server-control.sock`
    : absolutePath(path, host.cwd);
}

/** The paths of all sockets. */
export function socketPaths(
  urls: readonly ListenUrl[],
  host: Pick<Host, "env" | "cwd">,
): readonly string[] {
  return urls.flatMap((url) => url.type === "unix" ? [socketPath(url, host)] : []);
}

/** Flags about certificates that would change nothing must not be ignored. */
export function refuseLooseTlsFlags(args: Args, urls: readonly ListenUrl[]): void {
  const used = TLS_FLAGS.find((flag) => args.isSet(flag));
  if (used === undefined) return;
  if (args.isSet("ws-tls-cert") !== args.isSet("ws-tls-key")) {
    throw new CliError("The flags `--ws-tls-cert` and `--ws-tls-key` need each other");
  }
  if (!urls.some((url) => url.type === "websocket" && url.isSecure)) {
    throw new CliError(`The flag \`--${used}\` needs a listener with TLS: --listen wss://IP:PORT`);
  }
}

type UnixUrl = Extract<ListenUrl, { readonly type: "unix" }>;

function checked(texts: readonly string[], where: string): readonly string[] {
  for (const text of texts) {
    const problem = checkListenUrl(text);
    if (problem !== null) throw new CliError(`Invalid value in ${where}: ${problem}`);
  }
  return texts;
}

/** Most starts are told by a flag, or have nothing to say about it: those do without the reader of TOML. */
async function configuredUrls(
  args: Args,
  host: Pick<Host, "env" | "cwd">,
): Promise<readonly string[]> {
  const mentioned = /\blisten\b/;
  const isMentioned = args.texts("config").some((text) => mentioned.test(text)) ||
    mentioned.test(configText(host));
  if (!isMentioned) return [];
  return (await configFromArgs(args, host)).appServerListen ?? [];
}

function configText(host: Pick<Host, "env" | "cwd">): string {
  try {
    return Deno.readTextFileSync(`${codexHomeOf(host)}/config.toml`);
  } catch {
    // What is wrong with it is told when it is loaded for the first request.
    return "";
  }
}

/** Connects the interface to a server that runs elsewhere, as its command line says; must not know the screen. */
import type { Args } from "../../cli/args.ts";
import { REMOTE_FLAG_NAMES } from "../../cli/tui_command.ts";
import { connectRemote, HandshakeRefused, type NamedRemote } from "../../client/connect.ts";
import { checkTokenTarget, parseRemote, remoteUrl } from "../../client/remote.ts";
import { tokenSource } from "../../client/remote_token.ts";
import { parseFingerprint } from "../../client/trust.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { pemCertificates } from "../../lib/pem.ts";
import { proxyFor } from "../../lib/proxy.ts";
import { shownShellWord } from "../../lib/shell_word.ts";
import type { Transport } from "../../rpc/transport.ts";
import { KnownServersFile } from "../../store/known_servers.ts";
import { codexHomeOf, type Host } from "../host.ts";

/** A server elsewhere. */
export interface RemoteServer {
  /** As people write it. */
  readonly url: string;
  /** What names it on a command line, with a blank in front; empty where the environment does. */
  readonly flags: string;
  connect(signal: AbortSignal): Promise<Transport>;
  /** Trying again with the same token will not help. */
  isFinal(error: unknown): boolean;
  /** From now on there is a screen: questions of the terminal cannot be asked any more. */
  screenOpened(): void;
}

/** Stands for the token where the environment names the server. */
const TOKEN_VARIABLE = "CODEX_APP_SERVER_AUTH";
const CA_VARIABLES = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"] as const;

/** The server at an address, trusted as flags and environment say. */
export function remoteServer(
  address: string,
  { args, host }: { readonly args: Args; readonly host: Host },
): RemoteServer {
  const remote = namedRemote(address, host);
  const token = askedToken(args, host);
  if (token !== null) checkTokenTarget(remote);
  const fingerprint = askedFingerprint(args);
  const authorities = readAuthorities(host);
  const known = new KnownServersFile(`${codexHomeOf(host)}/known_servers`);
  let hasScreen = false;
  return {
    url: remoteUrl(remote),
    flags: args.text("remote") === null ? "" : flagsOf(args, remoteUrl(remote)),
    connect: (signal) =>
      connectRemote(remote, {
        token: token ?? (() => Promise.resolve(null)),
        clock: host.clock,
        signal,
        authorities,
        proxyFor: (url) => proxyFor(url, host.env),
        trust: {
          fingerprint,
          known,
          async acceptNew(server, shown) {
            if (hasScreen) return false;
            const { acceptFingerprint } = await import("./accept_fingerprint.ts");
            return await acceptFingerprint(host, { server, shown });
          },
        },
      }),
    isFinal: (error) => error instanceof HandshakeRefused,
    screenOpened: () => hasScreen = true,
  };
}

/** As they were written, with the address that they lead to. */
function flagsOf(args: Args, url: string): string {
  return REMOTE_FLAG_NAMES.map((name) => {
    const text = name === "remote" ? url : args.text(name);
    return text === null ? "" : ` --${name} ${shownShellWord(text)}`;
  }).join("");
}

function namedRemote(text: string, host: Host): NamedRemote {
  const remote = parseRemote(text);
  if (remote.type === "tcp") return remote;
  const path = remote.path === null
    ? `${codexHomeOf(host)}/app-server-control/app-server-control.sock`
    : absolutePath(remote.path, host.cwd);
  return { type: "unix", path };
}

/** Flags win over the environment, whose token belongs to the address beside it. */
function askedToken(args: Args, { env, cwd }: Host): (() => Promise<string | null>) | null {
  const variable = args.text("remote-auth-token-env");
  const file = args.text("remote-auth-token-file");
  if (file !== null) return tokenSource({ variable: null, file: absolutePath(file, cwd) }, env);
  if (variable !== null) return tokenSource({ variable, file: null }, env);
  if (args.text("remote") !== null || !env[TOKEN_VARIABLE]) return null;
  return tokenSource({ variable: TOKEN_VARIABLE, file: null }, env);
}

function askedFingerprint(args: Args): string | null {
  const text = args.text("remote-tls-fingerprint");
  if (text === null) return null;
  const fingerprint = parseFingerprint(text);
  if (fingerprint !== null) return fingerprint;
  throw new CliError(
    `--remote-tls-fingerprint takes the 64 hex digits that the server prints, not \`${text}\``,
    2,
  );
}

function readAuthorities({ env, cwd }: Host): readonly string[] {
  const variable = CA_VARIABLES.find((name) => env[name]);
  const file = variable === undefined ? undefined : env[variable];
  if (file === undefined) return [];
  try {
    return pemCertificates(Deno.readTextFileSync(absolutePath(file, cwd)));
  } catch (error) {
    throw new CliError(`Cannot read the certificates of ${variable}: ${messageOf(error)}`, 1, {
      cause: error,
    });
  }
}

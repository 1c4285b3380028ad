/** Reads the address of a remote server, and says whether a token may go there; must not know how to connect. */
import { CliError } from "../lib/errors.ts";

/** Where a server is. */
export type Remote =
  | {
    readonly type: "tcp";
    /** A name or an IP literal, without brackets. */
    readonly host: string;
    readonly port: number;
    /** Over TLS. */
    readonly isSecure: boolean;
  }
  | {
    readonly type: "unix";
    /** Null for the socket that a server of this user opens by default. */
    readonly path: string | null;
  };

const PORT_MAX = 65_535;

/** Reads `ws://host:port`, `wss://host:port`, `unix://` or `unix://PATH`; throws a `CliError` in upstream's words. */
export function parseRemote(text: string): Remote {
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    return { type: "unix", path: path === "" ? null : path };
  }
  const match = /^(wss?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+):([0-9]{1,5})\/?$/i.exec(text);
  const [, scheme = "", host = "", port = ""] = match ?? [];
  const isAddress = match !== null && Number(port) <= PORT_MAX && URL.canParse(text);
  if (!isAddress) {
    throw new CliError(
      `invalid remote address \`${text}\`; expected \`ws://host:port\`, \`wss://host:port\`, ` +
        "`unix://`, or `unix://PATH`",
    );
  }
  return {
    type: "tcp",
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    isSecure: scheme.toLowerCase() === "wss",
  };
}

/** The address as people write it. */
export function remoteUrl(remote: Remote): string {
  if (remote.type === "unix") return `unix://${remote.path ?? ""}`;
  return `${remote.isSecure ? "wss" : "ws"}://${authorityOf(remote)}`;
}

/** Host and port, as in a URL. */
export function authorityOf(
  { host, port }: { readonly host: string; readonly port: number },
): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Refuses to send a token where others on the way could read it. */
export function checkTokenTarget(remote: Remote): void {
  if (remote.type === "unix" || remote.isSecure || isLoopbackName(remote.host)) return;
  const { host, port } = remote;
  throw new CliError(
    `A token is sent over \`wss://\` or to this machine only, and ${
      remoteUrl(remote)
    } is neither: ` +
      `use \`wss://\`, or \`ssh -L ${port}:127.0.0.1:${port} ${host}\` and \`ws://127.0.0.1:${port}\``,
  );
}

/** True for names that never leave this machine. */
export function isLoopbackName(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  if (host.includes(":")) return URL.parse(`ws://[${host}]`)?.hostname === "[::1]";
  // What the system resolves as an address: four plain numbers, nothing that only looks like it.
  return /^127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(host);
}

/** Reads the value of `--listen`; must not know how a listener is opened. */

/** Where a server listens. */
export type ListenUrl =
  | { readonly type: "stdio" }
  | {
    readonly type: "websocket";
    /** An IP literal without brackets. */
    readonly hostname: string;
    readonly port: number;
    /** With TLS: `wss://`. */
    readonly isSecure: boolean;
  }
  | {
    readonly type: "unix";
    /** As it was written; null for the one in the home folder. */
    readonly path: string | null;
  }
  | { readonly type: "off" };

/** What is wrong with a `--listen` value, in upstream's words, or null. */
export function checkListenUrl(value: string): string | null {
  if (parseListenUrl(value)) return null;
  const scheme = /^wss?:\/\//.exec(value)?.[0];
  return scheme === undefined
    ? `unsupported --listen URL \`${value}\`; expected \`stdio://\`, \`unix://\`, \`unix://PATH\`, ` +
      "`ws://IP:PORT`, `wss://IP:PORT`, or `off`"
    : `invalid websocket --listen URL \`${value}\`; expected \`${scheme}IP:PORT\``;
}

/** The address that a `--listen` value names, or null when it is not one. */
export function parseListenUrl(value: string): ListenUrl | null {
  if (value === "stdio://") return { type: "stdio" };
  if (value === "off") return { type: "off" };
  const path = /^unix:\/\/([^\0]*)$/.exec(value)?.[1];
  if (path !== undefined) return { type: "unix", path: path === "" ? null : path };
  const match = /^(wss?):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(value);
  const [, scheme, ipv6, ipv4, digits] = match ?? [];
  const hostname = ipv6 ?? ipv4;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) return null;
  const isAddress = ipv6 === undefined ? isIpv4(hostname) : isIpv6(hostname);
  return isAddress ? { type: "websocket", hostname, port, isSecure: scheme === "wss" } : null;
}

/** Where an exec-server listens; it has no scheme for its stdio, and asks for no token. */
export type ExecListenUrl =
  | { readonly type: "stdio" }
  | { readonly type: "websocket"; readonly hostname: string; readonly port: number };

/** The address that a `--listen` value of the exec-server names, or null. */
export function parseExecListenUrl(value: string): ExecListenUrl | null {
  if (value === "stdio") return { type: "stdio" };
  const url = parseListenUrl(value);
  if (url?.type === "stdio") return url;
  if (url?.type !== "websocket" || url.isSecure) return null;
  const { type, hostname, port } = url;
  return { type, hostname, port };
}

/** What is wrong with such a value, in upstream's words. */
export function execListenProblem(value: string): string {
  return value.startsWith("ws://")
    ? `invalid websocket --listen URL \`${value}\`; expected \`ws://IP:PORT\``
    : `unsupported --listen URL \`${value}\`; expected \`ws://IP:PORT\``;
}

function isIpv4(text: string): boolean {
  // Names and shortened forms such as `127.1` are refused: an address must say what it is.
  return /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/.test(text);
}

function isIpv6(text: string): boolean {
  return URL.canParse(`ws://[${text}]`);
}

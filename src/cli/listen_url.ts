/** Reads the value of `--listen`; must not know how a listener is opened. */

/** Where a server listens. */
export type ListenUrl =
  | { readonly type: "stdio" }
  | { readonly type: "websocket"; readonly hostname: string; readonly port: number }
  | { readonly type: "off" };

/** What is wrong with a `--listen` value, in upstream's words, or null. */
export function checkListenUrl(value: string): string | null {
  if (parseListenUrl(value)) return null;
  return value.startsWith("ws://")
    ? `invalid websocket --listen URL \`${value}\`; expected \`ws://IP:PORT\``
    : `unsupported --listen URL \`${value}\`; expected \`stdio://\`, \`ws://IP:PORT\`, or \`off\``;
}

/** The address that a `--listen` value names, or null when it is not one. */
export function parseListenUrl(value: string): ListenUrl | null {
  if (value === "stdio://") return { type: "stdio" };
  if (value === "off") return { type: "off" };
  const match = /^ws:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(value);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || port > 65_535) return null;
  const isAddress = match?.[1] === undefined ? isIpv4(hostname) : isIpv6(hostname);
  return isAddress ? { type: "websocket", hostname, port } : null;
}

/** The address that a `--listen` value of the exec-server names, or null; it has no scheme for its stdio. */
export function parseExecListenUrl(value: string): Exclude<ListenUrl, { type: "off" }> | null {
  if (value === "stdio") return { type: "stdio" };
  const url = parseListenUrl(value);
  return url?.type === "off" ? null : url;
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

/** Reads addresses and `Host` headers; must not know sockets or requests. */

/** True for an address that only this machine can reach. A mapped IPv4 address does not count, as upstream. */
export function isLoopback(hostname: string): boolean {
  if (/^127\.\d+\.\d+\.\d+$/.test(hostname)) return true;
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  return bare.includes(":") && canonicalIpv6(bare) === "[::1]";
}

/** As upstream writes a socket address: `127.0.0.1:9300`, `[::1]:9300`. */
export function authority(hostname: string, port: number): string {
  return hostname.includes(":") ? `${canonicalIpv6(hostname)}:${port}` : `${hostname}:${port}`;
}

/**
 * Whether a `Host` header calls this machine by an address, `localhost` or one of `names` (in lower case).
 *
 * Any other name may be that of a web page whose address was made to lead here. The port is not compared: through
 * a tunnel (`ssh -L 9000:127.0.0.1:4500`) it is another one.
 */
export function isOwnHost(header: string | null, names: ReadonlySet<string> = NO_NAMES): boolean {
  const [, ipv6, name, port = "0"] = HOST.exec(header ?? "") ?? [];
  if (Number(port) > PORT_MAX) return false;
  if (ipv6 !== undefined) return isPlainIpv6(ipv6);
  if (name === undefined) return false;
  const lower = name.toLowerCase();
  return lower === "localhost" || isPlainIpv4(name) || names.has(lower);
}

/**
 * What connections from one place have in common: the address, or the first half of an IPv6 address, since a single
 * machine owns the other half.
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const groups = (canonicalIpv6(address) ?? address).slice(1, -1).split("::");
  const head = groups[0]?.split(":").filter((group) => group !== "") ?? [];
  const tail = groups[1]?.split(":").filter((group) => group !== "") ?? [];
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}

/**
 * How much one address may have where the limit for it is `asked`, or `usual` if null; infinitely much on this machine
 * then, where tunnels and proxies end and unix sockets have no addresses.
 */
export function limitOfAddress(
  address: string,
  { asked, usual }: { readonly asked: number | null; readonly usual: number },
): number {
  if (asked !== null) return asked;
  return address === "" || isLoopback(address) ? Infinity : usual;
}

/** Without the prefix that an IPv4 address has on a socket for both families. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const HOST = /^(?:\[([0-9a-f:]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i;
const PORT_MAX = 65_535;

/** Dotted and decimal. `0.0.0.0` names no machine, though browsers connect to this one for it. */
function isPlainIpv4(text: string): boolean {
  return IPV4.test(text) && text !== "0.0.0.0";
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Neither `::` nor an IPv4 address in disguise. */
function isPlainIpv6(text: string): boolean {
  const canonical = canonicalIpv6(text);
  return canonical !== null && canonical !== "[::]" && !canonical.startsWith("[::ffff:");
}

/** In brackets, or null for what is no IPv6 address. */
function canonicalIpv6(text: string): string | null {
  return URL.parse(`ws://[${text}]`)?.hostname ?? null;
}

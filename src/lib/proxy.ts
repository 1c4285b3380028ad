/** The proxy that an environment names for an address; must not know what is requested. */

/** Variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The proxy that the environment names for an address, or null. */
export function proxyFor(url: string, env: Env): string | null {
  const { protocol, hostname, port } = new URL(url);
  const scheme = protocol.slice(0, -1);
  const upper = scheme.toUpperCase();
  const proxy = env[`${scheme}_proxy`] || env[`${upper}_PROXY`] || env["all_proxy"] ||
    env["ALL_PROXY"];
  if (!proxy) return null;
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const excluded = (env["no_proxy"] || env["NO_PROXY"] || "").split(",");
  const effectivePort = port || (scheme === "https" ? "443" : "80");
  if (excluded.some((rule) => matchesNoProxy(rule.trim().toLowerCase(), { host, effectivePort }))) {
    return null;
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** A rule is `*`, a host or its parent domain, with or without a port, or an IPv4 network. */
function matchesNoProxy(
  rule: string,
  target: { readonly host: string; readonly effectivePort: string },
): boolean {
  if (rule === "") return false;
  if (rule === "*") return true;
  const network = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(rule);
  if (network) return inNetwork(target.host, { base: network[1] ?? "", bits: Number(network[2]) });
  const withPort = /^(.*[^:]):(\d+)$/.exec(rule);
  if (withPort && !withPort[1]?.includes(":") && withPort[2] !== target.effectivePort) return false;
  const name = (withPort && !withPort[1]?.includes(":") ? withPort[1] ?? "" : rule)
    .replace(/^\*?\./, "").replace(/^\[|\]$/g, "");
  return target.host === name || target.host.endsWith(`.${name}`);
}

function inNetwork(host: string, network: { readonly base: string; readonly bits: number }) {
  const address = ipv4(host);
  const base = ipv4(network.base);
  if (address === null || base === null || network.bits > 32) return false;
  const size = 2 ** (32 - network.bits);
  return Math.floor(address / size) === Math.floor(base / size);
}

function ipv4(text: string): number | null {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

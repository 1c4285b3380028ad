/** Proxies and private certificate authorities, from the environment; must not know what is requested. */
import { messageOf } from "../../lib/errors.ts";
import { setupError } from "./failure.ts";

export type Env = Readonly<Record<string, string | undefined>>;

const CA_VARIABLES = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"] as const;

/** One pooled client per proxy and certificate file, for the whole process. */
const clients = new Map<string, Promise<Deno.HttpClient>>();

/**
 * The HTTP client for an address, or null for the runtime's own pooled one.
 * Throws a `ModelError` when a configured certificate file cannot be used.
 */
export async function httpClientFor(url: string, env: Env): Promise<Deno.HttpClient | null> {
  const proxy = proxyFor(url, env);
  const variable = CA_VARIABLES.find((name) => env[name]);
  const caFile = variable && new URL(url).protocol === "https:" ? env[variable] ?? null : null;
  if (!proxy && !caFile) return null;
  const key = JSON.stringify([proxy, caFile]);
  let client = clients.get(key);
  if (!client) {
    client = createClient(proxy, caFile && variable ? { file: caFile, variable } : null);
    clients.set(key, client);
    client.catch(() => clients.delete(key));
  }
  return await client;
}

/** Closes all pooled clients: for tests and for an orderly end of the process. */
export async function closeHttpClients(): Promise<void> {
  const open = [...clients.values()];
  clients.clear();
  for (const client of await Promise.allSettled(open)) {
    if (client.status === "fulfilled") client.value.close();
  }
}

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

async function createClient(
  proxy: string | null,
  authority: { readonly file: string; readonly variable: string } | null,
): Promise<Deno.HttpClient> {
  const options: { proxy?: Deno.Proxy; caCerts?: string[] } = {};
  if (proxy) options.proxy = { url: proxy };
  if (authority) options.caCerts = await readCertificates(authority);
  try {
    return Deno.createHttpClient(options);
  } catch (error) {
    // The text of the cause may repeat the proxy's password.
    if (proxy) throw setupError("The proxy address in the environment cannot be used");
    throw setupError(`Certificates in ${authority?.file} cannot be used: ${messageOf(error)}`);
  }
}

async function readCertificates(
  authority: { readonly file: string; readonly variable: string },
): Promise<string[]> {
  const { file, variable } = authority;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw setupError(`${variable} names ${file}, which cannot be read: ${messageOf(error)}`);
  }
  const certificates = text.match(
    /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g,
  );
  if (!certificates) throw setupError(`${variable} names ${file}, which holds no PEM certificate`);
  return certificates.map((certificate) => certificate + "\n");
}

/** Proxies and private certificate authorities, from the environment; must not know what is requested. */
import { messageOf } from "../../lib/errors.ts";
import { pemCertificates } from "../../lib/pem.ts";
import { type Env, proxyFor } from "../../lib/proxy.ts";
import { setupError } from "./failure.ts";

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
  const certificates = pemCertificates(text);
  if (certificates.length === 0) {
    throw setupError(`${variable} names ${file}, which holds no PEM certificate`);
  }
  return certificates;
}

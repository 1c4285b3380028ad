/** Opens the byte stream to a server: over a socket or a proxy, with TLS and its trust; must not know what is sent. */
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates, type TLSSocket } from "node:tls";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { authorityOf, isLoopbackName, type Remote, remoteUrl } from "./remote.ts";
import { distrust, type Trust } from "./trust.ts";

/** What it takes to reach a server. */
export interface StreamOptions {
  readonly trust: Trust;
  /** Certificates of further authorities, in PEM form. */
  readonly authorities: readonly string[];
  /** The HTTP proxy for an address such as `https://box:4500`, or null. Not asked about this machine. */
  proxyFor(url: string): string | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

type TcpRemote = Extract<Remote, { readonly type: "tcp" }>;

/** Connects; rejects with a sentence for people. Nothing was sent over the stream yet, so no secret is lost. */
export async function openStream(
  remote: Remote & { readonly path?: string },
  options: StreamOptions,
): Promise<Socket> {
  const { signal } = options;
  signal.throwIfAborted();
  if (remote.type === "unix") return await opened(connectSocket(remote.path), { remote, signal });
  const socket = await openTcp(remote, options);
  if (!remote.isSecure) return socket;
  try {
    return await secure(socket, { remote, ...options });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function openTcp(remote: TcpRemote, options: StreamOptions): Promise<Socket> {
  const { host, port, isSecure } = remote;
  const { signal } = options;
  // To a proxy, `localhost` is itself; and what would stay here, such as a token, would leave this machine.
  const proxy = isLoopbackName(host)
    ? null
    : options.proxyFor(`${isSecure ? "https" : "http"}://${authorityOf(remote)}`);
  if (proxy !== null) return await tunnel(new URL(proxy), { remote, signal });
  return await opened(connectSocket({ host, port, noDelay: true }), { remote, signal });
}

async function opened<T extends Socket>(
  socket: T,
  { remote, signal }: { readonly remote: Remote; readonly signal: AbortSignal },
): Promise<T> {
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw new Error(`Cannot connect to ${remoteUrl(remote)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Has a proxy connect us through. */
async function tunnel(
  proxy: URL,
  { remote, signal }: { readonly remote: TcpRemote; readonly signal: AbortSignal },
): Promise<Socket> {
  const refuse = (why: string) => {
    // Without user and password.
    throw new Error(`Cannot connect to ${remoteUrl(remote)} over the proxy ${proxy.host}: ${why}`);
  };
  if (proxy.protocol !== "http:") refuse("only proxies of the form http://HOST:PORT are supported");
  const path = authorityOf(remote);
  const authorization = proxy.username === "" ? {} : {
    "proxy-authorization": `Basic ${
      btoa(decodeURIComponent(`${proxy.username}:${proxy.password}`))
    }`,
  };
  const request = httpRequest({
    host: proxy.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: proxy.port === "" ? 80 : Number(proxy.port),
    method: "CONNECT",
    path,
    headers: { host: path, ...authorization },
    signal,
    agent: false,
  });
  const answered = Promise.withResolvers<Socket>();
  request.once("connect", (response, socket: Socket, head) => {
    if (response.statusCode === 200 && head.length === 0) return answered.resolve(socket);
    socket.destroy();
    answered.reject(new Error(`It answered ${response.statusCode} ${response.statusMessage}`));
  });
  request.once("response", (response) => {
    response.destroy();
    answered.reject(new Error(`It answered ${response.statusCode} ${response.statusMessage}`));
  });
  request.once("error", answered.reject);
  request.end();
  try {
    return await answered.promise;
  } catch (error) {
    signal.throwIfAborted();
    return refuse(messageOf(error));
  }
}

/** The handshake of TLS; the certificate is checked before the first byte of ours is sent. */
async function secure(
  socket: Socket,
  options: StreamOptions & {
    readonly remote: TcpRemote;
  },
): Promise<TLSSocket> {
  const { remote, trust, signal } = options;
  const { host } = remote;
  const stream = connectTls({
    socket,
    host,
    ...isIP(host) === 0 ? { servername: host } : {},
    ...options.authorities.length === 0
      ? {}
      : { ca: [...rootCertificates, ...options.authorities] },
    // The answer is `authorized`; a certificate that was pinned needs no authority.
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
  try {
    await once(stream, "secureConnect", { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`Cannot connect to ${remoteUrl(remote)}: ${tlsProblem(error)}`, {
      cause: error,
    });
  }
  const certificate = stream.getPeerCertificate();
  const fingerprint = createHash("sha256").update(certificate.raw).digest("hex");
  // The runtime takes what has expired when it stands among the authorities itself.
  const isVouchedFor = stream.authorized && isValidAt(certificate.raw, options.clock.now());
  // However it is spelled: a change must not pass for a server that was never met.
  const server = authorityOf(remote).toLowerCase();
  const shown = { server, fingerprint, isVouchedFor };
  const problem = await distrust(shown, trust);
  if (problem !== null) throw new Error(problem);
  return stream;
}

function isValidAt(der: Uint8Array, nowMs: number): boolean {
  const { validFrom, validTo } = new X509Certificate(der);
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

function tlsProblem(error: unknown): string {
  const text = messageOf(error);
  const speaksPlain = /wrong version|InvalidContentType|corrupt message/i.test(text);
  return speaksPlain ? "it does not speak TLS; is it a ws:// listener?" : text;
}

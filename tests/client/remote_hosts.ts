/** Servers to connect to: WebSocket echoes over TCP, TLS and unix sockets, and a proxy; must not know the client. */
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Server, type Socket } from "node:net";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { selfSigned } from "../../src/server/listen/self_signed.ts";

/** A server that is listening. */
export interface Host extends AsyncDisposable {
  readonly port: number;
  /** The `Authorization` headers that it was sent, those of plain requests included. */
  readonly authorizations: (string | undefined)[];
}

/** A certificate with its key, and its fingerprint. */
export async function certificate(...names: string[]): Promise<string> {
  return await certificateOf({ names, now: Date.now() });
}

/** The same, of a server that was set up at `now`, in Unix milliseconds. */
export async function certificateOf(
  options: { readonly names: readonly string[]; readonly now: number },
): Promise<string> {
  return await selfSigned({
    ...options,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
}

/** Answers each message with itself. `pem`: over TLS. `refuse`: refuses the handshake so. */
export async function echoHost(options: {
  readonly pem?: string;
  readonly path?: string;
  readonly refuse?: { readonly status: number; readonly text: string };
} = {}): Promise<Host> {
  const { pem, refuse, path } = options;
  const server = pem === undefined
    ? createServer()
    : createTlsServer({ cert: pem, key: pem, ALPNProtocols: ["http/1.1"] });
  const authorizations: (string | undefined)[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head) => {
    authorizations.push(request.headers.authorization);
    if (refuse) {
      socket.end(`HTTP/1.1 ${refuse.status} No\r\nconnection: close\r\n\r\n${refuse.text}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", (data) => peer.send(data.toString()));
    });
  });
  return await listening(server, { path, authorizations, end: () => sockets.clients });
}

/** A proxy for CONNECT; `targets` are those that it was asked for. */
export async function proxyHost(
  options: { readonly refuses?: boolean } = {},
): Promise<Host & { readonly targets: string[] }> {
  const targets: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer();
  const streams = new Set<Socket>();
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    targets.push(request.url ?? "");
    authorizations.push(request.headers["proxy-authorization"]);
    if (options.refuses) return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    // Whatever name it was: the only hosts of these tests are here.
    const port = Number(request.url?.split(":").at(-1));
    const target = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    for (const stream of [client, target]) {
      streams.add(stream);
      stream.on("error", () => stream.destroy());
    }
  });
  const host = await listening(server, { authorizations, end: () => [] });
  return {
    ...host,
    targets,
    [Symbol.asyncDispose]: async () => {
      for (const stream of streams) stream.destroy();
      await host[Symbol.asyncDispose]();
    },
  };
}

async function listening(server: Server, { path, authorizations, end }: {
  readonly path?: string | undefined;
  readonly authorizations: (string | undefined)[];
  readonly end: () => Iterable<{ terminate(): void }>;
}): Promise<Host> {
  // A client that does not trust the server hangs up in the handshake.
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    authorizations,
    [Symbol.asyncDispose]: async () => {
      for (const socket of end()) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listens where limits matter: on the network, with TLS and on unix sockets; must not know JSON-RPC or what the server does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
// @ts-types="@types/ws"
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { CliError, messageOf } from "../../lib/errors.ts";
import { CLOSE_CODES } from "../../rpc/close_codes.ts";
import { type WsTransport, wsTransport } from "../../rpc/ws_transport.ts";
import {
  LISTEN_LIMITS,
  type ListenAddress,
  type Listener,
  type ListenLimits,
  type ListenOptions,
} from "./listener.ts";
import { authority } from "./address.ts";
import { type Arrival, Gate, type ListenClient } from "./gate.ts";
import { Handshakes } from "./handshakes.ts";
import { Liveness } from "../../rpc/liveness.ts";
import {
  addressOf,
  BAD_REQUEST,
  certificateName,
  descriptorOf,
  HEADERS_TOO_LARGE,
  headersOf,
  headOf,
  isAuthorized,
  keyOf,
  refuse,
  valuesOf,
} from "./node_socket.ts";
import { readTls, type TlsMaterial, type TlsOptions, watchTls } from "./tls.ts";
import { admittedUid, bindSocket, type BoundSocket } from "./unix_socket.ts";

/** How long a client has to answer the close of its connection, in milliseconds. */
const CLOSE_MS = 3000;
/** How long a shutdown waits for that. */
const SHUTDOWN_MS = 1000;

/** Why there is no listener at an address, in upstream's words, by what the runtime calls it. */
const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: "Address in use (os error 98)",
  EACCES: "Permission denied (os error 13)",
  EADDRNOTAVAIL: "Address not available (os error 99)",
  // What the runtime makes of the same: addresses are checked before.
  EINVAL: "Address not available (os error 99)",
};

/** Opens a listener; throws a `CliError` in upstream's words when it cannot. */
export async function listenNetwork(
  address: ListenAddress,
  options: ListenOptions,
): Promise<Listener> {
  const listener = new NetworkListener(address, options);
  await listener.open();
  return listener;
}

type AnyServer = Server | TlsServer;

/** Invariant: every socket is a handshake with a deadline, or a counted client, or about to be destroyed. */
class NetworkListener implements Listener {
  readonly #address: ListenAddress;
  readonly #options: ListenOptions;
  readonly #limits: ListenLimits;
  readonly #gate: Gate;
  readonly #handshakes: Handshakes;
  readonly #liveness: Liveness;
  readonly #webSockets: WebSocketServer;
  readonly #clients = new Set<WsTransport>();
  readonly #tlsOptions: TlsOptions | null;
  readonly #server: AnyServer;
  #tls: TlsMaterial | null;
  #port = 0;
  #bound: BoundSocket | null = null;
  #stopWatching = () => {};

  constructor(address: ListenAddress, options: ListenOptions) {
    this.#address = address;
    this.#options = options;
    this.#limits = { ...LISTEN_LIMITS, ...options.limits };
    this.#tlsOptions = address.type === "tcp" ? address.tls ?? null : null;
    this.#tls = this.#tlsOptions && this.#readTls(this.#tlsOptions);
    const { clock, log } = options;
    this.#gate = new Gate({
      authorizer: address.type === "unix" ? undefined : options.authorizer,
      isProven: this.#isProven,
      allowedHosts: options.allowedHosts ?? [],
      limits: {
        total: this.#limits.connections,
        perAddress: this.#limits.connectionsPerAddress,
      },
      log,
    });
    this.#handshakes = new Handshakes(this.#limits, clock);
    this.#liveness = new Liveness({ clock, forgivesOwnSleep: true, ...this.#limits });
    // Its types are behind by one option.
    const webSockets: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.messageBytes,
      closeTimeout: CLOSE_MS,
    };
    this.#webSockets = new WebSocketServer(webSockets);
    this.#server = this.#makeServer();
  }

  get url(): string {
    if (this.#address.type === "unix") return `unix://${this.#address.path}`;
    const scheme = this.#tls ? "wss" : "ws";
    return `${scheme}://${authority(this.#address.hostname, this.#port)}`;
  }

  get isOpen(): boolean {
    return !this.#isProven && this.#options.authorizer === undefined;
  }

  get fingerprint(): string | null {
    return this.#tls?.fingerprint ?? null;
  }

  get connectionCount(): number {
    return this.#gate.connectionCount;
  }

  async open(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#address.type === "unix") {
      this.#bound = await bindSocket(this.#address, (path) => this.#listen({ path }));
    } else {
      const { hostname, port } = this.#address;
      await this.#listen({ host: hostname, port });
      const bound = this.#server.address();
      this.#port = typeof bound === "object" && bound !== null ? bound.port : port;
    }
    if (!this.#tlsOptions) return;
    this.#stopWatching = watchTls(this.#tlsOptions, {
      clock,
      changed: () => {
        try {
          this.reload();
        } catch (error) {
          // The files may be half replaced: the next change is looked at again.
          log.error?.(`Kept the old TLS certificate: ${messageOf(error)}`);
        }
      },
    });
  }

  reload(): void {
    if (!this.#tlsOptions || !this.#tls) return;
    const tls = this.#readTls(this.#tlsOptions);
    this.#tls = tls;
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(secureContext(tls));
    const { fingerprint } = tls;
    this.#options.log.info?.("Reloaded the TLS certificate", { fingerprint });
  }

  async shutdown(reason = "server shutdown"): Promise<void> {
    this.#stopWatching();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#handshakes.close();
    for (const client of [...this.#clients]) {
      if (client.isClosing) client.terminate(reason);
      else client.close(reason, CLOSE_CODES.shutdown.code);
    }
    const cancel = this.#options.clock.after(SHUTDOWN_MS, () => this.#terminate(reason));
    await closed;
    cancel();
    this.#bound?.remove();
  }

  #terminate(reason: string): void {
    for (const client of [...this.#clients]) client.terminate(reason);
    this.#server.closeAllConnections();
  }

  /** By a certificate, or as the user that this server runs for. */
  get #isProven(): boolean {
    if (this.#address.type === "unix") return true;
    return this.#tlsOptions !== null && this.#tlsOptions.clientCaFile !== null;
  }

  #readTls(files: TlsOptions): TlsMaterial {
    const { clock, log } = this.#options;
    const tls = readTls(files, clock.now());
    for (const warning of tls.warnings) log.warn?.(warning);
    return tls;
  }

  #makeServer(): AnyServer {
    const common = {
      maxHeaderSize: this.#limits.headerBytes,
      // One deadline of our own covers TLS, headers and the check of a token.
      headersTimeout: 0,
      requestTimeout: 0,
    };
    const server = this.#tls
      ? createTlsServer({
        ...common,
        ...secureContext(this.#tls),
        // Nothing but WebSocket over HTTP/1.1 is served.
        ALPNProtocols: ["http/1.1"],
        requestCert: this.#tls.ca !== null,
        rejectUnauthorized: this.#tls.ca !== null,
      })
      : createServer(common);
    server.on("connection", (socket: Socket) => this.#connected(socket));
    server.on("request", (request, response) => this.#request(request, response));
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
      // Whoever vanishes now must not end the process for all.
      socket.on("error", () => {});
      void this.#upgrade(request, socket, head).catch((error: unknown) => {
        this.#options.log.error?.(messageOf(error));
        socket.destroy();
      });
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      refuse(socket, error.code === "HPE_HEADER_OVERFLOW" ? HEADERS_TOO_LARGE : BAD_REQUEST);
    });
    return server;
  }

  #listen(where: { readonly path: string } | { readonly host: string; readonly port: number }) {
    return new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => {
        const known = this.#address.type === "tcp" ? LISTEN_PROBLEMS[error.code ?? ""] : undefined;
        const text = known ?? messageOf(error);
        reject(new CliError(text, 1, { cause: error }));
      });
      this.#server.listen(where, () => {
        this.#server.removeAllListeners("error");
        this.#server.on("error", (error) => this.#options.log.error?.(messageOf(error)));
        resolve();
      });
    });
  }

  #connected(socket: Socket): void {
    if (this.#address.type === "unix" && this.#uidOf(socket) === null) {
      this.#options.log.warn?.("Refused a connection", { reason: "otherUser" });
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    this.#handshakes.began(key, socket, addressOf(socket));
    socket.once("close", () => this.#handshakes.ended(key));
  }

  #uidOf(socket: Socket): number | null {
    return admittedUid(descriptorOf(socket), Deno.uid());
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    // Nothing that asks to be let in comes here: the parser takes it for an upgrade.
    const answer = this.#gate.answer(headOf(request)) ?? BAD_REQUEST;
    // A health check every few seconds is no reason to keep a socket.
    response.writeHead(answer.status, { ...headersOf(answer), connection: "close" });
    response.end(answer.body);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Uint8Array): Promise<void> {
    const decision = await this.#gate.decide(headOf(request), this.#arrivalOf(request, socket));
    if (decision.type === "answered") return refuse(socket, decision.answer);
    const { slot, client } = decision;
    if (socket.destroyed) return slot.release();
    socket.once("close", () => slot.release());
    // A subprotocol is none of those that clients ask for.
    delete request.headers["sec-websocket-protocol"];
    this.#webSockets.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => {
      this.#opened(webSocket, { socket, client });
    });
  }

  #opened(
    webSocket: WebSocket,
    { socket, client }: { readonly socket: Socket; readonly client: ListenClient },
  ): void {
    this.#handshakes.ended(keyOf(socket));
    const transport = wsTransport(webSocket, {
      peer: peerOf(socket, client),
      stream: socket,
      acceptsBinary: this.#options.acceptsBinary ?? false,
    });
    const watched = {
      get bytesRead() {
        return socket.bytesRead;
      },
      get bufferedBytes() {
        return transport.bufferedBytes;
      },
      get backlogsTaken() {
        return transport.backlogsTaken;
      },
      ping: () => webSocket.ping(),
      lost: (reason: string) => transport.terminate(reason, CLOSE_CODES.idle.code),
    };
    this.#clients.add(transport);
    this.#liveness.add(watched);
    webSocket.on("close", () => {
      this.#clients.delete(transport);
      this.#liveness.delete(watched);
    });
    try {
      this.#options.accept(transport, client);
    } catch (error) {
      this.#options.log.error?.(messageOf(error));
      transport.close("server error", CLOSE_CODES.serverError.code);
    }
  }

  #arrivalOf(request: IncomingMessage, socket: Socket): Arrival {
    return {
      address: addressOf(socket),
      proven: this.#provenBy(socket),
      authorization: valuesOf(request, "authorization"),
    };
  }

  #provenBy(socket: Socket): string | null {
    if (this.#address.type === "unix") return `uid:${this.#uidOf(socket)}`;
    return this.#isProven && isAuthorized(socket) ? certificateName(socket) : null;
  }
}

function secureContext({ cert, key, ca }: TlsMaterial) {
  return { cert, key, ...ca === null ? {} : { ca } };
}

function peerOf(socket: Socket, { principal, address }: ListenClient): string {
  return address === "" ? principal : authority(address, socket.remotePort ?? 0);
}

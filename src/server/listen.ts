/** Listens for WebSocket clients on a loopback address; must not know JSON-RPC or what the server does. */
import { CliError, messageOf } from "../lib/errors.ts";
import type { Transport } from "../rpc/transport.ts";
import { webSocketTransport } from "../rpc/websocket.ts";
import { answerHttp } from "./http.ts";

/** Where to listen: an IP literal without brackets; port 0 takes a free one. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** What a listener does with its clients. */
export interface ListenOptions {
  /** Takes over a new client. */
  accept(transport: Transport): void;
  /**
   * Refuses an upgrade before it happens: the response to send, or null to let the client in.
   * A listener that the network can reach does not start without it.
   */
  authorize?(request: Request): Response | null | Promise<Response | null>;
  /** Told about failures of single requests, for the log. */
  failed?(message: string): void;
  /** Takes binary messages as text. */
  readonly acceptsBinary?: boolean;
  /** Refuses clients that call this machine by another name than its own loopback ones: see `isOwnHost`. */
  readonly requiresOwnHost?: boolean;
}

/** A listener that is open. */
export interface WebSocketListener {
  /** With the real port and in upstream's form: `ws://127.0.0.1:9300`, `ws://[::1]:9300`. */
  readonly url: string;
  readonly port: number;
  readonly connectionCount: number;
  /** Takes no new clients and closes the sockets of those it has; `reason` is for this side. */
  shutdown(reason?: string): Promise<void>;
}

/** What upstream prints on stderr once it listens. */
export function listenBanner(url: string): string {
  // Not `new URL`: it drops port 80.
  const host = url.replace(/^ws:\/\//, "");
  const note = isLoopback(host.replace(/:\d+$/, ""))
    ? "binds localhost only (use SSH port-forwarding for remote access)"
    : "websocket auth is required for non-localhost listeners";
  return [
    "codex app-server (WebSockets)",
    `  listening on: ws://${host}`,
    `  readyz: http://${host}/readyz`,
    `  healthz: http://${host}/healthz`,
    `  note: ${note}`,
  ].join("\n") + "\n";
}

/** Opens a listener; throws a `CliError` in upstream's words when it cannot. */
export function listenWebSocket(address: ListenAddress, options: ListenOptions): WebSocketListener {
  const { hostname } = address;
  if (!isLoopback(hostname) && !options.authorize) {
    throw new CliError(
      `refusing to start non-loopback websocket listener ${authority(hostname, address.port)} ` +
        "without auth; configure `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
    );
  }
  const transports = new Set<Transport>();
  const server = serve(address, {
    // Without a stack on stderr: the log is where failures go.
    onError(error) {
      options.failed?.(messageOf(error));
      return new Response(null, { status: 500 });
    },
    async handler(request, info) {
      if (options.requiresOwnHost && !isOwnHost(request.headers.get("host"))) {
        return new Response(null, { status: 403 });
      }
      const answer = answerHttp(request) ?? await options.authorize?.(request);
      if (answer) return answer;
      const peer = `${info.remoteAddr.hostname}:${info.remoteAddr.port}`;
      return upgrade(request, { peer, transports, listen: options });
    },
  });
  refuseOtherAddress(server, address);
  const { port } = server.addr;
  return {
    url: `ws://${authority(hostname, port)}`,
    port,
    get connectionCount() {
      return transports.size;
    },
    async shutdown(reason = "server shutdown") {
      // Deno closes them too: either reason may be the one that reaches the client.
      for (const transport of transports) transport.close(reason);
      await server.shutdown();
      // An upgrade that was under way has opened meanwhile.
      for (const transport of transports) transport.close(reason);
    },
  };
}

/** True for an address that only this machine can reach. A mapped IPv4 address does not count, as upstream. */
export function isLoopback(hostname: string): boolean {
  if (/^127\.\d+\.\d+\.\d+$/.test(hostname)) return true;
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  return bare.includes(":") && URL.parse(`ws://[${bare}]`)?.hostname === "[::1]";
}

/**
 * Whether a `Host` header names this machine as only this machine (and a tunnel to it) does. Any other name may be
 * that of a web page whose address was made to lead here.
 */
export function isOwnHost(header: string | null): boolean {
  const host = /^(\[[0-9a-f:]+\]|[^:@]+)(?::\d{1,5})?$/i.exec(header ?? "")?.[1];
  return host !== undefined && (host.toLowerCase() === "localhost" || isLoopback(host));
}

function serve(
  address: ListenAddress,
  options: {
    readonly handler: Deno.ServeHandler<Deno.NetAddr>;
    readonly onError: (error: unknown) => Response;
  },
): Deno.HttpServer<Deno.NetAddr> {
  try {
    // Without `onListen` Deno prints a banner of its own.
    return Deno.serve({ ...address, onListen() {}, onError: options.onError }, options.handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new CliError("Address in use (os error 98)", 1, { cause: error });
    }
    throw new CliError(messageOf(error), 1, { cause: error });
  }
}

/** A variable of the runtime overrules the address of a listener: one for this machine would face the network. */
function refuseOtherAddress(server: Deno.HttpServer<Deno.NetAddr>, asked: ListenAddress): void {
  // Over a Unix socket there is neither host nor port, whatever the type says.
  const bound: Partial<Deno.NetAddr> = server.addr;
  const isAsked = bound.hostname !== undefined && bound.port !== undefined &&
    authority(bound.hostname, 0) === authority(asked.hostname, 0) &&
    (asked.port === 0 || asked.port === bound.port);
  if (isAsked) return;
  void server.shutdown();
  const wanted = authority(asked.hostname, asked.port);
  throw new CliError(
    `Asked to listen on ${wanted}, but the runtime took another address: unset DENO_SERVE_ADDRESS`,
  );
}

function upgrade(
  request: Request,
  options: {
    readonly peer: string;
    readonly transports: Set<Transport>;
    readonly listen: ListenOptions;
  },
): Response {
  const { peer, transports, listen } = options;
  // Upstream never pings; a client that only reads when it is asked something must not be cut off.
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  const transport = webSocketTransport(socket, {
    peer,
    acceptsBinary: listen.acceptsBinary ?? false,
  });
  // Counted from now on, so that a shutdown between the handshake and `open` closes it too.
  transports.add(transport);
  socket.addEventListener("close", () => transports.delete(transport));
  socket.addEventListener("open", () => {
    try {
      listen.accept(transport);
    } catch (error) {
      // Thrown out of an event, it would end the process for all clients.
      listen.failed?.(messageOf(error));
      transport.close("server error");
    }
  });
  return response;
}

/** As upstream writes a socket address. */
function authority(hostname: string, port: number): string {
  return hostname.includes(":")
    ? `${URL.parse(`ws://[${hostname}]`)?.hostname}:${port}`
    : `${hostname}:${port}`;
}

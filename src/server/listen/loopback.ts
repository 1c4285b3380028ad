/** Listens on a loopback address with the runtime's own server; must not know JSON-RPC or what the server does. */
import { CliError, messageOf } from "../../lib/errors.ts";
import { CLOSE_CODES } from "../../rpc/close_codes.ts";
import type { Transport } from "../../rpc/transport.ts";
import { webSocketTransport } from "../../rpc/websocket.ts";
import type { HttpAnswer, RequestHead } from "../http.ts";
import { LISTEN_LIMITS, type Listener, type ListenOptions } from "./listener.ts";
import { authority } from "./address.ts";
import { Gate, type ListenClient } from "./gate.ts";
import type { Slot } from "./connection_count.ts";

/** How long clients have to answer the close of their connections. */
const SHUTDOWN_MS = 1000;

/** An address of this machine alone. */
interface LoopbackAddress {
  /** An IP literal without brackets. */
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/**
 * Opens a listener; throws a `CliError` in upstream's words when it cannot.
 *
 * What this adapter cannot give, as the runtime's server has none of it: a limit for unfinished handshakes and their
 * time, one for headers (it has 168 KB), pings (upstream does not ping either), and one for the fragments of a
 * message before the last one has come. Whoever can misuse that is a program on this machine.
 */
export function listenLoopback(address: LoopbackAddress, options: ListenOptions): Listener {
  const limits = { ...LISTEN_LIMITS, ...options.limits };
  const gate = new Gate({
    authorizer: options.authorizer,
    isProven: false,
    allowedHosts: options.allowedHosts ?? [],
    limits: { total: limits.connections, perAddress: limits.connectionsPerAddress },
    log: options.log,
  });
  const loopback = new Loopback(options, limits.messageBytes);
  const server = serve(address, {
    // Without a stack on stderr: the log is where failures go.
    onError(error) {
      options.log.error?.(messageOf(error));
      return new Response(null, { status: 500 });
    },
    async handler(request, { remoteAddr }) {
      const decision = await gate.decide(headOf(request), {
        address: remoteAddr.hostname,
        proven: null,
        authorization: valuesOf(request.headers, "authorization"),
      });
      if (decision.type === "answered") return response(decision.answer);
      const peer = authority(remoteAddr.hostname, remoteAddr.port);
      return loopback.upgrade(request, { ...decision, peer });
    },
  });
  refuseOtherAddress(server, address);
  return {
    url: `ws://${authority(address.hostname, server.addr.port)}`,
    isOpen: options.authorizer === undefined,
    fingerprint: null,
    get connectionCount() {
      return gate.connectionCount;
    },
    reload() {},
    async shutdown(reason = "server shutdown") {
      loopback.close(reason);
      // Deno closes them as well, at once: what was sent just before would not get there.
      await loopback.closed();
      await server.shutdown();
      // An upgrade that was under way has opened meanwhile.
      loopback.close(reason);
    },
  };
}

/** The sockets of one listener. */
class Loopback {
  readonly #options: ListenOptions;
  readonly #messageBytes: number;
  readonly #transports = new Set<Transport>();
  #onEmpty = () => {};

  constructor(options: ListenOptions, messageBytes: number) {
    this.#options = options;
    this.#messageBytes = messageBytes;
  }

  upgrade(
    request: Request,
    { client, slot, peer }: {
      readonly client: ListenClient;
      readonly slot: Slot;
      readonly peer: string;
    },
  ): Response {
    // A client that only reads when it is asked something must not be cut off.
    const { socket, response } = upgraded(request, slot);
    const transport = webSocketTransport(socket, {
      peer,
      acceptsBinary: this.#options.acceptsBinary ?? false,
      frameLimitBytes: this.#messageBytes,
    });
    // Counted from now on, so that a shutdown between the handshake and `open` closes it too.
    this.#transports.add(transport);
    socket.addEventListener("close", () => {
      this.#transports.delete(transport);
      slot.release();
      if (this.#transports.size === 0) this.#onEmpty();
    });
    socket.addEventListener("open", () => {
      try {
        this.#options.accept(transport, client);
      } catch (error) {
        // Thrown out of an event, it would end the process for all clients.
        this.#options.log.error?.(messageOf(error));
        transport.close("server error", CLOSE_CODES.serverError.code);
      }
    });
    return response;
  }

  close(reason: string): void {
    for (const transport of this.#transports) {
      transport.close(reason, CLOSE_CODES.shutdown.code);
    }
  }

  /** Resolves when every client has answered the close of its connection, or has had the time to. */
  closed(): Promise<void> {
    if (this.#transports.size === 0) return Promise.resolve();
    const emptied = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(SHUTDOWN_MS, emptied.resolve);
    this.#onEmpty = () => {
      cancel();
      emptied.resolve();
    };
    return emptied.promise;
  }
}

function upgraded(request: Request, slot: Slot): Deno.WebSocketUpgrade {
  try {
    return Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  } catch (error) {
    slot.release();
    throw error;
  }
}

function headOf(request: Request): RequestHead {
  const { method, headers, url } = request;
  return { method, target: url, header: (name) => headers.get(name) };
}

/** The runtime joins several values of a header, and what has been joined is no valid one. */
function valuesOf(headers: Headers, name: string): readonly string[] {
  const value = headers.get(name);
  return value === null ? [] : [value];
}

function response({ status, headers, body }: HttpAnswer): Response {
  return new Response(body === "" ? null : body, { status, headers });
}

function serve(
  address: LoopbackAddress,
  options: {
    readonly handler: Deno.ServeHandler<Deno.NetAddr>;
    readonly onError: (error: unknown) => Response;
  },
): Deno.HttpServer<Deno.NetAddr> {
  const { hostname, port } = address;
  try {
    // Without `onListen` Deno prints a banner of its own.
    return Deno.serve(
      { hostname, port, onListen() {}, onError: options.onError },
      options.handler,
    );
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new CliError("Address in use (os error 98)", 1, { cause: error });
    }
    throw new CliError(messageOf(error), 1, { cause: error });
  }
}

/** A variable of the runtime overrules the address of a listener: one for this machine would face the network. */
function refuseOtherAddress(
  server: Deno.HttpServer<Deno.NetAddr>,
  asked: LoopbackAddress,
): void {
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

/** Connects to a server wherever it is, with a token where one is needed; must not know the protocol that is spoken then. */
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { sanitizeLine } from "../lib/sanitize.ts";
import { Liveness } from "../rpc/liveness.ts";
import type { Transport } from "../rpc/transport.ts";
import { wsTransport } from "../rpc/ws_transport.ts";
import { authorityOf, checkTokenTarget, type Remote, remoteUrl } from "./remote.ts";
import { openStream, type StreamOptions } from "./stream.ts";

/** How to connect. */
export interface ConnectOptions extends Omit<StreamOptions, "signal"> {
  /** Asked at each connect, so that a token that was renewed is used; null for none. */
  token(): Promise<string | null>;
  readonly signal?: AbortSignal;
}

/** A server whose default socket, if that was asked for, has become a path. */
export type NamedRemote =
  | Extract<Remote, { readonly type: "tcp" }>
  | { readonly type: "unix"; readonly path: string };

/** The server refused the handshake; trying again with the same token will not help. */
export class HandshakeRefused extends Error {
  override readonly name = "HandshakeRefused";
  /** Of the HTTP answer. */
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** From the first packet to the accepted handshake. */
const CONNECT_TIMEOUT_MS = 15_000;
/** A laptop that wakes up notices within these that its connection has died meanwhile. */
const PING_MS = 10_000;
const IDLE_MS = 25_000;
/** Room for the largest message that a server sends. */
const FRAME_LIMIT_BYTES = 64 * 1024 * 1024;
/** Of the body of a refusal. */
const REFUSAL_CHARS_MAX = 300;
const UNAUTHORIZED = 401;

/** Connects and shakes hands; rejects with a sentence for people. */
export async function connectRemote(
  remote: NamedRemote,
  options: ConnectOptions,
): Promise<Transport> {
  const { token, clock, signal } = options;
  const timeout = new AbortController();
  const cancel = clock.after(CONNECT_TIMEOUT_MS, () => {
    timeout.abort(new Error(`Cannot connect to ${remoteUrl(remote)}: it does not answer`));
  });
  const both = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
  try {
    const secret = await token();
    if (secret !== null) checkTokenTarget(remote);
    const acceptNew: ConnectOptions["trust"]["acceptNew"] = (server, fingerprint) => {
      // A person takes the time that it takes.
      cancel();
      return options.trust.acceptNew(server, fingerprint);
    };
    const trust = { ...options.trust, acceptNew };
    const stream = await openStream(remote, { ...options, trust, signal: both });
    return await shakeHands(stream, { remote, secret, signal: both, clock });
  } finally {
    cancel();
  }
}

function shakeHands(stream: Socket, { remote, secret, signal, clock }: {
  readonly remote: NamedRemote;
  readonly secret: string | null;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}): Promise<Transport> {
  const host = remote.type === "unix" ? "localhost" : authorityOf(remote);
  // The stream has its TLS already, if any.
  const socket = new WebSocket(`ws://${host}/`, {
    createConnection: () => stream,
    headers: secret === null ? {} : { authorization: `Bearer ${secret}` },
    perMessageDeflate: false,
    maxPayload: FRAME_LIMIT_BYTES,
  });
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", onAbort);
      stream.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("open", () => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("error");
      const transport = wsTransport(socket, { peer: remoteUrl(remote), stream });
      const watched = {
        get bytesRead() {
          return stream.bytesRead;
        },
        get bufferedBytes() {
          return socket.bufferedAmount;
        },
        get backlogsTaken() {
          return transport.backlogsTaken;
        },
        ping: () => socket.ping(),
        lost: (reason: string) => transport.terminate(reason),
      };
      const liveness = new Liveness({
        clock,
        pingMs: PING_MS,
        idleMs: IDLE_MS,
        forgivesOwnSleep: false,
      });
      liveness.add(watched);
      socket.once("close", () => liveness.delete(watched));
      resolve(transport);
    });
    socket.once("unexpected-response", (_, response) => {
      void refusalOf(response, remote).then(fail, fail);
    });
    socket.on("error", (error) => {
      fail(new Error(`Cannot connect to ${remoteUrl(remote)}: ${messageOf(error)}`));
    });
    if (signal.aborted) onAbort();
  });
}

async function refusalOf(response: IncomingMessage, remote: NamedRemote): Promise<Error> {
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) {
    body += chunk;
    if (body.length > REFUSAL_CHARS_MAX) break;
  }
  const status = response.statusCode ?? 0;
  const hint = status === UNAUTHORIZED
    ? "; pass the server's token with --remote-auth-token-file or --remote-auth-token-env"
    : "";
  // Whoever answers there may be anybody, and this goes to a terminal.
  const why = sanitizeLine(body.slice(0, REFUSAL_CHARS_MAX).trim() || response.statusMessage || "");
  return new HandshakeRefused(
    `${remoteUrl(remote)} refused the connection: ${status} ${why}${hint}`,
    status,
  );
}

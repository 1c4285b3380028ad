/** Listeners of every kind, with the raw connections and clients that tests attack them through. */
import { Buffer } from "node:buffer";
import { connect as connectTls } from "node:tls";
import { connect as connectTcp, type Socket } from "node:net";
import { connectRemote, type NamedRemote } from "../../src/client/connect.ts";
import { silentLogger } from "../../src/lib/log.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { systemClock } from "../../src/programs/host.ts";
import { listen } from "../../src/server/listen.ts";
import type { Listener, ListenOptions } from "../../src/server/listen/listener.ts";
import { listenNetwork } from "../../src/server/listen/network.ts";
import { selfSigned } from "../../src/server/listen/self_signed.ts";

/** The kinds of listeners. `ws` is the adapter for networks without TLS. */
export const LISTENER_KINDS = ["loopback", "ws", "tls", "unix"] as const;
/** Those of the adapter for networks. */
export const NETWORK_KINDS = ["ws", "tls", "unix"] as const;
/** One of them. */
export type ListenerKind = typeof LISTENER_KINDS[number];

/** The lines that ask for a WebSocket. */
export const UPGRADE: readonly string[] = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
/** A name that every listener takes. */
export const HOST = "Host: 127.0.0.1";

/** What a listener answers. */
export interface Answer {
  readonly status: number;
  /** The words behind the status. */
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A listener under test. */
export class ListenLab implements AsyncDisposable {
  readonly kind: ListenerKind;
  readonly listener: Listener;
  /** Clients that have been let in. */
  readonly accepted: readonly Transport[];
  readonly folder: string;
  readonly #sockets = new Set<Socket>();

  private constructor(
    lab: Pick<ListenLab, "kind" | "listener" | "accepted" | "folder">,
  ) {
    this.kind = lab.kind;
    this.listener = lab.listener;
    this.accepted = lab.accepted;
    this.folder = lab.folder;
  }

  /** Opens a listener; every client that comes is kept open unless `accept` does otherwise. */
  static async open(
    kind: ListenerKind,
    options: Partial<ListenOptions> = {},
  ): Promise<ListenLab> {
    const folder = await Deno.makeTempDir({ prefix: "codex_listen_" });
    const accepted: Transport[] = [];
    const listener = await openListener(kind, folder, {
      accept: (transport) => void accepted.push(transport),
      clock: systemClock(),
      log: silentLogger,
      ...options,
    });
    return new ListenLab({ kind, listener, accepted, folder });
  }

  get port(): number {
    return Number(/:(\d+)$/.exec(this.listener.url)?.[1] ?? 0);
  }

  get remote(): NamedRemote {
    return this.kind === "unix"
      ? { type: "unix", path: socketPath(this.folder) }
      : { type: "tcp", host: "127.0.0.1", port: this.port, isSecure: this.kind === "tls" };
  }

  /** A raw connection, over TLS where the listener asks for it. */
  async dial(): Promise<Socket> {
    const { kind, port, folder } = this;
    const socket = kind === "tls"
      ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
      : kind === "unix"
      ? connectTcp({ path: socketPath(folder) })
      : connectTcp({ port, host: "127.0.0.1" });
    this.#sockets.add(socket);
    // What a test wants to know about the end of a connection it sees in `close`.
    socket.on("error", () => {});
    await new Promise<void>((resolve) => {
      socket.once(kind === "tls" ? "secureConnect" : "connect", resolve);
    });
    return socket;
  }

  /** One request as bytes: `fetch` can send neither an empty Origin nor an upgrade. */
  async ask(request: readonly string[]): Promise<Answer> {
    const socket = await this.dial();
    socket.write([...request, "", ""].join("\r\n"));
    const answer = await readAnswer(socket);
    socket.destroy();
    return answer;
  }

  /** A connection that has become a WebSocket, for frames that no client would send. */
  async upgrade(more: readonly string[] = []): Promise<Socket> {
    const socket = await this.dial();
    socket.write(["GET / HTTP/1.1", HOST, ...UPGRADE, ...more, "", ""].join("\r\n"));
    const { status } = await readAnswer(socket);
    if (status !== 101) throw new Error(`Not upgraded: ${status}`);
    return socket;
  }

  /** A real client. */
  async client(token: string | null = null): Promise<Transport> {
    return await connectRemote(this.remote, {
      token: () => Promise.resolve(token),
      clock: systemClock(),
      authorities: [],
      proxyFor: () => null,
      trust: {
        fingerprint: this.listener.fingerprint,
        known: { fingerprintOf: () => null, remember: () => {} },
        acceptNew: () => Promise.resolve(false),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.listener.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The socket of a listener in `folder`. */
export function socketPath(folder: string): string {
  return `${folder}/control/server.sock`;
}

async function openListener(
  kind: ListenerKind,
  folder: string,
  options: ListenOptions,
): Promise<Listener> {
  const tcp = { type: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  switch (kind) {
    case "loopback":
      return await listen(tcp, options);
    case "ws":
      return await listenNetwork(tcp, options);
    case "tls": {
      const file = `${folder}/server.pem`;
      await writeCertificate(file);
      return await listen(
        { ...tcp, tls: { certFile: file, keyFile: file, clientCaFile: null } },
        options,
      );
    }
    case "unix":
      return await listen(
        { type: "unix", path: socketPath(folder), ownsFolder: true },
        options,
      );
  }
}

/** A new certificate with its key. */
export async function writeCertificate(path: string): Promise<void> {
  const pem = await selfSigned({
    names: ["localhost", "127.0.0.1"],
    now: Date.now(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
  await Deno.writeTextFile(path, pem, { mode: 0o600 });
}

/** Resolves when the other side has ended the connection. */
export function closed(socket: Socket): Promise<void> {
  socket.resume();
  return socket.closed ? Promise.resolve() : new Promise((resolve) => {
    socket.once("end", () => socket.destroy());
    socket.once("close", () => resolve());
  });
}

function readAnswer(socket: Socket): Promise<Answer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Uint8Array) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (lengthOf(bytes.toString("latin1")) <= bytes.length) done();
    };
    const done = () => {
      socket.off("data", onData).off("end", done).off("close", done);
      socket.pause();
      const text = bytes.toString("latin1");
      const length = Math.min(lengthOf(text), text.length);
      // Frames may come right behind it.
      if (length < bytes.length) socket.unshift(bytes.subarray(length));
      resolve(parseAnswer(text.slice(0, length)));
    };
    socket.on("data", onData).on("end", done).on("close", done);
  });
}

/** Of an answer, as far as is known. */
function lengthOf(text: string): number {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return Infinity;
  return end + 4 + Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
}

function parseAnswer(text: string): Answer {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const [, status = "", ...reason] = first.split(" ");
  return { status: Number(status), reason: reason.join(" "), headers: new Map(headers), body };
}

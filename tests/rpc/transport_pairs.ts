/** Pairs of connected transports of every kind, for tests that must hold over all of them. */
import {
  memoryTransportPair,
  type Transport,
  type TransportSink,
} from "../../src/rpc/transport.ts";
import { stdioTransport } from "../../src/rpc/stdio.ts";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { LISTENER_KINDS, type ListenerKind, ListenLab } from "../server/listen_lab.ts";

/** Two connected ends. */
export interface TransportPair extends AsyncDisposable {
  readonly client: Transport;
  readonly server: Transport;
}

/** Every kind of pair, by name. */
export const transportKinds: Readonly<Record<string, () => Promise<TransportPair>>> = {
  memory: memoryPair,
  stdio: stdioPair,
  // The first has the runtime's own WebSocket on the server side, the others the package.
  ...Object.fromEntries(LISTENER_KINDS.map((kind) => [kind, () => socketPair(kind)])),
};

function memoryPair(): Promise<TransportPair> {
  const [client, server] = memoryTransportPair();
  return Promise.resolve({ client, server, [Symbol.asyncDispose]: () => Promise.resolve() });
}

/** Two real pipes through a child that passes on what it reads. */
function stdioPair(): Promise<TransportPair> {
  const spawn = () => new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  const [up, down] = [spawn(), spawn()];
  const client = stdioTransport({ input: down.stdout, output: up.stdin });
  const server = stdioTransport({ input: up.stdout, output: down.stdin });
  return Promise.resolve({
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client.close();
      server.close();
      await Promise.all([up.status, down.status]);
    },
  });
}

async function socketPair(kind: ListenerKind): Promise<TransportPair> {
  const accepted = Promise.withResolvers<Transport>();
  const lab = await ListenLab.open(kind, { accept: accepted.resolve });
  const client = kind === "loopback"
    ? await connectWebSocket(lab.listener.url)
    : await lab.client();
  return {
    client,
    server: await accepted.promise,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await lab[Symbol.asyncDispose]();
    },
  };
}

/** Collects what a transport delivers. */
export class Collector implements TransportSink {
  readonly frames: string[] = [];
  closedCount = 0;
  readonly closing = Promise.withResolvers<string>();
  readonly #count: number;
  readonly #counted = Promise.withResolvers<readonly string[]>();

  constructor(count = Infinity) {
    this.#count = count;
  }

  /** Resolves when as many frames have come as the constructor was told. */
  get complete(): Promise<readonly string[]> {
    return this.#counted.promise;
  }

  frame(text: string): void {
    this.frames.push(text);
    if (this.frames.length === this.#count) this.#counted.resolve(this.frames);
  }

  closed(reason: string): void {
    this.closedCount++;
    this.closing.resolve(reason);
  }
}

/** The line between the demo's client and its server, which can be cut, and the client over it; must not know the story. */
import { ReconnectingClient } from "../../src/client/reconnect.ts";
import { VERSION } from "../../src/lib/version.ts";
import { systemClock } from "../../src/programs/host.ts";
import { EXTENSIONS } from "../../src/protocol/extensions.ts";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { faultProxy, NO_FAULT } from "../../tests/support/fault_proxy.ts";

/** A line that works until it is cut. */
export interface Wire extends AsyncDisposable {
  /** A client that comes back by itself. */
  connect(): Promise<ReconnectingClient>;
  /** Breaks the connection off, and every new one until `mend`. */
  cut(): void;
  mend(): void;
}

/** Leads to a server on a port of this machine. */
export function layWire(serverPort: number): Wire {
  let isCut = false;
  const proxy = faultProxy(
    serverPort,
    () => isCut ? { type: "cut", afterBytes: 0, chunkBytes: 1 } : NO_FAULT,
  );
  return {
    connect: () => connectTo(proxy.port),
    cut() {
      isCut = true;
      proxy.cutAll();
    },
    mend: () => void (isCut = false),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

async function connectTo(port: number): Promise<ReconnectingClient> {
  return await ReconnectingClient.connect({
    connect: (signal) => connectWebSocket(`ws://127.0.0.1:${port}`, { signal }),
    client: {
      clientInfo: { name: "codex_demo", version: VERSION },
      capabilities: { experimentalApi: true, sessionExtensions: EXTENSIONS },
    },
    clock: systemClock(),
    random: Math.random,
    newKey: () => crypto.randomUUID(),
  });
}

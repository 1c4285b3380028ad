/** Connects a client to a server in the same process; must not know how the server is built. */
import { memoryTransportPair } from "../rpc/transport.ts";
import type { Transport } from "../rpc/transport.ts";
import { Client, type ClientOptions } from "./client.ts";

/** A server that takes over a transport. */
export interface Acceptor {
  accept(transport: Transport): void;
}

/** Options of an in-process connection. */
export interface InProcessOptions extends ClientOptions {
  /** Wraps the client's end, for instance to check what passes. */
  readonly wrap?: (transport: Transport) => Transport;
}

/**
 * Connects over memory, with the same messages as over a wire.
 * The server may be loaded lazily: a client that never asks pays nothing for it.
 */
export async function connectInProcess(
  server: Acceptor | (() => Promise<Acceptor>),
  options: InProcessOptions,
): Promise<Client> {
  const [clientEnd, serverEnd] = memoryTransportPair();
  const acceptor = typeof server === "function" ? await server() : server;
  acceptor.accept(serverEnd);
  return await Client.connect(options.wrap?.(clientEnd) ?? clientEnd, options);
}

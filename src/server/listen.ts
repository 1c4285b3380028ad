/** The one way to open a listener, which chooses its adapter; must not know JSON-RPC or what the server does. */
import { CliError } from "../lib/errors.ts";
import { authority, isLoopback } from "./listen/address.ts";
import type { ListenAddress, Listener, ListenOptions } from "./listen/listener.ts";
import { listenLoopback } from "./listen/loopback.ts";

/**
 * Opens a listener; throws a `CliError` in upstream's words when it cannot.
 *
 * Loopback without TLS, the default and the end of SSH tunnels, is served by the runtime itself: it starts fastest.
 * All else needs limits that only the other adapter has, which is loaded for it.
 */
export async function listen(address: ListenAddress, options: ListenOptions): Promise<Listener> {
  if (address.type === "tcp") {
    refuseOpenToAll(address, options);
    if (!address.tls && isLoopback(address.hostname)) return listenLoopback(address, options);
  }
  const { listenNetwork } = await import("./listen/network.ts");
  return await listenNetwork(address, options);
}

function refuseOpenToAll(
  { hostname, port, tls }: Extract<ListenAddress, { readonly type: "tcp" }>,
  { authorizer }: ListenOptions,
): void {
  if (isLoopback(hostname) || authorizer || (tls && tls.clientCaFile !== null)) return;
  throw new CliError(
    `refusing to start non-loopback websocket listener ${authority(hostname, port)} ` +
      "without auth; configure `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
  );
}

/** Serves clients over sockets, as long as their tokens say; must not know how a listener works. */
import type { Args } from "../../cli/args.ts";
import type { ListenUrl } from "../../cli/listen_url.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Authorizer } from "../../server/auth/authorizer.ts";
import type { WsAuth } from "../../server/auth/ws_auth.ts";
import type { Listener } from "../../server/listen/listener.ts";
import type { Server } from "../../server/server.ts";
import type { Host } from "../host.ts";
import { type ListenersOptions, openListeners } from "./listeners.ts";

/** Opens the listeners, and reads their certificates and the configuration again on SIGHUP. */
export async function serveSockets(
  server: Server,
  { args, auth, ...options }: {
    readonly args: Args;
    readonly auth: WsAuth;
    readonly urls: readonly ListenUrl[];
    readonly host: Host;
    readonly log: Logger;
    /** Gets those that are open. */
    readonly listeners: Listener[];
  },
): Promise<void> {
  await openListeners(args, {
    ...options,
    authorizer: await authorizer(auth, options),
    accept: args.isSet("ws-close-at-expiry")
      ? await acceptUntilExpiry(server, options.host)
      : (transport, { principal }) => server.accept(transport, { principal }),
  });
  reloadOnSignal(server, options);
}

async function authorizer(
  auth: WsAuth,
  options: { readonly host: Host; readonly log: Logger },
): Promise<Authorizer | null> {
  if (auth.type === "none") return null;
  const { authorizerOf } = await import("./auth.ts");
  return await authorizerOf(auth, { ...options, log: options.log.child("auth") });
}

async function acceptUntilExpiry(
  server: Server,
  { clock }: Pick<Host, "clock">,
): Promise<ListenersOptions["accept"]> {
  const { closeAtExpiry } = await import("../../server/auth/expiry.ts");
  return (transport, { principal, expiresAtMs }) => {
    const stopWaiting = closeAtExpiry(transport, { expiresAtMs, clock });
    server.accept(transport, { principal, onClosed: stopWaiting });
  };
}

/** Files with tokens are read at each handshake, and threads read the configuration when they are opened. */
function reloadOnSignal(
  server: Server,
  { listeners, log }: { readonly listeners: readonly Listener[]; readonly log: Logger },
): void {
  const reloadLog = log.child("reload");
  const complain = (error: unknown) => reloadLog.error?.(`Cannot reload: ${messageOf(error)}`);
  Deno.addSignalListener("SIGHUP", () => {
    for (const listener of listeners) {
      try {
        listener.reload();
      } catch (error) {
        complain(error);
      }
    }
    server.reload().then(() => reloadLog.info?.("Reloaded"), complain);
  });
}

/** Opens the socket listeners of an app-server as the command line asks; must not know what clients are served. */
import type { Args } from "../../cli/args.ts";
import type { ListenUrl } from "../../cli/listen_url.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import type { Logger } from "../../lib/log.ts";
import type { Transport } from "../../rpc/transport.ts";
import type { Authorizer } from "../../server/auth/authorizer.ts";
import { listen } from "../../server/listen.ts";
import { listenBanner } from "../../server/listen/banner.ts";
import type { ListenClient } from "../../server/listen/gate.ts";
import type { ListenAddress, Listener, ListenLimits } from "../../server/listen/listener.ts";
import type { TlsOptions } from "../../server/listen/tls.ts";
import { codexHomeOf, type Host } from "../host.ts";
import { socketPath } from "./listen_urls.ts";

/** What the listeners are opened with. */
export interface ListenersOptions {
  readonly urls: readonly ListenUrl[];
  readonly host: Host;
  readonly log: Logger;
  /** Gets each as soon as it is open: its first client may come before the last listener. */
  readonly listeners: Listener[];
  /** Asks for a token; absent where none is needed. */
  readonly authorizer: Authorizer | null;
  accept(transport: Transport, client: ListenClient): void;
}

/** Opens all of them and prints their banners; when one cannot be opened, none is. */
export async function openListeners(args: Args, options: ListenersOptions): Promise<void> {
  const { host, log, accept, authorizer, listeners } = options;
  try {
    for (const url of options.urls) {
      const address = await addressOf(url, args, host);
      if (address === null) continue;
      const listener = await listen(address, {
        accept,
        clock: host.clock,
        log: log.child("listen"),
        authorizer: authorizer ?? undefined,
        allowedHosts: args.texts("ws-allowed-host"),
        limits: limitsOf(args),
      });
      listeners.push(listener);
      host.stderr.write(listenBanner(listener));
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.shutdown()));
    throw error;
  }
}

async function addressOf(url: ListenUrl, args: Args, host: Host): Promise<ListenAddress | null> {
  switch (url.type) {
    case "stdio":
    case "off":
      return null;
    case "unix":
      return { type: "unix", path: socketPath(url, host), ownsFolder: url.path === null };
    case "websocket": {
      const { hostname, port } = url;
      const tls = url.isSecure ? await tlsOptions(args, { host, hostname }) : null;
      return { type: "tcp", hostname, port, ...tls === null ? {} : { tls } };
    }
  }
}

/** The files of the command line, or the certificate that is made once. */
async function tlsOptions(
  args: Args,
  { host, hostname }: { readonly host: Host; readonly hostname: string },
): Promise<TlsOptions> {
  const file = (name: string) => {
    const path = args.text(name);
    return path === null ? null : absolutePath(path, host.cwd);
  };
  const certFile = file("ws-tls-cert");
  const keyFile = file("ws-tls-key");
  const clientCaFile = file("ws-tls-client-ca");
  if (certFile !== null && keyFile !== null) return { certFile, keyFile, clientCaFile };
  const { ensureSelfSigned, selfSignedPath } = await import("../../server/listen/self_signed.ts");
  const own = selfSignedPath(codexHomeOf(host));
  await ensureSelfSigned(own, {
    names: ownNames(hostname, args.texts("ws-allowed-host")),
    now: host.clock.now(),
    randomBytes: (length) => host.randomBytes(length),
  });
  return { certFile: own, keyFile: own, clientCaFile };
}

/** Every name and address by which clients may know this machine. */
function ownNames(listening: string, allowed: readonly string[]): readonly string[] {
  const addresses = Deno.networkInterfaces()
    // What is valid on one cable only comes with the name of the interface.
    .map(({ address }) => address).filter((address) => !/^fe80:|%/i.test(address));
  const isEverywhere = /^[0:.]+$/.test(listening);
  return [
    "localhost",
    Deno.hostname(),
    ...allowed,
    "127.0.0.1",
    "::1",
    ...isEverywhere ? [] : [listening],
    ...addresses,
  ];
}

function limitsOf(args: Args): Partial<ListenLimits> {
  const number = (flag: string) => args.isSet(flag) ? Number(args.text(flag)) : null;
  const connections = number("ws-max-connections");
  const connectionsPerAddress = number("ws-max-connections-per-address");
  const messageBytes = number("ws-max-message-bytes");
  return {
    ...connections === null ? {} : { connections },
    ...connectionsPerAddress === null ? {} : { connectionsPerAddress },
    ...messageBytes === null ? {} : { messageBytes },
  };
}

/**
 * The way of confined commands to named domains: a proxy for HTTP and for tunnels, on a unix socket that only the
 * relays of our sandboxes lead to; must not know sandboxes.
 *
 * A command has no network but the loopback of its own namespace, where a relay listens (`sandbox/launcher/relay.ts`)
 * and passes everything on to this socket. What decides is here: `host.ts` reads names, `domain_rules.ts` says
 * which are allowed, `destinations.ts` looks a name up once and connects to the address that it has checked
 * (`address.ts`), `client.ts`, `head.ts`, `exchange.ts` and `body.ts` speak HTTP with the command.
 *
 * It does not look into tunnels: an allowed host that passes connections on, or serves other names at its
 * addresses, does so for commands as well. Looking up a name below an allowed `*.` tells its name server that name.
 */
import { CodexError, messageOf } from "../lib/errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { ProxyClient, type ProxyTimes } from "./network_proxy/client.ts";
import { Destinations, NETWORK, type NetworkPorts } from "./network_proxy/destinations.ts";
import { DomainRules, type NetworkRules } from "./network_proxy/domain_rules.ts";
import { ProxyRefusal, refusalResponse } from "./network_proxy/refusal.ts";

/**
 * Where the folders of sockets are. Every sandbox has a `/dev/shm` of its own, so commands see none of them, be
 * they of this server or of another one.
 */
const SOCKETS_FOLDER = "/dev/shm";
const FOLDER_PREFIX = "codex-proxy-";
/** Folders of servers that were killed are removed once they are older than this. */
const LEFT_OVER_MS = 60_000;
/** Connections at a time, of all commands; the relay of one command makes at most 64. */
const CLIENTS_MAX = 512;
/** After a failure to accept. */
const PAUSE_MS = 100;
const TIMES: ProxyTimes = { headMs: 30_000, idleMs: 600_000 };

/** What a proxy is made of. */
export interface ProxyOptions {
  readonly rules: NetworkRules;
  readonly clock: Clock;
  readonly log: Logger;
  /** Take the place of the real ones in tests. */
  readonly ports?: NetworkPorts;
  readonly times?: ProxyTimes;
  readonly clientsMax?: number;
}

/** A proxy that runs. */
export class NetworkProxy {
  /** The path of its socket. */
  readonly socket: string;
  readonly #folder: string;
  readonly #listener: Deno.UnixListener;
  readonly #options: ProxyOptions;
  readonly #destinations: Destinations;
  readonly #clients = new Map<ProxyClient, Promise<void>>();
  readonly #accepting: Promise<void>;
  #isClosed = false;

  private constructor(folder: string, rules: DomainRules, options: ProxyOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#destinations = new Destinations(rules, {
      ports: options.ports ?? NETWORK,
      clock: options.clock,
    });
    this.socket = `${folder}/proxy`;
    this.#listener = Deno.listen({ transport: "unix", path: this.socket });
    this.#accepting = this.#accept();
  }

  /** Throws a `CodexError` when the rules mean nothing, or there is no place for the socket. */
  static async start(options: ProxyOptions): Promise<NetworkProxy> {
    const rules = new DomainRules(options.rules);
    try {
      await removeLeftOvers(options.clock.now());
      // Readable by its owner alone.
      const folder = await Deno.makeTempDir({ dir: SOCKETS_FOLDER, prefix: FOLDER_PREFIX });
      return new NetworkProxy(folder, rules, options);
    } catch (error) {
      const message = `The network proxy cannot listen in ${SOCKETS_FOLDER}: ${messageOf(error)}`;
      throw new CodexError("io", message, { cause: error });
    }
  }

  /** Ends every connection and removes the socket. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    for (const client of this.#clients.keys()) client.close();
    await this.#accepting;
    await Promise.all(this.#clients.values());
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #accept(): Promise<void> {
    for (;;) {
      try {
        const connection = await this.#listener.accept();
        if (this.#clients.size < (this.#options.clientsMax ?? CLIENTS_MAX)) this.#serve(connection);
        else await turnAway(connection);
      } catch (error) {
        if (this.#isClosed) return;
        // Too many open files, for instance, or a client that was turned away and had gone already.
        this.#options.log.warn?.("The network proxy cannot accept a connection", {
          reason: messageOf(error),
        });
        await new Promise<void>((resolve) =>
          this.#options.clock.after(PAUSE_MS, resolve, { background: true })
        );
      }
    }
  }

  #serve(connection: Deno.UnixConn): void {
    const { clock, log, times = TIMES } = this.#options;
    const client = new ProxyClient(connection, {
      destinations: this.#destinations,
      clock,
      log,
      times,
    });
    this.#clients.set(client, client.serve().finally(() => this.#clients.delete(client)));
  }
}

/** The answer is short enough for the buffer of any socket, so nobody can hold this up. */
async function turnAway(connection: Deno.UnixConn): Promise<void> {
  const message = "Too many connections are open: close some, and try again";
  try {
    await connection.write(refusalResponse(new ProxyRefusal(503, "busy", { message })));
  } finally {
    connection.close();
  }
}

/** Removes what servers have left behind that were killed: sockets on which nobody listens. */
async function removeLeftOvers(nowMs: number): Promise<void> {
  for await (const { name } of Deno.readDir(SOCKETS_FOLDER)) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = `${SOCKETS_FOLDER}/${name}`;
    try {
      const { uid, mtime } = await Deno.lstat(folder);
      const isOld = nowMs - (mtime?.getTime() ?? nowMs) > LEFT_OVER_MS;
      if (uid === Deno.uid() && isOld && await isAbandoned(`${folder}/proxy`)) {
        await Deno.remove(folder, { recursive: true });
      }
    } catch (error) {
      // Another server was quicker.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function isAbandoned(socket: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path: socket })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound;
  }
}

/** A server behind a proxy that breaks connections, and clients that come back; must not know what is tested. */
import assert from "node:assert/strict";
import { connectRemote } from "../../src/client/connect.ts";
import { type ConnectionState, ReconnectingClient } from "../../src/client/reconnect.ts";
import type { AnyNotification } from "../../src/client/inbox.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/programs/host.ts";
import { type Extension, EXTENSIONS } from "../../src/protocol/extensions.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { listen } from "../../src/server/listen.ts";
import { type Fault, type FaultProxy, faultProxy, NO_FAULT } from "../support/fault_proxy.ts";
import { startServer, type TestServer, type TestServerOptions } from "../support/server.ts";

/** How much faster the time of clients goes: backoffs and heartbeats take milliseconds, in the same order. */
const HASTE = 100;
/** From here on a delay is the patience with a connection that is being made, */
const PATIENCE_FROM_MS = 15_000;
/** which is this much at least: other tests may keep the machine busy. */
const PATIENCE_MS = 2_000;

/** Time that goes faster. */
export function hastyClock(haste = HASTE): Clock {
  const clock = systemClock();
  return {
    now: () => clock.now() * haste,
    after: (delayMs, callback, options) => {
      const isPatient = delayMs >= PATIENCE_FROM_MS;
      const hastyMs = isPatient ? Math.max(PATIENCE_MS, delayMs / haste) : delayMs / haste;
      return clock.after(hastyMs, callback, options);
    },
  };
}

/** A clock that knows when no timer of it runs any more. */
function watchedClock(clock: Clock) {
  const running = new Set<object>();
  let idle = Promise.withResolvers<void>();
  const after: Clock["after"] = (delayMs, callback, options) => {
    const timer = {};
    const end = () => {
      if (running.delete(timer) && running.size === 0) idle.resolve();
    };
    if (running.size === 0) idle = Promise.withResolvers();
    running.add(timer);
    const cancel = clock.after(delayMs, () => (end(), callback()), options);
    return () => (end(), cancel());
  };
  const ended = () => running.size === 0 ? Promise.resolve() : idle.promise;
  return { now: () => clock.now(), after, ended };
}

/** A client that comes back by itself. */
export async function roam(
  connect: (signal: AbortSignal) => Promise<Transport>,
  { clock = hastyClock(), sessionExtensions = EXTENSIONS }: {
    readonly clock?: Clock;
    readonly sessionExtensions?: readonly Extension[] | undefined;
  } = {},
): Promise<ReconnectingClient> {
  return await ReconnectingClient.connect({
    connect,
    client: {
      clientInfo: { name: "roamer", version: "1" },
      capabilities: { experimentalApi: true, sessionExtensions },
    },
    clock,
    random: Math.random,
    newKey: () => crypto.randomUUID(),
  });
}

/** Everything that a client was told about threads, in order. */
export interface Recording {
  readonly events: AnyNotification[];
  /** Threads that had to be read anew. */
  readonly gaps: string[];
  readonly states: ConnectionState["type"][];
}

/** A server that listens behind a proxy. */
export interface FaultyWorld extends AsyncDisposable {
  /** The one that runs now. */
  readonly server: TestServer;
  readonly proxy: FaultProxy;
  /** A client that comes back, over the proxy, and what it is told. */
  connect(
    options?: {
      readonly sessionExtensions?: readonly Extension[] | undefined;
      readonly clock?: Clock;
    },
  ): Promise<{ readonly client: ReconnectingClient; readonly recording: Recording }>;
  /** Ends the server and starts another one on the same home and another port. */
  restart(responses?: TestServerOptions["responses"]): Promise<void>;
}

/** Starts one; `faultOf` says what happens to each connection, by its number. */
export async function startFaultyWorld(
  options: TestServerOptions = {},
  faultOf: (index: number) => Fault = () => NO_FAULT,
): Promise<FaultyWorld> {
  // Others may start on the same home.
  const home = options.home ?? await Deno.makeTempDir({ prefix: "codex-test-" });
  let { server, listener } = await startListening({ config: "", ...options, home });
  const proxy = faultProxy(() => Number(new URL(listener.url).port), faultOf);
  const clients: ReconnectingClient[] = [];
  // Of connections: a closed one keeps looking for signs of life until its socket is gone.
  const connectionClocks: ReturnType<typeof watchedClock>[] = [];
  return {
    get server() {
      return server;
    },
    proxy,
    connect: async ({ sessionExtensions, clock = hastyClock() } = {}) => {
      const connectionClock = watchedClock(clock);
      connectionClocks.push(connectionClock);
      const client = await roam(
        (signal) => connectTo(proxy.port, { signal, clock: connectionClock }),
        { clock, sessionExtensions },
      );
      clients.push(client);
      return { client, recording: record(client) };
    },
    restart: async (responses = []) => {
      await listener.shutdown();
      await server.stop();
      ({ server, listener } = await startListening({ home, responses }));
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      await listener.shutdown();
      await proxy[Symbol.asyncDispose]();
      await Promise.all(connectionClocks.map((clock) => clock.ended()));
      await server[Symbol.asyncDispose]();
      if (options.home === undefined) await Deno.remove(home, { recursive: true });
    },
  };
}

async function startListening(options: TestServerOptions) {
  const server = await startServer(options);
  const listener = await listen({ type: "tcp", hostname: "127.0.0.1", port: 0 }, {
    accept: (transport) => server.server.accept(transport),
    clock: systemClock(),
    log: silentLogger,
  });
  return { server, listener };
}

function connectTo(port: number, { signal, clock }: {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}) {
  return connectRemote({ type: "tcp", host: "127.0.0.1", port, isSecure: false }, {
    token: () => Promise.resolve(null),
    trust: {
      fingerprint: null,
      known: { fingerprintOf: () => null, remember: () => assert.fail("remembered") },
      acceptNew: () => Promise.resolve(false),
    },
    authorities: [],
    proxyFor: () => null,
    signal,
    clock,
  });
}

/** Keeps all that a client is told from now on. */
export function record(client: ReconnectingClient): Recording {
  const recording: Recording = { events: [], gaps: [], states: [] };
  client.onAny((event) => void recording.events.push(event));
  client.onNews((news) => {
    if (news.type === "gap") recording.gaps.push(news.threadId);
  });
  client.onState((state) => void recording.states.push(state.type));
  return recording;
}

/** Resolves with the state of a client once it is of a type. */
export function stateIs(
  client: ReconnectingClient,
  type: ConnectionState["type"],
): Promise<ConnectionState> {
  return new Promise((resolve) => {
    const stop = client.onState((state) => {
      if (state.type !== type) return;
      stop();
      resolve(state);
    });
  });
}

/** What a transcript says: numbers gone, and deltas of one item that follow each other as one. */
export function transcriptOf(events: readonly AnyNotification[], threadId: string): string[] {
  const lines: { key: string; text: string }[] = [];
  for (const { method, params } of events) {
    const { seq, seqFrom: _from, logId: _log, ...rest } = Object(params);
    if (seq === undefined || (rest.threadId ?? rest.thread?.id) !== threadId) continue;
    const { delta, ...where } = rest;
    const isDelta = typeof delta === "string";
    const key = `${method} ${JSON.stringify(isDelta ? where : rest)}`;
    const last = lines.at(-1);
    if (isDelta && last?.key === key) last.text += delta;
    else lines.push({ key, text: isDelta ? delta : "" });
  }
  return lines.map(({ key, text }) => `${key} ${text}`);
}

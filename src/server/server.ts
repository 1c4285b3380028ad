/** The server as one object: accepts transports, routes their requests; must not know any single method. */
import type { Clock } from "../lib/clock.ts";
import { KeyedLock } from "../lib/keyed_lock.ts";
import type { Logger } from "../lib/log.ts";
import { experimentalUse } from "../protocol/experimental.ts";
import { allRequestMethods, loadedRequestEntry, loadRequestEntry } from "../protocol/mod.ts";
import { parseParams } from "../protocol/parse.ts";
import { CLOSE_CODES } from "../rpc/close_codes.ts";
import { Connection } from "../rpc/connection.ts";
import { ConnectionBudget } from "../rpc/connection_limits.ts";
import type { IncomingRequest } from "../rpc/incoming_request.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { createRouter, type RouteHandler, type Router } from "../rpc/router.ts";
import type { Transport } from "../rpc/transport.ts";
import { ConnectionLog } from "./connection_log.ts";
import { type RequestContext, RequestScope } from "./context.ts";
import { toRpcError } from "./errors.ts";
import { Fanout } from "./fanout.ts";
import { initialize, type Originator } from "./initialize.ts";
import { type HandlerTable, loadHandlers, preloadHandlers } from "./methods/mod.ts";
import { Peer } from "./peer.ts";
import type { Runtime, RuntimeServer } from "./runtime.ts";

/** How the server names itself and where it lives. */
export interface ServerIdentity {
  readonly version: string;
  readonly codexHome: string;
  /** `(OS VERSION; ARCH) TERMINAL`, the middle of the user agent. */
  readonly platformText: string;
  readonly platformFamily: string;
  readonly platformOs: string;
}

export interface ServerOptions {
  readonly identity: ServerIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Builds the agent with all that it needs; called once, by the first request that needs it. */
  startRuntime(server: RuntimeServer): Promise<Runtime>;
  /**
   * Loads what `startRuntime` needs. Given where many clients may share the server: loading and starting the agent
   * keeps the event loop busy, so it is better done before the request of one client that holds up the others.
   */
  readonly preload?: (() => Promise<unknown>) | undefined;
}

/** Answered even when a client floods: they are how a person regains control. */
const URGENT_METHODS: ReadonlySet<string> = new Set(["turn/interrupt"]);

/** Who uses a transport that asks for no proof, such as standard input. */
const LOCAL = "local";

/** Until somebody has introduced himself; no turn can start before that. */
const NOBODY: Originator = { name: "codex", userAgent: "codex" };

/** An app-server: any number of clients over any transports. */
export class Server {
  readonly #options: ServerOptions;
  readonly #connectionLog: Logger;
  readonly #fanout: Fanout;
  readonly #router: Router<Peer>;
  readonly #peers = new Set<Peer>();
  readonly #budget = new ConnectionBudget();
  #runtime: Promise<Runtime> | null = null;
  /** The same, once it is there. */
  #started: Runtime | null = null;
  #greetedCount = 0;
  #cancelStep: (() => void) | undefined;
  #acceptedCount = 0;
  /** The name of the first client; it stands for the process in user agents and files (as upstream). */
  #originator: Originator | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#connectionLog = options.log.child("connection");
    this.#fanout = new Fanout((threadId, { approvalId, decision }) => {
      this.#started?.agent.threads.find(threadId)?.thread.answer(approvalId, decision);
    });
    this.#router = createRouter({
      find: (method) => loadedRequestEntry(method) ?? loadRequestEntry(method),
      parse: (entry, params) => parseParams(entry, params),
      gate: (peer, _, entry, params) => gate(peer, { entry, params }),
      handler: (method) => this.#handler(method),
      unknownMethod: (method) => unknownMethod(method),
      lock: new KeyedLock(),
      toRpcError,
    });
  }

  get fanout(): Fanout {
    return this.#fanout;
  }

  /** Serves one client until its transport closes. */
  accept(
    transport: Transport,
    options: { readonly principal?: string; readonly onClosed?: () => void } = {},
  ): void {
    const { clock } = this.#options;
    const { principal = LOCAL } = options;
    const id = `${++this.#acceptedCount}`;
    const log = new ConnectionLog(this.#connectionLog, { clock, id });
    const peer: Peer = new Peer(
      new Connection({
        transport,
        clock,
        budget: this.#budget,
        request: (request) => this.#request(peer, request),
        // `initialized` says nothing that the answer to `initialize` did not; others are ignored.
        notification: () => {},
        closed: () => {
          this.#peers.delete(peer);
          this.#fanout.remove(peer);
          log.closed(peer.connection);
          options.onClosed?.();
        },
        refused: (method) => log.refused(method),
        dropped: (reason) => log.dropped(reason),
        failed: (error, method) => log.failed(method, error),
        isUrgent: (method) => URGENT_METHODS.has(method),
      }),
      { id, principal },
    );
    log.opened({ address: transport.peer, principal });
    this.#peers.add(peer);
  }

  #request(peer: Peer, request: IncomingRequest): unknown {
    // Parsed without the schema library, which would double the time to the first answer.
    if (request.method === "initialize") {
      this.#originator = initialize(peer, {
        request,
        identity: this.#options.identity,
        originator: this.#originator,
      });
      this.#fanout.add(peer);
      this.#prepare();
      return undefined;
    }
    return this.#router.dispatch(peer, request);
  }

  /** The loaded tables of handlers, by the first segment of the method. */
  readonly #handlers = new Map<string, HandlerTable | Promise<HandlerTable>>();

  /**
   * With the first client the code of the agent is loaded, and with the second one, which the first could hold up,
   * the agent starts: started, it takes 7 MiB more, which a client that only stays connected should not cost.
   */
  #prepare(): void {
    const { preload, clock } = this.#options;
    if (!preload || this.#greetedCount === 2) return;
    const step = ++this.#greetedCount === 1
      ? () => Promise.all([preload(), preloadHandlers(), loadRequestEntry("thread/start")])
      : () => Promise.resolve(this.#table("thread"));
    // The answer goes out before. Whoever needs what has failed tries again, and tells its client what is wrong.
    this.#cancelStep = clock.after(0, () => void step().catch(() => undefined), {
      background: true,
    });
  }

  #handler(method: string): RouteHandler<Peer> | Promise<RouteHandler<Peer>> {
    const slash = method.indexOf("/");
    const table = this.#table(slash < 0 ? method : method.slice(0, slash));
    if (table instanceof Promise) return table.then((loaded) => this.#scoped(loaded, method));
    return this.#scoped(table, method);
  }

  #table(segment: string): HandlerTable | Promise<HandlerTable> {
    let table = this.#handlers.get(segment);
    if (!table) {
      table = this.runtime().then((runtime) => loadHandlers(segment, runtime));
      table.then(
        (loaded) => this.#handlers.set(segment, loaded),
        // A failed start, such as a broken config file, is tried again by the next request.
        () => this.#handlers.delete(segment),
      );
      this.#handlers.set(segment, table);
    }
    return table;
  }

  /** The handler of a method, with a context for each request. */
  #scoped(table: HandlerTable, method: string): RouteHandler<Peer> {
    const handler = table.get(method);
    if (!handler) throw new RpcError(rpcCodes.internal, `No handler for ${method}`);
    return (params, peer, request) => {
      const context = new RequestScope(peer, request);
      const key = peer.has("idempotency") ? keyOf(params) : null;
      if (key === null || !this.#started) return handler(params, context);
      const resume = (wish: unknown, scope: RequestContext) => this.#resume(wish, scope);
      return this.#started.keyed.run({ method, key, params, context, handler, resume });
    };
  }

  /** For a request to open a thread that is carried out already: its client joins the thread instead. */
  async #resume(params: unknown, context: RequestContext): Promise<unknown> {
    const table = await loadHandlers("thread", await this.runtime());
    return await table.get("thread/resume")?.(params, context);
  }

  /** The agent and its surroundings; started on first use. */
  runtime(): Promise<Runtime> {
    if (!this.#runtime) {
      const starting = this.#options.startRuntime({
        fanout: this.#fanout,
        originator: () => this.#originator ?? NOBODY,
      });
      this.#runtime = starting;
      starting.then(
        (runtime) => this.#started = runtime,
        () => this.#runtime = null,
      );
    }
    return this.#runtime;
  }

  /**
   * Starts no more turns, and resolves when none runs; `onBusy` is told first when it has to wait for one. Clients
   * are served meanwhile (as upstream).
   */
  async drain(onBusy?: () => void): Promise<void> {
    const threads = (await this.#runtime)?.agent.threads;
    const drained = threads?.drain();
    if (threads?.isBusy) onBusy?.();
    await drained;
  }

  /** Reads the configuration as the next thread will, and tells log and clients what is wrong with it. */
  async reload(): Promise<void> {
    await (await this.#runtime)?.reload();
  }

  /** Interrupts what runs, gives files back, closes every connection. */
  async close(reason = "server shutdown"): Promise<void> {
    this.#greetedCount = 2;
    this.#cancelStep?.();
    await (await this.#runtime)?.close();
    for (const peer of this.#peers) peer.connection.close(reason, CLOSE_CODES.shutdown.code);
  }
}

/** The key of a request; only methods that take one have it in their params, which are parsed. */
function keyOf(params: unknown): string | null {
  if (typeof params !== "object" || params === null) return null;
  const key: unknown = Reflect.get(params, "idempotencyKey");
  return typeof key === "string" ? key : null;
}

type Entry = NonNullable<ReturnType<typeof loadedRequestEntry>>;

/** Refuses what this client may not call now, in the words of upstream. */
function gate(
  peer: Peer,
  call: { readonly entry: Entry; readonly params: unknown },
): void {
  if (!peer.info) {
    throw new RpcError(rpcCodes.invalidRequest, "Not initialized", { reason: "notInitialized" });
  }
  if (peer.info.experimentalApi) return;
  const use = experimentalUse(call.entry, call.params);
  if (use === null) return;
  throw new RpcError(rpcCodes.invalidRequest, `${use} requires experimentalApi capability`, {
    reason: "experimentalApiRequired",
  });
}

/** Upstream answers -32600 with the list of every method; clients tolerate it for optional ones. */
async function unknownMethod(method: string): Promise<RpcError> {
  knownMethods ??= allRequestMethods().then((names) =>
    names.map((name) => `\`${name}\``).join(", ")
  );
  return new RpcError(
    rpcCodes.invalidRequest,
    `Invalid request: unknown variant \`${method}\`, expected one of ${await knownMethods}`,
    { reason: "unknownMethod" },
  );
}

/** Made once: clients probe for optional methods at every start. */
let knownMethods: Promise<string> | null = null;

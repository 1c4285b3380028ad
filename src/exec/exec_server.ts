/** The exec-server as one object: accepts transports, routes their requests; must not know how it is listened for. */
import type { Clock } from "../lib/clock.ts";
import { CodexError, type CodexErrorKind } from "../lib/errors.ts";
import { KeyedLock } from "../lib/keyed_lock.ts";
import type { Logger } from "../lib/log.ts";
import { clientNotifications, requests } from "../protocol/exec_server.ts";
import type { AnyRequestEntry } from "../protocol/method.ts";
import { InvalidParams, parseStruct } from "../protocol/parse.ts";
import { CLOSE_CODES } from "../rpc/close_codes.ts";
import { Connection } from "../rpc/connection.ts";
import { ConnectionBudget } from "../rpc/connection_limits.ts";
import type { IncomingRequest } from "../rpc/incoming_request.ts";
import { encodeError, type NotificationMessage, rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { createRouter, type RouteHandler, type Router } from "../rpc/router.ts";
import type { Transport } from "../rpc/transport.ts";
import { fsHandlers } from "./exec_server/fs_methods.ts";
import { httpHandlers } from "./exec_server/http_methods.ts";
import { processHandlers } from "./exec_server/process_methods.ts";
import { refusal, type Session, Sessions } from "./exec_server/session.ts";
import type { ExecCall, ExecHandlers, ExecWorld } from "./exec_server/world.ts";

/** Methods that are served besides those of the exec-server itself. */
export interface ExecExtension {
  readonly requests: Readonly<Record<string, AnyRequestEntry>>;
  handle(method: string, params: unknown, call: ExecCall): unknown;
}

/** What an exec-server is made of. */
export interface ExecServerOptions {
  readonly world: ExecWorld;
  readonly log: Logger;
  newId(): string;
  readonly extension?: ExecExtension;
}

/** One connection. The session is there from `initialize` on. */
interface ExecPeer {
  readonly connection: Connection;
  session: Session | null;
  readonly gone: AbortController;
}

/** The id of an answer to what is no message. */
const NO_ID = -1;
/** What methods are called in errors, by the first segment of their names. */
const KINDS: Readonly<Record<string, string>> = { fs: "filesystem", task: "task" };
/** Failures of this machine rather than of the request. */
const INTERNAL_KINDS: ReadonlySet<CodexErrorKind> = new Set(["diskFull", "readOnlyHome", "io"]);

/** An exec-server: any number of clients, each with a session that outlives its connection for a while. */
export class ExecServer {
  readonly #options: ExecServerOptions;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  readonly #router: Router<ExecPeer>;
  readonly #budget = new ConnectionBudget();
  readonly #peers = new Set<ExecPeer>();
  /** Sessions that are over, whose processes still have to end. */
  readonly #endings = new Set<Promise<void>>();

  constructor(options: ExecServerOptions) {
    this.#options = options;
    const { world } = options;
    this.#clock = world.clock;
    this.#sessions = new Sessions({
      clock: world.clock,
      newId: () => options.newId(),
      onEnd: (session) => {
        const ending = world.processes.terminateOwned(session.id);
        this.#endings.add(ending);
        void ending.then(() => this.#endings.delete(ending));
      },
    });
    const handlers = this.#handlers();
    const { extension } = options;
    this.#router = createRouter<ExecPeer, AnyRequestEntry>({
      find: (method) => entryOf(requests, method) ?? entryOf(extension?.requests ?? {}, method),
      parse: (entry, params) => entry.params && parseStruct(entry.params, params ?? null),
      gate: (peer, method) => gate(peer, method),
      handler: (method) =>
        handlers.get(method) ??
          ((params, peer, request) => extension?.handle(method, params, callOf(peer, request))),
      unknownMethod,
      lock: new KeyedLock(),
      toRpcError,
    });
  }

  /** Serves one client until its transport closes. */
  accept(transport: Transport, options: { readonly onClosed?: () => void } = {}): void {
    const { log } = this.#options;
    const connection: Connection = new Connection({
      transport,
      clock: this.#clock,
      budget: this.#budget,
      request: (request) => this.#router.dispatch(peer, request),
      notification: (notification) => this.#notification(peer, notification),
      closed: () => {
        this.#peers.delete(peer);
        peer.gone.abort();
        if (peer.session) this.#sessions.detach(peer.session);
        options.onClosed?.();
      },
      dropped: (reason) => connection.sendText(malformed(transport.peer, reason)),
      failed: (error, method) => log.error?.(`${method} failed: ${describe(error)}`),
    });
    const peer: ExecPeer = { connection, session: null, gone: new AbortController() };
    this.#peers.add(peer);
  }

  /** Ends every session with its processes, and closes every connection. */
  async close(reason = "server shutdown"): Promise<void> {
    const { code } = CLOSE_CODES.shutdown;
    for (const peer of [...this.#peers]) peer.connection.close(reason, code);
    this.#sessions.endAll();
    await Promise.all(this.#endings);
  }

  #handlers(): ReadonlyMap<string, RouteHandler<ExecPeer>> {
    const { world } = this.#options;
    const handlers: ExecHandlers<Exclude<keyof typeof requests, "initialize">> = {
      "environment/info": () => world.environment,
      ...processHandlers(world),
      ...fsHandlers(world),
      ...httpHandlers(world),
    };
    const table: Readonly<Record<string, Untyped["handler"]>> = handlers;
    const routes = Object.entries(table).map(([method, handler]) => {
      const route: RouteHandler<ExecPeer> = (params, peer, request) =>
        handler(params, callOf(peer, request));
      return [method, route] as const;
    });
    return new Map([["initialize", this.#initialize()], ...routes]);
  }

  #initialize(): RouteHandler<ExecPeer> {
    const initialize = (params: { readonly resumeSessionId?: unknown }, peer: ExecPeer) => {
      const { resumeSessionId } = params;
      const resumeId = typeof resumeSessionId === "string" ? resumeSessionId : null;
      peer.session = this.#sessions.open(peer.connection, resumeId);
      const { environment } = this.#options.world;
      return { sessionId: peer.session.id, environmentInfo: environment };
    };
    return (params, peer) => initialize(params ?? {}, peer);
  }

  /** As upstream: what it does not know is a client that it does not understand. */
  #notification(peer: ExecPeer, { method }: NotificationMessage): void {
    if (!Object.hasOwn(clientNotifications, method)) {
      peer.connection.close(`unexpected notification \`${method}\``);
    } else if (!peer.session) {
      peer.connection.close("received `initialized` notification before `initialize`");
    } else if (!peer.session.isReady) {
      peer.session.ready();
    }
  }
}

/** Written as a method, because TypeScript then lets a handler of typed params stand for one of any. */
interface Untyped {
  handler(params: unknown, call: ExecCall): unknown;
}

function entryOf(
  table: Readonly<Record<string, AnyRequestEntry>>,
  method: string,
): AnyRequestEntry | null {
  return Object.hasOwn(table, method) ? table[method] ?? null : null;
}

function gate(peer: ExecPeer, method: string): void {
  if (method === "initialize") {
    if (!peer.session) return;
    throw refusal("initialize may only be sent once per connection", "alreadyInitialized");
  }
  if (peer.session?.isReady) return;
  const kind = KINDS[method.split("/")[0] ?? ""] ?? "exec";
  const missing = peer.session ? "send initialized" : "call initialize";
  throw refusal(`client must ${missing} before using ${kind} methods`, "notInitialized");
}

function callOf({ connection, session, gone }: ExecPeer, request: IncomingRequest): ExecCall {
  if (!session) throw refusal("client must call initialize first", "notInitialized");
  return {
    session,
    get pendingBytes() {
      return connection.bufferedBytes;
    },
    gone: gone.signal,
    send: (text) => connection.sendText(text),
    respond(result) {
      request.reply(result);
      return result;
    },
  };
}

function unknownMethod(method: string): RpcError {
  // Upstream's words, which say more about upstream than about this.
  const text = `exec-server stub does not implement \`${method}\` yet`;
  return new RpcError(rpcCodes.methodNotFound, text, { reason: "unknownMethod" });
}

/** Upstream tells the peer; the words after the colon are those of our own parser. */
function malformed(peer: string, reason: string): string {
  const [kind, name] = peer === "stdio" ? ["stdio", "stdio"] : ["websocket", `websocket ${peer}`];
  const text = `failed to parse ${kind} JSON-RPC message from exec-server ${name}: ${reason}`;
  return encodeError(NO_ID, new RpcError(rpcCodes.invalidRequest, text, { reason: "malformed" }));
}

function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof InvalidParams) {
    return new RpcError(rpcCodes.invalidParams, error.text, { reason: error.reason });
  }
  if (error instanceof CodexError) {
    const code = INTERNAL_KINDS.has(error.kind) ? rpcCodes.internal : rpcCodes.invalidRequest;
    return new RpcError(code, error.message, { reason: error.kind });
  }
  // A bug: the connection logs what was thrown, the client gets no more than this.
  throw error;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

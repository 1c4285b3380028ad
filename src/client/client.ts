/** A typed client of the app-server protocol over any transport; must not know how the transport was made. */
import type { Clock } from "../lib/clock.ts";
import type { Extension } from "../protocol/extensions.ts";
import type {
  ClientMethod,
  NotificationMethod,
  NotificationParams,
  Params,
  Result,
  ServerRequestMethod,
  ServerRequestParams,
  ServerRequestResult,
} from "../protocol/mod.ts";
import { type CallOptions, Connection } from "../rpc/connection.ts";
import type { IncomingRequest } from "../rpc/incoming_request.ts";
import { type RequestId, rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { connectionClosed } from "../rpc/pending_calls.ts";
import type { Transport } from "../rpc/transport.ts";
import { type AnyNotification, type Listener, NotificationInbox, type Predicate } from "./inbox.ts";

/** How a client introduces itself. */
export interface ClientOptions {
  readonly clientInfo: { readonly name: string; readonly version: string; readonly title?: string };
  readonly capabilities?: {
    readonly experimentalApi?: boolean;
    /** Exact names of notifications that it does not want. */
    readonly optOutNotificationMethods?: readonly string[];
    /** What it wants beyond upstream's protocol; the answer to `initialize` says what it gets. */
    readonly sessionExtensions?: readonly Extension[];
  };
  /** Needed for calls with a timeout. */
  readonly clock?: Clock;
  /** Takes every notification, in the place of the client's own listeners, right when it comes. */
  readonly deliver?: (notification: AnyNotification) => void;
  /** Answers every question of the server, in the place of the client's own handlers. */
  readonly answer?: (question: AnyQuestion) => unknown;
  /** Told about text that is not a message, and about bugs in listeners. */
  readonly log?: (text: string) => void;
}

/** A question of the server as it came, before types. */
export interface AnyQuestion {
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
}

/** One notification with its params. */
export type Notification = {
  [M in NotificationMethod]: { readonly method: M; readonly params: NotificationParams<M> };
}[NotificationMethod];

/** A request of the server while it is in work. */
export interface ServerCall {
  readonly id: RequestId;
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal;
}

/** Params and options of a call: methods without params may leave them out. */
type CallArguments<M extends ClientMethod> = undefined extends Params<M>
  ? [params?: Params<M>, options?: CallOptions]
  : [params: Params<M>, options?: CallOptions];

/** A typed handler, its type forgotten; the method it is registered for guarantees the params. */
type RequestHandler = (params: never, call: ServerCall) => unknown;

/**
 * One connection to a server, after the handshake.
 * What comes from the server has the types that the protocol promises; it is not parsed again here,
 * because the schema library would cost start-up time and the tests check every message.
 */
export class Client {
  readonly #connection: Connection;
  readonly #inbox = new NotificationInbox();
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #closed = Promise.withResolvers<string>();
  #serverInfo: Result<"initialize"> | undefined;

  private constructor(transport: Transport, options: ClientOptions) {
    const { clock, log, deliver, answer } = options;
    this.#connection = new Connection({
      transport,
      request: answer ?? ((request) => this.#answer(request)),
      notification: deliver ?? ((notification) => this.#inbox.deliver(notification)),
      closed: (reason, code) => {
        this.#inbox.close(connectionClosed(reason, code));
        this.#closed.resolve(reason);
      },
      dropped: (reason) => log?.(`Dropped a message: ${reason}`),
      failed: (error, method) => log?.(`Listener of ${method} failed: ${error}`),
      ...clock && { clock },
    });
  }

  /** Introduces the client over `transport`; rejects and closes when the server refuses. */
  static async connect(transport: Transport, options: ClientOptions): Promise<Client> {
    const client = new Client(transport, options);
    const { clientInfo, capabilities } = options;
    const params = { clientInfo, ...capabilities && { capabilities } };
    try {
      client.#serverInfo = await client.#initialize("initialize", params);
    } catch (error) {
      client.close("not accepted by the server");
      throw error;
    }
    client.#connection.notify({ method: "initialized" });
    return client;
  }

  /** What the server said about itself. */
  get serverInfo(): Result<"initialize"> | undefined {
    return this.#serverInfo;
  }

  /** Resolves with the reason when the connection has closed, whoever closed it. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** The code that it was closed with (`rpc/close_codes.ts`); null while it is open, and where there was none. */
  get closeCode(): number | null {
    return this.#connection.closeCode;
  }

  /** Calls a method; rejects with `RpcError` when the server refuses. */
  request<M extends ClientMethod>(method: M, ...rest: CallArguments<M>): Promise<Result<M>>;
  request(method: string, params?: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#connection.request(method, params, options);
  }

  /** Calls a method by its name, for those who pass on what others have called. */
  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#connection.request(method, params, options);
  }

  /**
   * The next notification of a method that nobody has taken yet, also one that came before the call.
   * Notifications of other methods stay where they are.
   */
  next<M extends NotificationMethod>(
    method: M,
    matches?: (params: NotificationParams<M>) => boolean,
    options?: { readonly signal?: AbortSignal },
  ): Promise<NotificationParams<M>>;
  next(
    method: string,
    matches: Predicate = () => true,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    return this.#inbox.next(method, { matches, ...options });
  }

  /** Calls `listener` for each notification of a method from now on; returns what removes it. */
  on<M extends NotificationMethod>(
    method: M,
    listener: (params: NotificationParams<M>) => void,
  ): () => void;
  on(method: string, listener: Listener): () => void {
    return this.#inbox.on(method, listener);
  }

  /** All notifications that nobody has taken yet, then all that come; ends when the connection closes. */
  notifications(): AsyncIterable<Notification>;
  notifications(): AsyncIterable<unknown> {
    return this.#inbox.iterate();
  }

  /** Answers a request of the server, such as an approval; without a handler it is refused. */
  onRequest<M extends ServerRequestMethod>(
    method: M,
    handler: (
      params: ServerRequestParams<M>,
      call: ServerCall,
    ) => ServerRequestResult<M> | Promise<ServerRequestResult<M>>,
  ): void;
  onRequest(method: string, handler: RequestHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Closes the connection; calls that wait are rejected. */
  close(reason = "closed by the client"): void {
    this.#connection.close(reason);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #initialize(method: "initialize", params: unknown): Promise<Result<"initialize">>;
  #initialize(method: string, params: unknown): Promise<unknown> {
    return this.#connection.request(method, params);
  }

  #answer(request: IncomingRequest): unknown {
    const handler = this.#handlers.get(request.method);
    if (!handler) throw unsupportedRequest(request.method);
    const call: ServerCall = { id: request.id, signal: this.#connection.signal };
    return Reflect.apply(handler, undefined, [request.params, call]);
  }
}

/** What a server is told that asks what this client cannot answer. */
export function unsupportedRequest(method: string): RpcError {
  const text = `unsupported server request \`${method}\``;
  return new RpcError(rpcCodes.methodNotFound, text, { reason: "unsupported" });
}

/** What a server is told whose question nobody here answers, because somebody else did for instance. */
export function notAnswered(why: string): RpcError {
  return new RpcError(rpcCodes.invalidRequest, why, { reason: "notAnswered" });
}

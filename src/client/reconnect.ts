/** A client that outlives its connections: it comes back by itself, misses nothing and doubles nothing; must not know how to connect. */
import type { Clock } from "../lib/clock.ts";
import { invariant, messageOf } from "../lib/errors.ts";
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
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { connectionClosed } from "../rpc/pending_calls.ts";
import type { Transport } from "../rpc/transport.ts";
import { backoffMs } from "./backoff.ts";
import { Calls } from "./calls.ts";
import { type AnyQuestion, Client, type ClientOptions, unsupportedRequest } from "./client.ts";
import { FollowedThreads } from "./followed_threads.ts";
import { type AnyNotification, NotificationInbox } from "./inbox.ts";
import { KeptWatches } from "./kept_watches.ts";
import { OpenQuestions } from "./open_questions.ts";
import { type Wishes, wishesAfter, wishesOf } from "./wishes.ts";

/** What a person may be told about the connection; it is always true. */
export type ConnectionState =
  | { readonly type: "connected" }
  | {
    readonly type: "reconnecting";
    /** Unix milliseconds since when there is no connection. */
    readonly sinceMs: number;
    /** When the next attempt begins; null while one is under way. */
    readonly nextMs: number | null;
    /** Why the connection, or the last attempt, ended. */
    readonly reason: string;
    /** What the last connection was closed with (`rpc/close_codes.ts`); null where there was none. */
    readonly code: number | null;
  }
  | { readonly type: "closed"; readonly reason: string; readonly code: number | null };

/** How a client comes back. */
export interface ReconnectOptions {
  /** Opens a connection; rejects with a sentence for people. */
  connect(signal: AbortSignal): Promise<Transport>;
  /** Whether to give up after such a failure, a token that is wrong for instance; never by default. */
  isFinal?(error: unknown): boolean;
  readonly client: Omit<ClientOptions, "clock" | "deliver" | "answer">;
  readonly clock: Clock;
  /** 0 or more and less than 1. */
  random(): number;
  /** A key that no other request has ever had. */
  newKey(): string;
}

/** What happened beside events; a listener is called before the events that follow. */
export type News =
  /** It was started, resumed or forked by a request of this client. */
  | { readonly type: "opened"; readonly threadId: string; readonly result: Opened }
  /** More was missed than the server remembers: `result` has the thread as it is. */
  | { readonly type: "gap"; readonly threadId: string; readonly result: Opened }
  /** It cannot be followed any more, because it was archived for instance. */
  | { readonly type: "lost"; readonly threadId: string; readonly reason: string }
  /** After a new connection the server has refused to go on with it. */
  | { readonly type: "watchLost"; readonly watchId: string; readonly reason: string };

type Opened = Result<"thread/resume">;
/** A typed handler, its type forgotten; the method it is registered for guarantees the params. */
type QuestionHandler = (params: never, call: never) => unknown;
/** `signal` aborts when the answer is not wanted any more. */
type OtherHandler = (question: AnyQuestion, signal: AbortSignal) => unknown;

/** Their answers say where the log of a thread begins. */
const OPENING: ReadonlySet<string> = new Set(["thread/start", "thread/resume", "thread/fork"]);
/** The server tells nothing more of a thread after these. */
const ENDING: ReadonlySet<string> = new Set(["thread/closed", "thread/archived"]);

/**
 * Invariants: every notification of a followed thread is delivered once and in order, or `gap` is told; every request
 * is settled once. Without the extensions it asks for, events that a server sent meanwhile are lost: `gap` says so.
 */
export class ReconnectingClient {
  readonly #options: ReconnectOptions;
  readonly #inbox = new NotificationInbox();
  readonly #threads: FollowedThreads;
  /** The threads that were opened, with what is said again when they are resumed. */
  readonly #wishes = new Map<string, Wishes>();
  readonly #questions = new OpenQuestions();
  readonly #watches = new KeptWatches();
  readonly #handlers = new Map<string, QuestionHandler>();
  #otherHandler: OtherHandler | null = null;
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #newsListeners = new Set<(news: News) => void>();
  readonly #closing = new AbortController();
  readonly #calls: Calls;
  #state: ConnectionState;
  #client: Client | null = null;
  #serverInfo: Result<"initialize"> | undefined;
  #attempts = 0;
  /** What the last connection was closed with. */
  #code: number | null = null;
  #cancelTimer = () => {};

  private constructor(options: ReconnectOptions) {
    this.#options = options;
    this.#calls = new Calls(options);
    const sinceMs = options.clock.now();
    this.#state = {
      type: "reconnecting",
      sinceMs,
      nextMs: null,
      reason: "not connected yet",
      code: null,
    };
    this.#threads = new FollowedThreads({
      pass: (notification) => this.#pass(notification),
      broken: (threadId) => void this.#resume(threadId),
    });
  }

  /** Connects for the first time; rejects when that does not work, so that a wrong address is told at once. */
  static async connect(options: ReconnectOptions): Promise<ReconnectingClient> {
    const client = new ReconnectingClient(options);
    await client.#open();
    return client;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Requests that wait for a connection. */
  get waitingCount(): number {
    return this.#calls.waitingCount;
  }

  /** What the server said about itself when the last connection began. */
  get serverInfo(): Result<"initialize"> | undefined {
    return this.#serverInfo;
  }

  /** Calls back at every change of the state; returns what stops it. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  /** Calls back with what happens to threads and watches; returns what stops it. */
  onNews(listener: (news: News) => void): () => void {
    this.#newsListeners.add(listener);
    return () => void this.#newsListeners.delete(listener);
  }

  /** Calls `listener` for each notification of a method from now on; returns what removes it. */
  on<M extends NotificationMethod>(
    method: M,
    listener: (params: NotificationParams<M>) => void,
  ): () => void {
    return this.#inbox.on(method, listener);
  }

  /** Calls `listener` with every notification from now on; none is kept for `next` then. Returns what removes it. */
  onAny(listener: (notification: AnyNotification) => void): () => void {
    return this.#inbox.onAny(listener);
  }

  /** The next notification of a method that nobody has taken yet, whatever connections lie between. */
  next<M extends NotificationMethod>(
    method: M,
    matches?: (params: NotificationParams<M>) => boolean,
  ): Promise<NotificationParams<M>>;
  next(method: string, matches: (params: never) => boolean = () => true): Promise<unknown> {
    return this.#inbox.next(method, { matches });
  }

  /** Answers a kind of question; `signal` aborts when the answer is not wanted any more. */
  onRequest<M extends ServerRequestMethod>(
    method: M,
    handler: (
      params: ServerRequestParams<M>,
      call: { readonly id: string; readonly signal: AbortSignal },
    ) => ServerRequestResult<M> | Promise<ServerRequestResult<M>>,
  ): void;
  onRequest(method: string, handler: QuestionHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Answers the questions of kinds that no handler is registered for; it may throw `unsupportedRequest`. */
  onOtherRequest(handler: OtherHandler): void {
    this.#otherHandler = handler;
  }

  /** Calls a method by its name: one that only servers of other versions have. */
  call(
    method: string,
    params: unknown,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    return this.#calls.request(method, params, options.signal);
  }

  /**
   * Calls a method, now or when there is a connection again; rejects with `RpcError` when the server refuses, and with
   * `OutcomeUnknown` when nobody can tell whether it was carried out.
   */
  request<M extends ClientMethod>(
    method: M,
    params: Params<M>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Result<M>>;
  request(
    method: string,
    params: unknown,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    return this.#calls.request(method, params, options.signal);
  }

  /** Ends the connection and comes back no more; requests that wait are rejected. */
  close(reason = "closed by the client"): void {
    if (this.#state.type === "closed") return;
    const error = connectionClosed(reason);
    this.#cancelTimer();
    this.#closing.abort(error);
    this.#calls.close(error);
    this.#client?.close(reason);
    this.#questions.close();
    this.#inbox.close(error);
    this.#setState({ type: "closed", reason, code: this.#code });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #open(): Promise<void> {
    const { connect, client: options, clock } = this.#options;
    const transport = await connect(this.#closing.signal);
    const client = await Client.connect(transport, {
      ...options,
      clock,
      deliver: (notification) => this.#threads.deliver(notification),
      answer: (question) => this.#answer(question),
    });
    if (this.#closing.signal.aborted) return client.close("closed by the client");
    this.#questions.connected();
    this.#client = client;
    this.#serverInfo = client.serverInfo;
    void client.closed.then((reason) => this.#lost(client, reason));
    await Promise.all([
      this.#renewWatches(client),
      ...[...this.#wishes.keys()].map((threadId) => this.#resume(threadId)),
    ]);
    if (this.#client !== client || this.#closing.signal.aborted) return;
    this.#attempts = 0;
    this.#code = null;
    this.#setState({ type: "connected" });
    this.#calls.connected({
      takesKeys: client.serverInfo?.sessionExtensions?.includes("idempotency") ?? false,
      request: (method, params, signal) => this.#request(client, { method, params, signal }),
    });
  }

  #lost(client: Client, reason: string): void {
    if (this.#client !== client || this.#closing.signal.aborted) return;
    this.#client = null;
    this.#code = client.closeCode;
    this.#calls.disconnected();
    this.#threads.holdAll();
    this.#tryLater(reason);
  }

  #tryLater(reason: string): void {
    const { clock, random } = this.#options;
    const sinceMs = this.#state.type === "reconnecting" ? this.#state.sinceMs : clock.now();
    const delayMs = backoffMs(this.#attempts++, random);
    const state = { type: "reconnecting", sinceMs, reason, code: this.#code } as const;
    this.#setState({ ...state, nextMs: clock.now() + delayMs });
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#setState({ ...state, nextMs: null });
      this.#open().catch((error: unknown) => this.#failed(error));
    });
  }

  /** An attempt failed before there was a connection; one that broke later is told by its end. */
  #failed(error: unknown): void {
    if (this.#client !== null || this.#closing.signal.aborted) return;
    const reason = messageOf(error);
    if (this.#options.isFinal?.(error)) this.close(reason);
    else this.#tryLater(reason);
  }

  async #request(
    client: Client,
    call: { method: string; params: unknown; signal: AbortSignal | undefined },
  ): Promise<unknown> {
    const { method, params, signal } = call;
    const send = (): Promise<unknown> => client.call(method, params, signal ? { signal } : {});
    if (method === "thread/unsubscribe") {
      const result = await send();
      this.#forget(Object(params).threadId);
      return result;
    }
    if (!OPENING.has(method)) {
      const result = await send();
      this.#watches.answered(method, params);
      if (method === "turn/start") this.#turnStarted(params);
      return result;
    }
    this.#threads.opening();
    if (method === "thread/resume") this.#threads.hold(Object(params).threadId);
    try {
      const result = await send();
      invariant(isOpened(result), `The answer to ${method} has no thread`);
      const threadId = result.thread.id;
      this.#wishes.set(threadId, wishesOf(params));
      this.#tell({ type: "opened", threadId, result });
      this.#follow(result, null);
      return result;
    } catch (error) {
      if (this.#client === client) this.#threads.notOpened(Object(params).threadId);
      throw error;
    }
  }

  #turnStarted(params: unknown): void {
    const { threadId } = Object(params);
    const wishes = this.#wishes.get(threadId);
    if (wishes) this.#wishes.set(threadId, wishesAfter(wishes, params));
  }

  /** Goes on with a thread where it was left. A failure of the connection is dealt with by its end. */
  async #resume(threadId: string): Promise<void> {
    const client = this.#client;
    const wishes = this.#wishes.get(threadId);
    if (!client || !wishes) return;
    const place = this.#threads.placeOf(threadId);
    this.#threads.hold(threadId);
    this.#threads.opening();
    try {
      const since = place ? { logId: place.logId, afterSeq: place.seq } : {};
      const params = { ...wishes, threadId, ...since };
      const result = await this.#insist(client, () => client.request("thread/resume", params));
      if (this.#client !== client) return;
      if (!this.#wishes.has(threadId)) return this.#threads.notOpened(threadId);
      const replayed = result.replay?.type === "events" ? result.replay.events : null;
      if (replayed === null) {
        this.#questions.forgetEarlier(threadId);
        this.#tell({ type: "gap", threadId, result });
      }
      this.#follow(result, replayed);
    } catch (error) {
      if (!(error instanceof RpcError) || this.#client !== client) return;
      this.#threads.notOpened(threadId);
      this.#forget(threadId);
      this.#tell({ type: "lost", threadId, reason: error.message });
    }
  }

  #renewWatches(client: Client): Promise<void> {
    return this.#watches.renew({
      request: (method, params) => this.#insist(client, () => client.call(method, params)),
      pass: (notification) => this.#pass(notification),
      lost: (watchId, reason) => this.#tell({ type: "watchLost", watchId, reason }),
    });
  }

  /** A server that is too busy did nothing: it is asked again, as long as there is the connection. */
  async #insist<T>(client: Client, send: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#options;
    for (let refusals = 0;; refusals++) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== rpcCodes.overloaded) throw error;
        const delayMs = backoffMs(refusals, random);
        await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
        if (this.#client !== client) throw connectionClosed("the connection was lost");
      }
    }
  }

  #follow(opened: Opened, replayed: readonly AnyNotification[] | null): void {
    const { thread, logId, seq } = opened;
    if (logId === undefined || seq === undefined) this.#threads.notOpened(thread.id);
    else this.#threads.opened(thread.id, { place: { logId, seq }, replayed });
  }

  #forget(threadId: string): void {
    this.#threads.forget(threadId);
    this.#wishes.delete(threadId);
    this.#questions.forget(threadId);
  }

  #pass(notification: AnyNotification): void {
    const { method } = notification;
    const params = Object(notification.params);
    if (method === "serverRequest/resolved") this.#questions.resolved(String(params.requestId));
    if (ENDING.has(method)) this.#forget(params.threadId);
    this.#inbox.deliver(notification);
  }

  #answer(question: AnyQuestion): unknown {
    const { method, params } = question;
    const id = String(question.id);
    const handler = this.#handlers.get(method);
    const other = this.#otherHandler;
    if (!handler && !other) throw unsupportedRequest(method);
    return this.#questions.ask(
      id,
      params,
      async (asked, signal) =>
        handler
          ? await Reflect.apply(handler, undefined, [asked, { id, signal }])
          : await other?.(question, signal),
    );
  }

  #tell(news: News): void {
    for (const listener of this.#newsListeners) listener(news);
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

function isOpened(result: unknown): result is Opened {
  return typeof Object(Object(result).thread).id === "string";
}

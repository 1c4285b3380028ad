/** Brings a request to its handler: look up, parse, gate, ordering; must not know any method. */
import type { KeyedLock } from "../lib/keyed_lock.ts";
import type { IncomingRequest } from "./incoming_request.ts";
import type { RpcError } from "./jsonrpc.ts";

/** What the router reads of a protocol entry: what its requests queue behind. */
export interface RoutedEntry {
  readonly ordering:
    | "concurrent"
    | { readonly global: string }
    | { thread(params: unknown): string };
}

/** Answers one method. It may answer early with `request.reply`. */
export type RouteHandler<C> = (params: unknown, context: C, request: IncomingRequest) => unknown;

/** What a router is made of; entries and handlers may be loaded on first use. */
export interface RouterOptions<C, E extends RoutedEntry> {
  /** Null: there is no such method. */
  find(method: string): E | null | Promise<E | null>;
  /** Throws when the params do not fit. */
  parse(entry: E, params: unknown): unknown;
  /** Throws when the peer may not call it now, for instance before `initialize`. */
  gate(context: C, method: string, entry: E, params: unknown): void;
  handler(method: string): RouteHandler<C> | Promise<RouteHandler<C>>;
  unknownMethod(method: string): RpcError | Promise<RpcError>;
  /** Shared by all connections: requests for one thread come from several. */
  readonly lock: KeyedLock;
  /** Throws what it does not know: a bug. */
  toRpcError(error: unknown): RpcError;
}

/** Dispatches the requests of any number of contexts. */
export interface Router<C> {
  /**
   * Returns the handler's result or a promise of it, and throws or rejects with an `RpcError`, or with a bug.
   * Once the method is loaded, nothing here waits for a promise but the ordering key.
   */
  dispatch(context: C, request: IncomingRequest): unknown;
}

/** Makes a router. */
export function createRouter<C extends object, E extends RoutedEntry>(
  options: RouterOptions<C, E>,
): Router<C> {
  return new LazyRouter(options);
}

type Located<C, E> =
  | { readonly kind: "found"; readonly entry: E; readonly handler: RouteHandler<C> }
  | { readonly kind: "unknown" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A request with what is being loaded for it already. */
interface Arrival<C, E> {
  readonly request: IncomingRequest;
  readonly entry?: E | Promise<E | null>;
  readonly handler?: Promise<RouteHandler<C>>;
}

interface Queued<C, E> {
  readonly request: IncomingRequest;
  readonly located: Promise<Located<C, E>>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Invariant: requests of one context start in the order of their arrival, also while methods load.
 * A context has a lane only while one of its requests waits for a module.
 */
class LazyRouter<C extends object, E extends RoutedEntry> implements Router<C> {
  readonly #options: RouterOptions<C, E>;
  readonly #lanes = new Map<C, Queued<C, E>[]>();

  constructor(options: RouterOptions<C, E>) {
    this.#options = options;
  }

  dispatch(context: C, request: IncomingRequest): unknown {
    const lane = this.#lanes.size > 0 ? this.#lanes.get(context) : undefined;
    if (lane) return this.#enqueue(lane, { request });
    const options = this.#options;
    try {
      const entry = options.find(request.method);
      if (entry instanceof Promise) return this.#openLane(context, { request, entry });
      if (entry === null) return this.#refuse(request.method);
      const handler = options.handler(request.method);
      if (handler instanceof Promise) return this.#openLane(context, { request, entry, handler });
      const result = this.#start({ context, request, entry, handler });
      return result instanceof Promise ? this.#mapped(result) : result;
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #start(call: {
    readonly context: C;
    readonly request: IncomingRequest;
    readonly entry: E;
    readonly handler: RouteHandler<C>;
  }): unknown {
    const { context, request, entry, handler } = call;
    const params = this.#options.parse(entry, request.params);
    this.#options.gate(context, request.method, entry, params);
    const { ordering } = entry;
    if (ordering === "concurrent") return handler(params, context, request);
    const key = "global" in ordering
      ? `global:${ordering.global}`
      : `thread:${ordering.thread(params)}`;
    return this.#options.lock.run(key, () => handler(params, context, request));
  }

  #mapped(result: Promise<unknown>): Promise<unknown> {
    return result.catch((error: unknown) => {
      throw this.#errorOf(error);
    });
  }

  /** A bug may come back out of `toRpcError` as it is: the connection logs and answers it. */
  #errorOf(error: unknown): unknown {
    try {
      return this.#options.toRpcError(error);
    } catch (bug) {
      return bug;
    }
  }

  async #refuse(method: string): Promise<never> {
    throw await this.#options.unknownMethod(method);
  }

  #openLane(context: C, arrival: Arrival<C, E>): Promise<unknown> {
    const lane: Queued<C, E>[] = [];
    this.#lanes.set(context, lane);
    const result = this.#enqueue(lane, arrival);
    void this.#drain(context, lane);
    return result;
  }

  /** Loading begins now, in parallel with what is ahead in the lane. */
  #enqueue(lane: Queued<C, E>[], arrival: Arrival<C, E>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    lane.push({ request: arrival.request, located: this.#locate(arrival), resolve, reject });
    return promise;
  }

  /** Never rejects: nobody may be waiting for it yet. */
  async #locate(arrival: Arrival<C, E>): Promise<Located<C, E>> {
    const { method } = arrival.request;
    try {
      const entry = await (arrival.entry ?? this.#options.find(method));
      if (entry === null) return { kind: "unknown" };
      const handler = await (arrival.handler ?? this.#options.handler(method));
      return { kind: "found", entry, handler };
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  async #drain(context: C, lane: Queued<C, E>[]): Promise<void> {
    // The lane grows while it is drained.
    for (let index = 0; index < lane.length; index++) {
      const queued = lane[index];
      if (!queued) continue;
      this.#startQueued(context, queued, await queued.located);
    }
    this.#lanes.delete(context);
  }

  #startQueued(context: C, queued: Queued<C, E>, located: Located<C, E>): void {
    const { request, resolve, reject } = queued;
    try {
      if (located.kind === "failed") throw located.error;
      if (located.kind === "unknown") return resolve(this.#refuse(request.method));
      const result = this.#start({ context, request, ...located });
      resolve(result instanceof Promise ? this.#mapped(result) : result);
    } catch (error) {
      reject(this.#errorOf(error));
    }
  }
}

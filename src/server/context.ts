/** What a handler gets besides its params; must not know any method. */
import type { ClientMethod, Params, Result } from "../protocol/mod.ts";
import type { IncomingRequest } from "../rpc/connection.ts";
import type { Peer } from "./peer.ts";

/** One request in work. */
export interface RequestContext {
  readonly peer: Peer;
  /** Runs once the response is on its way: what must come after it, comes after it. */
  after(callback: () => void): void;
}

/** Answers one method. */
export type Handler<M extends ClientMethod> = (
  params: Params<M>,
  context: RequestContext,
) => Result<M> | Promise<Result<M>>;

/** A handler for each of the methods; a missing one is a compile error. */
export type Handlers<M extends ClientMethod> = { readonly [K in M]: Handler<K> };

/** The context of one request, with what runs after its response. */
export class RequestScope implements RequestContext {
  readonly peer: Peer;
  #callbacks: (() => void)[] | null = null;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  after(callback: () => void): void {
    (this.#callbacks ??= []).push(callback);
  }

  /** Sends the response when something waits for it; returns it otherwise, to be sent by the connection. */
  finish(request: IncomingRequest, result: unknown): unknown {
    if (!this.#callbacks) return result;
    request.reply(result);
    for (const callback of this.#callbacks) callback();
    return result;
  }
}

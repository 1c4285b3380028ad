/** What a handler gets besides its params; must not know any method. */
import type { Receipt } from "../agent/receipts.ts";
import type { ClientMethod, Params, Result } from "../protocol/mod.ts";
import type { IncomingRequest } from "../rpc/incoming_request.ts";
import type { EncodedJson } from "../rpc/jsonrpc.ts";
import type { Peer } from "./peer.ts";

/** One request in work. */
export interface RequestContext {
  readonly peer: Peer;
  /** To be stored with the effect, for requests that put input into a thread and may come again. */
  readonly receipt: Receipt | null;
  /** Runs once the response is on its way: what must come after it, comes after it. */
  after(callback: () => void): void;
  /** Sends the response now, so that no event that follows a snapshot can overtake it; returns it. */
  respond<T>(result: T): T;
}

/** Answers one method; what is long is best encoded already. */
export type Handler<M extends ClientMethod> = (
  params: Params<M>,
  context: RequestContext,
) => Answer<M> | Promise<Answer<M>>;

type Answer<M extends ClientMethod> = Result<M> | EncodedJson;

/** A handler for each of the methods; a missing one is a compile error. */
export type Handlers<M extends ClientMethod> = { readonly [K in M]: Handler<K> };

/** The context of a request that came over a connection. */
export class RequestScope implements RequestContext {
  readonly peer: Peer;
  readonly receipt = null;
  readonly #request: IncomingRequest;

  constructor(peer: Peer, request: IncomingRequest) {
    this.peer = peer;
    this.#request = request;
  }

  after(callback: () => void): void {
    this.#request.after(callback);
  }

  respond<T>(result: T): T {
    this.#request.reply(result);
    return result;
  }
}

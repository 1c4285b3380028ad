/** Decides about each request to a listener: an answer, or a way in; must not know sockets or how a request was parsed. */
import type { Logger } from "../../lib/log.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { answerHttp, FORBIDDEN, type HttpAnswer, plainText, refuseBrowser } from "../http.ts";
import type { RequestHead } from "../http.ts";
import { isOwnHost } from "./address.ts";
import { ConnectionCount, type ConnectionLimits, type Slot } from "./connection_count.ts";

/** Who has been let in. */
export interface ListenClient {
  /** Whose client it is: from its token, its certificate or its user id; `local` where nobody asks. */
  readonly principal: string;
  /** Unix milliseconds after which its token is worth nothing; null for never. */
  readonly expiresAtMs: number | null;
  /** Its IP address without port; empty on a unix socket. */
  readonly address: string;
}

/** What is known of a client besides what it sends. */
export interface Arrival {
  /** Its IP address without port; empty on a unix socket. */
  readonly address: string;
  /** Whom the connection itself proves it to be, or null. */
  readonly proven: string | null;
  /** The values of all `Authorization` headers. */
  readonly authorization: readonly string[];
}

/** What becomes of a request. */
export type GateDecision =
  | { readonly type: "answered"; readonly answer: HttpAnswer }
  | { readonly type: "admitted"; readonly client: ListenClient; readonly slot: Slot };

/** What a gate goes by. */
export interface GateOptions {
  /** Asks for a token; absent where none is needed. */
  readonly authorizer?: Authorizer | undefined;
  /** Clients prove who they are by the connection itself, and browsers cannot. */
  readonly isProven: boolean;
  /** Names besides addresses and `localhost` that clients may call this machine. */
  readonly allowedHosts: readonly string[];
  readonly limits: ConnectionLimits;
  readonly log: Logger;
}

/** Whose client it is where nothing is asked: whoever can reach the listener is trusted. */
const NOBODY_ASKED = "local";

/** The way into one listener. */
export class Gate {
  readonly #options: GateOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #connections: ConnectionCount;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#hosts = new Set(options.allowedHosts.map((name) => name.toLowerCase()));
    this.#connections = new ConnectionCount(options.limits);
  }

  get connectionCount(): number {
    return this.#connections.total;
  }

  /** What to answer before any token is looked at; null when the request asks to be let in. */
  answer(head: RequestHead): HttpAnswer | null {
    return refuseBrowser(head) ?? this.#refuseForeignHost(head) ?? answerHttp(head);
  }

  async decide(head: RequestHead, arrival: Arrival): Promise<GateDecision> {
    const answer = this.answer(head);
    if (answer) return { type: "answered", answer };
    // First, so that a crowd costs no work on tokens.
    const slot = this.#connections.take(arrival.address);
    if ("refusal" in slot) return this.#full(slot.refusal, arrival);
    try {
      const { authorizer } = this.#options;
      const admission = await authorizer?.authorize(arrival);
      if (admission?.type === "refused") {
        slot.release();
        return this.#refused(admission, arrival);
      }
      const { principal = arrival.proven ?? NOBODY_ASKED, expiresAtMs = null } = admission ?? {};
      return { type: "admitted", slot, client: { principal, expiresAtMs, ...only(arrival) } };
    } catch (error) {
      slot.release();
      throw error;
    }
  }

  /** A token is a better proof than a name, and only who has one need not be in the list. */
  #refuseForeignHost(head: RequestHead): HttpAnswer | null {
    const { authorizer, isProven } = this.#options;
    if (authorizer || isProven || isOwnHost(head.header("host"), this.#hosts)) return null;
    return FORBIDDEN;
  }

  #full(text: string, { address }: Arrival): GateDecision {
    this.#options.log.warn?.("Refused a connection", { reason: "tooManyConnections", address });
    return { type: "answered", answer: plainText(503, text) };
  }

  #refused(
    { status, text, reason, isLogged }: {
      readonly status: number;
      readonly text: string;
      readonly reason: string;
      readonly isLogged: boolean;
    },
    { address }: Arrival,
  ): GateDecision {
    if (isLogged) this.#options.log.warn?.("Refused a connection", { reason, address });
    return { type: "answered", answer: plainText(status, text) };
  }
}

function only({ address }: Arrival): Pick<ListenClient, "address"> {
  return { address };
}

/** One notification on its way to any number of peers, encoded at most once in each form; must not know why it is sent. */
import { DeltaMessage, isDelta } from "./delta_message.ts";
import {
  encodeEvent,
  type EventNumber,
  type FeedEvent,
  paramsIn,
  withNumber,
} from "./event_text.ts";
import type { Peer } from "./peer.ts";

/** Invariant: a form that nobody gets is never made. */
export class OutgoingEvent {
  readonly #event: FeedEvent;
  readonly #isDroppable: boolean;
  readonly #number: EventNumber | null;
  /** Plain, numbered, and both again with what clients know of each other. */
  readonly #forms: (string | DeltaMessage | undefined)[] = [];

  constructor(
    event: FeedEvent,
    options: { readonly isDroppable: boolean; readonly number: EventNumber | null },
  ) {
    this.#event = event;
    this.#isDroppable = options.isDroppable;
    this.#number = options.number;
  }

  /** Sends it in the form that the peer gets; `isSubscribed`: it follows the thread that numbers the event. */
  sendTo(peer: Peer, { isSubscribed }: { readonly isSubscribed: boolean }): void {
    if (!peer.wants(this.#event.method)) return;
    const isNumbered = this.#number !== null && isSubscribed && peer.has("numberedEvents");
    const knowsClients = this.#event.clientMembers !== undefined && peer.has("clients");
    const index = (isNumbered ? 1 : 0) + (knowsClients ? 2 : 0);
    const form = this.#forms[index] ??= this.#encode({ isNumbered, knowsClients });
    if (typeof form === "string") peer.sendText(form);
    else peer.sendText(form.text, form);
  }

  #encode(form: { isNumbered: boolean; knowsClients: boolean }): string | DeltaMessage {
    const { method } = this.#event;
    const params = paramsIn(form, this.#event);
    const number = form.isNumbered ? this.#number : null;
    const text = this.#text(params, number);
    return this.#isDroppable && isDelta(params)
      ? new DeltaMessage(method, params, { number, text })
      : text;
  }

  #text(params: FeedEvent["params"], number: EventNumber | null): string {
    const [plain] = this.#forms;
    if (plain === undefined || !number || params !== this.#event.params) {
      return encodeEvent({ method: this.#event.method, params }, number);
    }
    return withNumber(typeof plain === "string" ? plain : plain.text, number);
  }
}

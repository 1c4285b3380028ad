/** Deltas that an outbox may merge; must not know who gets them. */
import { invariant } from "../lib/errors.ts";
import type { SendOptions } from "../rpc/connection.ts";
import type { Droppable, GrowingMessage } from "../rpc/droppable.ts";
import { encodeEvent, type EventNumber, type EventParams } from "./event_text.ts";

type DeltaParams = EventParams & { readonly delta: string };

/** True for the params of a delta. */
export function isDelta(params: EventParams): params is DeltaParams {
  return typeof params.delta === "string";
}

/** One delta in one form, the same object for all peers that get this form. */
export class DeltaMessage implements Droppable, SendOptions {
  readonly method: string;
  readonly params: DeltaParams;
  readonly number: EventNumber | null;
  readonly text: string;

  constructor(
    method: string,
    params: DeltaParams,
    form: { readonly number: EventNumber | null; readonly text: string },
  ) {
    this.method = method;
    this.params = params;
    this.number = form.number;
    this.text = form.text;
  }

  get mergeable(): Droppable {
    return this;
  }

  get key(): string {
    const { threadId, turnId, itemId, summaryIndex, contentIndex } = this.params;
    const stream = [this.method, threadId, turnId, itemId, summaryIndex, contentIndex];
    return [...stream, this.number === null ? "plain" : "numbered"].join(" ");
  }

  /** Threads know nothing of each other, and each has numbers of its own. */
  get scope(): string {
    const { threadId } = this.params;
    return typeof threadId === "string" ? threadId : "";
  }

  grow(): GrowingMessage {
    return new GrowingDelta(this);
  }
}

/** Deltas of one stream as one. Their texts are joined when it is sent, so that each costs the same at any length. */
class GrowingDelta implements GrowingMessage {
  readonly key: string;
  readonly #first: DeltaMessage;
  readonly #deltas: string[];
  #last: DeltaMessage;
  #chars: number;

  constructor(first: DeltaMessage) {
    this.key = first.key;
    this.#first = first;
    this.#deltas = [first.params.delta];
    this.#last = first;
    this.#chars = first.text.length;
  }

  get chars(): number {
    return this.#chars;
  }

  append(next: Droppable): void {
    const fits = next instanceof DeltaMessage && next.key === this.key;
    invariant(fits, "Only deltas of one stream can be merged");
    this.#deltas.push(next.params.delta);
    this.#chars += next.params.delta.length;
    this.#last = next;
  }

  get text(): string {
    const { method, params, number } = this.#first;
    if (this.#last === this.#first) return this.#first.text;
    const merged = { ...params, delta: this.#deltas.join("") };
    if (!number) return encodeEvent({ method, params: merged });
    return encodeEvent({ method, params: { ...merged, seqFrom: number.seq } }, this.#last.number);
  }
}

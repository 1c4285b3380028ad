/** Watches that the numbered events of a thread come once and in order; must not know what they say. */
import type { AnyNotification } from "../src/client/inbox.ts";

/** The place of a client in the log of one thread. */
export class EventOrder {
  #logId: string | undefined;
  #seq = 0;

  /** The number of the last event. */
  get seq(): number {
    return this.#seq;
  }

  /** Begins where the thread was opened. */
  opened(
    { logId, seq = 0 }: { readonly logId?: string | undefined; readonly seq?: number | undefined },
  ): void {
    this.#logId = logId;
    this.#seq = seq;
  }

  /** Takes the next event, which has a number; what is wrong with it, or null. */
  problemWith({ method, params }: AnyNotification): string | null {
    const { seq, seqFrom = seq, logId } = Object(params);
    const isNext = logId === this.#logId && seqFrom === this.#seq + 1;
    const place = `${this.#logId}:${this.#seq}`;
    this.#seq = seq;
    return isNext ? null : `${method} ${logId}:${seqFrom}-${seq} came after ${place}`;
  }
}

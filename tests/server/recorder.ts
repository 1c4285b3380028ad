/** Reads the notifications of a client in order, one stretch after the other; must not assert anything. */
import type { Client, Notification } from "../../src/client/client.ts";
import type { NotificationMethod, NotificationParams } from "../../src/protocol/mod.ts";
import { text } from "../support/server.ts";

/** A reader of everything that one client is told. Where it is used, `client.next` finds nothing. */
export class Recorder {
  readonly #client: Client;
  readonly #iterator: AsyncIterator<Notification>;

  constructor(client: Client) {
    this.#client = client;
    this.#iterator = client.notifications()[Symbol.asyncIterator]();
  }

  /** Everything from here up to the next notification of this method, which is the last. */
  async until<M extends NotificationMethod>(
    method: M,
    matches: (params: NotificationParams<M>) => boolean = () => true,
  ): Promise<Notification[]> {
    const events: Notification[] = [];
    for (;;) {
      const next = await this.#iterator.next();
      if (next.done) throw new Error(`The connection closed before ${method} came`);
      events.push(next.value);
      const [params] = paramsOf([next.value], method);
      if (params !== undefined && matches(params)) return events;
    }
  }

  /** Starts a turn and reads to its end. */
  async turn(threadId: string, words: string): Promise<Notification[]> {
    const { turn } = await this.#client.request("turn/start", { threadId, input: text(words) });
    return await this.until("turn/completed", (params) => params.turn.id === turn.id);
  }
}

/** The params of the notifications of one method. */
export function paramsOf<M extends NotificationMethod>(
  events: readonly Notification[],
  method: M,
): NotificationParams<M>[];
export function paramsOf(events: readonly Notification[], method: string): unknown[] {
  return events.filter((event) => event.method === method).map((event) => event.params);
}

/** The items that were completed, of one type. */
export function completedItems<T extends Item["type"]>(
  events: readonly Notification[],
  type: T,
): Extract<Item, { type: T }>[] {
  const items = paramsOf(events, "item/completed").map(({ item }) => item);
  return items.filter((item): item is Extract<Item, { type: T }> => item.type === type);
}

type Item = NotificationParams<"item/completed">["item"];

/** The outline of the beginning of every turn. */
export const OPENED: readonly string[] = [
  "status active",
  "turn/started",
  "item/started userMessage",
  "item/completed userMessage",
];
/** The outline of the end of a turn whose last word is a message of the model. */
export const ANSWERED: readonly string[] = [
  "item/started agentMessage",
  "item/completed agentMessage",
  "status idle",
  "turn/completed completed",
];

/** One line for each event but deltas and usage, with what matters of it for the order. */
export function outline(events: readonly Notification[]): string[] {
  return events.flatMap((event) => {
    switch (event.method) {
      case "item/started":
      case "item/completed":
        return [`${event.method} ${event.params.item.type}`];
      case "thread/status/changed":
        return [`status ${event.params.status.type}`];
      case "turn/completed":
        return [`${event.method} ${event.params.turn.status}`];
      case "error":
        return [event.params.willRetry ? event.params.error.message : "error"];
      case "turn/started":
      case "turn/diff/updated":
      case "turn/plan/updated":
        return [event.method];
      default:
        return [];
    }
  });
}

/** What one client knows of one thread, made from what it was told alone; must not know connections. */
import type { AnyNotification } from "../../src/client/inbox.ts";
import type { Result } from "../../src/protocol/mod.ts";
import { EventOrder } from "../event_order.ts";
import type { Ledger } from "./ledger.ts";

type Opened = Result<"thread/resume">;
type Turn = Opened["thread"]["turns"][number];
type Item = Turn["items"][number];

interface KnownTurn {
  status: Turn["status"];
  readonly items: Map<string, Item>;
}

/** Invariant that it watches: numbers have no hole and no repetition, and deltas add up to their item. */
export class Picture {
  readonly threadId: string;
  readonly #ledger: Ledger;
  readonly #turns = new Map<string, KnownTurn>();
  readonly #waiters = new Map<string, PromiseWithResolvers<Turn["status"]>>();
  readonly #order = new EventOrder();

  constructor(threadId: string, ledger: Ledger) {
    this.threadId = threadId;
    this.#ledger = ledger;
  }

  /** The thread as it is: all that was known before does not count any more. */
  opened(opened: Opened): void {
    this.#turns.clear();
    this.#order.opened(opened);
    for (const turn of opened.thread.turns) {
      this.#turns.set(turn.id, {
        status: turn.status,
        items: new Map(turn.items.map((item) => [item.id, item])),
      });
    }
    for (const turnId of [...this.#waiters.keys()]) this.#settle(turnId);
  }

  /** An event of this thread. */
  event(event: AnyNotification): void {
    const { method, params } = event;
    const { seq, logId, turn, turnId, item, itemId, delta } = Object(params);
    if (seq === undefined) return;
    const problem = this.#order.problemWith(event);
    if (problem !== null) this.#ledger.problem(problem);
    if (typeof delta !== "string") {
      this.#ledger.saw(this.threadId, `${logId}:${seq}`, `${method} ${JSON.stringify(params)}`);
    }
    if (method === "turn/started") this.#turn(turn.id).status = turn.status;
    if (method === "turn/completed") {
      this.#turn(turn.id).status = turn.status;
      this.#settle(turn.id);
    }
    if (method === "item/started") this.#turn(turnId).items.set(item.id, item);
    if (method === "item/agentMessage/delta") this.#more(turnId, itemId, delta);
    if (method === "item/completed") this.#completed(turnId, item);
  }

  /** Resolves when a turn is over, whether that was seen or read. */
  over(turnId: string): Promise<Turn["status"]> {
    const waiter = this.#waiters.get(turnId) ?? Promise.withResolvers();
    this.#waiters.set(turnId, waiter);
    this.#settle(turnId);
    return waiter.promise;
  }

  itemsOf(turnId: string): readonly Item[] {
    return [...this.#turns.get(turnId)?.items.values() ?? []];
  }

  /** Compares with what the server says, when nothing happens in the thread. */
  compare(turns: readonly Turn[]): void {
    const [seen, true_] = [this.#lines(), turns.map((turn) => lineOf(turn.id, turn))];
    for (let index = 0; index < Math.max(seen.length, true_.length); index++) {
      if (seen[index] === true_[index]) continue;
      this.#ledger.problem(
        `A client and the server differ about ${this.threadId}, turn ${index}:\n` +
          `  client: ${seen[index]}\n  server: ${true_[index]}`,
      );
    }
  }

  #lines(): string[] {
    return [...this.#turns].map(([id, { status, items }]) =>
      lineOf(id, { status, items: [...items.values()] })
    );
  }

  #turn(turnId: string): KnownTurn {
    const known = this.#turns.get(turnId) ?? { status: "inProgress", items: new Map() };
    this.#turns.set(turnId, known);
    return known;
  }

  #more(turnId: string, itemId: string, delta: string): void {
    const { items } = this.#turn(turnId);
    const item = items.get(itemId);
    if (item?.type === "agentMessage") items.set(itemId, { ...item, text: item.text + delta });
    else this.#ledger.problem(`A delta came for ${itemId}, which is no message that has begun`);
  }

  #completed(turnId: string, item: Item): void {
    const { items } = this.#turn(turnId);
    const known = items.get(item.id);
    items.set(item.id, item);
    if (item.type !== "agentMessage" || known?.type !== "agentMessage") return;
    if (known.text === item.text) return;
    this.#ledger.problem(
      `The deltas of ${item.id} do not add up to its text:\n  ${known.text}\n  ${item.text}`,
    );
  }

  #settle(turnId: string): void {
    const status = this.#turns.get(turnId)?.status;
    if (status === undefined || status === "inProgress") return;
    this.#waiters.get(turnId)?.resolve(status);
    this.#waiters.delete(turnId);
  }
}

function lineOf(
  id: string,
  { status, items }: { readonly status: string; readonly items: readonly Item[] },
): string {
  return `${id} ${status} ${JSON.stringify(items)}`;
}

/** What a client was told of one thread, which must have neither a hole nor a repetition; must not know connections. */
import type { AnyNotification } from "../../src/client/inbox.ts";
import { EventOrder } from "../event_order.ts";
import type { Result } from "../../src/protocol/mod.ts";

type Opened = Result<"thread/resume">;
type Item = Opened["thread"]["turns"][number]["items"][number];

/** The events of a thread from its opening on, and what is wrong with them. */
export class Transcript {
  /** Sentences; empty as long as each event came once and in order. */
  readonly problems: string[] = [];
  readonly #items = new Map<string, Item>();
  readonly #outputs = new Map<string, string>();
  readonly #order = new EventOrder();

  /** The number of the last event. */
  get seq(): number {
    return this.#order.seq;
  }

  /** Begins with the thread as it was opened. */
  opened(opened: Pick<Opened, "logId" | "seq">): void {
    if (opened.logId === undefined) this.problems.push("The server does not number its events");
    this.#order.opened(opened);
  }

  /** Takes the next event; what belongs to no thread has no number and is passed over. */
  take(event: AnyNotification): void {
    const { method, params } = event;
    const { seq, item, itemId, delta } = Object(params);
    if (seq === undefined) return;
    const problem = this.#order.problemWith(event);
    if (problem !== null) this.problems.push(problem);
    if (method === "item/commandExecution/outputDelta") {
      this.#outputs.set(itemId, this.outputOf(itemId) + delta);
    }
    if (method === "item/completed") this.#items.set(item.id, item);
  }

  /** What a command has written, put together from its pieces. */
  outputOf(itemId: string): string {
    return this.#outputs.get(itemId) ?? "";
  }

  /** Says where what was told differs from what the server has stored, and pieces from the whole; adds to `problems`. */
  compare(stored: readonly Item[]): void {
    const [seen, kept] = [[...this.#items.values()], stored].map((items) => items.map(lineOf));
    if (JSON.stringify(seen) !== JSON.stringify(kept)) {
      this.problems.push(`The client has seen ${seen}, and the server has stored ${kept}`);
    }
    for (const item of this.#items.values()) {
      if (item.type !== "commandExecution") continue;
      const [pieces, whole] = [this.outputOf(item.id), item.aggregatedOutput ?? ""];
      if (pieces !== whole) {
        this.problems.push(`The pieces of ${item.command} are ${pieces}, the whole is ${whole}`);
      }
    }
  }
}

/** As much of an item as a user sees of it. */
function lineOf(item: Item): string {
  if (item.type === "agentMessage") return JSON.stringify([item.id, item.text]);
  if (item.type === "fileChange") return JSON.stringify([item.id, item.changes]);
  if (item.type !== "commandExecution") return JSON.stringify([item.id, item.type]);
  return JSON.stringify([item.id, item.command, item.status, item.aggregatedOutput]);
}

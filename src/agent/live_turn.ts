/** The running turn as a client that joins late must see it; must not know the model or the tools. */
import type { ThreadItem } from "../protocol/item.ts";
import type { Turn, TurnError, TurnStatus } from "../protocol/turn_types.ts";
import type { ThreadEvent } from "./events.ts";

/** What a late reader is shown of one unfinished part at most; the finished item brings the whole. */
const MAX_PARTIAL_CHARS = 1 << 20;

/** Folds item events into the turn; deltas of text are ropes, so a delta costs the same at any length. */
export class LiveTurn {
  readonly id: string;
  readonly startedAtMs: number;
  readonly #items = new Map<string, ThreadItem>();
  /** Texts of items in progress that deltas have brought so far, by item id and part. */
  readonly #partial = new Map<string, string[]>();

  constructor(id: string, startedAtMs: number) {
    this.id = id;
    this.startedAtMs = startedAtMs;
  }

  /** Takes an item event of this turn; other events change nothing here. */
  fold(event: ThreadEvent): void {
    switch (event.type) {
      case "itemStarted":
        this.#items.set(event.item.id, event.item);
        break;
      case "itemCompleted":
        this.#items.set(event.item.id, event.item);
        this.#partial.delete(event.item.id);
        break;
      case "agentMessageDelta":
      case "commandOutputDelta":
        this.#grow(event.itemId, { part: 0, delta: event.delta });
        break;
      case "reasoningSummaryDelta":
        this.#grow(event.itemId, { part: event.summaryIndex, delta: event.delta });
        break;
    }
  }

  #grow(itemId: string, { part, delta }: { part: number; delta: string }): void {
    let parts = this.#partial.get(itemId);
    if (!parts) this.#partial.set(itemId, parts = []);
    const text = parts[part] ?? "";
    if (text.length < MAX_PARTIAL_CHARS) parts[part] = text + delta;
  }

  /** The turn with its items as far as they have come. */
  snapshot(): Turn {
    return this.#turn("inProgress", { error: null, completedAtMs: null, items: this.#itemsNow() });
  }

  /** The finished turn, with its items, for later readers. */
  finish(status: TurnStatus, details: { error: TurnError | null; completedAtMs: number }): Turn {
    return this.#turn(status, { ...details, items: this.#itemsNow() });
  }

  /** From its start to that time; the clock may have been put back meanwhile. */
  durationMs(completedAtMs: number): number {
    return Math.max(0, completedAtMs - this.startedAtMs);
  }

  #itemsNow(): ThreadItem[] {
    return [...this.#items.values()].map((item) => withPartial(item, this.#partial.get(item.id)));
  }

  #turn(
    status: TurnStatus,
    rest: { error: TurnError | null; completedAtMs: number | null; items: ThreadItem[] },
  ): Turn {
    const { completedAtMs } = rest;
    return {
      id: this.id,
      rootTurnId: this.id,
      items: rest.items,
      itemsView: "full",
      status,
      error: rest.error,
      startedAt: Math.floor(this.startedAtMs / 1000),
      completedAt: completedAtMs === null ? null : Math.floor(completedAtMs / 1000),
      durationMs: completedAtMs === null ? null : this.durationMs(completedAtMs),
    };
  }
}

function withPartial(item: ThreadItem, parts: string[] | undefined): ThreadItem {
  if (parts === undefined) return item;
  const text = parts[0] ?? "";
  switch (item.type) {
    case "agentMessage":
      return { ...item, text };
    case "commandExecution":
      return { ...item, aggregatedOutput: text };
    case "reasoning":
      return { ...item, summary: Array.from(parts, (part) => part ?? "") };
    default:
      return item;
  }
}

/** Puts an item that ended late into the finished turn that it belongs to. */
export function replaceItem(
  turns: Turn[],
  { turnId, item }: { readonly turnId: string; readonly item: ThreadItem },
): void {
  const index = turns.findLastIndex((turn) => turn.id === turnId);
  const turn = turns[index];
  if (!turn) return;
  const items = turn.items.map((known) => known.id === item.id ? item : known);
  turns[index] = { ...turn, items };
}

/** The same turn without its items, as turn notifications carry it. */
export function withoutItems(turn: Turn): Turn {
  return { ...turn, items: [], itemsView: "notLoaded" };
}

/** A turn as `turn/start` returns it: accepted, not started yet. */
export function acknowledgedTurn(id: string): Turn {
  return {
    id,
    rootTurnId: id,
    items: [],
    itemsView: "notLoaded",
    status: "inProgress",
    error: null,
    startedAt: null,
    completedAt: null,
    durationMs: null,
  };
}

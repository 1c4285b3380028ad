/** Folds the records of a rollout into the turns that clients see; pure, must not know files or the model's context. */
import type { ThreadItem } from "../protocol/item.ts";
import type { ThreadTokenUsage, TokenUsage, Turn } from "../protocol/turn_types.ts";
import { errorInfoFromRollout } from "./error_info.ts";
import { type Fields, fieldsOf, numberOf, textOf } from "./fields.ts";
import { nameOfEvent, parseSessionMeta, previewOfEvent, type RolloutMeta } from "./rollout_meta.ts";
import type { RolloutRecord } from "./rollout_reader.ts";
import { agentMessageItem, completedItem, userMessageItem } from "./rollout_text_items.ts";
import { commandItem, fileChangeItem, webSearchItem } from "./rollout_tool_items.ts";

/** Record types that the projection needs; others need not be parsed for it. */
export const TURN_RECORD_TYPES: ReadonlySet<string> = new Set([
  "session_meta",
  "event_msg",
  "turn_context",
  "compacted",
]);

/** What the last turn ran with. */
export interface LastTurnContext {
  readonly cwd: string | null;
  readonly model: string | null;
  readonly approvalPolicy: string | null;
  readonly reasoningEffort: string | null;
}

/** Everything that clients see of a stored thread. */
export interface ThreadReplay {
  readonly meta: RolloutMeta | null;
  readonly turns: Turn[];
  /** Null until there is a user message: such a thread is not listed. */
  readonly preview: string | null;
  readonly name: string | null;
  readonly tokenUsage: ThreadTokenUsage | null;
  readonly lastContext: LastTurnContext | null;
}

/** Folds all records at once. */
export function projectTurns(records: readonly RolloutRecord[]): ThreadReplay {
  const projection = new TurnsProjection();
  projection.addAll(records);
  return projection.finish();
}

interface TurnDraft {
  readonly turn: Turn;
  /** Opened by `task_started`: only such a turn can be without items, and unfinished. */
  readonly isExplicit: boolean;
  hasCompaction: boolean;
  readonly positionById: Map<string, number>;
}

/**
 * The rules are those of 0.120, which 0.169 shares:
 * - a turn is opened by `task_started`, or by the first event outside one (files of old or foreign writers);
 * - a user message outside an explicit turn closes the turn before it;
 * - texts get the ids `item-1`, `item-2`, ...; items of tools keep their call id, and a second one replaces the first;
 * - an aborted turn stays open until the next one starts; a turn that never ended reads as interrupted.
 */
export class TurnsProjection {
  #meta: RolloutMeta | null = null;
  #turns: TurnDraft[] = [];
  #current: TurnDraft | null = null;
  /** Closed turns and the current one; a late event finds its turn in a file of any length. */
  #draftById = new Map<string, TurnDraft>();
  #nextItem = 1;
  #preview: string | null = null;
  #name: string | null = null;
  #tokenUsage: ThreadTokenUsage | null = null;
  #lastContext: LastTurnContext | null = null;

  /** Folds a batch of records. */
  addAll(records: readonly RolloutRecord[]): void {
    for (const record of records) this.add(record);
  }

  /** Folds one record. */
  add(record: RolloutRecord): void {
    const payload = fieldsOf(record.payload);
    if (!payload) return;
    switch (record.type) {
      case "session_meta":
        // A fork copies its source's: the first one is its own.
        this.#meta ??= parseSessionMeta(payload);
        return;
      case "turn_context":
        this.#lastContext = turnContext(payload);
        return;
      case "compacted":
        this.#ensureTurn(record).hasCompaction = true;
        return;
      case "event_msg":
        this.#preview ??= previewOfEvent(payload);
        this.#addEvent(payload, record);
    }
  }

  /** The turn that a next record would join, or null. */
  get openTurnId(): string | null {
    return this.#current?.turn.id ?? null;
  }

  /** The result so far; records may still be added afterwards. */
  finish(): ThreadReplay {
    const drafts = this.#current && isVisible(this.#current)
      ? [...this.#turns, this.#current]
      : this.#turns;
    const turns = drafts.map(({ turn }): Turn =>
      turn.status === "inProgress" ? { ...turn, status: "interrupted" } : turn
    );
    return {
      meta: this.#meta,
      turns,
      preview: this.#preview,
      name: this.#name,
      tokenUsage: this.#tokenUsage,
      lastContext: this.#lastContext,
    };
  }

  #addEvent(event: Fields, record: RolloutRecord): void {
    switch (event.type) {
      case "task_started":
      case "turn_started":
        return this.#startTurn(event, record);
      case "task_complete":
      case "turn_complete":
        return this.#completeTurn(event);
      case "turn_aborted":
        return this.#abortTurn(event);
      case "error":
        return this.#failTurn(event);
      case "thread_rolled_back":
        return this.#rollBack(numberOf(event, "num_turns") ?? 0);
      case "token_count":
        this.#tokenUsage = threadTokenUsage(fieldsOf(event.info)) ?? this.#tokenUsage;
        return;
      case "thread_name_updated":
        this.#name = nameOfEvent(event) ?? null;
        return;
      default:
        this.#addItemEvent(event, record);
    }
  }

  #addItemEvent(event: Fields, record: RolloutRecord): void {
    const callId = textOf(event, "call_id");
    switch (event.type) {
      case "user_message":
        this.#closeImplicitTurn();
        return this.#addItem(record, userMessageItem(event, this.#itemId()));
      case "agent_message":
        if (!textOf(event, "message")) return;
        return this.#addItem(record, agentMessageItem(event, this.#itemId()));
      case "agent_reasoning":
        return this.#addReasoning(record, "summary", textOf(event, "text"));
      case "agent_reasoning_raw_content":
        return this.#addReasoning(record, "content", textOf(event, "text"));
      case "context_compacted":
        return this.#addItem(record, { type: "contextCompaction", id: this.#itemId() });
      case "exec_command_end":
        if (callId !== null) this.#placeItem(record, event, commandItem(event, callId));
        return;
      case "patch_apply_end":
        if (callId !== null) this.#placeItem(record, event, fileChangeItem(event, callId));
        return;
      case "web_search_end":
        if (callId !== null) this.#placeItem(record, event, webSearchItem(event, callId));
        return;
      case "view_image_tool_call": {
        const path = textOf(event, "path") ?? "";
        if (callId !== null) {
          this.#placeItem(record, event, { type: "imageView", id: callId, path });
        }
        return;
      }
      case "item_completed": {
        const item = completedItem(fieldsOf(event.item) ?? {});
        if (item) this.#placeItem(record, event, item);
      }
    }
  }

  #startTurn(event: Fields, record: RolloutRecord): void {
    this.#closeTurn();
    const id = textOf(event, "turn_id") ?? generatedTurnId(record);
    this.#openTurn(id, true).turn.startedAt = numberOf(event, "started_at");
  }

  #completeTurn(event: Fields): void {
    const draft = this.#draftOf(event) ?? this.#current;
    if (!draft) return;
    if (draft.turn.status === "inProgress") draft.turn.status = "completed";
    setEnd(draft.turn, event);
    if (draft === this.#current) this.#closeTurn();
  }

  #abortTurn(event: Fields): void {
    const draft = this.#draftOf(event) ?? this.#current;
    if (!draft) return;
    draft.turn.status = "interrupted";
    setEnd(draft.turn, event);
  }

  #failTurn(event: Fields): void {
    // Answers to a refused rollback or a late steer are recorded too, but the turn goes on.
    const info = event.codex_error_info;
    if (!this.#current || info === "thread_rollback_failed" || isSteerFailure(info)) return;
    this.#current.turn.status = "failed";
    this.#current.turn.error = {
      message: textOf(event, "message") ?? "",
      codexErrorInfo: errorInfoFromRollout(info),
      additionalDetails: textOf(event, "additional_details"),
    };
  }

  #rollBack(turnCount: number): void {
    this.#closeTurn();
    if (turnCount < 1) return;
    const removed = this.#turns.splice(Math.max(0, this.#turns.length - Math.trunc(turnCount)));
    for (const { turn } of removed) this.#draftById.delete(turn.id);
    const itemCount = this.#turns.reduce((sum, { turn }) => sum + turn.items.length, 0);
    this.#nextItem = itemCount + 1;
  }

  /** An item that names its turn goes there, even when that turn is over; an unknown turn drops it, as upstream. */
  #placeItem(record: RolloutRecord, event: Fields, item: ThreadItem): void {
    const turnId = textOf(event, "turn_id");
    if (!turnId) return this.#addItem(record, item);
    const draft = this.#draftOf(event);
    if (draft) putItem(draft, item);
  }

  #addItem(record: RolloutRecord, item: ThreadItem): void {
    putItem(this.#ensureTurn(record), item);
  }

  /** Parts of one train of thought follow each other in the events and make one item. */
  #addReasoning(record: RolloutRecord, part: "summary" | "content", text: string | null): void {
    if (!text) return;
    const draft = this.#ensureTurn(record);
    const last = draft.turn.items.at(-1);
    if (last?.type === "reasoning") {
      last[part].push(text);
      return;
    }
    const empty = { type: "reasoning" as const, id: this.#itemId(), summary: [], content: [] };
    putItem(draft, { ...empty, [part]: [text] });
  }

  #draftOf(event: Fields): TurnDraft | null {
    const turnId = textOf(event, "turn_id");
    return turnId ? this.#draftById.get(turnId) ?? null : null;
  }

  #ensureTurn(record: RolloutRecord): TurnDraft {
    return this.#current ?? this.#openTurn(generatedTurnId(record), false);
  }

  #openTurn(id: string, isExplicit: boolean): TurnDraft {
    const draft = newDraft(id, isExplicit);
    this.#current = draft;
    this.#draftById.set(id, draft);
    return draft;
  }

  #closeImplicitTurn(): void {
    const draft = this.#current;
    if (!draft || draft.isExplicit) return;
    if (draft.hasCompaction && draft.turn.items.length === 0) return;
    this.#closeTurn();
  }

  #closeTurn(): void {
    if (this.#current && isVisible(this.#current)) this.#turns.push(this.#current);
    this.#current = null;
  }

  #itemId(): string {
    return `item-${this.#nextItem++}`;
  }
}

/** The same file gives the same ids every time; 0.169 makes them the same way. */
function generatedTurnId(record: RolloutRecord): string {
  return `rollout-${record.index}`;
}

function newDraft(id: string, isExplicit: boolean): TurnDraft {
  const turn: Turn = {
    id,
    items: [],
    status: isExplicit ? "inProgress" : "completed",
    error: null,
    startedAt: null,
    completedAt: null,
    durationMs: null,
  };
  return { turn, isExplicit, hasCompaction: false, positionById: new Map() };
}

function isVisible(draft: TurnDraft): boolean {
  return draft.isExplicit || draft.hasCompaction || draft.turn.items.length > 0;
}

function putItem(draft: TurnDraft, item: ThreadItem): void {
  const { items } = draft.turn;
  const position = draft.positionById.get(item.id);
  if (position !== undefined) {
    items[position] = item;
    return;
  }
  draft.positionById.set(item.id, items.length);
  items.push(item);
}

function setEnd(turn: Turn, event: Fields): void {
  turn.completedAt = numberOf(event, "completed_at");
  turn.durationMs = numberOf(event, "duration_ms");
}

function isSteerFailure(info: unknown): boolean {
  return "active_turn_not_steerable" in (fieldsOf(info) ?? {});
}

function turnContext(payload: Fields): LastTurnContext {
  const settings = fieldsOf(fieldsOf(payload.collaboration_mode)?.settings) ?? {};
  return {
    cwd: textOf(payload, "cwd"),
    model: textOf(payload, "model"),
    approvalPolicy: textOf(payload, "approval_policy"),
    reasoningEffort: textOf(payload, "effort") ?? textOf(settings, "reasoning_effort"),
  };
}

function threadTokenUsage(info: Fields | null): ThreadTokenUsage | null {
  const total = info && tokenUsage(fieldsOf(info.total_token_usage));
  const last = info && tokenUsage(fieldsOf(info.last_token_usage));
  if (!info || !total || !last) return null;
  return { total, last, modelContextWindow: numberOf(info, "model_context_window") };
}

function tokenUsage(usage: Fields | null): TokenUsage | null {
  if (!usage) return null;
  return {
    totalTokens: numberOf(usage, "total_tokens") ?? 0,
    inputTokens: numberOf(usage, "input_tokens") ?? 0,
    cachedInputTokens: numberOf(usage, "cached_input_tokens") ?? 0,
    outputTokens: numberOf(usage, "output_tokens") ?? 0,
    reasoningOutputTokens: numberOf(usage, "reasoning_output_tokens") ?? 0,
  };
}

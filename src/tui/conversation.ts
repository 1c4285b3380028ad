/** The blocks of the open thread, kept up to date by what the server tells; must not know how they are shown. */
import type { Clock } from "../lib/clock.ts";
import type { Turn, TurnStatus } from "../protocol/turn_types.ts";
import type {
  ActionBlock,
  Block,
  BlockList,
  ChangesBlock,
  CommandBlock,
  NoticeBlock,
  PlanBlock,
  ReasoningBlock,
} from "./blocks.ts";
import { BoundedOutput } from "./bounded_output.ts";
import { type Fields, fieldsIn, fieldsOf, listIn, numberIn, textIn } from "./fields.ts";
import { blockOf, changesIn, type ItemBlock, reasoningParts } from "./item_block.ts";
import { planSteps, retryText, turnStatusOf, warningOf } from "./news.ts";

/** Reasoning while it streams. */
interface LiveReasoning {
  readonly summary: string[];
  readonly content: string[];
}

/**
 * Invariants: ids are unique; a block is in `#open` as long as it is not final; what an item says in the end replaces
 * what its deltas said, so nothing is shown twice.
 */
export class Conversation implements BlockList {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #blocks: Block[] = [];
  readonly #byId = new Map<string, Block>();
  readonly #open = new Set<Block>();
  readonly #outputs = new Map<string, BoundedOutput>();
  readonly #reasonings = new Map<string, LiveReasoning>();
  /** Why turns fail that have not ended yet. */
  readonly #errors = new Map<string, string>();
  /** What a person is asked about. */
  #asked: ReadonlySet<string> = new Set();
  #generation = 0;
  /** Warnings that are about no thread. */
  readonly #general: string[] = [];
  /** Numbers the blocks that no item stands behind. */
  #notices = 0;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  get generation(): number {
    return this.#generation;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Shows a loaded thread in the place of everything. */
  load(turns: readonly Turn[]): void {
    this.#reset();
    for (const turn of turns) this.#loadTurn(fieldsOf(turn));
    for (const text of this.#general.splice(0)) this.notice("warning", text);
    this.#tell();
  }

  /** Shows nothing any more. */
  clear(): void {
    this.#reset();
    this.#tell();
  }

  /** Tells which items a person is asked about now, as `turn/item`: they have not begun. */
  setAsked(ids: ReadonlySet<string>): void {
    this.#asked = ids;
    for (const block of this.#open) {
      if (!isAskable(block)) continue;
      const isAsked = ids.has(block.id);
      if (isAsked === (block.isAsked ?? false)) continue;
      block.isAsked = isAsked;
      if (!isAsked && block.type === "command") block.startedMs = this.#clock.now();
      this.#changed(block);
    }
  }

  /** Says something on behalf of the interface. */
  notice(level: NoticeBlock["level"], text: string): void {
    const id = `notice/${this.#notices++}`;
    this.#put({ id, type: "notice", turnId: null, revision: 1, isFinal: true, level, text });
  }

  /** Takes what the server tells about the thread; what concerns no block is passed over. */
  apply({ method, params }: { readonly method: string; readonly params: unknown }): void {
    const news = fieldsOf(params);
    switch (method) {
      case "item/started":
        return this.#item(news, false);
      case "item/completed":
        return this.#item(news, true);
      case "item/agentMessage/delta":
      case "item/plan/delta":
        return this.#messageDelta(news);
      case "item/reasoning/summaryPartAdded":
      case "item/reasoning/summaryTextDelta":
        return this.#reasoningDelta(news, "summary", numberIn(news, "summaryIndex"));
      case "item/reasoning/textDelta":
        return this.#reasoningDelta(news, "content", numberIn(news, "contentIndex"));
      case "item/commandExecution/outputDelta":
        return this.#outputDelta(news);
      case "item/fileChange/patchUpdated":
        return this.#patchUpdated(news);
      case "item/mcpToolCall/progress":
        return this.#progress(news);
      case "turn/plan/updated":
        return this.#plan(news);
      case "turn/completed":
        return this.#turnCompleted(news);
      case "error":
        return this.#error(news);
      default:
        return this.#warning(method, news);
    }
  }

  #warning(method: string, news: Fields): void {
    const text = warningOf(method, news);
    if (text === "") return;
    // What is about no thread is told once, and before a thread is loaded as a rule.
    if (textIn(news, "threadId") === "") this.#general.push(text);
    this.notice("warning", text);
  }

  #reset(): void {
    this.#blocks = [];
    this.#generation++;
    this.#byId.clear();
    this.#open.clear();
    this.#outputs.clear();
    this.#reasonings.clear();
    this.#errors.clear();
  }

  #loadTurn(turn: Fields): void {
    const turnId = textIn(turn, "id");
    const status = turnStatusOf(turn);
    for (const value of listIn(turn, "items")) {
      const item = fieldsOf(value);
      const id = blockId(turnId, item);
      const isFinal = status !== "inProgress" && textIn(item, "status") !== "inProgress";
      this.#put(blockOf(item, { id, turnId, isFinal, startedMs: null }));
    }
    if (status !== "inProgress") this.#endTurn(turnId, turn);
  }

  #item(news: Fields, isFinal: boolean): void {
    const item = fieldsIn(news, "item");
    const turnId = textIn(news, "turnId");
    const id = blockId(turnId, item);
    const startedMs = isFinal ? null : this.#clock.now();
    this.#outputs.delete(id);
    this.#reasonings.delete(id);
    this.#put(blockOf(item, { id, turnId, isFinal, startedMs }));
  }

  /** Adds a block, or brings the one of this id up to date. */
  #put(block: Block): void {
    if (isAskable(block) && this.#asked.has(block.id)) block.isAsked = true;
    const known = this.#byId.get(block.id);
    if (known === undefined) this.#blocks.push(block);
    else if (isMerged(known, block)) return this.#changed(known, block.isFinal);
    else this.#replace(known, block);
    this.#byId.set(block.id, block);
    if (!block.isFinal) this.#open.add(block);
    this.#tell();
  }

  #replace(known: Block, block: Block): void {
    block.revision = known.revision + 1;
    this.#open.delete(known);
    const index = this.#blocks.lastIndexOf(known);
    if (index >= 0) this.#blocks[index] = block;
  }

  #changed(block: Block, isFinal = block.isFinal): void {
    block.revision++;
    block.isFinal = isFinal;
    if (isFinal) this.#open.delete(block);
    else this.#open.add(block);
    this.#tell();
  }

  /** The block that a delta is for; a server may send deltas of an item that it has not announced. */
  #live<T extends ItemBlock["type"]>(
    news: Fields,
    type: T,
  ): Extract<ItemBlock, { type: T }> | null {
    const turnId = textIn(news, "turnId");
    const id = `${turnId}/${textIn(news, "itemId")}`;
    const item = ITEM_TYPES[type];
    if (!this.#byId.has(id) && item !== undefined) {
      const startedMs = this.#clock.now();
      this.#put(blockOf({ type: item }, { id, turnId, isFinal: false, startedMs }));
    }
    const block = this.#byId.get(id);
    return block !== undefined && !block.isFinal && isOfType(block, type) ? block : null;
  }

  #messageDelta(news: Fields): void {
    const block = this.#live(news, "message");
    if (block === null) return;
    block.text += textIn(news, "delta");
    this.#changed(block);
  }

  #reasoningDelta(news: Fields, kind: keyof LiveReasoning, index: number | null): void {
    const block = this.#live(news, "reasoning");
    // An index far away would make the list as long.
    if (block === null || index === null || !(index >= 0 && index < MAX_PARTS)) return;
    const live = this.#reasonings.get(block.id) ?? begun(block, kind);
    this.#reasonings.set(block.id, live);
    const parts = live[kind];
    while (parts.length <= index) parts.push("");
    parts[index] += textIn(news, "delta");
    block.parts = reasoningParts({ summary: live.summary, content: live.content });
    this.#changed(block);
  }

  #outputDelta(news: Fields): void {
    const block = this.#live(news, "command");
    if (block === null) return;
    const output = this.#outputs.get(block.id) ?? outputSoFar(block);
    this.#outputs.set(block.id, output);
    output.append(textIn(news, "delta"));
    block.output = output.text;
    block.omittedChars = output.omittedChars;
    this.#changed(block);
  }

  #patchUpdated(news: Fields): void {
    const block = this.#live(news, "changes");
    if (block === null) return;
    block.changes = changesIn(news);
    this.#changed(block);
  }

  #progress(news: Fields): void {
    const block: ActionBlock | null = this.#live(news, "action");
    if (block === null) return;
    block.detail = textIn(news, "message").slice(0, MAX_PROGRESS_CHARS) || block.detail;
    this.#changed(block);
  }

  /** The newest plan stands where it came, so that a person who follows the end sees it. */
  #plan(news: Fields): void {
    const turnId = textIn(news, "turnId");
    const id = `${turnId}/plan`;
    const explanation = textIn(news, "explanation") || null;
    const steps = planSteps(news);
    const known = this.#byId.get(id);
    const plan: PlanBlock = {
      id,
      type: "plan",
      turnId,
      revision: (known?.revision ?? 0) + 1,
      isFinal: false,
      explanation,
      steps,
    };
    if (known !== undefined) this.#remove(known);
    this.#put(plan);
  }

  #remove(block: Block): void {
    this.#byId.delete(block.id);
    this.#open.delete(block);
    const index = this.#blocks.lastIndexOf(block);
    if (index >= 0) this.#blocks.splice(index, 1);
  }

  #error(news: Fields): void {
    const turnId = textIn(news, "turnId");
    const text = retryText(fieldsIn(news, "error"));
    if (news.willRetry !== true) {
      // The end of the turn says it again, and there it is shown.
      if (turnId !== "") this.#errors.set(turnId, text);
      else this.notice("error", text);
      return;
    }
    const last = this.#blocks.at(-1);
    if (last?.type === "notice" && last.turnId === turnId) {
      last.text = text;
      return this.#changed(last);
    }
    const id = `${turnId}/retry/${this.#notices++}`;
    const level = "warning";
    this.#put({ id, type: "notice", turnId, revision: 1, isFinal: false, level, text });
  }

  #turnCompleted(news: Fields): void {
    const turn = fieldsIn(news, "turn");
    this.#endTurn(textIn(turn, "id"), turn);
  }

  #endTurn(turnId: string, turn: Fields): void {
    const status = turnStatusOf(turn);
    for (const block of [...this.#open]) {
      if (block.turnId === turnId) this.#close(block, status);
    }
    const stated = retryText(fieldsIn(turn, "error"));
    const error = stated || this.#errors.get(turnId) || null;
    this.#errors.delete(turnId);
    this.#put({
      id: `${turnId}/end`,
      type: "turnEnd",
      turnId,
      revision: 1,
      isFinal: true,
      status,
      durationMs: numberIn(turn, "durationMs"),
      error: status === "failed" ? error : null,
    });
  }

  /** Upstream sends no end for items that an interrupted turn leaves; commands outlive turns that completed. */
  #close(block: Block, turn: TurnStatus): void {
    if (isAskable(block)) {
      if (turn === "completed" && block.type === "command") return;
      if (block.status === "inProgress") block.status = turn === "completed" ? turn : "failed";
    }
    this.#outputs.delete(block.id);
    this.#reasonings.delete(block.id);
    this.#changed(block, true);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const MAX_PARTS = 1_000;
const MAX_PROGRESS_CHARS = 300;
/** The items that deltas may begin. Of a command or a patch they do not say what it is. */
const ITEM_TYPES: Partial<Record<ItemBlock["type"], string>> = {
  message: "agentMessage",
  reasoning: "reasoning",
};

function blockId(turnId: string, item: Fields): string {
  const id = `${turnId}/${textIn(item, "id")}`;
  // The real 0.120 gives the end of a review the id of its beginning.
  return textIn(item, "type") === "exitedReviewMode" ? `${id}/end` : id;
}

function isOfType<T extends Block["type"]>(
  block: Block,
  type: T,
): block is Extract<Block, { type: T }> {
  return block.type === type;
}

/** Whether a person may be asked before it happens. */
function isAskable(block: Block): block is CommandBlock | ChangesBlock {
  return block.type === "command" || block.type === "changes";
}

/** What a loaded thread already said of an item that goes on, in the kind in which it goes on. */
function begun(block: ReasoningBlock, kind: keyof LiveReasoning): LiveReasoning {
  return { summary: [], content: [], [kind]: [...block.parts] };
}

function outputSoFar(block: CommandBlock): BoundedOutput {
  const output = new BoundedOutput();
  output.append(block.output);
  return output;
}

/** Whether the block could take over what the newer one says; else that one has to stand in its place. */
function isMerged(known: Block, block: Block): boolean {
  if (known.type === "message" && block.type === "message") {
    known.text = block.text;
  } else if (known.type === "reasoning" && block.type === "reasoning") {
    known.parts = block.parts;
  } else if (known.type === "action" && block.type === "action") {
    known.label = block.label;
    known.detail = block.detail;
  } else if (known.type === "changes" && block.type === "changes") {
    known.changes = block.changes;
    known.status = block.status;
  } else if (known.type === "command" && block.type === "command") {
    return isMergedCommand(known, block);
  } else return known.type === "user" && block.type === "user" && known.text === block.text;
  return true;
}

function isMergedCommand(known: CommandBlock, block: CommandBlock): boolean {
  if (known.command !== block.command || known.cwd !== block.cwd) return false;
  // Some servers send no output in the end, only deltas.
  if (block.output !== "") {
    known.output = block.output;
    known.omittedChars = block.omittedChars;
  }
  known.status = block.status;
  known.exitCode = block.exitCode;
  known.durationMs = block.durationMs;
  return true;
}

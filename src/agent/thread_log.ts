/** What of a thread outlives the process: agent facts as rollout records; must not know how files are written. */
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import type { ThreadItem } from "../protocol/item.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import type { GitInfo } from "../protocol/thread_types.ts";
import type { ThreadTokenUsage } from "../protocol/turn_types.ts";
import { type RolloutItem, RolloutWriter } from "../store/rollout.ts";
import * as records from "../store/rollout_items.ts";
import type { PreparedInput, ThreadMeta } from "./thread_parts.ts";
import type { ThreadSettings } from "./thread_settings.ts";
import { textOf } from "./response_stream.ts";
import type { TurnOutcome } from "./turn.ts";

/** What the log tells the index about; the index is best effort and can be rebuilt. */
export type LogObserver = (
  meta: ThreadMeta,
  change: {
    readonly path: string;
    readonly modelProvider: string | null;
    readonly updatedAtMs: number;
    /** 0: the index reads the file again when it next looks. */
    readonly size: number;
  },
) => void;

export interface ThreadLogOptions {
  /** Null for ephemeral threads, which leave nothing behind. */
  readonly path: string | null;
  readonly clock: Clock;
  /** The name of the first client of the process (as upstream). */
  readonly originator: () => string;
  readonly timezone: string;
  readonly contextWindow: (model: string) => number | null;
  readonly onChange: LogObserver;
  readonly onNamed: (threadId: string, name: string) => void;
  /** The writer of a rollout that exists already. */
  readonly writer?: RolloutWriter;
  /** The provider that the existing rollout names. */
  readonly modelProvider?: string | null;
  /** Records to put at the start of a new rollout: the past of a fork. */
  readonly inherited?: readonly RolloutItem[];
}

/** What is written of every turn that starts. */
interface TurnStart {
  readonly turnId: string;
  readonly startedAtMs: number;
  readonly settings: ThreadSettings;
}

/**
 * The durable side of one thread.
 *
 * Invariants: a method that returns has written everything, and one that throws has written nothing;
 * the file appears with the first user message, not before (as upstream), unless the thread was kept from its start.
 */
export class ThreadLog {
  readonly path: string | null;
  readonly #options: ThreadLogOptions;
  #writer: RolloutWriter | null;
  #provider: string | null;
  #baseInstructions: string | null = null;

  constructor(options: ThreadLogOptions) {
    this.path = options.path;
    this.#options = options;
    this.#writer = options.writer ?? null;
    this.#provider = options.modelProvider ?? null;
  }

  /** Whether there is a file; never for ephemeral threads. */
  get isMaterialized(): boolean {
    return this.#writer !== null;
  }

  /** A thread that must outlive the process although nothing has been said in it; no list shows it. */
  kept(meta: ThreadMeta, settings: ThreadSettings): void {
    this.#take(settings);
    this.#write(meta, []);
    this.#changed(meta);
  }

  /** A fork is written at once: it has user messages from the start. */
  forked(meta: ThreadMeta, from: { readonly modelProvider: string | null }): void {
    this.#provider = from.modelProvider;
    this.#write(meta, []);
    this.#changed(meta);
  }

  /** A turn was accepted: its settings, what the model is told first, and what the user said. */
  turnStarted(
    turn: TurnStart & {
      readonly prepared: PreparedInput;
      /** The turn ran a command of the user so far, and goes on with this. */
      readonly isContinued: boolean;
    },
    meta: ThreadMeta,
  ): void {
    const { settings, prepared, startedAtMs, turnId } = turn;
    this.#take(settings);
    const items = [
      ...turn.isContinued ? [] : [this.#taskStarted(turn)],
      ...prepared.context.map(records.responseItem),
      records.turnContext({
        turnId,
        cwd: settings.cwd,
        currentDate: localDate(startedAtMs),
        timezone: this.#options.timezone,
        approvalPolicy: settings.approvalPolicy,
        sandboxPolicy: settings.sandboxPolicy,
        model: settings.model,
        reasoningEffort: settings.effort,
      }),
      ...userInputRecords(prepared),
    ];
    this.#write(meta, items);
    this.#changed(meta);
  }

  /** A command of the user begins, as a turn of its own; the file appears also without a user message then. */
  shellStarted(turn: TurnStart, meta: ThreadMeta): void {
    this.#take(turn.settings);
    this.#write(meta, [this.#taskStarted(turn)]);
    this.#changed(meta);
  }

  #take({ modelProvider, baseInstructions }: ThreadSettings): void {
    this.#provider = modelProvider;
    this.#baseInstructions = baseInstructions;
  }

  #taskStarted({ turnId, startedAtMs, settings }: TurnStart): RolloutItem {
    return records.taskStarted({
      turnId,
      startedAt: seconds(startedAtMs),
      modelContextWindow: this.#options.contextWindow(settings.model),
    });
  }

  /** Appends the records; with the first ones the file appears. A failure leaves nothing behind. */
  #write(meta: ThreadMeta, items: readonly RolloutItem[]): void {
    if (this.#writer || this.path === null) return this.#append(items);
    const { clock, inherited } = this.#options;
    const first = records.sessionMeta({
      threadId: meta.id,
      createdAtMs: meta.createdAtMs,
      cwd: meta.cwd,
      originator: this.#options.originator(),
      cliVersion: meta.cliVersion,
      source: meta.source,
      modelProvider: this.#provider ?? "",
      baseInstructions: this.#baseInstructions,
      gitInfo: meta.gitInfo,
      forkedFromId: meta.forkedFromId,
    });
    const named = meta.name === null ? [] : [records.threadNameUpdated(meta.id, meta.name)];
    const writer = RolloutWriter.create(this.path);
    try {
      writer.append([first, ...(inherited ?? []), ...named, ...items], clock.now());
    } catch (error) {
      writer.discard();
      throw error;
    }
    this.#writer = writer;
  }

  /** Input that was added to a running turn. */
  userInput(prepared: PreparedInput): void {
    this.#append(userInputRecords(prepared));
  }

  responseItem(item: ResponseItem): void {
    this.responseItems([item]);
  }

  /** Outputs of calls, in one write. */
  responseItems(items: readonly ResponseItem[]): void {
    this.#append(items.flatMap((item) => [records.responseItem(item), ...eventsOf(item)]));
  }

  /**
   * An item that a tool showed. A failed write is let go: a command may end when there is no turn to fail,
   * and what it did is in the output of its call, whose write fails the turn.
   */
  toolItem(
    item: ThreadItem,
    detail: { readonly turnId: string; readonly argv: readonly string[] | null },
  ): void {
    try {
      this.#append(toolRecords(item, detail));
    } catch (error) {
      if (!(error instanceof CodexError)) throw error;
    }
  }

  usage(usage: ThreadTokenUsage): void {
    this.#append([records.tokenCount(usage, null)]);
  }

  /** What the model is told about an interruption, written here and returned for the history. */
  interruption(): ResponseItem[] {
    const item: ResponseItem = {
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: INTERRUPTED_TEXT }],
    };
    this.#append([records.responseItem(item)]);
    return [item];
  }

  turnEnded(turn: {
    readonly turnId: string;
    readonly outcome: TurnOutcome;
    readonly completedAtMs: number;
    readonly durationMs: number;
  }): void {
    const { outcome, turnId, durationMs } = turn;
    const ended = { turnId, durationMs, completedAt: seconds(turn.completedAtMs) };
    switch (outcome.status) {
      case "completed":
        return this.#append([
          records.taskComplete({ ...ended, lastAgentMessage: outcome.lastMessage }),
        ]);
      case "interrupted":
        return this.#append([records.turnAborted(ended)]);
      case "failed":
        return this.#append([
          records.errorEvent(outcome.error),
          records.taskComplete({ ...ended, lastAgentMessage: null }),
        ]);
    }
  }

  /** The last turns are taken back; `usage` is what counts from then on. */
  rolledBack(turnCount: number, usage: ThreadTokenUsage | null): void {
    const counted = usage === null ? [] : [records.tokenCount(usage, null)];
    this.#append([...counted, records.threadRolledBack(turnCount)]);
  }

  named(name: string, meta: ThreadMeta): void {
    this.#append([records.threadNameUpdated(meta.id, name)]);
    if (this.path !== null) this.#options.onNamed(meta.id, name);
    this.#changed({ ...meta, name });
  }

  gitInfo(git: GitInfo, meta: ThreadMeta): void {
    this.#changed({ ...meta, gitInfo: git });
  }

  /** Gives the file back. */
  close(): void {
    this.#writer?.close();
    this.#writer = null;
  }

  #append(items: readonly RolloutItem[]): void {
    this.#writer?.append(items, this.#options.clock.now());
  }

  #changed(meta: ThreadMeta): void {
    if (this.path === null || !this.#writer) return;
    this.#options.onChange(meta, {
      path: this.path,
      modelProvider: this.#provider,
      updatedAtMs: this.#options.clock.now(),
      size: 0,
    });
  }
}

const INTERRUPTED_TEXT = "<turn_aborted>\nThe user interrupted the turn on purpose. " +
  "Commands and tools that were stopped may have done part of their work; " +
  "commands started in the background may still run.\n</turn_aborted>";

/** The receipt stands in the last line: where it is, the input is, and in the one write of both, nothing comes between. */
function userInputRecords({ message, input, receipt }: PreparedInput): RolloutItem[] {
  const texts = input.flatMap((part) => part.type === "text" ? [part] : []);
  const said = records.userMessage(texts.map((part) => part.text).join("\n"), {
    images: input.flatMap((part) => part.type === "image" ? [part.url] : []),
    localImages: input.flatMap((part) => part.type === "localImage" ? [part.path] : []),
  });
  return [
    records.responseItem(message),
    receipt ? { ...said, receipt } : said,
  ];
}

/** What a tool showed to people; only commands, file changes and images are kept beside the call itself. */
function toolRecords(
  item: ThreadItem,
  { turnId, argv }: { readonly turnId: string; readonly argv: readonly string[] | null },
): RolloutItem[] {
  switch (item.type) {
    case "commandExecution":
      return [records.execCommandEnd(item, { turnId, argv: argv ?? [item.command] })];
    case "fileChange":
      return [records.patchApplyEnd(item, { turnId, stdout: "", stderr: "" })];
    case "imageView":
      return [records.viewImageToolCall(item.id, item.path)];
    default:
      return [];
  }
}

/** The event that shows an item of the model to people; the model context is kept apart from it. */
function eventsOf(item: ResponseItem): RolloutItem[] {
  switch (item.type) {
    case "message":
      if (item.role !== "assistant") return [];
      return [records.agentMessage(textOf(item.content), item.phase ?? null)];
    case "reasoning":
      return [
        ...item.summary.map((part) => records.agentReasoning(part.text ?? "")),
        ...(item.content ?? []).map((part) => records.agentReasoningRaw(part.text ?? "")),
      ];
    case "web_search_call":
      return [
        records.webSearchEnd({
          callId: item.id ?? "",
          query: item.action?.query ?? "",
          action: item.action ?? null,
        }),
      ];
    default:
      return [];
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** `YYYY-MM-DD` where the server runs. */
export function localDate(ms: number): string {
  const date = new Date(ms);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

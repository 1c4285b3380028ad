/** The actor of one thread: it owns history, the running turn and pending approvals; must not know clients. */
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import type { GitInfo, Thread as ThreadView, ThreadStatus } from "../protocol/thread_types.ts";
import type { ThreadTokenUsage, TokenUsage, Turn } from "../protocol/turn_types.ts";
import { Approvals } from "./approvals.ts";
import type { PendingApproval, ThreadEvent } from "./events.ts";
import { acknowledgedTurn, replaceItem, withoutItems } from "./live_turn.ts";
import { type KeptReceipt, Receipts } from "./receipts.ts";
import { RunningTurn } from "./running_turn.ts";
import type { ThreadLog } from "./thread_log.ts";
import type {
  ActiveTurn,
  PreparedInput,
  ShellWork,
  ThreadMeta,
  ThreadPast,
} from "./thread_parts.ts";
import type { ThreadSettings } from "./thread_settings.ts";
import { previewOf, threadView } from "./thread_view.ts";
import type { ApprovalRequest, Decision } from "./tools/tool.ts";
import { internalError, type TurnOutcome } from "./turn.ts";
import { addUsage, NO_USAGE } from "./usage.ts";

/** What the thread asks of the one who runs its turns; called after the turn was acknowledged. */
export type TurnRunner = (thread: Thread, turn: ActiveTurn) => Promise<TurnOutcome>;

export interface ThreadOptions {
  readonly meta: ThreadMeta;
  readonly settings: ThreadSettings;
  readonly past: ThreadPast;
  readonly log: ThreadLog;
  readonly clock: Clock;
  /** Time-ordered ids for turns, random ids for items and approvals. */
  readonly ids: { turn(): string; random(): string };
  readonly runTurn: TurnRunner;
  /** Throws a `CodexError` while no turn may start. */
  readonly checkStart: () => void;
  /** Receives every event of the thread, in order. */
  readonly onEvent: (event: ThreadEvent) => void;
}

/**
 * One thread.
 *
 * Every public method is a command that runs to its end without waiting, so commands never interleave:
 * that is the mailbox. Invariants: at most one turn runs; whatever a command acknowledges has been written
 * to the rollout before it returns; no event of a turn is emitted before the command that started it returned.
 */
export class Thread {
  readonly id: string;
  readonly #options: ThreadOptions;
  #history: ResponseItem[];
  #turns: Turn[];
  readonly #approvals: Approvals;
  readonly #receipts: Receipts;
  #meta: ThreadMeta;
  #settings: ThreadSettings;
  #usage: ThreadTokenUsage | null;
  #running: RunningTurn | null = null;
  #failed = false;
  #updatedAtMs: number;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.id = options.meta.id;
    this.#meta = options.meta;
    this.#settings = options.settings;
    this.#history = [...options.past.history];
    this.#turns = [...options.past.turns];
    this.#usage = options.past.usage;
    this.#receipts = new Receipts(options.past.receipts);
    this.#updatedAtMs = options.clock.now();
    this.#approvals = new Approvals({
      onRequested: (approval) => {
        this.#emitStatus();
        this.emit({ type: "approvalRequested", approval });
      },
      onResolved: (approvalId) => {
        this.emit({ type: "approvalResolved", approvalId });
        if (this.#running) this.#emitStatus();
      },
    });
  }

  get meta(): ThreadMeta {
    return this.#meta;
  }

  /** Whether there is a rollout on disk. */
  get isMaterialized(): boolean {
    return this.#options.log.isMaterialized;
  }

  get settings(): ThreadSettings {
    return this.#settings;
  }

  get usage(): ThreadTokenUsage | null {
    return this.#usage;
  }

  get activeTurnId(): string | null {
    return this.#running?.id ?? null;
  }

  /** The running turn, else the one before. */
  get lastTurnId(): string | null {
    return this.activeTurnId ?? this.#turns.at(-1)?.id ?? null;
  }

  get pendingApprovals(): readonly PendingApproval[] {
    return this.#approvals.pending;
  }

  get status(): ThreadStatus {
    if (this.#running) {
      const waiting = this.#approvals.pending.length > 0;
      return { type: "active", activeFlags: waiting ? ["waitingOnApproval"] : [] };
    }
    return { type: this.#failed ? "systemError" : "idle" };
  }

  /** The end of a turn that was interrupted and has not ended yet, or null; new input is not for that one. */
  get stopping(): Promise<void> | null {
    return this.#running?.signal.aborted ? this.#running.ended : null;
  }

  /** Resolves when no turn runs. */
  get idle(): Promise<void> {
    return this.#running?.ended ?? Promise.resolve();
  }

  /** Model context so far, oldest first. */
  get history(): readonly ResponseItem[] {
    return this.#history;
  }

  /** A frozen view; `turns` only when asked for, since they may be many. */
  view(options: { readonly turns: boolean }): ThreadView {
    return threadView(this.#meta, {
      settings: this.#settings,
      status: this.status,
      path: this.#options.log.path,
      updatedAtMs: this.#updatedAtMs,
      turns: options.turns ? this.#turns.concat(this.#running?.live.snapshot() ?? []) : [],
    });
  }

  /** Goes on from another past, the one that the rollout has now; nothing may run. */
  goOnFrom(past: ThreadPast): void {
    this.#history = [...past.history];
    this.#turns = [...past.turns];
    this.#usage = past.usage;
    this.#touch();
  }

  /** Starts a turn, or adds the input to the one that runs (as upstream); returns the turn it went to. */
  startTurn(
    prepared: PreparedInput,
    options: {
      readonly settings: ThreadSettings;
      readonly outputSchema: unknown;
      /** Calls back once the answer to the client is on its way: only then come the turn's events. */
      readonly afterAcknowledged: (callback: () => void) => void;
    },
  ): Turn {
    const running = this.#running;
    if (running) {
      if (running.asksModel) this.#queueSteering(running, prepared);
      else this.#goOnWith(running, { prepared, ...options });
      this.#keepReceipt(prepared, running.id);
      return acknowledgedTurn(running.id);
    }
    this.#options.checkStart();
    const { clock, ids } = this.#options;
    const [id, startedAtMs] = [ids.turn(), clock.now()];
    const turn = { turnId: id, startedAtMs, settings: options.settings };
    this.#logStart({ ...turn, prepared, isContinued: false });
    this.#keepReceipt(prepared, id);
    this.#settings = options.settings;
    this.#history.push(...prepared.context, prepared.message);
    this.#begin(prepared, { ...options, id, startedAtMs });
    return acknowledgedTurn(id);
  }

  /** The receipt of an earlier request that brought input, unless it is too old to count. */
  receipt(scope: string): KeptReceipt | null {
    return this.#receipts.find(scope, this.#options.clock.now());
  }

  /** The turn as far as it has come, as those see it who start it. */
  turnState(id: string): Turn {
    const ended = this.#turns.findLast((turn) => turn.id === id);
    return ended ? withoutItems(ended) : acknowledgedTurn(id);
  }

  /** Called once the rollout has the input, and the receipt with it. */
  #keepReceipt({ receipt }: PreparedInput, turnId: string): void {
    if (!receipt) return;
    this.#receipts.add({ ...receipt, turnId, atMs: this.#options.clock.now() });
  }

  #logStart(turn: Parameters<ThreadLog["turnStarted"]>[0]): void {
    const first = this.#meta.preview === "";
    if (first) this.#meta = { ...this.#meta, preview: previewOf(turn.prepared.input) };
    try {
      this.#options.log.turnStarted(turn, this.#meta);
    } catch (error) {
      if (first) this.#meta = { ...this.#meta, preview: "" };
      throw error;
    }
  }

  /** The turn of a command of the user becomes one that asks the model, once the command has ended. */
  #goOnWith(
    running: RunningTurn,
    wish: { prepared: PreparedInput; settings: ThreadSettings; outputSchema: unknown },
  ): void {
    const { prepared, settings, outputSchema } = wish;
    const turn = { turnId: running.id, startedAtMs: running.live.startedAtMs, settings };
    this.#logStart({ ...turn, prepared, isContinued: true });
    this.#settings = settings;
    running.goOn(prepared, { settings, outputSchema });
  }

  /** Runs a command of the user: beside the turn that runs, or as a turn of its own (as upstream). */
  runShell(
    work: ShellWork,
    options: { readonly afterAcknowledged: (callback: () => void) => void },
  ): void {
    const running = this.#running;
    if (running) {
      options.afterAcknowledged(() => void work(running).then((record) => this.#tellOf(record)));
      return;
    }
    this.#options.checkStart();
    const { clock, ids, log } = this.#options;
    const [id, startedAtMs] = [ids.turn(), clock.now()];
    log.shellStarted({ turnId: id, startedAtMs, settings: this.#settings }, this.#meta);
    this.#begin(work, { ...options, id, startedAtMs, outputSchema: undefined });
  }

  /** The record joins history where no call waits for its output. */
  #tellOf(record: ResponseItem): void {
    if (this.#running) this.#running.addRecord(record);
    else this.#rememberRecord(record);
  }

  /** Nothing was promised about it, so a rollout that refuses it fails no turn. */
  #rememberRecord(record: ResponseItem): void {
    if (this.#attempt(() => this.remember(record))) this.#history.push(record);
  }

  #begin(
    opening: PreparedInput | ShellWork,
    turn: {
      id: string;
      startedAtMs: number;
      outputSchema: unknown;
      afterAcknowledged: (callback: () => void) => void;
    },
  ): void {
    const running = new RunningTurn({
      id: turn.id,
      startedAtMs: turn.startedAtMs,
      settings: this.#settings,
      outputSchema: turn.outputSchema,
      asksModel: typeof opening !== "function",
    });
    this.#running = running;
    this.#failed = false;
    this.#touch();
    turn.afterAcknowledged(() => {
      this.#run(running, opening).finally(() => running.end());
    });
  }

  async #run(running: RunningTurn, opening: PreparedInput | ShellWork): Promise<void> {
    this.#emitStatus();
    this.emit({ type: "turnStarted", turn: withoutItems(running.live.snapshot()) });
    if (typeof opening !== "function") this.#emitUserMessage(running, opening);
    let outcome: TurnOutcome;
    try {
      outcome = typeof opening === "function"
        ? await this.#runAlone(running, opening)
        : await this.#options.runTurn(this, running);
      // Input that came after the last look of the loop was acknowledged, so this turn answers it.
      while (outcome.status === "completed" && this.takeSteering()) {
        outcome = await this.#options.runTurn(this, running);
      }
    } catch (error) {
      outcome = { status: "failed", error: internalError(error) };
    }
    this.#end(running, outcome);
  }

  async #runAlone(running: RunningTurn, work: ShellWork): Promise<TurnOutcome> {
    this.#rememberRecord(await work(running));
    return running.signal.aborted
      ? { status: "interrupted" }
      : { status: "completed", lastMessage: null };
  }

  #end(running: RunningTurn, outcome: TurnOutcome): void {
    // After an interruption or a failure, the next turn reads the input that was acknowledged.
    this.takeSteering();
    const completedAtMs = this.#options.clock.now();
    const written = this.#attempt(() => {
      if (outcome.status === "interrupted") this.#history.push(...this.#options.log.interruption());
      this.#options.log.turnEnded({
        turnId: running.id,
        outcome,
        completedAtMs,
        durationMs: running.live.durationMs(completedAtMs),
      });
    });
    const final = written ?? outcome;
    const error = final.status === "failed" ? final.error : null;
    const turn = running.live.finish(final.status, { error, completedAtMs });
    this.#turns.push(turn);
    this.#running = null;
    this.#failed = error !== null;
    this.#touch();
    this.#emitStatus();
    if (error) this.emit({ type: "error", turnId: running.id, error, willRetry: false });
    this.emit({ type: "turnCompleted", turn: withoutItems(turn) });
  }

  /** Runs a write; a failure becomes the outcome of the turn instead of a crash. */
  #attempt(write: () => void): TurnOutcome | null {
    try {
      write();
      return null;
    } catch (error) {
      return { status: "failed", error: internalError(error) };
    }
  }

  /** Adds input to the running turn; the model sees it after its current response. */
  steer(prepared: PreparedInput, expectedTurnId: string): string {
    const running = this.#running;
    if (!running || running.signal.aborted) {
      throw new CodexError("turnNotActive", "no active turn to steer");
    }
    if (running.id !== expectedTurnId) {
      throw new CodexError(
        "turnMismatch",
        `expected active turn id \`${expectedTurnId}\` but found \`${running.id}\``,
      );
    }
    this.#queueSteering(running, prepared);
    this.#keepReceipt(prepared, running.id);
    return running.id;
  }

  #queueSteering(running: RunningTurn, prepared: PreparedInput): void {
    this.#options.log.userInput(prepared);
    running.steer(prepared);
  }

  /** Moves what came meanwhile into history; false when there is nothing in it to ask the model about. */
  takeSteering(): boolean {
    const running = this.#running;
    if (!running) return false;
    const { records, inputs } = running.takeQueued();
    for (const record of records) this.#rememberRecord(record);
    for (const prepared of inputs) {
      this.#history.push(...prepared.context, prepared.message);
      this.#emitUserMessage(running, prepared);
    }
    return running.asksModel && records.length + inputs.length > 0;
  }

  #emitUserMessage(running: RunningTurn, prepared: PreparedInput): void {
    const item = {
      type: "userMessage" as const,
      id: this.#options.ids.random(),
      clientId: prepared.clientId,
      content: [...prepared.input],
    };
    const atMs = this.#options.clock.now();
    this.emit({ type: "itemStarted", turnId: running.id, item, atMs });
    this.emit({ type: "itemCompleted", turnId: running.id, item, atMs });
  }

  /** Ends the running turn as interrupted; its events follow later. */
  interrupt(expectedTurnId: string | null): void {
    const running = this.#running;
    if (!running) throw new CodexError("turnNotActive", "no active turn to interrupt");
    if (expectedTurnId !== null && expectedTurnId !== running.id) {
      throw new CodexError(
        "turnMismatch",
        `expected active turn id ${expectedTurnId} but found ${running.id}`,
      );
    }
    running.abort("The turn was interrupted");
  }

  /** A person said "cancel": the turn ends once the tool that asked has its answer recorded. */
  get isCancelled(): boolean {
    return this.#running?.isCancelled ?? false;
  }

  /** Asks a person; the turn waits, commands to the thread do not. */
  async ask(request: ApprovalRequest): Promise<Decision> {
    const running = this.#running;
    if (!running) return { type: "decline" };
    const decision = await this.#approvals.ask(request, {
      id: this.#options.ids.random(),
      turnId: running.id,
      startedAtMs: this.#options.clock.now(),
      signal: running.signal,
    });
    if (decision.type === "cancel") running.isCancelled = true;
    return decision;
  }

  /** The first valid answer wins; false when nobody waits for it any more. */
  answer(approvalId: string, decision: Decision): boolean {
    return this.#approvals.answer(approvalId, decision);
  }

  setName(name: string): void {
    this.#options.log.named(name, this.#meta);
    this.#meta = { ...this.#meta, name };
  }

  setGitInfo(gitInfo: GitInfo): void {
    this.#options.log.gitInfo(gitInfo, this.#meta);
    this.#meta = { ...this.#meta, gitInfo };
  }

  /** The item joins history once the rollout has it. */
  remember(item: ResponseItem): void {
    this.#options.log.responseItem(item);
    this.#history.push(item);
  }

  /** Outputs join history even when the rollout refuses them: providers refuse calls without an output. */
  rememberOutputs(outputs: readonly ResponseItem[]): void {
    this.#history.push(...outputs);
    this.#options.log.responseItems(outputs);
  }

  addUsage(last: TokenUsage, contextWindow: number | null): void {
    const total = addUsage(this.#usage?.total ?? NO_USAGE, last);
    this.#usage = { total, last, modelContextWindow: contextWindow };
    this.#options.log.usage(this.#usage);
    const turnId = this.activeTurnId;
    if (turnId) this.emit({ type: "tokenUsageUpdated", turnId, tokenUsage: this.#usage });
  }

  /** Tells everybody, in order; items are folded into the running turn on the way. */
  emit(event: ThreadEvent): void {
    this.amend(event);
    this.#options.onEvent(event);
  }

  /** Takes an item into its turn without telling anybody; commands may end after their turn. */
  amend(event: ThreadEvent): void {
    const running = this.#running;
    if (running && "turnId" in event && event.turnId === running.id) running.live.fold(event);
    else if (event.type === "itemCompleted") replaceItem(this.#turns, event);
  }

  /** Gives the rollout back; the thread must not be used afterwards. */
  close(): void {
    this.#running?.abort("The server is shutting down");
    this.#options.log.close();
  }

  #emitStatus(): void {
    this.emit({ type: "statusChanged", status: this.status });
  }

  #touch(): void {
    this.#updatedAtMs = this.#options.clock.now();
  }
}

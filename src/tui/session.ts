/** The session that the person works in: its thread, what runs, and what may be asked of it; must not know any view. */
import type { AnyNotification } from "../client/inbox.ts";
import type { News, ReconnectingClient } from "../client/reconnect.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { ThreadItem, UserInput } from "../protocol/item.ts";
import type { Params, Result } from "../protocol/mod.ts";
import type { SandboxMode } from "../protocol/policy.ts";
import type { ThreadTokenUsage, Turn } from "../protocol/turn_types.ts";
import { isWarning } from "./news.ts";
import { DraftQueues } from "./draft_queues.ts";
import { canForkBefore, hasMethod } from "./server_methods.ts";
import type {
  Draft,
  OpenThread,
  RunningTurn,
  SessionPort,
  SessionSettings,
  ThreadClient,
} from "./session_port.ts";

/** Where the blocks of the thread go. */
export interface ConversationSink {
  load(turns: readonly Turn[]): void;
  clear(): void;
  apply(notification: AnyNotification): void;
  notice(level: "info" | "warning" | "error", text: string): void;
}

/** What a new thread is to be like; absent members leave the choice to the server. */
export interface ThreadWishes {
  readonly model?: string;
  readonly modelProvider?: string;
  readonly cwd?: string;
  readonly approvalPolicy?: Exclude<SessionSettings["approvalPolicy"], "granular">;
  readonly sandbox?: SandboxMode;
  /** Overrides of the configuration, by dotted path. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface SessionOptions {
  readonly client: ReconnectingClient;
  readonly conversation: ConversationSink;
  readonly clock: Clock;
  readonly wishes: ThreadWishes;
}

type Opened = Result<"thread/resume">;

/** Without it the real 0.120 forgets the commands and changes of a thread, which a resumed one is to show. */
const KEPT = { persistExtendedHistory: true } as const;

type Overrides = Pick<
  Params<"turn/start">,
  "model" | "effort" | "approvalPolicy" | "sandboxPolicy" | "cwd"
>;

/**
 * Invariants: events of other threads than the open one are passed over; a draft is in exactly one of `sending`,
 * `queued` and the hands of the caller until the server has taken it.
 */
export class Session implements SessionPort {
  readonly client: ReconnectingClient;
  readonly #conversation: ConversationSink;
  readonly #clock: Clock;
  readonly #wishes: ThreadWishes & typeof KEPT;
  readonly #listeners = new Set<() => void>();
  readonly #stops: (() => void)[];
  #thread: OpenThread | null = null;
  #settings: SessionSettings | null = null;
  /** What was changed since the last turn began. */
  #changes: Partial<SessionSettings> = {};
  /** All that was changed: who asks for a new thread has not changed their mind about the model. */
  #chosen: Partial<SessionSettings> = {};
  #running: RunningTurn | null = null;
  #usage: ThreadTokenUsage | null = null;
  #clients: readonly ThreadClient[] = [];
  #sending: readonly Draft[] = [];
  readonly #queues = new DraftQueues();
  #steered: readonly Draft[] = [];
  /** Under way; two inputs at once begin one thread. */
  #starting: Promise<string> | null = null;

  constructor({ client, conversation, clock, wishes }: SessionOptions) {
    this.client = client;
    this.#conversation = conversation;
    this.#clock = clock;
    this.#wishes = { ...wishes, ...KEPT };
    this.#stops = [
      client.onNews((news) => this.#onNews(news)),
      client.onAny((notification) => this.#onNotification(notification)),
    ];
  }

  get thread(): OpenThread | null {
    return this.#thread;
  }

  get settings(): SessionSettings | null {
    return this.#settings;
  }

  get running(): RunningTurn | null {
    return this.#running;
  }

  get usage(): ThreadTokenUsage | null {
    return this.#usage;
  }

  get clients(): readonly ThreadClient[] {
    return this.#clients;
  }

  get clientId(): string | null {
    return this.client.serverInfo?.clientId ?? null;
  }

  get sending(): readonly Draft[] {
    return this.#sending;
  }

  get queued(): readonly Draft[] {
    return this.#queues.open;
  }

  /** What no server has, of this thread and of those that were left. */
  get unsent(): readonly Draft[] {
    return [...this.#sending, ...this.#queues.all];
  }

  /** What the running turn was told, and has not taken up yet. */
  get steered(): readonly Draft[] {
    return this.#steered.filter((draft) => !this.#sending.includes(draft));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Listens no more; the thread and its turn go on. */
  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** Begins a thread, if none is open; what it answers is the settings that hold. */
  async open(): Promise<string> {
    if (this.#thread) return this.#thread.id;
    this.#starting ??= this.client.request("thread/start", this.#wishes)
      .then(({ thread }) => thread.id)
      .finally(() => this.#starting = null);
    return await this.#starting;
  }

  async submit(draft: Draft): Promise<void> {
    this.#sending = [...this.#sending, draft];
    this.#changed();
    try {
      const threadId = await this.open();
      await this.#send(threadId, draft);
    } finally {
      this.#sending = without(this.#sending, draft);
      this.#changed();
    }
  }

  queue(draft: Draft): void {
    this.#queues.putLast(draft);
    this.#changed();
    if (!this.#running) this.#sendQueued();
  }

  /** Puts what could not be sent before all that waits. It is not sent again at once: nobody knows what became of it. */
  keep(draft: Draft): void {
    this.#queues.putFirst(draft);
    this.#changed();
  }

  unqueue(): Draft | null {
    const last = this.#queues.takeLast();
    this.#changed();
    return last;
  }

  async interrupt(): Promise<void> {
    const { running, thread } = this;
    if (!running || !thread) return;
    const wanted = { threadId: thread.id, turnId: running.turnId };
    await this.client.request("turn/interrupt", wanted).catch((error: unknown) => {
      if (!isOverAlready(error)) throw error;
    });
  }

  async shell(command: string): Promise<void> {
    const threadId = await this.open();
    await this.client.request("thread/shellCommand", { threadId, command });
  }

  startNew(): Promise<void> {
    this.#leave(this.#thread?.id);
    this.#thread = null;
    this.#queues.turnTo(null);
    this.#running = null;
    this.#usage = null;
    this.#clients = [];
    this.#steered = [];
    this.#changes = { ...this.#chosen };
    this.#conversation.clear();
    this.#changed();
    return Promise.resolve();
  }

  async resume(threadId: string): Promise<void> {
    const left = this.#thread?.id;
    const { thread } = await this.client.request("thread/resume", { ...this.#wishes, threadId });
    if (thread.id !== left) this.#leave(left);
  }

  async fork(
    threadId: string,
    { beforeTurnId }: { readonly beforeTurnId?: string } = {},
  ): Promise<void> {
    const left = this.#thread?.id;
    // A server goes by its configuration, not by what was changed in the thread that is left.
    if (threadId === left) this.#changes = { ...this.#chosen, ...this.#changes };
    if (beforeTurnId === undefined || canForkBefore(this.client.serverInfo)) {
      const before = beforeTurnId === undefined ? {} : { beforeTurnId };
      await this.client.request("thread/fork", { ...this.#wishes, threadId, ...before });
    } else await this.#forkAndCut(threadId, beforeTurnId);
    this.#leave(left);
  }

  /** Older servers copy the whole thread; what came later is taken off the copy. */
  async #forkAndCut(threadId: string, beforeTurnId: string): Promise<void> {
    const wanted = { threadId, includeTurns: true };
    const { thread: { turns } } = await this.client.request("thread/read", wanted);
    const index = turns.findIndex(({ id }) => id === beforeTurnId);
    if (index < 0) throw new Error("The server does not know that message any more");
    const { thread } = await this.client.request("thread/fork", { ...this.#wishes, threadId });
    const cut = await this.client.request("thread/rollback", {
      threadId: thread.id,
      numTurns: turns.length - index,
    });
    // The person may have opened another one meanwhile.
    if (this.#thread?.id === thread.id) this.#conversation.load(cut.thread.turns);
  }

  async rename(name: string): Promise<void> {
    const threadId = await this.open();
    await this.client.request("thread/name/set", { threadId, name });
  }

  change(settings: Partial<SessionSettings>): void {
    this.#changes = { ...this.#changes, ...settings };
    this.#chosen = { ...this.#chosen, ...settings };
    if (this.#settings) this.#settings = { ...this.#settings, ...settings };
    this.#changed();
  }

  has(method: string): boolean {
    return hasMethod(this.client.serverInfo, method);
  }

  async #send(threadId: string, draft: Draft): Promise<void> {
    const { running } = this;
    const input = inputOf(draft);
    if (running) {
      const expectedTurnId = running.turnId;
      // From now on: it may be taken up before the answer comes.
      this.#steered = [...this.#steered, draft];
      try {
        await this.client.request("turn/steer", { threadId, input, expectedTurnId });
        return this.#steeredInto(expectedTurnId, draft);
      } catch (error) {
        this.#steered = without(this.#steered, draft);
        // The turn ended before the input came, known here or not yet; then it begins the next one.
        const isOpen = this.#thread?.id === threadId;
        const isKnown = isOpen && this.#running?.turnId !== expectedTurnId;
        if (!isKnown && !isOverAlready(error)) throw error;
      }
    }
    const changes = this.#changes;
    this.#changes = {};
    try {
      await this.client.request("turn/start", { threadId, input, ...overridesOf(changes) });
    } catch (error) {
      this.#changes = { ...changes, ...this.#changes };
      throw error;
    }
  }

  /** The server has taken it; a turn that was stopped by then has not. */
  #steeredInto(turnId: string, draft: Draft): void {
    if (this.#running?.turnId === turnId || !this.#steered.includes(draft)) return;
    this.#steered = without(this.#steered, draft);
    this.keep(draft);
  }

  #sendQueued(): void {
    const next = this.#queues.takeFirst();
    if (!next) return;
    this.submit(next).catch((error: Error) => {
      this.#conversation.notice("error", `Not sent: ${error.message}`);
      this.keep(next);
    });
  }

  /** Its turn goes on; what it sends is not wanted any more. */
  #leave(threadId: string | undefined): void {
    if (threadId === undefined) return;
    this.client.request("thread/unsubscribe", { threadId }).catch((error: Error) => {
      this.#conversation.notice("warning", `Still subscribed to ${threadId}: ${error.message}`);
    });
  }

  #adopt(opened: Opened): void {
    const { thread } = opened;
    if (this.#thread?.id !== thread.id) {
      this.#usage = null;
      this.#clients = [];
    }
    this.#thread = { id: thread.id, name: thread.name, preview: thread.preview };
    this.#queues.turnTo(thread.id);
    this.#settings = { ...settingsOf(opened), ...this.#changes };
    this.#conversation.load(thread.turns);
    this.#steered = [];
    const last = thread.turns.at(-1);
    this.#running = last?.status === "inProgress"
      ? { turnId: last.id, startedMs: (last.startedAt ?? 0) * 1000 || this.#clock.now() }
      : null;
    this.#changed();
  }

  #onNews(news: News): void {
    if (news.type === "lost") {
      if (news.threadId !== this.#thread?.id) return;
      this.#conversation.notice("error", `This thread cannot be followed any more: ${news.reason}`);
      this.#running = null;
      return this.#changed();
    }
    if (news.type === "watchLost") return;
    const { thread } = news.result;
    // Ephemeral threads are errands of the interface itself.
    const isOurs = news.type === "gap" ? thread.id === this.#thread?.id : !thread.ephemeral;
    if (!isOurs) return;
    this.#adopt(news.result);
    if (news.type === "gap") {
      this.#conversation.notice("warning", "Reconnected; the thread was loaded again");
    }
  }

  #onNotification(notification: AnyNotification): void {
    const params = Object(notification.params);
    const isGeneral = params.threadId === undefined || params.threadId === null;
    if (isGeneral && isWarning(notification.method)) return this.#conversation.apply(notification);
    if (params.threadId !== this.#thread?.id || this.#thread === null) return;
    this.#conversation.apply(notification);
    switch (notification.method) {
      case "turn/started":
        this.#running = { turnId: params.turn.id, startedMs: this.#clock.now() };
        break;
      case "turn/completed":
        this.#turnEnded(params.turn);
        break;
      case "thread/tokenUsage/updated":
        this.#usage = params.tokenUsage;
        break;
      case "thread/name/updated":
        this.#thread = { ...this.#thread, name: params.threadName ?? null };
        break;
      case "thread/clients/updated":
        this.#clients = params.clients;
        break;
      case "item/completed":
        if (!this.#said(params.item)) return;
        break;
      case "thread/closed":
        this.#running = null;
        break;
      default:
        return;
    }
    this.#changed();
  }

  /** A message of a person has arrived; false when nothing has changed. */
  #said(item: ThreadItem): boolean {
    if (!this.#thread || item.type !== "userMessage") return false;
    const text = item.content.find((part) => part.type === "text")?.text ?? "";
    const taken = this.#steered.find((draft) => draft.text === text);
    if (taken) this.#steered = without(this.#steered, taken);
    // The first one is what a thread is called by until it has a name.
    const isFirst = this.#thread.preview === "" && text !== "";
    if (isFirst) this.#thread = { ...this.#thread, preview: text };
    return isFirst || taken !== undefined;
  }

  #turnEnded(turn: Turn): void {
    // Only one runs at a time; the real servers end a review by another id than they began it with.
    if (!this.#running) return;
    this.#running = null;
    if (turn.status === "completed") {
      this.#steered = [];
      return this.#sendQueued();
    }
    // A server may drop what a turn that was stopped had not taken up; what is on its way waits for its answer.
    // All that was queued behind it is the person's to look at first.
    this.#queues.putFirst(...this.steered);
    this.#steered = this.#steered.filter((draft) => this.#sending.includes(draft));
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** All servers say it in these words. */
function isOverAlready(error: unknown): boolean {
  return /^no active turn\b/i.test(messageOf(error));
}

function settingsOf(opened: Opened): SessionSettings {
  return {
    model: opened.model,
    modelProvider: opened.modelProvider,
    effort: opened.reasoningEffort,
    cwd: opened.cwd,
    approvalPolicy: opened.approvalPolicy,
    sandbox: opened.sandbox,
  };
}

function overridesOf(changes: Partial<SessionSettings>): Overrides {
  const { model, effort, approvalPolicy, sandbox, cwd } = changes;
  return {
    ...model === undefined ? {} : { model },
    ...effort === undefined ? {} : { effort },
    // The granular form has no word that could be sent back; it is kept by saying nothing.
    ...approvalPolicy === undefined || approvalPolicy === "granular" ? {} : { approvalPolicy },
    ...sandbox === undefined ? {} : { sandboxPolicy: sandbox },
    ...cwd === undefined ? {} : { cwd },
  };
}

function inputOf({ text, images }: Draft): UserInput[] {
  return [
    ...text === "" ? [] : [{ type: "text" as const, text, text_elements: [] }],
    ...images.map(({ dataUrl }) => ({ type: "image" as const, url: dataUrl })),
  ];
}

function without(drafts: readonly Draft[], draft: Draft): readonly Draft[] {
  return drafts.filter((one) => one !== draft);
}

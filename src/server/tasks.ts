/** Tasks: a queue in front of a limited number that run; must not know how one runs or who hears of it. */
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Task, TaskStartParams } from "../protocol/task.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";

/** How a task ended. */
export interface TaskOutcome {
  readonly status: "completed" | "failed" | "interrupted";
  readonly lastMessage: string | null;
  readonly error: string | null;
}

/** What a running task tells. */
export interface TaskReport {
  readonly signal: AbortSignal;
  opened(thread: { readonly id: string; readonly cwd: string }): void;
  event(event: Readonly<Record<string, unknown>>): void;
}

/** What a task is to do, and where: an absolute path, or null for the folder of the thread that it continues. */
export type TaskOrder = TaskStartParams & { readonly cwd: string | null };

/** Runs one task to its end; what it throws makes the task fail. */
export type RunTask = (
  params: TaskOrder,
  report: TaskReport,
) => Promise<TaskOutcome>;

/** Who hears of a task. */
export interface TaskListener {
  event(event: Readonly<Record<string, unknown>>): void;
  completed(task: Task): void;
}

/** Upstream's text; clients match on it. */
const OVERLOADED = "Server overloaded; retry later.";
/** Beyond this many that wait, further ones are refused. */
const QUEUE_MAX = 1000;
const ENDED_KEPT = 100;

interface Entry {
  task: Task;
  readonly params: TaskOrder;
  readonly listener: TaskListener;
  readonly abort: AbortController;
}

/** Invariants: at most `limit` run; they start in the order in which they came; each is completed exactly once; of one thread at most one is not over. */
export class Tasks {
  readonly #run: RunTask;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #newId: () => string;
  /** All that are shown, in the order in which they came. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #running = new Set<Promise<void>>();
  #endedCount = 0;
  #cancelFill: (() => void) | null = null;
  #isClosed = false;

  constructor(options: {
    readonly run: RunTask;
    readonly clock: Clock;
    readonly limit: number;
    newId(): string;
  }) {
    this.#run = options.run;
    this.#clock = options.clock;
    this.#limit = options.limit;
    this.#newId = () => options.newId();
  }

  /** Takes a task on. It starts in a later tick, so that the answer comes before its first event. */
  start(params: Entry["params"], listener: TaskListener): Task {
    if (this.#queue.length >= QUEUE_MAX || this.#isClosed) {
      throw new RpcError(rpcCodes.overloaded, OVERLOADED, { reason: "overloaded" });
    }
    if (params.threadId) this.#refuseBusy(params.threadId);
    const task: Task = {
      id: this.#newId(),
      status: "queued",
      threadId: null,
      cwd: params.cwd,
      lastMessage: null,
      error: null,
      createdAt: this.#now(),
      startedAt: null,
      completedAt: null,
    };
    const entry: Entry = { task, params, listener, abort: new AbortController() };
    this.#entries.set(task.id, entry);
    this.#queue.push(entry);
    this.#cancelFill ??= this.#clock.after(0, () => {
      this.#cancelFill = null;
      this.#fill();
    });
    return task;
  }

  list(): Task[] {
    return [...this.#entries.values()].map(({ task }) => task);
  }

  /** False when there is no such task. */
  interrupt(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    entry.abort.abort();
    const waiting = this.#queue.indexOf(entry);
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1);
      this.#complete(entry, { status: "interrupted", lastMessage: null, error: null });
    }
    return true;
  }

  /** Two tasks of one thread would talk into each other's turns. */
  #refuseBusy(threadId: string): void {
    for (const { task, params } of this.#entries.values()) {
      if (task.completedAt !== null) continue;
      if (task.threadId !== threadId && params.threadId !== threadId) continue;
      const text = `task ${task.id} works on the thread ${threadId}`;
      throw new RpcError(rpcCodes.invalidRequest, text, { reason: "threadBusy" });
    }
  }

  /** Interrupts everything and waits for its end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelFill?.();
    for (const { task } of [...this.#entries.values()]) this.interrupt(task.id);
    await Promise.all(this.#running);
  }

  #fill(): void {
    while (this.#running.size < this.#limit) {
      const entry = this.#queue.shift();
      if (!entry) return;
      const running = this.#runEntry(entry);
      this.#running.add(running);
      void running.then(() => {
        this.#running.delete(running);
        this.#fill();
      });
    }
  }

  async #runEntry(entry: Entry): Promise<void> {
    const { listener, params, abort } = entry;
    entry.task = { ...entry.task, status: "running", startedAt: this.#now() };
    let outcome: TaskOutcome;
    try {
      outcome = await this.#run(params, {
        signal: abort.signal,
        opened: ({ id: threadId, cwd }) => entry.task = { ...entry.task, threadId, cwd },
        event: (event) => listener.event(event),
      });
    } catch (error) {
      outcome = { status: "failed", lastMessage: null, error: messageOf(error) };
    }
    this.#complete(entry, outcome);
  }

  #complete(entry: Entry, { status, lastMessage, error }: TaskOutcome): void {
    entry.task = {
      ...entry.task,
      status,
      lastMessage,
      error: error === null ? null : { message: error },
      completedAt: this.#now(),
    };
    entry.listener.completed(entry.task);
    this.#endedCount++;
    if (this.#endedCount > ENDED_KEPT) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [id, { task }] of this.#entries) {
      if (task.completedAt === null) continue;
      this.#entries.delete(id);
      this.#endedCount--;
      return;
    }
  }

  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

/** The set of loaded threads: starts, resumes, forks, unloads; must not know clients or JSON-RPC. */
import type { Config } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import type { GitInfo, SessionSource } from "../protocol/thread_types.ts";
import type { ThreadEvent } from "./events.ts";
import { Thread } from "./thread.ts";
import type { ThreadLog } from "./thread_log.ts";
import type { ThreadSettings } from "./thread_settings.ts";
import type { ActiveTurn, ThreadMeta, ThreadPast } from "./thread_parts.ts";
import type { TurnOutcome } from "./turn.ts";

/** A thread without watchers and without a running turn is unloaded after this long. */
export const IDLE_UNLOAD_MS = 30 * 60 * 1000;

/** A thread in memory with what belongs to it. */
export interface Loaded {
  readonly thread: Thread;
  readonly config: Config;
  readonly log: ThreadLog;
}

export interface StartOptions {
  readonly config: Config;
  readonly settings: ThreadSettings;
  readonly ephemeral: boolean;
  readonly source: SessionSource;
  readonly threadSource: string | null;
  /** Whether it outlives the process before anything was said in it. */
  readonly isKept: boolean;
}

export interface ThreadsOptions {
  readonly clock: Clock;
  readonly ids: { thread(): string; turn(): string; random(): string };
  readonly cliVersion: string;
  createLog(meta: ThreadMeta): ThreadLog;
  readGitInfo(cwd: string): Promise<GitInfo | null>;
  runTurn(loaded: Loaded, turn: ActiveTurn): Promise<TurnOutcome>;
  /** Ends what a thread has left running, such as commands in the background. */
  onUnload(threadId: string): Promise<void>;
  onEvent(threadId: string, event: ThreadEvent): void;
}

interface Entry extends Loaded {
  watchers: number;
  cancelUnload: () => void;
}

/** Invariant: a thread id is loaded at most once, also while a load is still reading the disk. */
export class Threads {
  readonly #options: ThreadsOptions;
  readonly #loaded = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<Loaded>>();
  #isDraining = false;

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  get loadedIds(): string[] {
    return [...this.#loaded.keys()];
  }

  find(id: string): Loaded | undefined {
    return this.#loaded.get(id);
  }

  /** The loaded thread; threads on disk must be resumed first. */
  get(id: string): Loaded {
    const entry = this.#loaded.get(id);
    if (!entry) throw new CodexError("threadNotLoaded", `thread not found: ${id}`);
    return entry;
  }

  /** A new thread; its rollout appears with the first user message, or at once if it is to be kept. */
  async start(options: StartOptions): Promise<Loaded> {
    const { settings, config } = options;
    const meta: ThreadMeta = {
      id: this.#options.ids.thread(),
      createdAtMs: this.#options.clock.now(),
      forkedFromId: null,
      ephemeral: options.ephemeral,
      source: options.source,
      threadSource: options.threadSource,
      gitInfo: await this.#options.readGitInfo(settings.cwd),
      name: null,
      preview: "",
      cliVersion: this.#options.cliVersion,
      cwd: settings.cwd,
    };
    const log = this.#options.createLog(meta);
    if (options.isKept) log.kept(meta, settings);
    return this.#add({ meta, settings, past: NO_PAST, log, config });
  }

  /** The thread with its past: as it is when loaded, else read from its rollout. */
  resume(id: string, open: () => Promise<OpenedThread>): Promise<Loaded> {
    const loaded = this.#loaded.get(id);
    if (loaded) return Promise.resolve(loaded);
    const loading = this.#loading.get(id);
    if (loading) return loading;
    const load = open()
      .then((opened) => this.#add(opened))
      .finally(() => this.#loading.delete(id));
    this.#loading.set(id, load);
    return load;
  }

  /** A new thread with the past of another. */
  fork(opened: OpenedThread): Loaded {
    return this.#add(opened);
  }

  #add(opened: OpenedThread): Loaded {
    const { meta, settings, past, log, config } = opened;
    const { clock, ids, runTurn, onEvent } = this.#options;
    const thread: Thread = new Thread({
      meta,
      settings,
      past,
      log,
      clock,
      ids,
      runTurn: (_, turn) => runTurn(entry, turn),
      checkStart: () => this.#checkStart(),
      onEvent: (event) => {
        onEvent(meta.id, event);
        if (event.type === "turnCompleted") this.#scheduleUnload(entry);
      },
    });
    const entry: Entry = { thread, config, log, watchers: 0, cancelUnload: () => {} };
    this.#loaded.set(meta.id, entry);
    this.#scheduleUnload(entry);
    return entry;
  }

  /** Keeps the thread loaded until the returned function is called. */
  watch(id: string): () => void {
    const entry = this.#loaded.get(id);
    if (!entry) return () => {};
    entry.watchers++;
    entry.cancelUnload();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      entry.watchers--;
      this.#scheduleUnload(entry);
    };
  }

  #scheduleUnload(entry: Entry): void {
    entry.cancelUnload();
    if (this.#loaded.get(entry.thread.id) !== entry) return;
    if (entry.watchers > 0 || entry.thread.activeTurnId !== null) return;
    const unload = () => {
      if (entry.watchers === 0 && entry.thread.activeTurnId === null) this.unload(entry.thread.id);
    };
    entry.cancelUnload = this.#options.clock.after(IDLE_UNLOAD_MS, unload, { background: true });
  }

  /** Forgets the thread and gives its rollout back; everybody is told. */
  unload(id: string): void {
    const entry = this.#loaded.get(id);
    if (!entry) return;
    entry.cancelUnload();
    this.#loaded.delete(id);
    void this.#options.onUnload(id);
    entry.thread.close();
    this.#options.onEvent(id, { type: "statusChanged", status: { type: "notLoaded" } });
    this.#options.onEvent(id, { type: "closed" });
  }

  /** Whether any turn runs. */
  get isBusy(): boolean {
    return this.#busy().length > 0;
  }

  #busy(): Thread[] {
    return [...this.#loaded.values()]
      .map((entry) => entry.thread)
      .filter((thread) => thread.activeTurnId !== null);
  }

  /** No further turn starts from now on; input for those that run is still taken. Resolves when none runs. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.drained();
  }

  #checkStart(): void {
    if (!this.#isDraining) return;
    throw new CodexError(
      "shuttingDown",
      "The server is shutting down and starts no new turn; try again once it is back",
    );
  }

  /** Resolves when no turn runs any more. */
  async drained(): Promise<void> {
    for (let busy = this.#busy(); busy.length > 0; busy = this.#busy()) {
      await Promise.all(busy.map((thread) => thread.idle));
    }
  }

  /** Interrupts what runs and gives every rollout back. */
  async close(): Promise<void> {
    for (const thread of this.#busy()) thread.interrupt(null);
    await this.drained();
    // Commands that are still running end first, so that their ends are on record.
    await Promise.all([...this.#loaded.keys()].map((id) => this.#options.onUnload(id)));
    for (const entry of this.#loaded.values()) {
      entry.cancelUnload();
      entry.thread.close();
    }
    this.#loaded.clear();
  }
}

/** A thread read from disk, or about to be forked, ready to be loaded. */
export interface OpenedThread {
  readonly meta: ThreadMeta;
  readonly settings: ThreadSettings;
  readonly past: ThreadPast;
  readonly log: ThreadLog;
  readonly config: Config;
}

const NO_PAST: ThreadPast = { history: [], turns: [], usage: null, receipts: [] };

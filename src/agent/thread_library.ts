/** Threads on disk: finds, reads, lists, renames and archives them; must not know which ones are loaded. */
import { CodexError } from "../lib/errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { GitInfo, SessionSource, Thread as ThreadView } from "../protocol/thread_types.ts";
import { archiveRollout, unarchiveRollout } from "../store/archive.ts";
import { rolloutPath, RolloutWriter } from "../store/rollout.ts";
import { threadNameUpdated } from "../store/rollout_items.ts";
import { readRollout, type RolloutRecord } from "../store/rollout_reader.ts";
import { projectTurns, TURN_RECORD_TYPES } from "../store/rollout_turns.ts";
import type { ThreadIndex } from "../store/thread_index.ts";
import { appendThreadName } from "../store/thread_names.ts";
import type { ThreadQuery } from "../store/thread_query.ts";
import type { ThreadRow } from "../store/thread_row.ts";
import type { ThreadMeta, ThreadPast } from "./thread_parts.ts";
import { pastOf } from "./thread_past.ts";
import { type LogObserver, ThreadLog, type ThreadLogOptions } from "./thread_log.ts";
import { threadView } from "./thread_view.ts";

/** A thread read back whole. */
export interface StoredThread {
  readonly path: string;
  readonly meta: ThreadMeta;
  readonly past: ThreadPast;
  /** Null where the file does not say: then the configuration decides. */
  readonly model: string | null;
  readonly modelProvider: string | null;
  readonly lastCwd: string;
}

/** What a fork is made from. */
export interface ForkSource extends StoredThread {
  readonly records: readonly RolloutRecord[];
}

export interface ThreadLibraryOptions {
  readonly codexHome: string;
  readonly index: ThreadIndex;
  readonly clock: Clock;
  readonly ids: { thread(): string };
  readonly cliVersion: string;
  readonly timezone: string;
  /** The provider of files that name none. */
  defaultProvider(): Promise<string>;
  originator(): string;
  contextWindow(model: string): number | null;
}

/** How often a list looks for files that other programs have written. */
const SYNC_INTERVAL_MS = 5_000;

/** Invariant: only a writer that holds the lock of a rollout changes it; reading needs no lock. */
export class ThreadLibrary {
  readonly #options: ThreadLibraryOptions;
  #lookedAtMs: number;

  constructor(options: ThreadLibraryOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock.now();
  }

  /** One page of stored threads. */
  async list(query: ThreadQuery): Promise<{ data: ThreadView[]; nextCursor: string | null }> {
    const provider = await this.#options.defaultProvider();
    this.#lookForChanges();
    const page = await this.#options.index.list({
      ...query,
      // Absent means the configured provider, an empty list every provider (as upstream).
      modelProviders: query.modelProviders ?? [provider],
      defaultModelProvider: provider,
    });
    return {
      data: page.rows.map((row) => viewOfRow(row, provider)),
      nextCursor: page.nextCursor,
    };
  }

  /** Other programs write rollouts too; what they wrote shows in a later list. */
  #lookForChanges(): void {
    const now = this.#options.clock.now();
    // A clock that was put back must not stop it for as long.
    if (Math.abs(now - this.#lookedAtMs) < SYNC_INTERVAL_MS) return;
    this.#lookedAtMs = now;
    void this.#options.index.sync();
  }

  /** The index row of a thread whose file exists. */
  async requireStored(id: string): Promise<ThreadRow> {
    const row = await this.#options.index.find(id);
    if (!row || row.isArchived) throw notFound(id);
    return row;
  }

  /** Reads a thread that is not loaded. */
  async view(id: string, options: { readonly turns: boolean }): Promise<ThreadView> {
    const row = await this.#options.index.find(id);
    if (!row) throw new CodexError("threadNotLoaded", `thread not loaded: ${id}`);
    const view = viewOfRow(row, await this.#options.defaultProvider());
    if (!options.turns) return view;
    const records = await readRollout(row.path, { types: TURN_RECORD_TYPES });
    return { ...view, turns: projectTurns(records).turns };
  }

  /** Reads all that is needed to go on with a thread, and its log; `threadLocked` when another process has it. */
  async open(id: string): Promise<{ readonly stored: StoredThread; readonly log: ThreadLog }> {
    const row = await this.#options.index.find(id);
    if (!row) throw notFound(id);
    if (row.isArchived) {
      // deno-lint-ignore codex/error-message -- Upstream's words.
      throw new CodexError(
        "threadArchived",
        `session ${id} is archived. Run \`codex unarchive ${id}\` to unarchive it first.`,
      );
    }
    // Locked before it is read: whatever another process has written until then is not missed.
    const writer = RolloutWriter.open(row.path);
    try {
      const stored = storedThread(row, await readRollout(row.path));
      return { stored, log: this.#log(row.path, { writer, modelProvider: row.modelProvider }) };
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  /** What a fork starts from: the thread as it is on disk now, whoever has it loaded. */
  async read(id: string): Promise<ForkSource> {
    const row = await this.requireStored(id);
    const records = await readRollout(row.path);
    return { ...storedThread(row, records), records };
  }

  /** The log of a new thread. */
  createLog(meta: ThreadMeta): ThreadLog {
    return this.#log(meta.ephemeral ? null : this.#pathOf(meta), {});
  }

  /** A new thread with a copy of the records of another. */
  fork(source: ForkSource, options: {
    readonly ephemeral: boolean;
    readonly cwd: string;
    readonly threadSource: string | null;
    readonly source: SessionSource;
  }): { meta: ThreadMeta; log: ThreadLog } {
    const meta: ThreadMeta = {
      ...source.meta,
      ...options,
      id: this.#options.ids.thread(),
      createdAtMs: this.#options.clock.now(),
      forkedFromId: source.meta.id,
      name: null,
      cliVersion: this.#options.cliVersion,
    };
    if (meta.ephemeral) return { meta, log: this.#log(null, {}) };
    const log = this.#log(this.#pathOf(meta), { inherited: source.records });
    log.forked(meta, source);
    return { meta, log };
  }

  /** Names a thread that is not loaded. */
  async rename(id: string, name: string): Promise<void> {
    const row = await this.requireStored(id);
    const writer = RolloutWriter.open(row.path);
    try {
      writer.append([threadNameUpdated(id, name)], this.#options.clock.now());
    } finally {
      writer.close();
    }
    this.#named(id, name);
    this.#options.index.upsert({ ...row, name });
  }

  /** The real Codex looks for names in a file of its own. */
  #named(threadId: string, name: string): void {
    const atMs = this.#options.clock.now();
    appendThreadName(this.#options.codexHome, { threadId, name, atMs });
  }

  /** Corrects the git state of a thread that is not loaded; kept in the index only (as upstream). */
  async updateGitInfo(id: string, change: GitInfoChange): Promise<ThreadView> {
    const row = await this.requireStored(id);
    const gitInfo = changedGitInfo(row.gitInfo, change);
    this.#options.index.upsert({ ...row, gitInfo });
    return viewOfRow({ ...row, gitInfo }, await this.#options.defaultProvider());
  }

  /** Moves the file out of the list. */
  async archive(id: string): Promise<void> {
    const row = await this.requireStored(id);
    // Another process that has the thread would go on writing to a file that nobody looks at any more.
    const writer = RolloutWriter.open(row.path);
    try {
      const path = archiveRollout(this.#options.codexHome, row.path);
      this.#options.index.upsert({ ...row, path, isArchived: true });
    } finally {
      writer.close();
    }
  }

  /** Moves the file back into the list. */
  async unarchive(id: string): Promise<ThreadView> {
    const row = await this.#options.index.find(id);
    if (!row?.isArchived) {
      throw new CodexError("rolloutNotFound", `no archived rollout found for thread id ${id}`);
    }
    const atMs = this.#options.clock.now();
    const path = unarchiveRollout(this.#options.codexHome, { path: row.path, atMs });
    const back = { ...row, path, isArchived: false, updatedAtMs: atMs };
    this.#options.index.upsert(back);
    return viewOfRow(back, await this.#options.defaultProvider());
  }

  #pathOf(meta: ThreadMeta): string {
    return rolloutPath(this.#options.codexHome, {
      threadId: meta.id,
      createdAtMs: meta.createdAtMs,
    });
  }

  #log(
    path: string | null,
    start: Pick<ThreadLogOptions, "writer" | "modelProvider" | "inherited">,
  ): ThreadLog {
    const { clock, originator, timezone, contextWindow } = this.#options;
    return new ThreadLog({
      path,
      clock,
      originator,
      timezone,
      contextWindow,
      onChange: (meta, change) => this.#index(meta, change),
      onNamed: (id, name) => this.#named(id, name),
      ...start,
    });
  }

  #index(meta: ThreadMeta, change: Parameters<LogObserver>[1]): void {
    this.#options.index.upsert({
      id: meta.id,
      path: change.path,
      createdAtMs: meta.createdAtMs,
      updatedAtMs: change.updatedAtMs,
      // Without a user message it is not listed.
      preview: meta.preview === "" ? null : meta.preview,
      name: meta.name,
      cwd: meta.cwd,
      source: meta.source,
      threadSource: meta.threadSource,
      modelProvider: change.modelProvider,
      cliVersion: meta.cliVersion,
      forkedFromId: meta.forkedFromId,
      gitInfo: meta.gitInfo,
      isArchived: false,
      size: change.size,
      mtimeMs: change.updatedAtMs,
    });
  }
}

/** Which members to change: absent ones stay, null ones are cleared. */
export interface GitInfoChange {
  readonly sha?: string | null | undefined;
  readonly branch?: string | null | undefined;
  readonly originUrl?: string | null | undefined;
}

/** The git state after a change. */
export function changedGitInfo(before: GitInfo | null, change: GitInfoChange): GitInfo {
  const choose = (now: string | null | undefined, old: string | null | undefined) =>
    now === undefined ? old ?? null : now;
  return {
    sha: choose(change.sha, before?.sha),
    branch: choose(change.branch, before?.branch),
    originUrl: choose(change.originUrl, before?.originUrl),
  };
}

function notFound(id: string): CodexError {
  return new CodexError("rolloutNotFound", `no rollout found for thread id ${id}`);
}

/** The records of a thread as what a client sees and as what the model is sent. */
function storedThread(row: ThreadRow, records: readonly RolloutRecord[]): StoredThread {
  const replay = projectTurns(records);
  const { lastContext } = replay;
  return {
    path: row.path,
    meta: metaOfRow(row),
    past: pastOf(records, replay),
    model: lastContext?.model ?? null,
    modelProvider: row.modelProvider,
    lastCwd: lastContext?.cwd ?? row.cwd,
  };
}

function viewOfRow(row: ThreadRow, defaultProvider: string): ThreadView {
  return threadView(metaOfRow(row), {
    settings: { model: null, modelProvider: row.modelProvider ?? defaultProvider },
    status: { type: "notLoaded" },
    path: row.path,
    updatedAtMs: row.updatedAtMs,
    turns: [],
  });
}

function metaOfRow(row: ThreadRow): ThreadMeta {
  return {
    id: row.id,
    createdAtMs: row.createdAtMs,
    forkedFromId: row.forkedFromId,
    ephemeral: false,
    source: row.source,
    threadSource: row.threadSource,
    gitInfo: row.gitInfo,
    name: row.name,
    preview: row.preview ?? "",
    cliVersion: row.cliVersion,
    cwd: row.cwd,
  };
}

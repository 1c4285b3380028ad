/** The searchable list of all threads of a home, kept in step with the rollouts; must not know turns or running threads. */
import { messageOf } from "../lib/errors.ts";
import { findRollout } from "./rollout_find.ts";
import { readRolloutHead } from "./rollout_head.ts";
import { statFile } from "./rollout_scan.ts";
import { IndexDatabase, isBusy } from "./thread_index_db.ts";
import { IndexSync } from "./thread_index_sync.ts";
import { parseThreadNames, readThreadNames } from "./thread_names.ts";
import {
  pageOf,
  selectThreads,
  sortSeconds,
  type ThreadPage,
  type ThreadQuery,
} from "./thread_query.ts";
import { rowOfHead, type ThreadRow } from "./thread_row.ts";
import { retryBriefly } from "./time_slices.ts";

type SqliteModule = typeof import("node:sqlite");

/** Where the index lies, and who hears of trouble that it gets over by itself. */
export interface ThreadIndexOptions {
  readonly codexHome: string;
  readonly onProblem?: (message: string) => void;
}

/**
 * Many processes share the file. All of it can be read again from the rollouts, so:
 * - a write that fails is kept in memory and tried again later, and never fails a turn;
 * - a broken file is moved aside and built anew; without a writable home the index lives in memory;
 * - before the first `sync` is through, `list` waits until the files that could belong to its page were looked at.
 */
export class ThreadIndex {
  readonly #codexHome: string;
  readonly #sqlite: SqliteModule;
  readonly #onProblem: (message: string) => void;
  #db: IndexDatabase;
  /** Rows that could not be written yet, and ids (null) that could not be removed yet. */
  readonly #unwritten = new Map<string, ThreadRow | null>();
  /** The running sync, or the last one that ended. */
  #sync: IndexSync | null = null;
  #isSynced = false;
  #namesSize = -1;
  #isClosed = false;

  private constructor(db: IndexDatabase, sqlite: SqliteModule, options: ThreadIndexOptions) {
    this.#codexHome = options.codexHome;
    this.#sqlite = sqlite;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#db = db;
  }

  /** Opens the index of a home; never fails because of the state of its file. Call `sync` next. */
  static async open(options: ThreadIndexOptions): Promise<ThreadIndex> {
    // Loaded here, so that programs without threads do not pay for it.
    const sqlite = await import("node:sqlite");
    return new ThreadIndex(await openDatabase(sqlite, options.codexHome), sqlite, options);
  }

  /** True when nothing is kept on disk: the home is read-only or full. */
  get isInMemory(): boolean {
    return this.#db.isInMemory;
  }

  /** Settles when the sync that runs now, or the first one to come, is through. */
  get synced(): Promise<void> {
    const isRunning = this.#sync !== null && !this.#sync.isEnded;
    return this.#isSynced && !isRunning ? Promise.resolve() : this.sync();
  }

  /**
   * Brings the index in step with the files, in the background; a call while one runs joins it.
   * Never rejects: an aborted or failed one leaves what it has found so far.
   */
  sync(signal?: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#sync && !this.#sync.isEnded) return this.#sync.ended;
    const sync = new IndexSync({
      codexHome: this.#codexHome,
      namesSize: this.#namesSize,
      signal,
      read: (action) => this.#read(action),
      write: (action) => this.#tryWrite(action),
      giveUpFile: () => this.#rebuild({ isInMemory: true }),
      onProblem: this.#onProblem,
      onSynced: (namesSize) => {
        this.#namesSize = namesSize;
        this.#isSynced = true;
      },
    });
    this.#sync = sync;
    sync.start();
    return sync.ended;
  }

  /** One page of threads. Rejects with `invalidRequest` for a cursor that is none. */
  async list(query: ThreadQuery): Promise<ThreadPage> {
    const select = selectThreads(query);
    if (!this.#isSynced && !this.#sync) void this.sync();
    if (this.#unwritten.size > 0) await this.#writeRest();
    while (true) {
      const rows = this.#read((db) => db.select(select));
      const sync = this.#sync;
      // After the first one, what a running sync will find is news; before it, a page could have holes.
      if (this.#isSynced || !sync || sync.isEnded) return pageOf(select, rows);
      const last = select.isAscending ? undefined : rows[select.limit - 1];
      if (!last) {
        // A page that is not full could get any thread; from the oldest on, the last ones read come first.
        await sync.progressed();
        continue;
      }
      const lastMs = sortSeconds(select, last) * 1000;
      const among = { column: select.column, isArchived: query.archived ?? false };
      if (sync.hasPassed(lastMs, among)) return pageOf(select, rows);
      await sync.passed(lastMs, among);
    }
  }

  /** The thread as the index knows it now. */
  get(id: string): ThreadRow | null {
    const unwritten = this.#unwritten.get(id.toLowerCase());
    return unwritten !== undefined ? unwritten : this.#read((db) => db.get(id.toLowerCase()));
  }

  /** The thread, looked for on disk when the index does not know it or its file has moved. */
  async find(id: string): Promise<ThreadRow | null> {
    const known = this.get(id);
    if (known && statFile(known.path)) return known;
    const found = await findRollout(this.#codexHome, id);
    const head = found && readRolloutHead(found.path);
    if (!found || !head) return null;
    const read = rowOfHead(head, found);
    const row = { ...read, name: this.#nameOf(read.id) ?? read.name };
    this.upsert(row);
    return row;
  }

  /**
   * Writes a row; one that cannot be written now is written later, and seen by this process meanwhile.
   * The rollout should exist: a sync forgets threads whose file is not there.
   */
  upsert(row: ThreadRow): void {
    const id = row.id.toLowerCase();
    this.#unwritten.set(id, { ...row, id });
    this.#flush();
  }

  /** Changes some members of a thread that the index knows. */
  update(id: string, change: Partial<Omit<ThreadRow, "id">>): void {
    const row = this.get(id);
    if (row) this.upsert({ ...row, ...change });
  }

  /** Notes that the rollout was moved to the archive or back. */
  setArchived(id: string, moved: { readonly isArchived: boolean; readonly path: string }): void {
    this.update(id, moved);
  }

  /** Forgets a thread. */
  remove(id: string): void {
    this.#unwritten.set(id.toLowerCase(), null);
    this.#flush();
  }

  /** Stops a running sync and lets the file go. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sync?.abort();
    await this.#sync?.ended;
    this.#flush();
    this.#db.close();
  }

  #nameOf(id: string): string | null {
    const text = readThreadNames(this.#codexHome);
    return text === null ? null : parseThreadNames(text).get(id) ?? null;
  }

  /** A failing read means a broken file: it is built anew, at worst in memory, so the second try does not fail. */
  #read<T>(action: (db: IndexDatabase) => T): T {
    this.#flush();
    try {
      return action(this.#db);
    } catch (error) {
      this.#onProblem(`The thread index is built anew: ${messageOf(error)}`);
      this.#rebuild({ isInMemory: isBusy(error) });
      return action(this.#db);
    }
  }

  /** True when the action went through. */
  #tryWrite(action: (db: IndexDatabase) => void): boolean {
    try {
      action(this.#db);
      return true;
    } catch (error) {
      this.#onProblem(`The thread index could not be written: ${messageOf(error)}`);
      return false;
    }
  }

  #flush(): void {
    for (const [id, row] of this.#unwritten) {
      if (!this.#tryWrite((db) => (row ? db.upsert([row]) : db.remove(id)))) return;
      this.#unwritten.delete(id);
    }
  }

  /** Lists must show what this process wrote, so a file that stays unwritable is given up for memory. */
  async #writeRest(): Promise<void> {
    const isWritten = await retryBriefly(() => {
      this.#flush();
      return this.#unwritten.size === 0;
    });
    if (!isWritten) this.#rebuild({ isInMemory: true });
  }

  #rebuild(options: { readonly isInMemory: boolean }): void {
    const isInMemory = options.isInMemory || this.#db.isInMemory;
    this.#tryWrite((db) => db.close());
    this.#db = isInMemory
      ? IndexDatabase.openInMemory(this.#sqlite)
      : reopen(this.#sqlite, this.#codexHome);
    this.#isSynced = false;
    this.#namesSize = -1;
    this.#flush();
    this.#sync?.abort();
    this.#sync = null;
    void this.sync();
  }
}

async function openDatabase(sqlite: SqliteModule, codexHome: string): Promise<IndexDatabase> {
  let opened: IndexDatabase | null = null;
  await retryBriefly(() => {
    opened = unlessBusy(() => IndexDatabase.open(sqlite, codexHome));
    return opened !== null;
  });
  return opened ?? IndexDatabase.openInMemory(sqlite);
}

function reopen(sqlite: SqliteModule, codexHome: string): IndexDatabase {
  return unlessBusy(() => IndexDatabase.openAfresh(sqlite, codexHome)) ??
    IndexDatabase.openInMemory(sqlite);
}

function unlessBusy(open: () => IndexDatabase): IndexDatabase | null {
  try {
    return open();
  } catch (error) {
    if (isBusy(error)) return null;
    throw error;
  }
}

/** One pass that brings the thread index in step with the files, without ever blocking for long; must not know queries. */
import { dirname } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { readRolloutHead } from "./rollout_head.ts";
import { type ScanDir, scanDir, scanDirs, type ScannedFile, statFile } from "./rollout_scan.ts";
import type { IndexDatabase, IndexedFile } from "./thread_index_db.ts";
import { parseThreadNames, readThreadNames, threadNamesPath } from "./thread_names.ts";
import { rowOfHead, type ThreadRow } from "./thread_row.ts";
import { retryBriefly, TimeSlices } from "./time_slices.ts";

/** What a pass needs of the index. */
export interface IndexSyncOptions {
  readonly codexHome: string;
  /** Length of the file of names when it was last taken over, or -1. */
  readonly namesSize: number;
  readonly signal: AbortSignal | undefined;
  readonly read: <T>(action: (db: IndexDatabase) => T) => T;
  /** True when the action went through. */
  readonly write: (action: (db: IndexDatabase) => void) => boolean;
  /** The file cannot be written: the index goes on in memory and starts another pass. */
  readonly giveUpFile: () => void;
  readonly onProblem: (message: string) => void;
  readonly onSynced: (namesSize: number) => void;
}

/** Columns that lists are sorted by. */
type SortColumn = "created_s" | "updated_s";

/** Which threads a list is about. */
export interface PassedAmong {
  readonly column: SortColumn;
  readonly isArchived: boolean;
}

type IndexedFiles = Map<string, Map<string, IndexedFile>>;

interface Waiter {
  readonly isReady: () => boolean;
  readonly resolve: () => void;
}

const ROWS_PER_WRITE = 64;
const ROWS_PER_READ = 500;

/**
 * First the folders are listed and compared with the index, newest day first; few changed files are read at once, many
 * are put off until the times of all are known, and then read from the newest on.
 * `hasPassed` tells whether a file that is still to be read could be as new as a given time.
 */
export class IndexSync {
  /** Settles when the pass is over, whatever came of it. */
  readonly ended: Promise<void>;
  readonly #options: IndexSyncOptions;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #slices = new TimeSlices();
  readonly #settle: () => void;
  #isEnded = false;
  /** While folders are compared: how new a live thread that is still to be read can be, by creation. */
  #unseenCreatedMaxMs = Infinity;
  /** Afterwards, per position: the newest times among the files from there on. */
  #pending: Readonly<Record<SortColumn, Float64Array>> | null = null;
  #position = 0;
  #waiters: Waiter[] = [];
  #names: ReadonlyMap<string, string | null> = new Map();

  constructor(options: IndexSyncOptions) {
    this.#options = options;
    this.#signal = options.signal
      ? AbortSignal.any([options.signal, this.#abort.signal])
      : this.#abort.signal;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = resolve;
  }

  /** True when nothing more will be found by this pass. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Runs the pass; call it once. */
  start(): void {
    void this.#run();
  }

  /** Makes the pass end soon. */
  abort(): void {
    this.#abort.abort();
  }

  /** True when no file that is still to be read can be as new as `boundMs`. */
  hasPassed(boundMs: number, among: PassedAmong): boolean {
    if (this.#isEnded) return true;
    if (this.#pending) return (this.#pending[among.column][this.#position] ?? Infinity) < boundMs;
    return among.column === "created_s" && !among.isArchived && this.#unseenCreatedMaxMs < boundMs;
  }

  /** Settles when `hasPassed` is true. */
  passed(boundMs: number, among: PassedAmong): Promise<void> {
    return this.#wait(() => this.hasPassed(boundMs, among));
  }

  /** Settles when about twice as many files were read as now, so that asking again and again stays cheap. */
  progressed(): Promise<void> {
    const goal = this.#pending ? this.#position * 2 + ROWS_PER_WRITE : 1;
    return this.#wait(() => this.#isEnded || this.#position >= goal);
  }

  #wait(isReady: () => boolean): Promise<void> {
    if (isReady()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ isReady, resolve });
    return promise;
  }

  async #run(): Promise<void> {
    try {
      // The first slice belongs to whoever started this.
      await this.#slices.pause(this.#signal);
      const namesSize = this.#readNames();
      await this.#readHeads(await this.#compareAll());
      await this.#takeNames();
      this.#options.onSynced(namesSize);
    } catch (error) {
      if (!this.#signal.aborted) {
        this.#options.onProblem(`The threads on disk could not be listed: ${messageOf(error)}`);
      }
    } finally {
      this.#isEnded = true;
      this.#wake();
      this.#settle();
    }
  }

  /** Compares all folders with the index; returns the files whose reading was put off, newest first. */
  async #compareAll(): Promise<ScannedFile[]> {
    const known = await this.#indexedFiles();
    const late: ScannedFile[] = [];
    let lateCreatedMaxMs = -Infinity;
    for await (const scanned of scanDirs(this.#options.codexHome)) {
      const changed = await this.#compareDir(scanned, known);
      if (changed.length <= ROWS_PER_WRITE) {
        const rows = changed.flatMap((file) => this.#readHead(file) ?? []);
        if (rows.length > 0) await this.#write((db) => db.upsertFound(rows));
      } else {
        late.push(...changed);
        lateCreatedMaxMs = Math.max(lateCreatedMaxMs, changed[0]?.createdAtMaxMs ?? -Infinity);
      }
      this.#unseenCreatedMaxMs = Math.max(scanned.laterCreatedAtMaxMs, lateCreatedMaxMs);
      this.#wake();
      if (this.#slices.isDue) await this.#slices.pause(this.#signal);
    }
    for (const files of known.values()) await this.#removeGone(files);
    late.sort((a, b) => b.createdAtMaxMs - a.createdAtMaxMs);
    this.#pending = {
      created_s: newestFromHere(late, (file) => file.createdAtMaxMs),
      updated_s: newestFromHere(late, (file) => file.mtimeMs),
    };
    this.#wake();
    return late;
  }

  /** The files of a folder that the index does not know as they are; what it knows and is gone is removed. */
  async #compareDir(scanned: ScanDir, known: IndexedFiles): Promise<ScannedFile[]> {
    const files = await scanDir(scanned, { slices: this.#slices, signal: this.#signal });
    const indexed = known.get(scanned.dir);
    if (!indexed) return files;
    known.delete(scanned.dir);
    const changed = files.filter((file) => {
      const row = indexed.get(file.path);
      indexed.delete(file.path);
      return row?.size !== file.size || row.mtimeMs !== file.mtimeMs;
    });
    await this.#removeGone(indexed);
    return changed;
  }

  async #removeGone(files: ReadonlyMap<string, IndexedFile>): Promise<void> {
    // A thread may have got its file after its folder was listed.
    const gone = [...files.keys()].filter((path) => statFile(path) === null);
    for (let start = 0; start < gone.length; start += ROWS_PER_READ) {
      const paths = gone.slice(start, start + ROWS_PER_READ);
      await this.#write((db) => db.removePaths(paths));
    }
  }

  /** What the index knows, by folder. */
  async #indexedFiles(): Promise<IndexedFiles> {
    const known: IndexedFiles = new Map();
    for (let rowid = -1;;) {
      const batch = this.#options.read((db) => db.filesAfter(rowid, ROWS_PER_READ));
      for (const file of batch) {
        const dir = dirname(file.path);
        const files = known.get(dir);
        if (files) files.set(file.path, file);
        else known.set(dir, new Map([[file.path, file]]));
      }
      const last = batch.at(-1);
      if (!last || batch.length < ROWS_PER_READ) return known;
      rowid = last.rowid;
      if (this.#slices.isDue) await this.#slices.pause(this.#signal);
    }
  }

  async #readHeads(files: readonly ScannedFile[]): Promise<void> {
    let rows: ThreadRow[] = [];
    for (const [position, file] of files.entries()) {
      const row = this.#readHead(file);
      if (row) rows.push(row);
      const isLast = position === files.length - 1;
      if (!isLast && rows.length < ROWS_PER_WRITE && !this.#slices.isDue) continue;
      const batch = rows;
      rows = [];
      await this.#write((db) => db.upsertFound(batch));
      this.#position = position + 1;
      this.#wake();
      if (this.#slices.isDue) await this.#slices.pause(this.#signal);
    }
  }

  #readHead(file: ScannedFile): ThreadRow | null {
    try {
      const head = readRolloutHead(file.path);
      if (!head) return null;
      const row = rowOfHead(head, file);
      return { ...row, name: this.#names.get(row.id) ?? row.name };
    } catch (error) {
      // One file that is gone or unreadable must not hide the others.
      if (statFile(file.path)) this.#options.onProblem(messageOf(error));
      return null;
    }
  }

  /** Names that other programs gave too; the file is read again only when its length changed. */
  #readNames(): number {
    const { codexHome, namesSize } = this.#options;
    const size = statFile(threadNamesPath(codexHome))?.size ?? 0;
    if (size > 0 && size !== namesSize) {
      this.#names = parseThreadNames(readThreadNames(codexHome) ?? "");
    }
    return size;
  }

  async #takeNames(): Promise<void> {
    const names = [...this.#names];
    for (let start = 0; start < names.length; start += ROWS_PER_WRITE) {
      const batch = names.slice(start, start + ROWS_PER_WRITE);
      await this.#write((db) => db.setNames(batch));
      if (this.#slices.isDue) await this.#slices.pause(this.#signal);
    }
  }

  async #write(action: (db: IndexDatabase) => void): Promise<void> {
    const isWritten = await retryBriefly(() => {
      this.#signal.throwIfAborted();
      return this.#options.write(action);
    });
    if (isWritten) return;
    this.#options.giveUpFile();
    this.#signal.throwIfAborted();
  }

  #wake(): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.isReady()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}

/** Per position the greatest value from there to the end; one more at the end for "nothing left". */
function newestFromHere(
  files: readonly ScannedFile[],
  timeOf: (file: ScannedFile) => number,
): Float64Array {
  const newest = new Float64Array(files.length + 1);
  newest[files.length] = -Infinity;
  for (let position = files.length - 1; position >= 0; position--) {
    const file = files[position];
    const after = newest[position + 1] ?? -Infinity;
    newest[position] = file ? Math.max(timeOf(file), after) : after;
  }
  return newest;
}

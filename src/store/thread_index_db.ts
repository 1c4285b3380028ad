/** The SQLite file of the thread index: made private, checked, thrown away when broken; must not know rollouts. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "node:path";
import { FILE_MODE, inHome, makePrivateDir, moveHomeFile, removeHomeFile } from "./home_file.ts";
import { bindRow, COLUMNS, parseRow, searchText, type ThreadRow } from "./thread_row.ts";
import { type ThreadSelect } from "./thread_query.ts";

/** A name that the real Codex does not use: its databases are never touched. */
export const INDEX_FILE = "thread_index_1.sqlite";
const SCHEMA_VERSION = 1;
/** Waiting for another process blocks this one, so it is short: what could not be written is written later. */
const BUSY_TIMEOUT_MS = 50;
const MAX_STATEMENTS = 64;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS threads (
  id TEXT NOT NULL PRIMARY KEY,
  path TEXT NOT NULL,
  created_s INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_s INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  preview TEXT,
  name TEXT,
  search TEXT NOT NULL,
  cwd TEXT NOT NULL,
  source TEXT NOT NULL,
  source_kind TEXT NOT NULL,
  model_provider TEXT,
  cli_version TEXT NOT NULL,
  forked_from_id TEXT,
  git TEXT,
  archived INTEGER NOT NULL,
  thread_source TEXT,
  size INTEGER NOT NULL,
  mtime_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS threads_by_creation ON threads (archived, created_s, id);
CREATE INDEX IF NOT EXISTS threads_by_update ON threads (archived, updated_s, id);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

const UPSERT_SET = COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`).join(", ");
const INSERT = `INSERT INTO threads (${COLUMNS.join(", ")}) ` +
  `VALUES (${COLUMNS.map(() => "?").join(", ")}) ON CONFLICT (id) DO UPDATE SET `;
const UPSERT = INSERT + UPSERT_SET;
/**
 * For what was read from files: of two files with one id the later changed one counts, a name that the file does
 * not tell any more stays, and so does the git state, which clients correct in the index alone (as upstream).
 */
const UPSERT_FOUND = INSERT +
  UPSERT_SET.replace("name = excluded.name", "name = coalesce(excluded.name, threads.name)")
    .replace("git = excluded.git", "git = coalesce(threads.git, excluded.git)")
    .replace(
      "search = excluded.search",
      "search = iif(excluded.name IS NULL AND threads.name IS NOT NULL, threads.search, excluded.search)",
    ) +
  " WHERE excluded.path = threads.path OR excluded.mtime_ms >= threads.mtime_ms";

type SqliteModule = { readonly DatabaseSync: typeof DatabaseSync };

/** What the index remembers of a file. */
export interface IndexedFile {
  readonly rowid: number;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Statements over one open database. Every method may throw what SQLite throws. */
export class IndexDatabase {
  readonly isInMemory: boolean;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync, isInMemory: boolean) {
    this.#db = db;
    this.isInMemory = isInMemory;
  }

  /**
   * Opens the file in the home; a broken or newer one is moved aside, and without a writable home it is in memory.
   * Throws when another process is just setting it up (`isBusy`).
   */
  static open(sqlite: SqliteModule, codexHome: string): IndexDatabase {
    const path = join(codexHome, INDEX_FILE);
    try {
      makePrivateDir(codexHome);
      return IndexDatabase.#openFile(sqlite, path);
    } catch (error) {
      if (isBusy(error)) throw error;
      // Whatever is wrong with the file, all of it can be read again from the rollouts.
      return IndexDatabase.openAfresh(sqlite, codexHome);
    }
  }

  /** An index that lives as long as the process. */
  static openInMemory(sqlite: SqliteModule): IndexDatabase {
    const db = new sqlite.DatabaseSync(":memory:");
    db.exec(SCHEMA);
    return new IndexDatabase(db, true);
  }

  /** Moves what is there aside and starts with an empty index. */
  static openAfresh(sqlite: SqliteModule, codexHome: string): IndexDatabase {
    const path = join(codexHome, INDEX_FILE);
    try {
      moveAside(path);
      return IndexDatabase.#openFile(sqlite, path);
    } catch (error) {
      if (isBusy(error)) throw error;
      // A read-only home or a full disk: lists still work, each process reads the rollouts for itself.
      return IndexDatabase.openInMemory(sqlite);
    }
  }

  static #openFile(sqlite: SqliteModule, path: string): IndexDatabase {
    // SQLite would make the file readable for everybody; its side files take over the mode of this one.
    inHome(`open ${path}`, () => {
      Deno.openSync(path, { create: true, write: true, mode: FILE_MODE }).close();
    });
    const db = new sqlite.DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      prepare(db);
      return new IndexDatabase(db, false);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** The selected rows. */
  select(select: ThreadSelect): ThreadRow[] {
    return this.#statement(select.sql).all(...select.values).map(parseRow);
  }

  /** The row of a thread. */
  get(id: string): ThreadRow | null {
    const row = this.#statement("SELECT * FROM threads WHERE id = ?").get(id);
    return row === undefined ? null : parseRow(row);
  }

  /** Writes rows that the caller vouches for. */
  upsert(rows: readonly ThreadRow[]): void {
    this.#writeAll(UPSERT, rows);
  }

  /** Writes rows that were read from files. */
  upsertFound(rows: readonly ThreadRow[]): void {
    this.#writeAll(UPSERT_FOUND, rows);
  }

  /** Sets the names of threads that are in the index. */
  setNames(names: readonly (readonly [id: string, name: string | null])[]): void {
    const find = this.#statement("SELECT name, preview FROM threads WHERE id = ?");
    const update = this.#statement("UPDATE threads SET name = ?, search = ? WHERE id = ?");
    this.#transaction(() => {
      for (const [id, name] of names) {
        const row = find.get(id);
        if (row === undefined || row.name === name) continue;
        const preview = typeof row.preview === "string" ? row.preview : null;
        update.run(name, searchText(name, preview), id);
      }
    });
  }

  /** Forgets a thread. */
  remove(id: string): void {
    this.#statement("DELETE FROM threads WHERE id = ?").run(id);
  }

  /** Forgets the threads of files that are gone. */
  removePaths(paths: readonly string[]): void {
    const statement = this.#statement("DELETE FROM threads WHERE path = ?");
    this.#transaction(() => {
      for (const path of paths) statement.run(path);
    });
  }

  /** A piece of the table, to be walked without blocking. */
  filesAfter(rowid: number, limit: number): IndexedFile[] {
    const sql =
      "SELECT rowid, path, size, mtime_ms FROM threads WHERE rowid > ? ORDER BY rowid LIMIT ?";
    return this.#statement(sql).all(rowid, limit).map((row) => ({
      rowid: Number(row.rowid),
      path: String(row.path),
      size: Number(row.size),
      mtimeMs: Number(row.mtime_ms),
    }));
  }

  /** Closes the file; SQLite folds its log into it when this is the last user. */
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #writeAll(sql: string, rows: readonly ThreadRow[]): void {
    const statement = this.#statement(sql);
    const [first] = rows;
    if (rows.length === 1 && first) {
      statement.run(...bindRow(first));
      return;
    }
    this.#transaction(() => {
      for (const row of rows) statement.run(...bindRow(row));
    });
  }

  #transaction(action: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      // The number of filters in a list makes the variety of statements endless.
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** True when another process holds the file: it is sound, and free again in a moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && /database( schema| table)? is locked/.test(error.message);
}

function prepare(db: DatabaseSync): void {
  // In WAL mode readers and the writer of several processes do not wait for each other.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;");
  const version = db.prepare("PRAGMA user_version").get()?.user_version;
  if (version === 0) db.exec(SCHEMA);
  else if (version !== SCHEMA_VERSION) throw new Error(`Unknown schema version ${version}`);
  // Reads a page of each tree: a file that is cut or overwritten fails here, not in the first list.
  db.prepare(`SELECT ${COLUMNS.join(", ")} FROM threads ORDER BY rowid DESC LIMIT 1`).all();
  db.prepare("SELECT id FROM threads ORDER BY archived, created_s LIMIT 1").all();
}

function moveAside(path: string): void {
  for (const suffix of ["-wal", "-shm"]) removeHomeFile(path + suffix);
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  moveHomeFile(path, `${path}.broken`);
}

/** What sessions need to outlive the process: outcomes of requests and open questions, in SQLite; must not know what they mean. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "node:path";
import { CodexError } from "../lib/errors.ts";
import { FILE_MODE, inHome, makePrivateDir, toHomeError } from "./home_file.ts";

/** A name that the real Codex does not use. */
export const SESSION_STATE_FILE = "session_state_1.sqlite";
/** How long an outcome is kept, and a question that nobody came back for. */
export const KEPT_MS = 24 * 60 * 60 * 1000;
const FORGET_EVERY_MS = 60 * 60 * 1000;
/** Waiting for another process blocks this one. */
const BUSY_TIMEOUT_MS = 250;
/** Beyond it keys are refused: to forget an outcome early could mean to carry a request out twice. */
const OUTCOMES_MAX = 1_000_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS outcomes (
  scope TEXT NOT NULL PRIMARY KEY,
  params TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  result TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outcomes_by_time ON outcomes (at_ms);
CREATE TABLE IF NOT EXISTS questions (
  id TEXT NOT NULL PRIMARY KEY,
  thread_id TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS questions_by_thread ON questions (thread_id);
`;

type SqliteModule = { readonly DatabaseSync: typeof DatabaseSync };

/** What is known of a request that came before. */
export interface StoredOutcome {
  /** Fingerprint of its params. */
  readonly params: string;
  /** `started`: its effect may have happened or not. */
  readonly state: "started" | "done";
  /** JSON of the answer; null where it was too long to keep. */
  readonly result: string | null;
}

export interface SessionStateOptions {
  readonly codexHome: string;
  readonly sqlite: SqliteModule;
  /** Unix milliseconds. */
  now(): number;
}

/**
 * Invariants: when a method returns, what it says is with the operating system, so `kill -9` loses nothing; nothing
 * is opened before it is needed. A file that cannot be used is never replaced by an empty one, because that would
 * forget what was carried out: methods throw a `CodexError` until somebody moves it away.
 */
export class SessionState {
  readonly #options: SessionStateOptions;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  #db: DatabaseSync | null = null;
  #forgottenAtMs = 0;
  #isClosed = false;

  constructor(options: SessionStateOptions) {
    this.#options = options;
    this.#path = join(options.codexHome, SESSION_STATE_FILE);
  }

  /** Notes that a request starts. If one with this scope came before, nothing changes and it is returned. */
  begin(scope: string, params: string): StoredOutcome | null {
    return this.#do(() => {
      this.#forgetOld();
      const sql =
        "INSERT INTO outcomes (scope, params, at_ms, state) VALUES (?, ?, ?, 'started') " +
        "ON CONFLICT (scope) DO NOTHING";
      const { changes } = this.#statement(sql).run(scope, params, this.#options.now());
      if (Number(changes) > 0) return null;
      const row = this.#statement("SELECT * FROM outcomes WHERE scope = ?").get(scope);
      return {
        params: String(row?.params),
        state: row?.state === "done" ? "done" : "started",
        result: typeof row?.result === "string" ? row.result : null,
      };
    });
  }

  /** Notes what came of it. */
  finish(scope: string, result: string | null): void {
    const sql = "UPDATE outcomes SET state = 'done', result = ? WHERE scope = ?";
    this.#do(() => void this.#statement(sql).run(result, scope));
  }

  /** The request changed nothing: it may come again. */
  forget(scope: string): void {
    this.#do(() => void this.#statement("DELETE FROM outcomes WHERE scope = ?").run(scope));
  }

  /** Notes that people are asked something. */
  addQuestion(threadId: string, id: string): void {
    const sql = "INSERT OR REPLACE INTO questions (id, thread_id, at_ms) VALUES (?, ?, ?)";
    this.#do(() => void this.#statement(sql).run(id, threadId, this.#options.now()));
  }

  removeQuestion(id: string): void {
    this.#do(() => void this.#statement("DELETE FROM questions WHERE id = ?").run(id));
  }

  /** The open questions of a thread, in no order. Does not make the file. */
  questionsOf(threadId: string): string[] {
    if (!this.#db && !isThere(this.#path)) return [];
    return this.#do(() => {
      const rows = this.#statement("SELECT id FROM questions WHERE thread_id = ?").all(threadId);
      return rows.map((row) => String(row.id));
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#statements.clear();
    this.#db?.close();
  }

  #forgetOld(): void {
    const now = this.#options.now();
    // A clock that was put back must not stop it for as long.
    if (Math.abs(now - this.#forgottenAtMs) < FORGET_EVERY_MS) return;
    this.#forgottenAtMs = now;
    for (const table of ["outcomes", "questions"]) {
      this.#statement(`DELETE FROM ${table} WHERE at_ms < ?`).run(now - KEPT_MS);
    }
    const count = Number(this.#statement("SELECT count(*) AS count FROM outcomes").get()?.count);
    if (count <= OUTCOMES_MAX) return;
    this.#forgottenAtMs = 0;
    throw new CodexError(
      "io",
      "Too many idempotency keys within a day; send the request without one",
    );
  }

  #do<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw toStateError(error, this.#path);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#isClosed) throw new CodexError("io", "The server is shutting down");
      this.#db ??= this.#open();
      this.#statements.set(sql, statement = this.#db.prepare(sql));
    }
    return statement;
  }

  #open(): DatabaseSync {
    makePrivateDir(this.#options.codexHome);
    // SQLite would make the file readable for everybody; its side files take over the mode of this one.
    inHome(`open ${this.#path}`, () => {
      Deno.openSync(this.#path, { create: true, write: true, mode: FILE_MODE }).close();
    });
    const db = new this.#options.sqlite.DatabaseSync(this.#path, { timeout: BUSY_TIMEOUT_MS });
    try {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      db.exec(SCHEMA);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw toHomeError(error, `read ${path}`);
  }
}

/** In SQLite's words: not all of its errors come with a number. */
const FULL = /disk is full/;
const READ_ONLY = /readonly database|unable to open database/;

function toStateError(error: unknown, path: string): CodexError {
  const isOfSqlite = error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
  if (!isOfSqlite) return toHomeError(error, `use ${path}`);
  const options = { cause: error };
  if (FULL.test(error.message)) {
    const text = `Cannot write ${path}: the disk is full; free some space`;
    return new CodexError("diskFull", text, options);
  }
  if (READ_ONLY.test(error.message)) {
    const hint = "the home folder is not writable; check its permissions or set CODEX_HOME";
    return new CodexError("readOnlyHome", `Cannot write ${path}: ${hint}`, options);
  }
  const text = `Cannot use ${path}: ${error.message}; if it is broken, move it away`;
  return new CodexError("io", text, options);
}

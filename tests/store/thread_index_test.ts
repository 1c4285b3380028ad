import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import fc from "fast-check";
import { CodexError } from "../../src/lib/errors.ts";
import { archiveRollout } from "../../src/store/archive.ts";
import * as records from "../../src/store/rollout_items.ts";
import { RolloutWriter } from "../../src/store/rollout.ts";
import { ThreadIndex } from "../../src/store/thread_index.ts";
import { appendThreadName, parseThreadNames } from "../../src/store/thread_names.ts";
import { pageOf, selectThreads, type ThreadQuery } from "../../src/store/thread_query.ts";
import type { ThreadRow } from "../../src/store/thread_row.ts";
import { sampleMeta, threadIdAt, writeThread } from "./sample_records.ts";
import { withTempDir } from "./temp_dir.ts";

const AT = Date.UTC(2026, 10, 20, 10);
const MINUTE_MS = 60_000;
const FILE = "thread_index_1.sqlite";

function idOf(count: number): string {
  return threadIdAt(AT + count * MINUTE_MS, count);
}

function write(home: string, count: number, meta: Partial<records.SessionMeta> = {}): string {
  const atMs = AT + count * MINUTE_MS;
  return writeThread(home, { threadId: idOf(count), atMs, prompt: `prompt ${count}`, meta });
}

function row(count: number, change: Partial<ThreadRow> = {}): ThreadRow {
  return {
    id: idOf(count),
    path: `/nowhere/${count}.jsonl`,
    createdAtMs: AT + count * MINUTE_MS,
    updatedAtMs: AT + count * MINUTE_MS,
    preview: `prompt ${count}`,
    name: null,
    cwd: "/project",
    source: "vscode",
    modelProvider: "mock",
    cliVersion: "1",
    forkedFromId: null,
    gitInfo: null,
    isArchived: false,
    threadSource: null,
    size: 1,
    mtimeMs: 1,
    ...change,
  };
}

async function withIndex(
  test: (index: ThreadIndex, home: string) => Promise<void>,
  prepare: (home: string) => void = () => {},
): Promise<void> {
  await withTempDir(async (home) => {
    prepare(home);
    const index = await ThreadIndex.open({ codexHome: home });
    try {
      await test(index, home);
    } finally {
      await index.close();
    }
  });
}

async function previews(index: ThreadIndex, query: ThreadQuery = {}): Promise<(string | null)[]> {
  return (await index.list(query)).rows.map((found) => found.preview);
}

Deno.test("list finds what lies on disk, newest first, page by page", () =>
  withIndex(async (index) => {
    assert.deepEqual(await previews(index, { limit: 2 }), ["prompt 4", "prompt 3"]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await index.list({ limit: 2, cursor });
      seen.push(...page.rows.map((found) => found.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, [4, 3, 2, 1, 0].map(idOf));
  }, (home) => [3, 0, 4, 1, 2].forEach((count) => write(home, count))));

Deno.test("list follows upstream in limits, cursors, filters and sorting", () =>
  withIndex(async (index) => {
    await index.synced;
    index.upsert(row(0, { updatedAtMs: AT + 99 * MINUTE_MS, name: "Größe" }));
    index.upsert(row(1, { source: "exec" }));
    index.upsert(row(2, { modelProvider: "other", cwd: "/else" }));
    index.upsert(row(3, { preview: null }));
    index.upsert(row(4, { isArchived: true }));
    index.upsert(row(5, { modelProvider: null, source: { subAgent: "review" } }));
    index.upsert(row(6, { source: "cli", preview: "What? 100% _x" }));
    const all = { sourceKinds: ["cli", "vscode", "exec", "subAgent"] as const };
    const table: [ThreadQuery, number[]][] = [
      [{}, [6, 2, 0]],
      [{ limit: 0 }, [6]],
      [all, [6, 5, 2, 1, 0]],
      [{ ...all, sortDirection: "asc" }, [0, 1, 2, 5, 6]],
      [{ sortKey: "updated_at" }, [0, 6, 2]],
      [{ sortKey: "recency_at" }, [0, 6, 2]],
      [{ sortKey: "section_position" }, [6, 2, 0]],
      [{ archived: true }, [4]],
      [{ sourceKinds: ["exec"] }, [1]],
      [{ sourceKinds: [] }, [6, 2, 0]],
      [{ sourceKinds: ["subAgentReview"] }, [5]],
      [{ sourceKinds: ["subAgentCompact"] }, []],
      [{ modelProviders: ["other"] }, [2]],
      [{ modelProviders: [] }, [6, 2, 0]],
      [{ ...all, modelProviders: ["mock"], defaultModelProvider: "mock" }, [6, 5, 1, 0]],
      [{ ...all, modelProviders: ["mock"], defaultModelProvider: "x" }, [6, 1, 0]],
      [{ cwds: ["/else"] }, [2]],
      [{ cwds: ["/nowhere", "/else"] }, [2]],
      [{ cwds: ["/els"] }, []],
      [{ excludedIds: [idOf(6), idOf(0)] }, [2]],
      [{ searchTerm: "PROMPT 2" }, [2]],
      [{ searchTerm: "GRÖSSE" }, []],
      [{ searchTerm: "GRÖ" }, [0]],
      [{ searchTerm: "100% _X" }, [6]],
      [{ searchTerm: "%" }, [6]],
    ];
    for (const [query, expected] of table) {
      const { rows } = await index.list(query);
      assert.deepEqual(rows.map((found) => found.id), expected.map(idOf), JSON.stringify(query));
    }
  }));

Deno.test("cursors are a time and an id, whatever the sort key, and broken ones are refused", () =>
  withIndex(async (index) => {
    await index.synced;
    for (const count of [0, 1, 2]) index.upsert(row(count));
    const first = await index.list({ limit: 1 });
    assert.equal(first.nextCursor, `2026-11-20T10:02:00Z|${idOf(2)}`);
    const offset = `2026-11-20T12:02:00.000+02:00|${idOf(2)}`;
    assert.deepEqual(await previews(index, { cursor: offset }), ["prompt 1", "prompt 0"]);
    const last = await index.list({ limit: 1, cursor: `2026-11-20T10:01:00Z|${idOf(1)}` });
    assert.equal(last.nextCursor, null);
    for (
      const cursor of ["zzz", "|", `2026-99-20T10:02:00Z|${idOf(2)}`, "2026-11-20T10:02:00Z|x"]
    ) {
      await assert.rejects(index.list({ cursor }), (error) => {
        return error instanceof CodexError && error.kind === "invalidRequest" &&
          error.message === `invalid cursor: ${cursor}`;
      });
    }
  }));

Deno.test("pages never skip or repeat a thread, also when many have the same second", () =>
  withIndex(async (index) => {
    await index.synced;
    const seconds = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(seconds, fc.integer({ min: 1, max: 5 }), async (created, limit) => {
        const ids = created.map((second, count) => {
          const id = threadIdAt(AT, count);
          index.upsert(row(0, { id, createdAtMs: AT + second * 1000 + count }));
          return id;
        });
        const seen: string[] = [];
        let cursor: string | null = null;
        do {
          const page = await index.list({ limit, cursor });
          seen.push(...page.rows.map((found) => found.id));
          cursor = page.nextCursor;
        } while (cursor !== null);
        assert.deepEqual([...seen].sort(), [...ids].sort());
        for (const id of ids) index.remove(id);
      }),
      { numRuns: 50 },
    );
  }));

Deno.test("no cursor makes the query throw anything but a refusal", () => {
  fc.assert(fc.property(fc.string(), (cursor) => {
    try {
      pageOf(selectThreads({ cursor }), []);
    } catch (error) {
      assert(error instanceof CodexError && error.kind === "invalidRequest");
    }
  }));
});

Deno.test("sync sees new, changed, archived and removed files of other programs", () =>
  withIndex(async (index, home) => {
    await index.synced;
    assert.deepEqual(await previews(index), ["prompt 2", "prompt 1", "prompt 0"]);
    write(home, 3);
    const [changed, archived, removed] = [0, 1, 2].map((count) =>
      index.get(idOf(count))?.path ?? ""
    );
    const writer = RolloutWriter.open(changed ?? "");
    writer.append([records.threadNameUpdated(idOf(0), "named")], AT);
    writer.close();
    archiveRollout(home, archived ?? "");
    Deno.removeSync(removed ?? "");
    await index.sync();
    assert.deepEqual(await previews(index), ["prompt 3", "prompt 0"]);
    assert.deepEqual(await previews(index, { archived: true }), ["prompt 1"]);
    assert.equal(index.get(idOf(0))?.name, "named");
    assert.equal(index.get(idOf(2)), null);
  }, (home) => [0, 1, 2].forEach((count) => write(home, count))));

Deno.test("names of other programs are taken over, and survive that the file is read again", () =>
  withIndex(async (index, home) => {
    assert.equal((await index.list({})).rows[0]?.name, "first");
    appendThreadName(home, { threadId: idOf(0), name: "second", atMs: AT });
    Deno.writeTextFileSync(join(home, "session_index.jsonl"), "broken\n", { append: true });
    await index.sync();
    assert.equal(index.get(idOf(0))?.name, "second");
    assert.deepEqual(await previews(index, { searchTerm: "second" }), ["prompt 0"]);
    const path = index.get(idOf(0))?.path ?? "";
    Deno.utimeSync(path, new Date(AT + 1000), new Date(AT + 1000));
    await index.sync();
    assert.equal(index.get(idOf(0))?.name, "second");
    assert.equal(index.get(idOf(0))?.updatedAtMs, AT + 1000);
    assert.deepEqual(await previews(index, { searchTerm: "second" }), ["prompt 0"]);
  }, (home) => {
    write(home, 0);
    appendThreadName(home, { threadId: idOf(0), name: "first", atMs: AT });
  }));

Deno.test("the last name of a thread counts, and no text makes the parser throw", () => {
  const names = parseThreadNames(
    '{"id":"A","thread_name":"one"}\n{"id":"a","thread_name":"two"}\n{"id":"b","thread_name":" "}\n{"id',
  );
  assert.deepEqual([...names], [["a", "two"], ["b", null]]);
  fc.assert(fc.property(fc.string(), (text) => void parseThreadNames(text)));
});

Deno.test("find knows a thread before the index does, and after its file has moved", () =>
  withIndex(async (index, home) => {
    const found = await index.find(idOf(0).toUpperCase());
    assert.equal(found?.preview, "prompt 0");
    const path = archiveRollout(home, found.path);
    assert.deepEqual(await index.find(idOf(0)), { ...found, path, isArchived: true });
    assert.equal(await index.find(idOf(7)), null);
  }, (home) => void write(home, 0)));

Deno.test("what is written is seen at once, kept, and can be changed and removed", () =>
  withTempDir(async (home) => {
    const first = await ThreadIndex.open({ codexHome: home });
    const path = write(home, 0);
    const stored = row(0, { path, gitInfo: { sha: "a", branch: null, originUrl: null } });
    first.upsert(stored);
    assert.deepEqual(first.get(stored.id), stored);
    first.update(stored.id, { name: "n", updatedAtMs: AT + 5 });
    first.update(idOf(9), { name: "unknown" });
    first.setArchived(stored.id, { isArchived: true, path });
    await first.close();
    await first.close();
    const second = await ThreadIndex.open({ codexHome: home });
    const kept = { ...stored, name: "n", updatedAtMs: AT + 5, isArchived: true };
    assert.deepEqual(second.get(stored.id), kept);
    second.remove(stored.id);
    assert.equal(second.get(stored.id), null);
    await second.close();
  }));

Deno.test("an index that is missing, broken, cut, foreign or newer is built anew and the old one kept aside", () =>
  withTempDir(async (home) => {
    for (let count = 0; count < 30; count++) write(home, count);
    const good = await ThreadIndex.open({ codexHome: home });
    await good.synced;
    await good.close();
    const path = join(home, FILE);
    const bytes = Deno.readFileSync(path);
    const newer = () => {
      const db = new DatabaseSync(path);
      db.exec("PRAGMA user_version = 2");
      db.close();
    };
    const foreign = () => {
      const db = new DatabaseSync(path);
      db.exec("DROP TABLE threads; CREATE TABLE threads (id TEXT)");
      db.close();
    };
    const damage: [string, () => void][] = [
      ["missing", () => Deno.removeSync(path)],
      ["empty", () => Deno.writeTextFileSync(path, "")],
      ["garbage", () => Deno.writeTextFileSync(path, "garbage ".repeat(1000))],
      ["cut", () => Deno.writeFileSync(path, bytes.subarray(0, bytes.length - 5000))],
      ["zeroed", () => Deno.writeFileSync(path, bytes.map((byte, at) => (at < 4096 ? byte : 0)))],
      ["newer", newer],
      ["foreign", foreign],
    ];
    for (const [name, inflict] of damage) {
      Deno.writeFileSync(path, bytes);
      inflict();
      const problems: string[] = [];
      const index = await ThreadIndex.open({
        codexHome: home,
        onProblem: (message) => problems.push(message),
      });
      assert.equal((await index.list({ limit: 100 })).rows.length, 30, `${name}: ${problems}`);
      await index.synced;
      assert.equal(index.isInMemory, false, name);
      await index.close();
      const check = new DatabaseSync(path);
      assert.equal(check.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok", name);
      check.close();
    }
    assert(Deno.statSync(`${path}.broken`).isFile);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("an index that breaks while it is open is built anew", () =>
  withIndex(async (index, home) => {
    await index.synced;
    const db = new DatabaseSync(join(home, FILE));
    db.exec("DROP TABLE threads");
    db.close();
    assert.deepEqual(await previews(index), ["prompt 1", "prompt 0"]);
    index.upsert(row(5));
    assert.deepEqual(await previews(index, { limit: 1 }), ["prompt 5"]);
  }, (home) => [0, 1].forEach((count) => write(home, count))));

Deno.test("a home that cannot be written still lists its threads", () =>
  withTempDir(async (dir) => {
    const home = join(dir, "home");
    write(home, 0);
    // A folder in its place cannot be opened as a database, and one with content cannot be replaced by a file.
    for (const name of [FILE, `${FILE}.broken`]) {
      Deno.mkdirSync(join(home, name, "x"), { recursive: true });
    }
    const index = await ThreadIndex.open({ codexHome: home });
    assert.equal(index.isInMemory, true);
    await index.synced;
    index.upsert(row(1));
    assert.deepEqual(await previews(index), ["prompt 1", "prompt 0"]);
    await index.close();
    const nowhere = join(dir, "file");
    Deno.writeTextFileSync(nowhere, "");
    const empty = await ThreadIndex.open({ codexHome: nowhere });
    assert.deepEqual(await previews(empty), []);
    await empty.close();
  }));

Deno.test("a writer that is locked out keeps its rows, and writes them when the file is free", () =>
  withIndex(async (index, home) => {
    await index.synced;
    const other = new DatabaseSync(join(home, FILE));
    other.exec("BEGIN IMMEDIATE");
    index.upsert(row(3));
    assert.equal(index.get(idOf(3))?.preview, "prompt 3");
    other.exec("ROLLBACK");
    assert.deepEqual(await previews(index), ["prompt 3"]);
    assert.equal(other.prepare("SELECT count(*) AS n FROM threads").get()?.n, 1);
    other.close();
  }));

Deno.test("two indexes on one home see each other's rows", () =>
  withTempDir(async (home) => {
    const [first, second] = await Promise.all([
      ThreadIndex.open({ codexHome: home }),
      ThreadIndex.open({ codexHome: home }),
    ]);
    await Promise.all([first.synced, second.synced]);
    first.upsert(row(0));
    second.upsert(row(1));
    for (const index of [first, second]) {
      assert.deepEqual(await previews(index), ["prompt 1", "prompt 0"]);
      await index.close();
    }
  }));

Deno.test("2,000 threads are listed right before and after they are all indexed", () =>
  withIndex(async (index) => {
    const sync = index.sync();
    const newest = Array.from({ length: 25 }, (_, count) => `prompt ${1999 - count}`);
    const [byCreation, byUpdate, search] = await Promise.all([
      previews(index),
      previews(index, { sortKey: "updated_at", limit: 1 }),
      previews(index, { searchTerm: "prompt 77" }),
    ]);
    assert.deepEqual(byCreation, newest);
    assert.deepEqual(byUpdate, ["prompt 0"]);
    assert.deepEqual(search, [
      ...[9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => `prompt 77${n}`),
      "prompt 77",
    ]);
    await sync;
    assert.deepEqual(await previews(index), newest);
  }, (home) => {
    for (let count = 1; count < 2000; count++) write(home, count);
    const oldest = write(home, 0);
    const latest = new Date(AT + 5000 * MINUTE_MS);
    Deno.utimeSync(oldest, latest, latest);
  }));

Deno.test("an aborted sync ends, and the next one finishes the work", () =>
  withIndex(async (index) => {
    const abort = new AbortController();
    const sync = index.sync(abort.signal);
    abort.abort();
    await sync;
    await index.sync();
    assert.equal((await index.list({ limit: 100 })).rows.length, 50);
  }, (home) => {
    for (let count = 0; count < 50; count++) write(home, count);
  }));

Deno.test("threads without a message and files with one id twice do no harm", () =>
  withIndex(async (index, home) => {
    assert.deepEqual(await previews(index), ["prompt 1"]);
    assert.equal(index.get(idOf(0))?.preview, null);
    await index.sync();
    assert.deepEqual(await previews(index), ["prompt 1"]);
    assert.equal((await index.find(idOf(0)))?.path.startsWith(home), true);
  }, (home) => {
    const atMs = AT;
    const path = write(home, 1);
    Deno.copyFileSync(path, path.replace(/rollout-\d{4}/, "rollout-2025"));
    const silent = join(path, "..", `rollout-2026-11-20T10-00-00-${idOf(0)}.jsonl`);
    const writer = RolloutWriter.create(silent);
    writer.append([sampleMeta(idOf(0), { createdAtMs: atMs })], atMs);
    writer.close();
  }));

import assert from "node:assert/strict";
import { join } from "node:path";
import { findRollout } from "../../src/store/rollout_find.ts";
import { readRolloutHead } from "../../src/store/rollout_head.ts";
import * as records from "../../src/store/rollout_items.ts";
import { rolloutLine } from "../../src/store/rollout.ts";
import { sampleMeta, sampleTurn, threadIdAt, writeThread } from "./sample_records.ts";
import { withTempDir } from "./temp_dir.ts";

const AT = 1_795_168_800_000;
const ID = threadIdAt(AT);

function lines(items: Parameters<typeof rolloutLine>[0][]): string {
  return items.map((item) => rolloutLine(item, "T")).join("");
}

Deno.test("readRolloutHead tells origin, preview and the last name", () =>
  withTempDir((dir) => {
    const path = join(dir, "r.jsonl");
    const meta = sampleMeta(ID, { gitInfo: { sha: "s", branch: "b", originUrl: "u" } });
    Deno.writeTextFileSync(
      path,
      lines([
        meta,
        ...sampleTurn("t1", "first"),
        records.threadNameUpdated(ID, "old"),
        ...sampleTurn("t2", "second"),
        records.threadNameUpdated(ID, "new"),
      ]) + '{"torn "thread_name_updated"',
    );
    const head = readRolloutHead(path);
    assert.equal(head?.meta.threadId, ID);
    assert.deepEqual(head.meta.gitInfo, { sha: "s", branch: "b", originUrl: "u" });
    assert.equal(head.preview, "first");
    assert.equal(head.name, "new");
    assert.equal(head.size, Deno.statSync(path).size);
  }));

Deno.test("readRolloutHead looks far for the first message, and at both ends of a large file", () =>
  withTempDir((dir) => {
    const path = join(dir, "r.jsonl");
    const large = { type: "response_item", payload: "x".repeat(3_000_000) };
    Deno.writeTextFileSync(
      path,
      lines([
        sampleMeta(ID, { baseInstructions: "b".repeat(100_000) }),
        large,
        records.userMessage("found"),
        large,
        records.threadNameUpdated(ID, "named"),
        ...sampleTurn("t1", "last"),
      ]),
    );
    const head = readRolloutHead(path);
    assert.deepEqual([head?.meta.cwd, head?.preview, head?.name], ["/project", "found", "named"]);
  }));

Deno.test("readRolloutHead falls back to the name of the file", () =>
  withTempDir((dir) => {
    const path = join(dir, `rollout-2026-11-20T10-00-00-${ID}.jsonl`);
    Deno.writeTextFileSync(path, lines([records.userMessage("orphan")]));
    const head = readRolloutHead(path);
    assert.deepEqual([head?.meta.threadId, head?.meta.createdAtMs, head?.preview], [
      ID,
      AT,
      "orphan",
    ]);
    Deno.writeTextFileSync(join(dir, "other.jsonl"), "x");
    assert.equal(readRolloutHead(join(dir, "other.jsonl")), null);
  }));

Deno.test("findRollout finds live, archived and misplaced rollouts by their id", () =>
  withTempDir(async (home) => {
    const live = writeThread(home, { threadId: ID, atMs: AT, prompt: "q" });
    assert.deepEqual(await findRollout(home, ID.toUpperCase()), { path: live, isArchived: false });

    const misplaced = join(home, "sessions", "2020", "01", "02", live.split("/").at(-1) ?? "");
    Deno.mkdirSync(join(misplaced, ".."), { recursive: true });
    Deno.renameSync(live, misplaced);
    assert.deepEqual(await findRollout(home, ID), { path: misplaced, isArchived: false });

    const archived = join(home, "archived_sessions", live.split("/").at(-1) ?? "");
    Deno.mkdirSync(join(home, "archived_sessions"));
    Deno.renameSync(misplaced, archived);
    assert.deepEqual(await findRollout(home, ID), { path: archived, isArchived: true });

    assert.equal(await findRollout(home, threadIdAt(AT, 1)), null);
    assert.equal(await findRollout(join(home, "nowhere"), "not-a-uuid"), null);
  }));

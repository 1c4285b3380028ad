import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { CodexError } from "../../src/lib/errors.ts";
import { archiveRollout, unarchiveRollout } from "../../src/store/archive.ts";
import { threadIdAt, writeThread } from "./sample_records.ts";
import { withTempDir } from "./temp_dir.ts";

const AT = 1_795_168_800_000;
const LATER = AT + 3_600_000;

function isKind(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof CodexError && error.kind === kind;
}

Deno.test("a rollout goes to the archive and back to the folder of its day", () =>
  withTempDir((home) => {
    const path = writeThread(home, { threadId: threadIdAt(AT), atMs: AT, prompt: "q" });
    const content = Deno.readTextFileSync(path);
    const archived = archiveRollout(home, path);
    assert.equal(archived, join(home, "archived_sessions", basename(path)));
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    assert.equal(unarchiveRollout(home, { path: archived, atMs: LATER }), path);
    assert.equal(Deno.readTextFileSync(path), content);
    assert.equal(Deno.statSync(path).mtime?.getTime(), LATER);
  }));

Deno.test("nothing is moved over another file, from nowhere, or back under a foreign name", () =>
  withTempDir((home) => {
    const path = writeThread(home, { threadId: threadIdAt(AT), atMs: AT, prompt: "q" });
    const archived = archiveRollout(home, path);
    assert.throws(() => archiveRollout(home, path), isKind("rolloutNotFound"));
    writeThread(home, { threadId: threadIdAt(AT), atMs: AT, prompt: "another" });
    assert.throws(() => archiveRollout(home, path), isKind("io"));
    assert.throws(() => unarchiveRollout(home, { path: archived, atMs: LATER }), isKind("io"));
    assert.match(Deno.readTextFileSync(path), /another/);
    assert.match(Deno.readTextFileSync(archived), /"q"/);
    const foreign = join(home, "archived_sessions", "x.jsonl");
    Deno.renameSync(archived, foreign);
    assert.throws(() => unarchiveRollout(home, { path: foreign, atMs: LATER }), isKind("io"));
  }));

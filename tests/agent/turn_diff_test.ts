import assert from "node:assert/strict";
import fc from "fast-check";
import { applyHunks } from "../../src/agent/tools/patch_match.ts";
import { parsePatch } from "../../src/agent/tools/patch_parse.ts";
import { turnDiff } from "../../src/agent/tools/turn_diff.ts";
import { unifiedHunks } from "../../src/agent/tools/unified_diff.ts";
import { Scratch } from "./patch_scratch.ts";

/** A repository as far as names in a diff care. */
async function repository(): Promise<Scratch> {
  const scratch = new Scratch();
  await Deno.mkdir(scratch.path(".git"));
  return scratch;
}

Deno.test("turnDiff writes what upstream writes for a changed and a new file", async () => {
  await using repo = await repository();
  const diff = await turnDiff([
    { path: repo.path("new.txt"), before: null, after: "line one\n" },
    { path: repo.path("a.txt"), before: "hello world\n", after: "hello brave world\n" },
  ]);
  // Captured from the real program 0.120.0.
  assert.equal(
    diff,
    "diff --git a/a.txt b/a.txt\n" +
      "index 3b18e512dba79e4c8300dd08aeb37f8e728b8dad..a5d61578b6e44f5de1b54bb942e31919029bc65d\n" +
      "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hello world\n+hello brave world\n" +
      "diff --git a/new.txt b/new.txt\nnew file mode 100644\n" +
      "index 0000000000000000000000000000000000000000..2d00bd505971a8bc7318d98e003aee708a367c85\n" +
      "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+line one\n",
  );
});

Deno.test("turnDiff counts from the first revision to the last", async () => {
  await using repo = await repository();
  const [a, b, c] = [repo.path("a"), repo.path("b"), repo.path("sub/c")];
  const diff = await turnDiff([
    { path: a, before: "1\n", after: "2\n" },
    { path: b, before: "same\n", after: "other\n" },
    { path: c, before: "x\ny", after: "x\nz" },
    { path: a, before: "2\n", after: "3\n" },
    { path: b, before: "other\n", after: "same\n" },
    { path: c, before: "x\nz", after: null },
  ]);
  assert.equal(
    diff.replace(/^index .*\n/gm, ""),
    "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+3\n" +
      "diff --git a/sub/c b/sub/c\ndeleted file mode 100644\n--- a/sub/c\n+++ /dev/null\n" +
      "@@ -1,2 +0,0 @@\n-x\n-y\n\\ No newline at end of file\n",
  );
  assert.equal(await turnDiff([]), "");
});

Deno.test("turnDiff names files outside a repository by their whole path", async () => {
  await using scratch = new Scratch();
  const path = scratch.path("a");
  const name = path.slice(1);
  assert.match(
    await turnDiff([{ path, before: "", after: null }]),
    new RegExp(
      `^diff --git a/${name} b/${name}\ndeleted file mode 100644\n` +
        "index e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\\.\\.0{40}\n$",
    ),
  );
});

Deno.test("turnDiff only names what is too long to be shown", async () => {
  await using repo = await repository();
  const long = "x".repeat(1024 * 1024) + "\n";
  const diff = await turnDiff([{ path: repo.path("a"), before: null, after: long }]);
  assert.ok(diff.length < 300);
  assert.match(
    diff,
    /new file mode 100644\nindex 0{40}\.\.[0-9a-f]{40}\n\[too long to be shown\]\n$/,
  );
});

Deno.test("unifiedHunks shows few edits minimally and many as one block", async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `${index}\n`);
  const few = await unifiedHunks(
    { before: lines.join(""), after: lines.with(10, "ten\n").toSpliced(2000, 2).join("") },
    { context: 1 },
  );
  assert.equal(
    few,
    "@@ -10,3 +10,3 @@\n 9\n-10\n+ten\n 11\n@@ -2000,4 +2000,2 @@\n 1999\n-2000\n-2001\n 2002\n",
  );
  const after = lines.map((line, index) => index > 0 && index < 2999 ? `new ${line}` : line);
  const many = await unifiedHunks(
    { before: lines.join(""), after: after.join("") },
    { context: 3 },
  );
  assert.match(many, /^@@ -1,3000 \+1,3000 @@\n 0\n-1\n/);
  assert.match(many, /\n\+new 2998\n 2999\n$/);
});

Deno.test("hunks of unifiedHunks turn one text into the other", async () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 12 })
    // Unique lines above and below keep the place of a hunk certain.
    .map((lines) => ["top", ...lines, "end"].map((line, index) => `${line} ${index}\n`).join(""));
  await fc.assert(fc.asyncProperty(text, text, async (before, after) => {
    const hunks = (await unifiedHunks({ before, after }, { context: 20 }))
      .replace(/^@@ .*$/gm, "@@");
    if (hunks === "") return assert.equal(before, after);
    const patch = parsePatch(`*** Begin Patch\n*** Update File: f\n${hunks}*** End Patch`);
    assert.ok(patch.ok && patch.value[0]?.type === "update");
    const applied = applyHunks(before, { hunks: patch.value[0].hunks, path: "/f" });
    assert.deepEqual(applied, { ok: true, value: after });
  }));
});

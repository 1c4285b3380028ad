import assert from "node:assert/strict";
import fc from "fast-check";
import { type PatchPlan, planPatch } from "../../src/agent/tools/patch_apply.ts";
import { commitFiles } from "../../src/agent/tools/patch_files.ts";
import { parsePatch } from "../../src/agent/tools/patch_parse.ts";
import { Scratch } from "./patch_scratch.ts";

function wrap(sections: string): string {
  return `*** Begin Patch\n${sections}\n*** End Patch`;
}

async function planned(scratch: Scratch, sections: string): Promise<PatchPlan> {
  const parsed = parsePatch(wrap(sections));
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const plan = await planPatch(parsed.value, { cwd: scratch.dir });
  assert.ok(plan.ok, JSON.stringify(plan));
  return plan.value;
}

async function refusal(scratch: Scratch, sections: string): Promise<string> {
  const parsed = parsePatch(wrap(sections));
  assert.ok(parsed.ok);
  const plan = await planPatch(parsed.value, { cwd: scratch.dir });
  assert.ok(!plan.ok);
  return plan.message.replaceAll(scratch.dir, "$CWD");
}

async function modeOf(path: string): Promise<number> {
  return (await Deno.lstat(path)).mode! & 0o777;
}

Deno.test("planPatch shows changes as clients know them", async () => {
  await using scratch = new Scratch();
  await scratch.write({
    "a.txt": "hello world\n",
    "old.txt": "1\n2\n3\n4\n5\n",
    "gone.txt": "x\n",
  });
  const plan = await planned(
    scratch,
    "*** Update File: a.txt\n@@\n-hello world\n+hello brave world\n*** Add File: new.txt\n+line one\n" +
      "*** Update File: old.txt\n*** Move to: d/moved.txt\n@@\n-3\n+three\n*** Delete File: gone.txt",
  );
  assert.deepEqual(plan.changes, [
    {
      path: scratch.path("a.txt"),
      kind: { type: "update", move_path: null },
      diff: "@@ -1 +1 @@\n-hello world\n+hello brave world\n",
    },
    { path: scratch.path("new.txt"), kind: { type: "add" }, diff: "line one\n" },
    {
      path: scratch.path("old.txt"),
      kind: { type: "update", move_path: scratch.path("d/moved.txt") },
      diff: "@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n",
    },
    { path: scratch.path("gone.txt"), kind: { type: "delete" }, diff: "x\n" },
  ]);
  assert.equal(
    plan.summary,
    "Success. Updated the following files:\nA new.txt\nM a.txt\nM d/moved.txt\nD gone.txt\n",
  );
});

Deno.test("planPatch shows what a move or an addition overwrites", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n" });
  const plan = await planned(
    scratch,
    "*** Update File: a.txt\n*** Move to: b.txt\n@@\n-a\n+A\n*** Add File: c.txt\n+new",
  );
  assert.deepEqual(plan.changes.map(({ path, kind, diff }) => [path, kind.type, diff]), [
    [scratch.path("a.txt"), "delete", "a\n"],
    [scratch.path("b.txt"), "update", "@@ -1 +1 @@\n-b\n+A\n"],
    [scratch.path("c.txt"), "update", "@@ -1 +1 @@\n-c\n+new\n"],
  ]);
});

Deno.test("planPatch never touches what is not a text file", async () => {
  await using scratch = new Scratch();
  await Deno.writeFile(scratch.path("latin.txt"), new Uint8Array([0x61, 0xe9, 0x0a]));
  await Deno.writeFile(scratch.path("binary"), new Uint8Array([0x61, 0x00, 0x0a]));
  await new Deno.Command("mkfifo", { args: [scratch.path("fifo")] }).output();
  await Deno.symlink("nowhere", scratch.path("dangling"));
  const update = (name: string) => refusal(scratch, `*** Update File: ${name}\n@@\n-a\n+b`);
  const notText = "the file is not UTF-8 text and cannot be patched";
  assert.match(await update("latin.txt"), new RegExp(`latin.txt: ${notText}$`));
  assert.match(await update("binary"), new RegExp(`binary: ${notText}$`));
  assert.match(await update("fifo"), /fifo: not a regular file$/);
  assert.match(await update("dangling"), /Symbolic link leads nowhere$/);
  assert.match(await refusal(scratch, "*** Add File: fifo\n+x"), /not a regular file$/);
  assert.match(await refusal(scratch, "*** Add File: dangling\n+x"), /leads nowhere$/);
  assert.match(await refusal(scratch, "*** Add File: /dev/null\n+x"), /not a regular file$/);
  assert.match(await refusal(scratch, "*** Add File: a\0b\n+x"), /^Failed to write file /);
});

Deno.test("commitFiles keeps modes, and a moved file its own", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "run.sh": "a\n", "secret": "a\n", "fresh": "" });
  await Deno.chmod(scratch.path("run.sh"), 0o751);
  await Deno.chmod(scratch.path("secret"), 0o600);
  const plan = await planned(
    scratch,
    "*** Update File: run.sh\n@@\n-a\n+b\n*** Update File: secret\n*** Move to: moved\n@@\n-a\n+b\n" +
      "*** Add File: new\n+x",
  );
  assert.equal(await commitFiles(plan.files), null);
  assert.equal(await modeOf(scratch.path("run.sh")), 0o751);
  assert.equal(await modeOf(scratch.path("moved")), 0o600);
  assert.equal(await modeOf(scratch.path("new")), await modeOf(scratch.path("fresh")));
});

Deno.test("commitFiles writes where a link leads, and leaves other hard links alone", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "real/a.txt": "a\n", "hard.txt": "a\n" });
  await Deno.symlink("real/a.txt", scratch.path("link.txt"));
  await Deno.link(scratch.path("hard.txt"), scratch.path("other.txt"));
  const plan = await planned(
    scratch,
    "*** Update File: link.txt\n@@\n-a\n+b\n*** Update File: hard.txt\n@@\n-a\n+b",
  );
  assert.deepEqual(plan.paths, [scratch.path("real/a.txt"), scratch.path("hard.txt")]);
  assert.equal(await commitFiles(plan.files), null);
  assert.ok((await Deno.lstat(scratch.path("link.txt"))).isSymlink);
  assert.deepEqual(await scratch.files(), {
    "hard.txt": "b\n",
    "other.txt": "a\n",
    "real/a.txt": "b\n",
  });
});

Deno.test("commitFiles refuses when any file is not what the patch was prepared against", async () => {
  const changes: [string, (scratch: Scratch) => Promise<void>][] = [
    ["text", (scratch) => scratch.write({ "a.txt": "other\n" })],
    ["removed", (scratch) => Deno.remove(scratch.path("a.txt"))],
    ["appeared", (scratch) => scratch.write({ "d/new.txt": "other\n" })],
    ["context only", (scratch) => scratch.write({ "same.txt": "other\n" })],
    ["link", async (scratch) => {
      await scratch.write({ "elsewhere.txt": "a\n" });
      await Deno.remove(scratch.path("a.txt"));
      await Deno.symlink("elsewhere.txt", scratch.path("a.txt"));
    }],
    ["folder link", async (scratch) => {
      await scratch.write({ "outside/x": "x\n" });
      await Deno.symlink("outside", scratch.path("d"));
    }],
  ];
  for (const [name, change] of changes) {
    await using scratch = new Scratch();
    await scratch.write({ "a.txt": "a\n", "same.txt": "s\n", "z.txt": "z\n" });
    const plan = await planned(
      scratch,
      "*** Update File: z.txt\n@@\n-z\n+Z\n*** Update File: a.txt\n@@\n-a\n+b\n" +
        "*** Add File: d/new.txt\n+n\n*** Update File: same.txt\n@@\n s",
    );
    await change(scratch);
    const before = await scratch.files();
    assert.match(
      await commitFiles(plan.files) ?? "",
      /was changed by something else after this patch was prepared; nothing was written/,
      name,
    );
    assert.deepEqual(await scratch.files(), before, name);
  }
});

Deno.test("commitFiles undoes everything when a later step fails", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n", "gone.txt": "g\n", "b.txt": "b\n" });
  const plan = await planned(
    scratch,
    "*** Update File: a.txt\n@@\n-a\n+A\n*** Add File: x/y/new.txt\n+n\n*** Delete File: gone.txt\n" +
      "*** Update File: b.txt\n@@\n-b\n+B",
  );
  const before = await scratch.files();
  // Nothing can be written below a file.
  const last = plan.files.at(-1)!;
  const impossible = { ...last, realPath: `${last.realPath}/under` };
  const failed = await commitFiles([...plan.files.slice(0, -1), impossible]);
  assert.match(failed ?? "", /^Failed to .*b\.txt: Not a directory/);
  assert.deepEqual(await scratch.files(), before);
  await assert.rejects(Deno.lstat(scratch.path("x")), Deno.errors.NotFound);
});

Deno.test("commitFiles restores files that were already replaced or removed", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n", "gone.txt": "g\n" });
  await Deno.chmod(scratch.path("a.txt"), 0o640);
  const plan = await planned(
    scratch,
    "*** Update File: a.txt\n@@\n-a\n+A\n*** Add File: d/new.txt\n+n\n*** Delete File: gone.txt",
  );
  const before = await scratch.files();
  // The second removal of the same file fails when all other steps are done.
  const failed = await commitFiles([...plan.files, ...plan.files.slice(-1)]);
  assert.match(failed ?? "", /^Failed to delete file .*gone\.txt: No such file/);
  assert.deepEqual(await scratch.files(), before);
  assert.equal(await modeOf(scratch.path("a.txt")), 0o640);
  await assert.rejects(Deno.lstat(scratch.path("d")), Deno.errors.NotFound);
});

Deno.test("a plan for several sections of random files equals applying them one by one", async () => {
  const names = ["a", "b", "c", "d/e"];
  type Step = { kind: "add" | "delete" | "update" | "move"; name: string; to: string };
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom("add" as const, "delete" as const, "update" as const, "move" as const),
    name: fc.constantFrom(...names),
    to: fc.constantFrom(...names),
  });
  await fc.assert(
    fc.asyncProperty(fc.subarray(names), fc.array(step, { minLength: 1, maxLength: 6 }), async (
      existing,
      steps,
    ) => {
      await using scratch = new Scratch();
      const start = Object.fromEntries(existing.map((name) => [name, `${name}\nend\n`]));
      await scratch.write(start);
      const { sections, model } = simulate(start, steps);
      const parsed = parsePatch(wrap(sections));
      assert.ok(parsed.ok);
      const plan = await planPatch(parsed.value, { cwd: scratch.dir });
      assert.equal(plan.ok, model !== null);
      if (plan.ok) assert.equal(await commitFiles(plan.value.files), null);
      assert.deepEqual(await scratch.files(), sorted(model ?? start));
    }),
    { numRuns: 60 },
  );
});

/** The patch of some steps, and the files after it in the simplest model, or null when a step cannot be. */
function simulate(
  start: Record<string, string>,
  steps: readonly { kind: string; name: string; to: string }[],
): { sections: string; model: Record<string, string> | null } {
  const sections: string[] = [];
  const files = new Map(Object.entries(start));
  let isPossible = true;
  steps.forEach(({ kind, name, to }, index) => {
    const text = files.get(name);
    if (kind === "add") {
      sections.push(`*** Add File: ${name}\n+step ${index}\n+end`);
      files.set(name, `step ${index}\nend\n`);
      return;
    }
    isPossible &&= text !== undefined;
    if (kind === "delete") {
      sections.push(`*** Delete File: ${name}`);
      files.delete(name);
      return;
    }
    const move = kind === "move" ? `*** Move to: ${to}\n` : "";
    sections.push(`*** Update File: ${name}\n${move}@@\n-end\n+step ${index}\n+end`);
    files.delete(name);
    files.set(move ? to : name, (text ?? "").replace(/end\n$/, `step ${index}\nend\n`));
  });
  return { sections: sections.join("\n"), model: isPossible ? Object.fromEntries(files) : null };
}

function sorted(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

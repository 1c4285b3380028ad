import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AgentsMd,
  AgentsMdCache,
  collectAgentsMd,
} from "../../src/agent/context/agents_md.ts";
import { findProjectRoot } from "../../src/agent/context/project_root.ts";
import { Scratch } from "./patch_scratch.ts";

function collect(
  scratch: Scratch,
  options: {
    cwd: string;
    maxBytes?: number;
    fallbackNames?: string[];
    rootMarkers?: string[];
    cache?: AgentsMdCache;
  },
): Promise<AgentsMd> {
  return collectAgentsMd({
    codexHome: scratch.path("home"),
    rootMarkers: [".git"],
    maxBytes: 32 * 1024,
    fallbackNames: [],
    ...options,
    cwd: scratch.path(options.cwd),
  });
}

/** The sources without the folder of the test. */
function names(scratch: Scratch, { sources }: AgentsMd): string[] {
  return sources.map((source) => source.slice(scratch.dir.length + 1));
}

Deno.test("collectAgentsMd reads the global file, then from the project root down", async () => {
  await using scratch = new Scratch();
  await scratch.write({
    "home/AGENTS.md": "global\n",
    "AGENTS.md": "above the project",
    "p/.git/HEAD": "",
    "p/AGENTS.md": "root",
    "p/a/README.md": "no",
    "p/a/b/AGENTS.md": "deep",
    "p/a/b/c/AGENTS.md": "too deep",
  });
  const found = await collect(scratch, { cwd: "p/a/b" });
  assert.deepEqual(names(scratch, found), ["home/AGENTS.md", "p/AGENTS.md", "p/a/b/AGENTS.md"]);
  assert.equal(
    found.text?.replaceAll(scratch.dir, ""),
    "From /home/AGENTS.md:\n\nglobal\n\nFrom /p/AGENTS.md:\n\nroot\n\nFrom /p/a/b/AGENTS.md:\n\ndeep",
  );
});

Deno.test("collectAgentsMd reads only cwd outside of a project, and nothing where nothing is", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "AGENTS.md": "above", "x/AGENTS.md": "here", "empty/AGENTS.md": " \n" });
  const marker = { rootMarkers: [".surely-no-such-marker"] };
  assert.deepEqual(names(scratch, await collect(scratch, { cwd: "x", ...marker })), [
    "x/AGENTS.md",
  ]);
  const nothing = { text: null, sources: [] };
  assert.deepEqual(await collect(scratch, { cwd: "empty", ...marker }), nothing);
  assert.deepEqual(await collect(scratch, { cwd: "missing", ...marker }), nothing);
});

Deno.test("collectAgentsMd takes the first name with any text in each folder", async () => {
  await using scratch = new Scratch();
  await scratch.write({
    "home/AGENTS.override.md": "o",
    "home/AGENTS.md": "a",
    "p/.git/HEAD": "",
    "p/AGENTS.override.md": "\n",
    "p/AGENTS.md": "a",
    "p/a/OTHER.md": "x",
    "p/a/LAST.md": "x",
    "p/secret.md": "x",
  });
  const fallbackNames = ["OTHER.md", "LAST.md", "../secret.md"];
  const found = await collect(scratch, { cwd: "p/a", fallbackNames });
  assert.deepEqual(names(scratch, found), [
    "home/AGENTS.override.md",
    "p/AGENTS.md",
    "p/a/OTHER.md",
  ]);
});

Deno.test("collectAgentsMd keeps to its bytes and says what it left out", async () => {
  await using scratch = new Scratch();
  await scratch.write({
    "p/.git/HEAD": "",
    "p/AGENTS.md": "12345",
    "p/a/AGENTS.md": "ééé",
    "p/a/b/AGENTS.md": "more",
  });
  const { text } = await collect(scratch, { cwd: "p/a/b", maxBytes: 8 });
  assert.deepEqual(
    text?.replaceAll(scratch.dir, "").split("\n\n"),
    [
      "From /p/AGENTS.md:",
      "12345",
      "From /p/a/AGENTS.md:",
      "é\n[The rest of /p/a/AGENTS.md was left out: too long]",
      "From /p/a/b/AGENTS.md:",
      "[The rest of /p/a/b/AGENTS.md was left out: too long]",
    ].map((part) => part),
  );
});

Deno.test("collectAgentsMd follows links only within the project, and never waits for a FIFO", async () => {
  await using scratch = new Scratch();
  await scratch.write({
    "private/key": "secret",
    "dotfiles/AGENTS.md": "mine",
    "home/x": "",
    "p/.git/HEAD": "",
    "p/CLAUDE.md": "shared",
    "p/a/x": "",
    "p/a/b/x": "",
  });
  await Deno.symlink("../dotfiles/AGENTS.md", scratch.path("home/AGENTS.md"));
  await Deno.symlink("CLAUDE.md", scratch.path("p/AGENTS.md"));
  await Deno.symlink("../../private/key", scratch.path("p/a/AGENTS.md"));
  await new Deno.Command("mkfifo", { args: [scratch.path("p/a/b/AGENTS.md")] }).output();
  const found = await collect(scratch, { cwd: "p/a/b" });
  assert.deepEqual(names(scratch, found), ["home/AGENTS.md", "p/AGENTS.md"]);
  assert.ok(!found.text?.includes("secret"));
});

Deno.test("collectAgentsMd with a cache sees what an uncached one sees", async () => {
  type Step = { name: string; text: string | null };
  const step: fc.Arbitrary<Step> = fc.record({
    name: fc.constantFrom(
      "home/AGENTS.md",
      "p/AGENTS.md",
      "p/a/AGENTS.md",
      "p/a/AGENTS.override.md",
      "p/a/.git",
    ),
    text: fc.option(fc.constantFrom("x", "longer", ""), { nil: null }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      await using scratch = new Scratch();
      await scratch.write({ "home/x": "", "p/.git": "", "p/a/x": "" });
      const cache = new AgentsMdCache();
      let tick = 1_000_000_000;
      for (const { name, text } of steps) {
        const path = scratch.path(name);
        if (text === null) await Deno.remove(path).catch(ignoreAbsent);
        else await Deno.writeTextFile(path, text);
        // Times on disk are coarser than this test is fast.
        for (
          const touched of [path, scratch.path("home"), scratch.path("p"), scratch.path("p/a")]
        ) {
          await Deno.utime(touched, ++tick, tick).catch(ignoreAbsent);
        }
        for (let look = 0; look < 3; look++) {
          assert.deepEqual(
            await collect(scratch, { cwd: "p/a", cache }),
            await collect(scratch, { cwd: "p/a" }),
          );
        }
      }
    }),
    { numRuns: 15 },
  );
});

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

Deno.test("findProjectRoot finds the nearest folder with any marker", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "p/.git/HEAD": "", "p/a/package.json": "", "p/a/b/x": "" });
  const find = (markers: string[]) => findProjectRoot(scratch.path("p/a/b"), markers);
  assert.equal(await find([".git"]), scratch.path("p"));
  assert.equal(await find([".git", "package.json"]), scratch.path("p/a"));
  assert.equal(await find([".surely-no-such-marker"]), null);
  assert.equal(await find([""]), null);
});

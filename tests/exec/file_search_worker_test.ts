import assert from "node:assert/strict";
import { FileSearch } from "../../src/exec/file_search.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { plant, withDir } from "./file_search_tree.ts";
import { realClock } from "./real_clock.ts";

const ENV = { HOME: "/nonexistent" };

Deno.test("the worker starts with the first query and ends when none has come for a while", () =>
  withDir(async (dir) => {
    plant(dir, ["a.ts"]);
    const clock = new FakeClock();
    using search = new FileSearch({ clock, env: ENV, cwd: dir, idleMs: 1000 });
    assert.equal(search.isRunning, false);
    for (let round = 0; round < 2; round++) {
      const result = await search.search({ text: "a", roots: ["."] });
      assert.deepEqual(result?.hits.map(({ path }) => path), ["a.ts"]);
      clock.advance(999);
      assert.ok(search.isRunning);
      clock.advance(1);
      assert.equal(search.isRunning, false);
    }
    assert.equal(clock.pending, 0);
  }));

Deno.test("queries run side by side, each with its own result", () =>
  withDir(async (dir) => {
    plant(dir, Array.from({ length: 40 }, (_, number) => `file${number}.ts`));
    using search = new FileSearch({ clock: realClock, env: ENV, cwd: dir });
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, number) =>
        search.search({ text: `'file${number}.`, roots: [dir] })),
    );
    assert.deepEqual(
      results.map((result) =>
        result?.hits[0]?.path
      ),
      Array.from({ length: 40 }, (_, number) => `file${number}.ts`),
    );
  }));

Deno.test("an aborted query is null at once, and so is every query after the end", () =>
  withDir(async (dir) => {
    plant(dir, ["a.ts"]);
    const search = new FileSearch({ clock: realClock, env: ENV, cwd: dir });
    const controller = new AbortController();
    const aborted = search.search({ text: "a", roots: [dir] }, { signal: controller.signal });
    controller.abort();
    assert.equal(await aborted, null);
    assert.equal(
      await search.search({ text: "a", roots: [dir] }, { signal: controller.signal }),
      null,
    );
    assert.equal((await search.search({ text: "a", roots: [dir] }))?.hits.length, 1);
    const pending = search.search({ text: "a", roots: [dir] });
    search.close();
    assert.equal(await pending, null);
    assert.equal(await search.search({ text: "a", roots: [dir] }), null);
    assert.equal(search.isRunning, false);
  }));

Deno.test("a live query hears of hits before its end", () =>
  withDir(async (dir) => {
    plant(dir, ["a.ts", "b.ts"]);
    using search = new FileSearch({ clock: realClock, env: ENV, cwd: dir });
    const updates: string[][] = [];
    const result = await search.search({ text: "ts", roots: [dir] }, {
      update: (hits) => updates.push(hits.map(({ path }) => path)),
    });
    assert.deepEqual(updates, [["a.ts", "b.ts"]]);
    assert.equal(result?.isLimited, false);
  }));

import assert from "node:assert/strict";
import { join } from "node:path";
import { Engine } from "../../src/exec/file_search/engine.ts";
import type { Folders } from "../../src/exec/file_search/folders.ts";
import { PortableFolders } from "../../src/exec/file_search/portable_folders.ts";
import type { Hit } from "../../src/exec/file_search/search.ts";
import { NOBODYS_HOME, plant, waitForClockTick, withDir } from "./file_search_tree.ts";

interface Asked {
  readonly result: Promise<readonly string[] | null>;
  /** The paths of each update. */
  readonly updates: (readonly string[])[];
  abort(): void;
}

/** An engine that counts what it reads and waits at each pause until the test goes on. */
class Bench {
  readonly engine: Engine;
  lists = 0;
  readonly #paused: (() => void)[] = [];
  readonly #isStepped: boolean;

  constructor(options: { readonly isStepped?: boolean; readonly entriesMax?: number } = {}) {
    this.#isStepped = options.isStepped ?? false;
    const disk = new PortableFolders();
    const folders: Folders = {
      stamp: (path) => disk.stamp(path),
      changedAtMs: (path) => disk.changedAtMs(path),
      list: (path) => {
        this.lists++;
        return disk.list(path);
      },
      read: (path) => disk.read(path),
    };
    this.engine = new Engine({
      folders,
      gitHome: NOBODYS_HOME,
      limits: { entriesMax: options.entriesMax ?? 100_000, hitsMax: 5 },
      pause: () =>
        new Promise((resolve) => this.#isStepped ? this.#paused.push(resolve) : resolve()),
    });
  }

  ask(
    text: string,
    roots: readonly string[],
    options: { readonly isLive?: boolean; readonly nowMs?: number } = {},
  ): Asked {
    const controller = new AbortController();
    const updates: (readonly string[])[] = [];
    const { isLive = false, nowMs = Date.now() + 10_000 } = options;
    const result = this.engine.search({ text, roots, isLive, nowMs }, {
      signal: controller.signal,
      update: (hits) => updates.push(pathsOf(hits)),
    }).then((result) => result && pathsOf(result.hits));
    return { result, updates, abort: () => controller.abort() };
  }

  /** Lets whatever waits at a pause go on, until nothing does. */
  async goOn(): Promise<void> {
    for (let resume = this.#paused.shift(); resume; resume = this.#paused.shift()) {
      resume();
      await settled();
    }
  }
}

function pathsOf(hits: readonly Hit[]): string[] {
  return hits.map(({ root, path }) => `${root}:${path}`);
}

/** Everything that needs no pause has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function manyFiles(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `d${number % 10}/f${number}.txt`);
}

Deno.test("a second query lists no folder again, and one after a change does", () =>
  withDir(async (dir) => {
    plant(dir, ["a/one.ts", "a/b/two.ts"]);
    const bench = new Bench();
    assert.deepEqual(await bench.ask("ts", [dir]).result, ["0:a/one.ts", "0:a/b/two.ts"]);
    assert.equal(bench.lists, 3);
    assert.deepEqual(await bench.ask("two", [dir]).result, ["0:a/b/two.ts"]);
    assert.equal(bench.lists, 3);
    waitForClockTick();
    plant(dir, ["a/b/c/twofold.ts"]);
    assert.deepEqual(await bench.ask("two", [dir]).result, ["0:a/b/two.ts", "0:a/b/c/twofold.ts"]);
    assert.equal(bench.lists, 7);
    waitForClockTick();
    Deno.removeSync(join(dir, "a/b"), { recursive: true });
    assert.deepEqual(await bench.ask("two", [dir]).result, []);
  }));

Deno.test("several roots are one list, roots inside others show their own files, and each once", () =>
  withDir(async (dir) => {
    plant(dir, ["one/x.ts", "two/x.ts", "one/in/x.ts", "one/in/deep/x.ts", ".ignore"]);
    Deno.writeTextFileSync(join(dir, ".ignore"), "deep");
    const bench = new Bench();
    const [one, two, inner] = [join(dir, "one"), join(dir, "two"), join(dir, "one/in")];
    const deep = join(inner, "deep");
    assert.deepEqual(await bench.ask("x.ts", [one, two, `${one}/./in/../`, "/missing"]).result, [
      "0:x.ts",
      "1:x.ts",
      "0:in/x.ts",
    ]);
    assert.deepEqual(await bench.ask("x", [inner, one, deep]).result, [
      "0:x.ts",
      "1:x.ts",
      "2:x.ts",
    ]);
    // What was left out for another root is back without it.
    assert.deepEqual(await bench.ask("x.", [one]).result, ["0:x.ts", "0:in/x.ts"]);
    assert.deepEqual(await bench.ask("x", []).result, []);
  }));

Deno.test("a live query tells of what a walk has found so far, then of all", () =>
  withDir(async (dir) => {
    plant(dir, manyFiles(5000));
    plant(dir, ["z/z/z/f.txt"]);
    const bench = new Bench({ isStepped: true });
    const asked = bench.ask("f.txt", [dir], { isLive: true });
    const single = bench.ask("f.txt", [dir]);
    await bench.goOn();
    assert.deepEqual((await asked.result)?.[0], "0:z/z/z/f.txt");
    assert.ok(asked.updates.length > 1);
    assert.deepEqual(asked.updates.at(-1), await asked.result);
    assert.deepEqual(await single.result, await asked.result);
    assert.deepEqual(single.updates, []);
    // Both shared a walk, whose truth the later one then made sure of.
    assert.equal(bench.lists, 14);
  }));

Deno.test("a live query shows what was known at once, and then what has changed", () =>
  withDir(async (dir) => {
    plant(dir, ["old.ts"]);
    const bench = new Bench();
    const nowMs = Date.now() + 10_000;
    await bench.ask("ts", [dir], { nowMs }).result;
    waitForClockTick();
    plant(dir, ["new.ts"]);
    const soon = bench.ask("ts", [dir], { isLive: true, nowMs: nowMs + 900 });
    assert.deepEqual(await soon.result, ["0:old.ts"]);
    assert.deepEqual(soon.updates, [["0:old.ts"]]);
    const later = bench.ask("ts", [dir], { isLive: true, nowMs: nowMs + 1000 });
    assert.deepEqual(await later.result, ["0:new.ts", "0:old.ts"]);
    assert.deepEqual(later.updates, [["0:old.ts"], ["0:new.ts", "0:old.ts"]]);
  }));

Deno.test("a live query without hits says so once", () =>
  withDir(async (dir) => {
    plant(dir, ["a"]);
    const bench = new Bench();
    for (const text of ["", "zzz"]) {
      const asked = bench.ask(text, [dir], { isLive: true });
      assert.deepEqual(await asked.result, []);
      assert.deepEqual(asked.updates, [[]]);
    }
  }));

Deno.test("an aborted query ends, and its walk serves the next", () =>
  withDir(async (dir) => {
    plant(dir, manyFiles(5000));
    const bench = new Bench({ isStepped: true });
    const first = bench.ask("f1.txt", [dir], { isLive: true });
    await settled();
    first.abort();
    const second = bench.ask("f2.txt", [dir], { isLive: true });
    await bench.goOn();
    assert.equal(await first.result, null);
    assert.deepEqual(first.updates, []);
    assert.equal((await second.result)?.[0], "0:d2/f2.txt");
    assert.equal(bench.lists, 11);
  }));

Deno.test("too many files are said to be too many", () =>
  withDir(async (dir) => {
    plant(dir, manyFiles(50));
    const bench = new Bench({ entriesMax: 20 });
    const search = (roots: string[]) =>
      bench.engine.search({ text: "f", roots, isLive: false, nowMs: 0 }, {
        signal: new AbortController().signal,
        update: () => assert.fail("not live"),
      });
    assert.equal((await search([dir]))?.isLimited, true);
    assert.equal((await search([join(dir, "d1")]))?.isLimited, false);
  }));

Deno.test("trees that are not used any more are forgotten beyond the limit", () =>
  withDir(async (dir) => {
    plant(dir, manyFiles(100));
    const bench = new Bench({ entriesMax: 25 });
    for (const name of ["d1", "d2", "d3", "d4"]) await bench.ask("f", [join(dir, name)]).result;
    assert.equal(bench.engine.treeCount, 2);
    const roots = Array.from({ length: 30 }, (_, number) => join(dir, `none${number}`));
    await bench.ask("f", roots).result;
    assert.ok(bench.engine.treeCount <= 16);
  }));

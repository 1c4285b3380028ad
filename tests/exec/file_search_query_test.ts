import assert from "node:assert/strict";
import fc from "fast-check";
import { parseQuery, type Query } from "../../src/exec/file_search/query.ts";
import { type Hit, Search } from "../../src/exec/file_search/search.ts";
import { CASE_SCORE, EXACT_NAME_SCORE, NAME_SCORE } from "../../src/exec/file_search/score.ts";
import { Top } from "../../src/exec/file_search/top.ts";
import { indexOf } from "./file_search_tree.ts";
import type { PathIndex } from "../../src/exec/file_search/path_index.ts";

function hitsOf(query: string, index: PathIndex, limit = 1000): Hit[] {
  const search = new Search(parseQuery(query), [
    { root: 0, index, excluded: [], isComplete: true },
  ], { limit });
  while (search.advance(3));
  search.remember();
  return search.hits();
}

function hits(query: string, paths: readonly string[]): Hit[] {
  return hitsOf(query, indexOf(paths));
}

function terms({ terms }: Query): string[] {
  return terms.map(({ kind, isInverse, codes }) =>
    `${isInverse ? "not " : ""}${kind} ${String.fromCodePoint(...codes)}`
  );
}

/** No disk has a file that is a folder, too: the two would have one path, and no order between them. */
function withoutFolders(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
}

Deno.test("a query is read as fzf reads it", () => {
  const check = (text: string, ...expected: string[]) =>
    assert.deepEqual(terms(parseQuery(text)), expected, text);
  check("");
  check("   ");
  check("Foo  bar", "fuzzy foo", "fuzzy bar");
  check("foo\\ bar", "fuzzy foo bar");
  check("'foo ^bar baz$ ^all$", "exact foo", "prefix bar", "suffix baz", "equal all");
  check("!foo !'bar !^x !y$", "not exact foo", "not exact bar", "not prefix x", "not suffix y");
  check("! ' ^ $ !^", "fuzzy $");
  check("a\\b", "fuzzy a\\b");
});

Deno.test("scores are those of upstream", () => {
  // Measured with 0.169.0, for names in which nucleo and fzf agree.
  const measured: [string, string, number, number[]][] = [
    ["foo", "fo.o", 65616, [0, 1, 3]],
    ["foo", "foo/xfoo.ts", 65592, [5, 6, 7]],
    ["xfoo", "foo/xfoo.ts", 65645, [4, 5, 6, 7]],
    ["fooxfoo", "foo/xfoo.ts", 181, [0, 1, 2, 4, 5, 6, 7]],
    ["mod.ts", "mod.ts", 196767, [0, 1, 2, 3, 4, 5]],
    ["mod.ts", "x/mod.tsx", 65695, [2, 3, 4, 5, 6, 7]],
    ["mod.ts", "models.ts", 65687, [0, 1, 2, 6, 7, 8]],
    ["src/foo", "src/deep/FooBarBaz.ts", 177, [0, 1, 2, 3, 9, 10, 11]],
    ["éclair", "Éclair2.txt", 65695, [0, 1, 2, 3, 4, 5]],
    ["eclair", "Éclair2.txt", 65695, [0, 1, 2, 3, 4, 5]],
    ["x/m", "x/mod.tsx", 84, [0, 1, 2]],
    ["ss", "Straße.txt", 65581, [0, 4]],
  ];
  for (const [query, path, score, indices] of measured) {
    const hit = hits(query, [path]).find((hit) => hit.path === path);
    assert.deepEqual({ score: hit?.score, indices: hit?.indices }, { score, indices }, query);
  }
});

Deno.test("names come before folders, what was typed exactly first, upper case where it was typed", () => {
  const paths = ["thread/a/b.ts", "a/thread.ts", "a/b/thread", "x/THREAD.md", "x/thread"];
  assert.deepEqual(
    hits("thread", paths).map(({ path }) => path),
    ["x/thread", "a/b/thread", "thread", "a/thread.ts", "x/THREAD.md", "thread/a", "thread/a/b.ts"],
  );
  assert.equal(hits("THREAD", paths)[0]?.path, "x/THREAD.md");
  assert.equal(hits("THREAD", paths).length, 7);
  const [best] = hits("READ", ["x/READ"]);
  assert.ok(best && best.score > CASE_SCORE + EXACT_NAME_SCORE + NAME_SCORE);
});

Deno.test("accents that are not typed do not matter, those that are typed do", () => {
  const paths = ["café", "cafe", "CAFÉ", "Ø.md"];
  const found = (query: string) => hits(query, paths).map(({ path }) => path).sort();
  assert.deepEqual(found("cafe"), ["CAFÉ", "cafe", "café"]);
  assert.deepEqual(found("café"), ["CAFÉ", "café"]);
  assert.deepEqual(found("o"), ["Ø.md"]);
  assert.deepEqual(found("😀"), []);
});

Deno.test("indices count code points of the whole path, ascending and each once", () => {
  const path = "😀/é/a😀b.ts";
  const [hit] = hits("b 😀b ts$ a", [path]);
  assert.deepEqual(hit?.indices, [4, 5, 6, 8, 9]);
  assert.equal(Array.from(path)[5], "😀");
});

const name = fc.stringMatching(/^[abAB.é_]{1,5}$/);
const paths = fc.uniqueArray(
  fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  { maxLength: 40 },
).map(withoutFolders);
const query = fc.stringMatching(/^[abAB.é_/ !'^$\\]{0,7}$/);

Deno.test("indices spell the query, and hits are sorted, whatever it is", () => {
  fc.assert(fc.property(paths, fc.stringMatching(/^[ab./]{1,4}$/), (paths, query) => {
    const found = hits(query, paths);
    for (const { path, indices } of found) {
      const letters = Array.from(path.normalize("NFC").toLowerCase());
      assert.equal(indices.map((index) => letters[index]).join(""), query);
      assert.deepEqual(indices, [...new Set(indices)].sort((one, other) => one - other));
    }
    const scores = found.map(({ score }) => score);
    assert.deepEqual(scores, [...scores].sort((one, other) => other - one));
  }));
});

Deno.test("a query that grows finds what it would have found at once", () => {
  fc.assert(fc.property(paths, query, (paths, query) => {
    const index = indexOf(paths);
    for (let length = 1; length <= query.length; length++) hitsOf(query.slice(0, length), index);
    assert.deepEqual(hitsOf(query, index), hits(query, paths));
  }));
});

Deno.test("the best few are the first of all, in whatever order paths were walked", () => {
  fc.assert(fc.property(paths, query, fc.integer({ min: 1, max: 9 }), (paths, query, limit) => {
    const all = hits(query, paths);
    assert.deepEqual(hitsOf(query, indexOf(paths), limit), all.slice(0, limit));
    assert.deepEqual(hits(query, [...paths].reverse()), all);
  }));
});

Deno.test("the best of many are kept in order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.integer({ min: 1, max: 9 }), (items, limit) => {
      const top = new Top<number>(limit, (one, other) => one > other);
      for (const item of items) top.add(item);
      assert.deepEqual(top.sorted(), [...items].sort((one, other) => other - one).slice(0, limit));
    }),
  );
});

Deno.test("any text is a query that ends", () => {
  const index = indexOf(["a/b.ts", "é/😀", "x".repeat(250)]);
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
    assert.ok(Array.isArray(hitsOf(text, index)));
  }));
  assert.deepEqual(hitsOf("x".repeat(100_000), index), []);
  assert.equal(hitsOf("x".repeat(200), index).length, 1);
});

Deno.test("a path so long that the best match would cost too much still has one", () => {
  const folder = "ab".repeat(100);
  const path = Array.from({ length: 19 }, () => folder).join("/");
  const [hit] = hits("ab".repeat(300), [path]).filter((hit) => hit.path === path);
  assert.equal(hit?.indices.length, 600);
});

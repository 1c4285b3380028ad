import assert from "node:assert/strict";
import fc from "fast-check";
import { EntryText } from "../../src/exec/file_search/entry_text.ts";
import type { PathIndex } from "../../src/exec/file_search/path_index.ts";
import { parseQuery } from "../../src/exec/file_search/query.ts";
import { CASE_SCORE, NAME_SCORE, scorePath } from "../../src/exec/file_search/score.ts";
import { Search } from "../../src/exec/file_search/search.ts";
import { indexOf } from "./file_search_tree.ts";

const PATHS = `
.gitignore
LICENSE
README.md
Makefile
deno.json
docs/architecture.md
docs/protocol/thread_start.md
docs/README.md
main.ts
scripts/build.ts
scripts/bench/bench.ts
src/agent/agent.ts
src/agent/agent_context.ts
src/agent/model/chat_stream.ts
src/agent/model/http.ts
src/agent/thread.ts
src/agent/threads.ts
src/agent/thread_library.ts
src/agent/tools/apply_patch.ts
src/agent/tools/write_stdin.ts
src/client/client.ts
src/client/in_process.ts
src/components/FooBarBaz.tsx
src/components/SearchResultList.tsx
src/components/searchResult.test.tsx
src/components/UserProfile.tsx
src/exec/file_search.ts
src/exec/file_search/walk.ts
src/exec/file_search/worker.ts
src/exec/sandbox/spec.ts
src/lib/HTTPServer2.go
src/lib/http_server.go
src/lib/keyed_lock.ts
src/lib/utf8.ts
src/models/user.py
src/models/user_profile.py
src/protocol/thread.ts
src/protocol/thread_types.ts
src/rpc/jsonrpc.ts
src/server/methods/mod.ts
src/server/methods/thread.ts
src/server/methods/thread_id.ts
src/server/server.ts
tests/agent/agent_test.ts
tests/client/client_test.ts
tests/server/threads_test.ts
tests/server/server_test.ts
web/index.html
web/café/menü.css
web/src/App.tsx
`.trim().split("\n");

const QUERIES = [
  "thread",
  "thr",
  "t",
  "ts",
  "src/agent",
  "agent/thr",
  "servmod",
  "fbb",
  "foobar",
  "srl",
  "search result",
  "user py",
  "server test",
  "test ts$",
  "^src",
  "^src ts$",
  "'agent",
  "!test thread",
  "thread !src !docs",
  "http",
  "README",
  "Search",
  "FBB",
  "HTTPS",
  "s/s/s",
  "md",
  "cafe",
  "menu",
  "utf8",
  "8",
  "mod.ts",
  "in_p",
  "zzz",
  "main.ts$",
  "^main.ts$",
];

/** The lines that fzf selects, in its order: by score alone, then as they came. */
function fzf(query: string, lines: readonly string[], ...args: string[]): string[] {
  const { output } = runFzf(
    ["--scheme=path", "--tiebreak=index", ...args, "--filter", query],
    lines,
  );
  return output.split("\n").filter(Boolean);
}

function runFzf(args: readonly string[], lines: readonly string[]): { output: string } {
  const file = Deno.makeTempFileSync({ prefix: "file_search_fzf_" });
  try {
    Deno.writeTextFileSync(file, lines.join("\n"));
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", 'exec fzf "$@" <"$0"', file, ...args],
      clearEnv: true,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    }).outputSync();
    return { output: new TextDecoder().decode(stdout) };
  } finally {
    Deno.removeSync(file);
  }
}

const hasFzf = runFzf(["--scheme=path", "--filter", "a"], ["a"]).output === "a\n";

/** The paths in the order of the score that fzf knows: without our rules for names. */
function ranked(query: string, index: PathIndex): { path: string; score: number }[] {
  const { terms, casedTerms } = parseQuery(query);
  const text = new EntryText();
  return Array.from({ length: index.count }, (_, entry) => {
    text.load(index, entry);
    const path = new TextDecoder().decode(
      index.bytes.subarray(index.start(entry), index.end(entry)),
    );
    // As a folder, so that its name does not count for more.
    const score = scorePath(text, { terms: casedTerms ?? terms, isFolder: true }) % NAME_SCORE;
    return { path, score };
  }).filter(({ score }) => score >= 0).sort((one, other) => other.score - one.score);
}

/** Files only, in the order in which they are in the index. */
function flatIndex(paths: readonly string[]): PathIndex {
  const index = indexOf([]);
  for (const path of paths) index.add(-1, latin1(path), false);
  return index;
}

function latin1(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

function search(query: string, paths: readonly string[]) {
  const search = new Search(parseQuery(query), [
    { root: 0, index: indexOf(paths), excluded: [], isComplete: true },
  ], { limit: 1000 });
  while (search.advance(1000));
  return search.hits();
}

Deno.test({
  name: "scores order paths as fzf orders them",
  ignore: !hasFzf,
  fn: () => {
    const index = flatIndex(PATHS);
    for (const query of QUERIES) {
      assert.deepEqual(ranked(query, index).map(({ path }) => path), fzf(query, PATHS), query);
    }
  },
});

Deno.test({
  name: "scores order any names as fzf orders them",
  ignore: !hasFzf,
  fn: () => {
    const part = fc.stringMatching(/^[abAB1_.-]{1,6}$/);
    const paths = fc.uniqueArray(
      fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
      { minLength: 1, maxLength: 60 },
    );
    const query = fc.stringMatching(/^[abAB1_/]{1,5}( [ab]{1,2})?$/);
    const property = fc.property(paths, query, (paths, query) => {
      assert.deepEqual(ranked(query, flatIndex(paths)).map(({ path }) => path), fzf(query, paths));
    });
    fc.assert(property, { numRuns: 60 });
  },
});

Deno.test({
  name: "a search finds what fzf finds, and what matches in case before the rest",
  ignore: !hasFzf,
  fn: () => {
    for (const query of QUERIES) {
      const hits = search(query, PATHS).filter(({ isFolder }) => !isFolder);
      const found = hits.map(({ path }) => path).sort();
      assert.deepEqual(found, fzf(query, PATHS, "-i").sort(), query);
      if (query === query.toLowerCase()) continue;
      const inCase = hits.filter(({ score }) => score >= CASE_SCORE).map(({ path }) => path);
      assert.deepEqual(inCase, hits.slice(0, inCase.length).map(({ path }) => path));
      assert.deepEqual(inCase.sort(), fzf(query, PATHS).sort(), query);
    }
  },
});

/** What a person means. */
const MEANT: Readonly<Record<string, string>> = {
  "thread": "src/agent/thread.ts",
  "agent": "src/agent",
  "agentts": "src/agent/agent.ts",
  "agent/thr": "src/agent/thread.ts",
  "serv mod": "src/server/methods/mod.ts",
  "srvmod": "src/server/methods/mod.ts",
  "fbb": "src/components/FooBarBaz.tsx",
  "FBB": "src/components/FooBarBaz.tsx",
  "user py": "src/models/user.py",
  "userprof": "src/components/UserProfile.tsx",
  "UserProf": "src/components/UserProfile.tsx",
  "up.tsx": "src/components/UserProfile.tsx",
  "http server": "src/lib/http_server.go",
  "HTTPS": "src/lib/HTTPServer2.go",
  "README": "README.md",
  "readme": "README.md",
  "docs/read": "docs/README.md",
  "gitig": ".gitignore",
  "cafe menu": "web/café/menü.css",
  "menü": "web/café/menü.css",
  "main": "main.ts",
  "mod.ts": "src/server/methods/mod.ts",
  "jsonrpc": "src/rpc/jsonrpc.ts",
  "keylock": "src/lib/keyed_lock.ts",
  "test client": "tests/client/client_test.ts",
  "thread_id": "src/server/methods/thread_id.ts",
};
/** fzf is shown the files only. */
const FOLDERS: readonly string[] = ["agent"];

Deno.test("the first hit is what a person means", () => {
  for (const [query, path] of Object.entries(MEANT)) {
    assert.equal(search(query, PATHS)[0]?.path, path, query);
  }
});

Deno.test({
  name: "what a person means is among the best of fzf",
  ignore: !hasFzf,
  fn: () => {
    for (const [query, path] of Object.entries(MEANT)) {
      if (FOLDERS.includes(query)) continue;
      assert.ok(fzf(query, PATHS).slice(0, 5).includes(path), query);
    }
  },
});

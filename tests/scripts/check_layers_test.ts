/** Tests of the layer check: each rule must be able to complain. */
import assert from "node:assert/strict";
import {
  checkFile,
  checkLayers,
  type Edge,
  edgesOf,
  findCycles,
} from "../../scripts/check_layers.ts";

function edge(from: string, to: string, kind: { typeOnly?: true; lazy?: true } = {}): Edge {
  return { from, to, typeOnly: kind.typeOnly ?? false, lazy: kind.lazy ?? false };
}

Deno.test("checkLayers accepts imports of the table and inside a layer", () => {
  assert.deepEqual(
    checkLayers([
      edge("src/server/peer.ts", "src/agent/thread.ts"),
      edge("src/agent/thread.ts", "src/agent/turn.ts"),
      edge("src/store/rollout.ts", "src/protocol/item.ts", { typeOnly: true }),
      edge("src/client/in_process.ts", "src/server/server.ts", { lazy: true }),
      edge("main.ts", "src/programs/exec.ts", { lazy: true }),
    ]),
    [],
  );
});

Deno.test("checkLayers refuses what the table does not name", () => {
  const refused = [
    edge("src/agent/thread.ts", "src/server/peer.ts"),
    edge("src/agent/thread.ts", "src/protocol/item.ts"),
    edge("src/agent/thread.ts", "src/server/peer.ts", { typeOnly: true }),
    edge("src/lib/lines.ts", "src/rpc/jsonrpc.ts"),
    edge("src/client/in_process.ts", "src/server/server.ts"),
    edge("src/client/client.ts", "src/server/server.ts", { lazy: true }),
    edge("main.ts", "src/programs/exec.ts"),
    edge("src/server/peer.ts", "tests/support/mock.ts"),
  ];
  assert.equal(checkLayers(refused).length, refused.length);
});

Deno.test("findCycles finds cycles through lazy imports and ignores those of types", () => {
  const cycle = [edge("a.ts", "b.ts"), edge("b.ts", "c.ts", { lazy: true }), edge("c.ts", "a.ts")];
  assert.deepEqual(findCycles(cycle), ["Import cycle: a.ts -> b.ts -> c.ts -> a.ts"]);
  assert.deepEqual(
    findCycles([edge("a.ts", "b.ts"), edge("b.ts", "a.ts", { typeOnly: true })]),
    [],
  );
});

Deno.test("checkFile names a missing doc comment, a long file and a bad name", () => {
  assert.deepEqual(checkFile("src/lib/lines.ts", "/** Lines. */\nexport {};\n"), []);
  assert.match(checkFile("src/lib/lines.ts", "export {};\n").join(), /doc comment/);
  assert.match(checkFile("src/lib/lines.ts", `/** Lines. */\n${"\n".repeat(500)}`).join(), /501/);
  assert.match(checkFile("src/lib/index.ts", "/** Index. */\n").join(), /not index/);
  assert.match(checkFile("src/lib/keyedLock.ts", "/** Lock. */\n").join(), /snake_case/);
});

Deno.test("edgesOf keeps local files and tells types and lazy imports apart", () => {
  const modules = [
    {
      specifier: "file:///p/src/a.ts",
      dependencies: [
        { type: { specifier: "file:///p/src/b.ts" } },
        { code: { specifier: "file:///p/src/c.ts" }, isDynamic: true },
        { code: { specifier: "npm:zod@4" } },
      ],
    },
    {
      specifier: "file:///elsewhere/x.ts",
      dependencies: [{ code: { specifier: "file:///p/y.ts" } }],
    },
  ];
  assert.deepEqual(edgesOf(modules, "file:///p/"), [
    edge("src/a.ts", "src/b.ts", { typeOnly: true }),
    edge("src/a.ts", "src/c.ts", { lazy: true }),
  ]);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "../../src/client/client.ts";
import type { NotificationParams, Result } from "../../src/protocol/mod.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { startServer } from "../support/server.ts";

type Updated = NotificationParams<"fuzzyFileSearch/sessionUpdated">;

function plant(dir: string, ...paths: string[]): void {
  for (const path of paths) {
    Deno.mkdirSync(join(dir, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(dir, path), "");
  }
}

function pathsOf({ files }: Pick<Result<"fuzzyFileSearch">, "files">): string[] {
  return files.map(({ path }) => path);
}

/** Everything that a session says until it is completed. */
async function completed(client: Client, sessionId: string): Promise<void> {
  await client.next("fuzzyFileSearch/sessionCompleted", (params) => params.sessionId === sessionId);
}

/** The updates of all sessions from now on. */
function updatesOf(client: Client): Updated[] {
  const updates: Updated[] = [];
  client.on("fuzzyFileSearch/sessionUpdated", (params) => void updates.push(params));
  return updates;
}

async function refusal(call: Promise<unknown>): Promise<{ code: number; message: string }> {
  const error = await call.then(() => null, (error: unknown) => error);
  assert.ok(error instanceof RpcError);
  return { code: error.code, message: error.message };
}

Deno.test("fuzzyFileSearch answers in the form of upstream", async () => {
  await using server = await startServer();
  plant(server.project, "src/x.ts", "src/deep/other.md", ".git/xts");
  const client = await server.connect({ experimentalApi: false });
  const roots = [server.project];
  assert.deepEqual(await client.request("fuzzyFileSearch", { query: "src/xts", roots }), {
    files: [{
      root: server.project,
      path: "src/x.ts",
      match_type: "file",
      file_name: "x.ts",
      score: 179,
      indices: [0, 1, 2, 3, 4, 6, 7],
    }],
  });
  const folder = await client.request("fuzzyFileSearch", {
    query: "deep",
    roots,
    cancellationToken: null,
  });
  assert.deepEqual(
    folder.files.map(({ path, match_type, file_name }) => [path, match_type, file_name]),
    [
      ["src/deep", "directory", "deep"],
      ["src/deep/other.md", "file", "other.md"],
    ],
  );
  for (
    const params of [{ query: "", roots }, { query: "x", roots: [] }, {
      query: "x",
      roots: ["/no"],
    }]
  ) {
    assert.deepEqual(await client.request("fuzzyFileSearch", params), { files: [] });
  }
});

Deno.test("fuzzyFileSearch takes relative roots, names each as it was given, and has at most 50 files", async () => {
  await using server = await startServer();
  plant(server.project, ...Array.from({ length: 60 }, (_, number) => `many/f${number}`), "one/f");
  const client = await server.connect();
  const both = await client.request("fuzzyFileSearch", { query: "f", roots: ["./one/", "many"] });
  assert.equal(both.files.length, 50);
  assert.equal(both.files[0]?.root, "./one/");
  assert.equal(both.files[1]?.root, "many");
});

Deno.test("a later fuzzyFileSearch with the same token ends the earlier, other tokens do not", async () => {
  await using server = await startServer();
  plant(server.project, "a1", "a2");
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const search = (by: Client, query: string, cancellationToken: string | null) =>
    by.request("fuzzyFileSearch", { query, roots: ["."], cancellationToken }).then(pathsOf);
  const answers = await Promise.all([
    search(client, "a", "token"),
    search(client, "1", null),
    search(client, "2", "else"),
    search(other, "1", "token"),
    search(client, "a2", "token"),
  ]);
  assert.deepEqual(answers, [[], ["a1"], ["a2"], ["a1"], ["a2"]]);
});

Deno.test("a file that was just made is found", async () => {
  await using server = await startServer();
  const client = await server.connect();
  for (const name of ["first.ts", "second.ts", "third.ts"]) {
    plant(server.project, name);
    const found = await client.request("fuzzyFileSearch", { query: name, roots: [server.project] });
    assert.deepEqual(pathsOf(found), [name]);
  }
});

Deno.test("a session reports what its newest query finds, and completes each", async () => {
  await using server = await startServer();
  plant(server.project, "alpha.ts", "src/beta.ts");
  const client = await server.connect();
  const updates = updatesOf(client);
  const roots = [server.project];
  assert.deepEqual(
    await client.request("fuzzyFileSearch/sessionStart", { sessionId: "s", roots }),
    {},
  );
  await completed(client, "s");
  assert.deepEqual(updates.splice(0), [{ sessionId: "s", query: "", files: [] }]);
  for (const [query, ...expected] of [["b", "src/beta.ts"], ["bet", "src/beta.ts"], ["zz"], [""]]) {
    const update = { sessionId: "s", query: query ?? "" };
    assert.deepEqual(await client.request("fuzzyFileSearch/sessionUpdate", update), {});
    await completed(client, "s");
    const last = updates.splice(0).at(-1);
    assert.ok(last);
    assert.deepEqual([last.sessionId, last.query, pathsOf(last)], ["s", query, expected]);
  }
});

Deno.test("what comes and goes while a session is open is seen by its next query", async () => {
  await using server = await startServer();
  plant(server.project, "old.ts");
  let nowMs = Date.now() + 10_000;
  const clock = { now: () => nowMs, after: () => () => {} };
  await using later = await startServer({ clock });
  const client = await later.connect();
  const updates = updatesOf(client);
  const roots = [server.project];
  await client.request("fuzzyFileSearch/sessionStart", { sessionId: "s", roots });
  await completed(client, "s");
  Deno.removeSync(join(server.project, "old.ts"));
  plant(server.project, "new.ts");
  nowMs += 1000;
  await client.request("fuzzyFileSearch/sessionUpdate", { sessionId: "s", query: "ts" });
  await completed(client, "s");
  assert.deepEqual(updates.slice(1).map(pathsOf), [["old.ts"], ["new.ts"]]);
});

Deno.test("sessions are told apart, replaced by their id, and stopped", async () => {
  await using server = await startServer();
  plant(server.project, "a/one.ts", "b/two.ts");
  const client = await server.connect();
  const updates = updatesOf(client);
  const start = (sessionId: string, root: string) =>
    client.request("fuzzyFileSearch/sessionStart", {
      sessionId,
      roots: [join(server.project, root)],
    });
  const update = (sessionId: string) =>
    client.request("fuzzyFileSearch/sessionUpdate", { sessionId, query: "ts" });
  const found = (id: string) =>
    updates.filter(({ sessionId, query }) => sessionId === id && query === "ts").map(pathsOf);
  await Promise.all([start("1", "a"), start("2", "b")]);
  await Promise.all([completed(client, "1"), completed(client, "2")]);
  await Promise.all([update("1"), update("2")]);
  await Promise.all([completed(client, "1"), completed(client, "2")]);
  assert.deepEqual([found("1"), found("2")], [[["one.ts"]], [["two.ts"]]]);
  await start("1", "b");
  await completed(client, "1");
  await update("1");
  await completed(client, "1");
  assert.deepEqual(found("1"), [["one.ts"], ["two.ts"]]);
  const stop = (sessionId: string) => client.request("fuzzyFileSearch/sessionStop", { sessionId });
  assert.deepEqual([await stop("1"), await stop("1"), await stop("never")], [{}, {}, {}]);
  assert.match((await refusal(update("1"))).message, /not found: 1/);
  await update("2");
  await completed(client, "2");
});

Deno.test("a session that is stopped or replaced says nothing more", async () => {
  await using server = await startServer();
  plant(server.project, ...Array.from({ length: 30 }, (_, number) => `d${number}/f.ts`));
  const client = await server.connect();
  const updates = updatesOf(client);
  const calls = [
    client.request("fuzzyFileSearch/sessionStart", { sessionId: "s", roots: [server.project] }),
    ...["f", "f.", "f.t"].map((query) =>
      client.request("fuzzyFileSearch/sessionUpdate", { sessionId: "s", query })
    ),
    client.request("fuzzyFileSearch/sessionStop", { sessionId: "s" }),
  ];
  await Promise.all(calls);
  updates.length = 0;
  // Whatever was on its way has come before the answer to something later.
  await client.request("fuzzyFileSearch", { query: "f", roots: [server.project] });
  assert.deepEqual(updates, []);
});

Deno.test("sessions belong to a connection and end with it", async () => {
  await using server = await startServer();
  plant(server.project, "a.ts");
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const updates = updatesOf(other);
  await client.request("fuzzyFileSearch/sessionStart", { sessionId: "s", roots: [server.project] });
  await completed(client, "s");
  const update = { sessionId: "s", query: "a" };
  assert.deepEqual(await refusal(other.request("fuzzyFileSearch/sessionUpdate", update)), {
    code: -32600,
    message: "fuzzy file search session not found: s",
  });
  await client.request("fuzzyFileSearch/sessionUpdate", update);
  client.close();
  assert.equal(
    (await other.request("fuzzyFileSearch", { query: "a", roots: ["."] })).files.length,
    1,
  );
  assert.deepEqual(updates, []);
});

Deno.test("sessions are refused in the words of upstream", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const start = (sessionId: string, roots: string[]) =>
    refusal(client.request("fuzzyFileSearch/sessionStart", { sessionId, roots }));
  assert.deepEqual(await start("", ["/"]), {
    code: -32600,
    message: "sessionId must not be empty",
  });
  assert.deepEqual(await start("s", []), {
    code: -32603,
    message: "failed to start fuzzy file search session: at least one search directory is required",
  });
  const old = await server.connect({ experimentalApi: false });
  assert.deepEqual(
    await refusal(old.request("fuzzyFileSearch/sessionStart", { sessionId: "s", roots: ["/"] })),
    {
      code: -32600,
      message: "fuzzyFileSearch/sessionStart requires experimentalApi capability",
    },
  );
  for (let number = 0; number < 100; number++) {
    const roots = [server.project];
    await client.request("fuzzyFileSearch/sessionStart", { sessionId: `s${number}`, roots });
  }
  assert.match((await start("one more", [server.project])).message, /at most 100/);
});

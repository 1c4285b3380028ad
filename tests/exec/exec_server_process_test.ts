/** `process/*` of the exec-server, compared with what the real 0.120.0 was recorded to answer. */
import assert from "node:assert/strict";
import { Ceiling } from "../../src/exec/ceiling.ts";
import type { ExecClient } from "../support/exec_client.ts";
import { refused } from "../support/exec_client.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import recorded from "./fixtures/exec_server_120.json" with { type: "json" };
import { leftOf } from "./process_run.ts";
import { chunkOf, PATH, shell, startExecServer, textOf } from "./exec_server_support.ts";

interface Exchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly params?: unknown };
  readonly response: unknown;
}

/** Answers that differ in what is explained here, and are compared without it. */
function comparable(answer: unknown, { name }: Exchange): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) => {
    // Times are those of the file; what newer clients read is added.
    if (["createdAtMs", "modifiedAtMs"].includes(key)) return 0;
    if (["sandboxType", "sandboxDenied", "isSymlink", "size", "data"].includes(key)) {
      return undefined;
    }
    // stdout and stderr race for their numbers, as they do in the real one.
    if (name.startsWith("read p1") && key === "chunks") return undefined;
    // A terminal may deliver its output in other pieces.
    if (name === "read closed" && (key === "chunks" || key === "nextSeq")) return undefined;
    if (key === "entries" && Array.isArray(value)) {
      return value.map((entry) => JSON.stringify(entry)).sort();
    }
    return value;
  });
  return JSON.parse(text);
}

async function answerOf(client: ExecClient, { request }: Exchange): Promise<unknown> {
  try {
    return { result: await client.raw(request.method, request.params) };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

Deno.test("exec-server answers what the real 0.120.0 was recorded to answer", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  await Deno.mkdir(`${exec.folder}/esx`);
  const text = JSON.stringify(recorded).replaceAll("$LAB", exec.folder);
  const exchanges: readonly (Exchange & { notifications: { method: string }[] })[] = JSON.parse(
    text,
  );
  for (const exchange of exchanges) {
    const answer = await answerOf(client, exchange);
    assert.deepEqual(
      comparable(answer, exchange),
      comparable(exchange.response, exchange),
      exchange.name,
    );
    const { params } = exchange.request as { params?: { processId?: string } };
    if (exchange.notifications.some(({ method }) => method === "process/closed")) {
      await client.next("process/closed", ({ processId }) => processId === params?.processId);
    } else if (exchange.name === "tty") {
      await client.next("process/output", ({ processId }) => processId === "t1");
    } else if (exchange.name === "long poll") {
      await client.next("process/closed", ({ processId }) => processId === "lp");
    }
  }
});

Deno.test("exec-server numbers the events of a process without gaps, and exits before it closes", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const started = await client.request("process/start", {
    ...shell("p", "echo out; echo err >&2; exit 7"),
    env: { PATH, A: "1" },
  });
  assert.deepEqual(started, { processId: "p", sandboxType: "none" });
  await client.next("process/closed");
  const events = client.seen.map(({ method, params }) => [method, params["seq"]]);
  assert.deepEqual(events.map(([, seq]) => seq), [1, 2, 3, 4]);
  assert.deepEqual(events.map(([method]) => method).slice(2), [
    "process/exited",
    "process/closed",
  ]);
  const output = client.seen.slice(0, 2).map(({ params }) => [
    params["stream"],
    textOf(String(params["chunk"])),
  ]).sort();
  assert.deepEqual(output, [["stderr", "err\n"], ["stdout", "out\n"]]);
  assert.equal(client.seen[2]?.params["exitCode"], 7);
});

Deno.test("process/start hands over the environment of its client, and a name of its own", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const run = async (params: Parameters<typeof client.request<"process/start">>[1]) => {
    await client.request("process/start", params);
    await client.next("process/closed", ({ processId }) => processId === params.processId);
    const { chunks } = await client.request("process/read", { processId: params.processId });
    return chunks.map(({ chunk }) => textOf(chunk)).join("");
  };
  const env = await run({ ...shell("e", ""), argv: ["/usr/bin/env"], env: { A: "1" } });
  // The mark by which everything that a process starts is found again is all that is added.
  assert.deepEqual(env.trim().split("\n").filter((line) => !/^CODEX_COMMAND_ID=/.test(line)), [
    "A=1",
  ]);
  const inherited = await run({
    ...shell("i", "echo $PLAIN,$MY_TOKEN,$A,$B"),
    env: { B: "2" },
    envPolicy: {
      inherit: "all",
      ignoreDefaultExcludes: false,
      exclude: [],
      set: { A: "1" },
      includeOnly: [],
    },
  });
  assert.equal(inherited, "yes,,1,2\n");
  assert.equal(await run({ ...shell("n", "echo $0"), arg0: "fancy" }), "fancy\n");
  const tty = await run({ ...shell("t", "echo $0"), arg0: "fancy", tty: true });
  assert.equal(tty, "fancy\r\n");
  const uri = await run({ ...shell("u", "pwd"), cwd: "file:///usr/bin/..%2Fbin" });
  assert.equal(uri.trim().endsWith("/bin"), true, uri);
});

Deno.test("process/write feeds an open input, and writes nothing twice under one name", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  await client.request("process/start", {
    ...shell("c", "head -c 6"),
    pipeStdin: true,
  });
  const write = (text: string, writeId?: string) =>
    client.request("process/write", {
      processId: "c",
      chunk: chunkOf(text),
      ...writeId === undefined ? {} : { writeId },
    });
  assert.deepEqual(
    await Promise.all([write("ab", "1"), write("ab", "1"), write("cd", "2"), write("ef")]),
    Array(4).fill({ status: "accepted" }),
  );
  await client.next("process/closed");
  const { chunks } = await client.request("process/read", { processId: "c" });
  assert.equal(chunks.map(({ chunk }) => textOf(chunk)).join(""), "abcdef");
  assert.deepEqual(await write("more"), { status: "accepted" });
});

Deno.test("process/signal interrupts, and terminate ends the whole tree", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  await client.request(
    "process/start",
    shell("s", "trap 'exit 3' INT; echo ready; while :; do sleep 0.01; done"),
  );
  await client.next("process/output");
  assert.deepEqual(await client.request("process/signal", signal("s")), {});
  assert.equal((await client.next("process/exited")).exitCode, 3);
  assert.deepEqual(await client.request("process/signal", signal("s")), {});
  assert.deepEqual(await client.request("process/signal", signal("unknown")), {});
  await refused(client.raw("process/signal", { processId: "s", signal: "terminate" }), {
    code: -32602,
    message: "unknown variant `terminate`, expected `interrupt`",
  });
  await client.request("process/start", shell("t", "setsid sleep 1000 & echo $!; wait"));
  const { chunk } = await client.next("process/output", ({ processId }) => processId === "t");
  const child = Number(textOf(chunk));
  assert.deepEqual(await client.request("process/terminate", { processId: "t" }), {
    running: true,
  });
  assert.equal(
    (await client.next("process/exited", ({ processId }) => processId === "t")).exitCode,
    -1,
  );
  await client.next("process/closed", ({ processId }) => processId === "t");
  assert.deepEqual(await leftOf([child]), []);
});

function signal(processId: string) {
  return { processId, signal: "interrupt" as const };
}

Deno.test("process/read waits, also for what children write after the exit", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  await client.request("process/start", {
    ...shell("d", "(read x; echo late) <&3 3<&- & exit 0"),
    argv: ["/bin/sh", "-c", "exec 3<&0; (read x <&3; echo late) & exit 0"],
    pipeStdin: true,
  });
  const exit = await client.request("process/read", {
    processId: "d",
    afterSeq: 0,
    waitMs: 60_000,
  });
  assert.deepEqual([exit.exited, exit.closed, exit.chunks], [true, false, []]);
  const late = client.request("process/read", { processId: "d", afterSeq: 1, waitMs: 60_000 });
  // Its input was closed with the exit, which is what the child waits for.
  assert.deepEqual((await late).chunks.map(({ chunk }) => textOf(chunk)), ["late\n"]);
  const nothing = await client.request("process/read", {
    processId: "d",
    afterSeq: 99,
    waitMs: 1,
  });
  assert.deepEqual(nothing.chunks, []);
});

Deno.test("exec-server keeps the last MiB of a process, and sends everything", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const bytes = 5_000_000;
  await client.request("process/start", shell("b", `head -c ${bytes} /dev/zero`));
  await client.next("process/closed");
  const size = (chunk: unknown) => Uint8Array.fromBase64(String(chunk)).length;
  const sent = client.seen.filter(({ method }) => method === "process/output");
  assert.equal(sent.reduce((sum, { params }) => sum + size(params["chunk"]), 0), bytes);
  const { chunks } = await client.request("process/read", { processId: "b" });
  const kept = chunks.reduce((sum, { chunk }) => sum + size(chunk), 0);
  assert.ok(kept <= 1024 * 1024 && kept > 900_000, String(kept));
  const last = sent.at(-1)?.params["seq"];
  assert.equal(chunks.at(-1)?.seq, last);
  const small = await client.request("process/read", { processId: "b", maxBytes: 1 });
  assert.equal(small.chunks.length, 1);
  assert.equal(small.nextSeq, (chunks[0]?.seq ?? 0) + 1);
});

Deno.test("process/start is held to the ceiling, and refuses what it cannot confine", async () => {
  const ceiling = new Ceiling({
    asked: "read-only",
    configured: "read-only",
    isExposed: false,
    cwd: "/",
    tmpdir: null,
    workspace: {
      writableRoots: [],
      networkAccess: false,
      excludeTmpdirEnvVar: false,
      excludeSlashTmp: false,
    },
  });
  await using exec = await startExecServer({ ceiling });
  const client = await exec.client();
  const file = `${exec.folder}/escaped`;
  try {
    await client.request("process/start", shell("x", `echo > ${file}`));
    assert.notEqual((await client.next("process/exited")).exitCode, 0);
  } catch (error) {
    // Nothing confines here, so nothing runs.
    assert.ok(error instanceof RpcError);
  }
  await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
  await refused(client.raw("fs/writeFile", { path: file, dataBase64: "" }), {
    code: -32600,
    message: `fs/write is not permitted for path ${file}`,
  });
  const unconfined = {
    ...shell("u", `echo > ${file}`),
    sandbox: { permissions: { type: "disabled" } },
  };
  try {
    await client.raw("process/start", unconfined);
    await client.next("process/closed", ({ processId }) => processId === "u");
  } catch (error) {
    assert.ok(error instanceof RpcError);
  }
  await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
  for (
    const more of [{ enforceManagedNetwork: true }, { managedNetwork: {} }, { networkProxy: {} }]
  ) {
    await assert.rejects(
      client.raw("process/start", { ...shell("y", "true"), ...more }),
      /not supported/,
    );
  }
});

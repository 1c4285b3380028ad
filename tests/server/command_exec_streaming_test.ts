/** `command/exec` while it runs: deltas, input, terminals, `terminate`, and the end of the connection. */
import assert from "node:assert/strict";
import { isRunning, leftOf } from "../exec/process_run.ts";
import { startServer } from "../support/server.ts";
import { base64, Deltas, sh } from "./command_steps.ts";

const streamed = { streamStdoutStderr: true } as const;
/** Of a MiB each: more than a pipe takes, and less than a connection may have waiting. */
const PIECES = 8;

Deno.test("output is streamed as it comes, before the answer, which does not repeat it", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const order: string[] = [];
  client.on("command/exec/outputDelta", ({ stream }) => order.push(stream));
  const deltas = new Deltas(client);
  const script =
    "echo a; read x </dev/null; sleep 0.05; echo b >&2; sleep 0.05; seq 1 20000; exit 2";
  const answer = sh(client, script, { ...streamed, processId: "p1" }).then((result) => {
    order.push("answer");
    return result;
  });
  assert.deepEqual(await answer, { exitCode: 2, stdout: "", stderr: "" });
  const numbers = Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join("");
  assert.equal(deltas.text("p1"), `a\n${numbers}`);
  assert.equal(deltas.text("p1", "stderr"), "b\n");
  assert.deepEqual(order.slice(0, 2), ["stdout", "stderr"]);
  assert.equal(order.at(-1), "answer");
  assert.ok(deltas.all.every((delta) => !delta.capReached));
});

Deno.test("the delta that reaches the limit says so, and is the last of its stream", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const deltas = new Deltas(client);
  const script = "printf abcdefghijkl; sleep 0.05; printf more; printf err >&2";
  await sh(client, script, { ...streamed, processId: "p", outputBytesCap: 10 });
  assert.deepEqual(deltas.all, [
    {
      processId: "p",
      stream: "stdout",
      deltaBase64: base64("abcdefghij"),
      capReached: true,
    },
    { processId: "p", stream: "stderr", deltaBase64: base64("err"), capReached: false },
  ]);
  const none = new Deltas(client);
  await sh(client, "echo x; sleep 0.05; echo y", {
    ...streamed,
    processId: "q",
    outputBytesCap: 0,
  });
  assert.deepEqual(none.all, [
    { processId: "q", stream: "stdout", deltaBase64: "", capReached: true },
  ]);
});

Deno.test("a command is written to, in the order of the writes, until its input is closed", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const answer = sh(client, "cat; echo end", { streamStdin: true, processId: "p" });
  const write = (params: { deltaBase64?: string; closeStdin?: boolean }) =>
    client.request("command/exec/write", { processId: "p", ...params });
  // None of them waits for the answer to the one before, nor for the command to start.
  const writes = ["one\n", "two\n", "three\n"].map((text) => write({ deltaBase64: base64(text) }));
  assert.deepEqual(await Promise.all(writes), [{}, {}, {}]);
  assert.deepEqual(await write({ deltaBase64: base64("last\n"), closeStdin: true }), {});
  assert.deepEqual(await answer, {
    exitCode: 0,
    stdout: "one\ntwo\nthree\nlast\nend\n",
    stderr: "",
  });
});

Deno.test("what a command is sent faster than it reads arrives whole", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const piece = "0123456789abcdef".repeat(65_536);
  const answer = sh(client, "sleep 0.2; wc -c", { streamStdin: true, processId: "p" });
  const writes = Array.from(
    { length: PIECES },
    () => client.request("command/exec/write", { processId: "p", deltaBase64: base64(piece) }),
  );
  await Promise.all(writes);
  await client.request("command/exec/write", { processId: "p", closeStdin: true });
  assert.equal((await answer).stdout.trim(), String(PIECES * piece.length));
});

Deno.test("a write is refused in upstream's words", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const fed = sh(client, "cat; exec sleep 1000", { streamStdin: true, processId: "fed" });
  const unfed = sh(client, "sleep 1000", { processId: "unfed" });
  const refused = async (params: Record<string, unknown>, code: number, message: string) => {
    const sent = { processId: "fed", ...params };
    await assert.rejects(client.request("command/exec/write", sent), { code, message });
  };
  await refused({}, -32602, "command/exec/write requires deltaBase64 or closeStdin");
  await refused({ deltaBase64: "!!" }, -32602, "invalid deltaBase64: Invalid symbol 33, offset 0.");
  await refused({ deltaBase64: "aGk" }, -32602, "invalid deltaBase64: Invalid padding");
  await refused(
    { deltaBase64: "aG k" },
    -32602,
    "invalid deltaBase64: Invalid symbol 32, offset 2.",
  );
  await refused(
    { processId: "zz", deltaBase64: "" },
    -32600,
    'no active command/exec for process id "zz"',
  );
  await refused(
    { processId: "unfed", deltaBase64: "aGkK" },
    -32600,
    "stdin streaming is not enabled for this command/exec",
  );
  const closing = client.request("command/exec/write", { processId: "fed", closeStdin: true });
  await refused({ deltaBase64: "aGkK" }, -32600, "stdin is already closed");
  for (const again of [{ closeStdin: true }, { deltaBase64: "" }]) {
    assert.deepEqual(
      await client.request("command/exec/write", { processId: "fed", ...again }),
      {},
    );
  }
  await closing;
  for (const [processId, answer] of [["fed", fed], ["unfed", unfed]] as const) {
    await client.request("command/exec/terminate", { processId });
    assert.equal((await answer).exitCode, 137);
  }
});

Deno.test("terminate ends a command with everything that it has started", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const deltas = new Deltas(client);
  const script =
    "trap '' TERM; sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 1000; done' & setsid -f sh -c 'echo apart $$; exec sleep 1000'; while :; do wait; done";
  const answer = sh(client, script, { ...streamed, processId: "p", disableTimeout: true });
  await deltas.sees("p", /child \d+/);
  const text = await deltas.sees("p", /apart \d+/);
  const pids = [...text.matchAll(/(?:child|apart) (\d+)/g)].map(([, pid]) => Number(pid));
  assert.equal(pids.length, 2);
  assert.deepEqual(await client.request("command/exec/terminate", { processId: "p" }), {});
  assert.deepEqual(await answer, { exitCode: 137, stdout: "", stderr: "" });
  await assert.rejects(client.request("command/exec/terminate", { processId: "p" }), {
    code: -32600,
    message: 'no active command/exec for process id "p"',
  });
  await server.stop();
  assert.deepEqual(pids.filter(isRunning), []);
});

Deno.test("a command that ends well when it is terminated counts as terminated", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const deltas = new Deltas(client);
  const script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
  const answer = sh(client, script, { ...streamed, processId: "p" });
  await deltas.sees("p", "ready");
  await client.request("command/exec/terminate", { processId: "p" });
  assert.equal((await answer).exitCode, 137);
  assert.match(deltas.text("p"), /bye\n$/);
});

Deno.test("a command is terminated also before it has started", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const answer = sh(client, "sleep 1000", { processId: "p" });
  await client.request("command/exec/terminate", { processId: "p" });
  assert.equal((await answer).exitCode, 137);
});

Deno.test("a process id means one command at a time, on one connection", async () => {
  await using server = await startServer();
  const one = await server.connect();
  const other = await server.connect();
  const first = sh(one, "cat", { processId: "p", streamStdin: true });
  await assert.rejects(sh(one, "true", { processId: "p" }), {
    code: -32600,
    message: 'duplicate active command/exec process id: "p"',
  });
  const second = sh(other, "cat", { processId: "p", streamStdin: true });
  const feed = (client: typeof one, text: string) =>
    client.request("command/exec/write", {
      processId: "p",
      deltaBase64: base64(text),
      closeStdin: true,
    });
  await feed(other, "theirs");
  assert.equal((await second).stdout, "theirs");
  await feed(one, "ours");
  assert.equal((await first).stdout, "ours");
  assert.equal((await sh(one, "echo again", { processId: "p" })).stdout, "again\n");
});

Deno.test("commands end with their connection, and those of others do not", async () => {
  await using server = await startServer();
  const [gone, stays] = [await server.connect(), await server.connect()];
  const deltas = new Deltas(gone);
  const others = new Deltas(stays);
  const script = "setsid sh -c 'echo apart $$; exec sleep 1000' & echo pid $$; sleep 1000";
  const forever = { ...streamed, disableTimeout: true };
  const lost = sh(gone, script, { ...forever, processId: "p" });
  const kept = sh(stays, "echo pid $$; exec sleep 1000", { ...forever, processId: "p" });
  await deltas.sees("p", /pid \d+/);
  const text = await deltas.sees("p", /apart \d+/);
  const pids = [...text.matchAll(/(?:pid|apart) (\d+)/g)].map(([, pid]) => Number(pid));
  const other = Number(/pid (\d+)/.exec(await others.sees("p", /pid \d+/))?.[1]);
  gone.close();
  await assert.rejects(lost);
  assert.deepEqual(await leftOf(pids), []);
  assert.ok(isRunning(other));
  await stays.request("command/exec/terminate", { processId: "p" });
  assert.equal((await kept).exitCode, 137);
});

Deno.test("a terminal has the size that was asked for, and another one when it is resized", async () => {
  await using server = await startServer({ env: { PATH: "/usr/bin:/bin" } });
  const client = await server.connect();
  const deltas = new Deltas(client);
  const script = "stty size; tty; echo $TERM; read x; echo got=$x; stty size; exit 6";
  const size = { rows: 33, cols: 77 };
  const answer = sh(client, script, { tty: true, processId: "p", size });
  await deltas.sees("p", "xterm-256color");
  const resized = { processId: "p", size: { rows: 10, cols: 20 } };
  assert.deepEqual(await client.request("command/exec/resize", resized), {});
  await client.request("command/exec/write", { processId: "p", deltaBase64: base64("yo\n") });
  assert.deepEqual(await answer, { exitCode: 6, stdout: "", stderr: "" });
  assert.match(
    deltas.text("p"),
    /^33 77\r\n\/dev\/pts\/\d+\r\nxterm-256color\r\nyo\r\ngot=yo\r\n10 20\r\n$/,
  );
  assert.deepEqual(deltas.text("p", "stderr"), "");
});

Deno.test("resize is refused in upstream's words", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const answer = sh(client, "cat", { processId: "p", streamStdin: true });
  const refused = async (processId: string, rows: number, expected: [number, string]) => {
    const [code, message] = expected;
    const params = { processId, size: { rows, cols: 1 } };
    await assert.rejects(client.request("command/exec/resize", params), { code, message });
  };
  await refused("p", 0, [-32602, "command/exec size rows and cols must be greater than 0"]);
  await refused("p", 1, [-32600, "failed to resize PTY: process is not attached to a PTY"]);
  await refused("zz", 1, [-32600, 'no active command/exec for process id "zz"']);
  await client.request("command/exec/write", { processId: "p", closeStdin: true });
  await answer;
});

Deno.test("an interrupt typed into a terminal is not a terminate", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const deltas = new Deltas(client);
  const answer = sh(client, "echo ready; exec sleep 1000", { tty: true, processId: "p" });
  await deltas.sees("p", "ready");
  await client.request("command/exec/write", { processId: "p", deltaBase64: base64("\x03") });
  assert.equal((await answer).exitCode, 130);
});

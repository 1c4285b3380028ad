/** Requests with an idempotency key: carried out once, however often and over whatever connection they come. */
import assert from "node:assert/strict";
import { makePlace } from "../programs/exec_process.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { gate as modelGate, say as modelSay } from "../support/mock_model.ts";
import { gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { startChild } from "./child_server.ts";
import { RawPeer } from "./raw_peer.ts";
import { exists, rolloutRecords, runTurn, threadWithTurn } from "./turn_steps.ts";

const KEYED = { sessionExtensions: ["idempotency"] } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

Deno.test("turn/start with the same key is one turn, also over another connection and after its end", async () => {
  await using server = await startServer({ responses: [say("Once"), say("Twice")] });
  const first = await server.connect(KEYED);
  const { thread } = await first.request("thread/start", {});
  const params = { threadId: thread.id, input: text("go"), idempotencyKey: "k" };
  const { turn } = await first.request("turn/start", params);
  assert.equal(turn.status, "inProgress");
  await first.next("turn/completed");
  first.close();
  const second = await server.connect(KEYED);
  const again = await second.request("turn/start", params);
  assert.deepEqual([again.turn.id, again.turn.status], [turn.id, "completed"]);
  assert.equal(server.model.requests.length, 1);
  const other = await second.request("turn/start", { ...params, idempotencyKey: "k2" });
  assert.notEqual(other.turn.id, turn.id);
});

Deno.test("requests with one key that come together share one effect", async () => {
  await using server = await startServer({ responses: [[gate("wait"), say("Once")]] });
  const clients = [await server.connect(KEYED), await server.connect(KEYED)];
  const [first] = clients;
  assert.ok(first);
  const { thread } = await first.request("thread/start", {});
  const params = { threadId: thread.id, input: text("go"), idempotencyKey: "k" };
  const answers = await Promise.all(
    clients.flatMap((client) => [1, 2].map(() => client.request("turn/start", params))),
  );
  assert.equal(new Set(answers.map(({ turn }) => turn.id)).size, 1);
  server.model.release("wait");
  await first.next("turn/completed");
  assert.equal(server.model.requests.length, 1);
  const { thread: read } = await first.request("thread/read", {
    threadId: thread.id,
    includeTurns: true,
  });
  const said = read.turns.flatMap(({ items }) =>
    items.filter(({ type }) => type === "userMessage")
  );
  assert.equal(said.length, 1);

  const path = `${server.project}/made`;
  const started = await Promise.all(
    clients.map((client) => client.request("thread/start", { idempotencyKey: "new" })),
  );
  assert.equal(new Set(started.map(({ thread: { id } }) => id)).size, 1);
  const make = { path, dataBase64: btoa("x"), offset: 0, idempotencyKey: "f" };
  await first.request("fs/writeFile", { path, dataBase64: "" });
  await Promise.all(clients.map((client) => client.request("fs/writeFile", make)));
  assert.equal(await Deno.readTextFile(path), "x");
});

Deno.test("turn/steer with the same key says it once", async () => {
  await using server = await startServer({ responses: [[gate("wait"), say("One")], say("Two")] });
  const client = await server.connect(KEYED);
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const { turn } = await client.request("turn/start", { threadId, input: text("go") });
  await server.model.reached("wait");
  const params = {
    threadId,
    input: text("left"),
    expectedTurnId: turn.id,
    idempotencyKey: "s",
  };
  assert.deepEqual(await client.request("turn/steer", params), { turnId: turn.id });
  assert.deepEqual(await client.request("turn/steer", params), { turnId: turn.id });
  server.model.release("wait");
  await client.next("turn/completed");
  // Also when there is no turn to steer any more.
  assert.deepEqual(await client.request("turn/steer", params), { turnId: turn.id });
  const { input } = await server.model.request(1);
  assert.equal(JSON.stringify(input).split('"left"').length, 2);
});

Deno.test("a key belongs to who sent it, to the thread and to the method", async () => {
  await using server = await startServer();
  const mine = await server.connect({ ...KEYED, principal: "me" });
  const other = await server.connect({ ...KEYED, principal: "somebody else" });
  const keyed = { idempotencyKey: "k" };
  const a = (await mine.request("thread/start", keyed)).thread.id;
  const b = (await other.request("thread/start", keyed)).thread.id;
  assert.notEqual(a, b);
  server.model.push(say("1"), say("2"), say("3"));
  const turns = new Set<string>();
  for (const [client, threadId] of [[mine, a], [mine, b], [other, b]] as const) {
    await client.request("thread/resume", { threadId });
    const { turn } = await client.request("turn/start", { threadId, input: text("x"), ...keyed });
    turns.add(turn.id);
    await client.next("turn/completed", (event) => event.turn.id === turn.id);
  }
  assert.equal(turns.size, 3);
  await mine.request("thread/name/set", { threadId: a, name: "x", ...keyed });
  await mine.request("thread/archive", { threadId: a, ...keyed });
});

Deno.test("the same key with other params is an error and changes nothing", async () => {
  await using server = await startServer({ responses: [say("One")] });
  const client = await server.connect(KEYED);
  const threadId = await threadWithTurn(client);
  const reused = { code: -32600, data: { reason: "idempotencyKeyReused" } };
  const name = { threadId, name: "first", idempotencyKey: "k" };
  await client.request("thread/name/set", name);
  await assert.rejects(client.request("thread/name/set", { ...name, name: "second" }), reused);
  const { thread } = await client.request("thread/read", { threadId });
  assert.equal(thread.name, "first");
  server.model.push(say("Two"));
  const turn = { threadId, input: text("go"), idempotencyKey: "k" };
  await client.request("turn/start", turn);
  await client.next("turn/completed");
  await assert.rejects(client.request("turn/start", { ...turn, input: text("stop") }), reused);
  // The order of members is no difference.
  const { threadId: id, ...rest } = turn;
  await client.request("turn/start", { ...rest, threadId: id });
  assert.equal(server.model.requests.length, 2);
});

Deno.test("a request that was refused may come again with its key", async () => {
  await using server = await startServer();
  const client = await server.connect(KEYED);
  const folder = `${server.project}/folder`;
  const params = { path: `${folder}/file`, dataBase64: btoa("x"), idempotencyKey: "k" };
  await assert.rejects(client.request("fs/writeFile", params));
  await client.request("fs/createDirectory", { path: folder, idempotencyKey: "k" });
  await client.request("fs/writeFile", params);
  assert.equal(await Deno.readTextFile(params.path), "x");
});

Deno.test("an effect is not repeated after it was undone by somebody else", async () => {
  await using server = await startServer();
  const client = await server.connect(KEYED);
  const params = { path: `${server.project}/made`, idempotencyKey: "k" };
  await client.request("fs/createDirectory", params);
  await Deno.remove(params.path);
  assert.deepEqual(await client.request("fs/createDirectory", params), {});
  assert.equal(await exists(params.path), false);
});

Deno.test("every method that takes a key answers the same again", async () => {
  await using server = await startServer({ responses: [say("One")] });
  const client = await server.connect(KEYED);
  const threadId = await threadWithTurn(client);
  const key = { idempotencyKey: "k" };
  const fork = await client.request("thread/fork", { threadId, ...key });
  assert.equal(
    (await client.request("thread/fork", { threadId, ...key })).thread.id,
    fork.thread.id,
  );
  server.model.push([gate("never"), say("Stopped")]);
  const { turn } = await client.request("turn/start", { threadId, input: text("go") });
  await server.model.reached("never");
  const interrupt = { threadId, turnId: turn.id, ...key };
  await client.request("turn/interrupt", interrupt);
  await client.next("turn/completed", (event) => event.turn.id === turn.id);
  assert.deepEqual(await client.request("turn/interrupt", interrupt), {});
  const log = `${server.project}/log`;
  const shell = { threadId, command: `echo ran >> ${log}`, ...key };
  await client.request("thread/shellCommand", shell);
  await client.next("turn/completed", (event) => event.turn.id !== turn.id);
  await client.request("thread/shellCommand", shell);
  const exec = { command: ["sh", "-c", `echo ran >> ${log}; echo out`], ...key };
  const ran = await client.request("command/exec", exec);
  assert.deepEqual(await client.request("command/exec", exec), ran);
  assert.equal(await Deno.readTextFile(log), "ran\nran\n");
  await client.request("thread/archive", { threadId, ...key });
  assert.deepEqual(await client.request("thread/archive", { threadId, ...key }), {});
  const back = await client.request("thread/unarchive", { threadId, ...key });
  assert.deepEqual(await client.request("thread/unarchive", { threadId, ...key }), back);
});

Deno.test("who opens a thread twice with one key follows it over the new connection", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const first = await server.connect(KEYED);
  const { thread } = await first.request("thread/start", { idempotencyKey: "k" });
  first.close();
  const second = await server.connect(KEYED);
  const again = await second.request("thread/start", { idempotencyKey: "k" });
  assert.equal(again.thread.id, thread.id);
  assert.equal((await runTurn(second, thread.id, "hi")).status, "completed");
});

Deno.test("an ephemeral thread, which a restart forgets, is started anew under its key", async () => {
  await using server = await startServer();
  const params = { ephemeral: true, idempotencyKey: "k" };
  const { thread } = await (await server.connect(KEYED)).request("thread/start", params);
  await server.stop();
  await using later = await startServer({ home: server.home, responses: [say("Hello")] });
  const client = await later.connect(KEYED);
  const started = await client.request("thread/start", params);
  assert.notEqual(started.thread.id, thread.id);
  assert.equal((await client.request("thread/start", params)).thread.id, started.thread.id);
  assert.equal((await runTurn(client, started.thread.id, "hi")).status, "completed");
});

Deno.test("a key counts for a day, over restarts", async () => {
  const clock = new FakeClock();
  await using server = await startServer({ clock, responses: [say("One"), say("Two")] });
  const client = await server.connect(KEYED);
  const threadId = (await client.request("thread/start", {})).thread.id;
  const turn = { threadId, input: text("go"), idempotencyKey: "k" };
  const { turn: { id } } = await client.request("turn/start", turn);
  await client.next("turn/completed");
  const name = { threadId, name: "one", idempotencyKey: "k" };
  await client.request("thread/name/set", name);
  await server.stop();

  clock.advance(DAY_MS);
  const responses = [say("Three"), say("Four")];
  await using later = await startServer({ clock, home: server.home, responses });
  const back = await later.connect(KEYED);
  await back.request("thread/resume", { threadId });
  assert.equal((await back.request("turn/start", turn)).turn.id, id);
  await back.request("thread/name/set", { threadId, name: "two" });
  await back.request("thread/name/set", name);
  assert.equal((await back.request("thread/read", { threadId })).thread.name, "two");
  clock.advance(1);
  const { turn: { id: newId } } = await back.request("turn/start", turn);
  assert.notEqual(newId, id);
  await back.next("turn/completed");
  clock.advance(DAY_MS);
  await back.request("thread/name/set", name);
  assert.equal((await back.request("thread/read", { threadId })).thread.name, "one");
});

Deno.test("a client that did not ask has no keys, and the member changes nothing for it", async () => {
  await using server = await startServer({ responses: [say("One"), say("Two")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const params = { threadId: thread.id, input: text("go"), idempotencyKey: "k" };
  const { turn } = await client.request("turn/start", params);
  await client.next("turn/completed");
  assert.notEqual((await client.request("turn/start", params)).turn.id, turn.id);
  await client.next("turn/completed", (event) => event.turn.id !== turn.id);
  const records = await rolloutRecords(thread.path);
  assert.deepEqual(records.filter((record) => "receipt" in record), []);
  assert.equal(await exists(`${server.home}/home/session_state_1.sqlite`), false);
});

Deno.test("a key that is empty or very long is refused", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server, KEYED);
  for (const idempotencyKey of ["", "k".repeat(257)]) {
    const { code, reason } = await peer.refusal("thread/start", { idempotencyKey });
    assert.deepEqual([code, reason], [-32600, "invalidIdempotencyKey"]);
  }
});

Deno.test("where outcomes cannot be kept, a request with a key is refused instead of carried out", async () => {
  await using server = await startServer();
  await Deno.writeTextFile(
    `${server.home}/home/session_state_1.sqlite`,
    "not a database ".repeat(100),
  );
  const client = await server.connect(KEYED);
  const params = { path: `${server.project}/made`, idempotencyKey: "k" };
  await assert.rejects(client.request("fs/createDirectory", params), {
    code: -32603,
    message: /session_state_1\.sqlite.*move it away$/,
    data: { reason: "io" },
  });
  assert.equal(await exists(params.path), false);
});

Deno.test("after kill -9 the same key is the same turn, and no second one starts", async () => {
  await using place = await makePlace([modelGate("never")], modelSay("Fresh"));
  const killed = await startChild(place, KEYED);
  const { thread } = await killed.client.request("thread/start", {});
  const threadId = thread.id;
  const start = { threadId, input: text("remember"), idempotencyKey: "start" };
  const { turn } = await killed.client.request("turn/start", start);
  await place.model.reached("never");
  const steer = {
    threadId,
    input: text("and this"),
    expectedTurnId: turn.id,
    idempotencyKey: "steer",
  };
  await killed.client.request("turn/steer", steer);
  await killed.client.request("thread/name/set", { threadId, name: "n", idempotencyKey: "name" });
  await killed.kill();

  await using next = await startChild(place, KEYED);
  const { client } = next;
  const resumed = await client.request("thread/resume", { threadId });
  assert.deepEqual(resumed.thread.turns.map(({ id, status }) => [id, status]), [
    [turn.id, "interrupted"],
  ]);
  const again = await client.request("turn/start", start);
  assert.deepEqual([again.turn.id, again.turn.status], [turn.id, "interrupted"]);
  assert.deepEqual(await client.request("turn/steer", steer), { turnId: turn.id });
  await client.request("thread/name/set", { threadId, name: "other" });
  await client.request("thread/name/set", { threadId, name: "n", idempotencyKey: "name" });
  const { thread: read } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.equal(read.name, "other");
  assert.deepEqual(read.turns.map(({ id }) => id), [turn.id]);
  assert.equal(place.model.requests.length, 1);
  assert.equal((await runTurn(client, threadId, "more")).status, "completed");
});

Deno.test("where the server was killed in the middle, the outcome is said to be unknown", async () => {
  await using place = await makePlace();
  const killed = await startChild(place, KEYED);
  const log = `${place.project}/log`;
  const params = {
    // It ends with the folder, since nobody is left to end it.
    command: ["sh", "-c", `echo ran | tee -a ${log}; while [ -e ${log} ]; do sleep 0.05; done`],
    processId: "p",
    streamStdoutStderr: true,
    disableTimeout: true,
    idempotencyKey: "k",
  };
  const answer = killed.client.request("command/exec", params).catch(() => "no answer");
  await killed.client.next("command/exec/outputDelta");
  await killed.kill();
  assert.equal(await answer, "no answer");

  await using next = await startChild(place, KEYED);
  for (let time = 0; time < 2; time++) {
    await assert.rejects(next.client.request("command/exec", params), {
      code: -32600,
      data: { reason: "outcomeUnknown" },
    });
  }
  assert.equal(await Deno.readTextFile(log), "ran\n");
});

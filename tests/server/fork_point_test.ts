/** `thread/fork` with `beforeTurnId` or `lastTurnId`: what is kept, and what is refused in the words of 0.169. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import type { Params, Result } from "../../src/protocol/mod.ts";
import { gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { exists, inputText, rolloutRecords, runTurn } from "./turn_steps.ts";

type Point = Pick<Params<"thread/fork">, "beforeTurnId" | "lastTurnId" | "ephemeral">;

const WORDS = ["first question", "second question", "third question"] as const;
const ANSWERS = WORDS.map((words) => say(`re: ${words}`));

/** A thread with three turns. */
async function threeTurns(client: Client) {
  const { thread } = await client.request("thread/start", {});
  const ids: string[] = [];
  for (const words of WORDS) ids.push((await runTurn(client, thread.id, words)).id);
  const [first = "", second = "", third = ""] = ids;
  return { threadId: thread.id, path: thread.path, ids, first, second, third };
}

function fork(client: Client, threadId: string, point: Point): Promise<Result<"thread/fork">> {
  return client.request("thread/fork", { threadId, ...point });
}

function turnIds({ thread }: Result<"thread/fork">): string[] {
  return thread.turns.map(({ id }) => id);
}

Deno.test("a fork keeps the turns before one, or up to one", async () => {
  await using server = await startServer({ responses: ANSWERS });
  const client = await server.connect();
  const { threadId, ids, first, second, third } = await threeTurns(client);
  const kept = async (point: Point) => turnIds(await fork(client, threadId, point)).length;
  assert.equal(await kept({ beforeTurnId: first }), 0);
  assert.equal(await kept({ beforeTurnId: second }), 1);
  assert.equal(await kept({ beforeTurnId: third }), 2);
  assert.equal(await kept({ lastTurnId: first }), 1);
  assert.equal(await kept({ lastTurnId: second }), 2);
  assert.equal(await kept({ lastTurnId: third }), 3);
  assert.equal(await kept({ beforeTurnId: null, lastTurnId: null }), 3);
  const before = await fork(client, threadId, { beforeTurnId: third });
  assert.deepEqual(turnIds(before), ids.slice(0, 2));
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(before.thread.turns.map(({ items }) => items.length), [2, 2]);
  assert.deepEqual(read.thread.turns.map(({ id }) => id), ids);
});

Deno.test("the model and the rollout of a fork know only what was kept, also after a restart", async () => {
  await using first = await startServer({ responses: [...ANSWERS, say("Forked")] });
  const client = await first.connect();
  const source = await threeTurns(client);
  const untouched = await Deno.readTextFile(source.path ?? "");
  const { thread } = await fork(client, source.threadId, { beforeTurnId: source.second });
  assert.equal(thread.forkedFromId, source.threadId);
  assert.equal(thread.preview, WORDS[0]);
  const copied = JSON.stringify(await rolloutRecords(thread.path));
  assert.match(copied, /first question.*re: first question/);
  assert.doesNotMatch(copied, /second|third/);
  await runTurn(client, thread.id, "another second question");
  const sent = inputText(await first.model.request(3));
  assert.match(sent, /first question.*re: first question.*another second question/);
  assert.doesNotMatch(sent, /re: second|third/);
  assert.equal(await Deno.readTextFile(source.path ?? ""), untouched);
  await first.stop();

  await using second = await startServer({ home: first.home, responses: [say("Again")] });
  const later = await second.connect();
  const resumed = await later.request("thread/resume", { threadId: thread.id });
  assert.deepEqual(turnIds(resumed).slice(0, 1), [source.first]);
  assert.equal(resumed.thread.turns.length, 2);
  await runTurn(later, thread.id, "and a third");
  const again = inputText(await second.model.request(0));
  assert.match(again, /first question.*another second question.*Forked.*and a third/);
  assert.doesNotMatch(again, /third question/);
});

Deno.test("a fork before the first turn is a thread without words, which no list shows until there are some", async () => {
  await using server = await startServer({ responses: [...ANSWERS, say("Anew")] });
  const client = await server.connect();
  const { threadId, first } = await threeTurns(client);
  const { thread } = await fork(client, threadId, { beforeTurnId: first });
  assert.deepEqual([thread.preview, thread.turns], ["", []]);
  assert.equal(await exists(thread.path), true);
  const listed = async () => {
    const { data } = await client.request("thread/list", {});
    return data.map(({ id, preview }) => ({ id, preview }));
  };
  const source = { id: threadId, preview: WORDS[0] };
  assert.deepEqual(await listed(), [source]);
  await runTurn(client, thread.id, "something else");
  assert.doesNotMatch(inputText(await server.model.request(3)), /question/);
  assert.deepEqual(await listed(), [{ id: thread.id, preview: "something else" }, source]);
});

Deno.test("a fork goes on with the model and the folder that its source has now", async () => {
  await using server = await startServer({ responses: [say("a"), say("b")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const first = await runTurn(client, threadId, "a");
  await client.request("turn/start", { threadId, input: text("b"), model: "bigger", cwd: "/" });
  await client.next("turn/completed");
  for (const point of [{ beforeTurnId: first.id }, { lastTurnId: first.id }]) {
    const { model, cwd } = await fork(client, threadId, point);
    assert.deepEqual([model, cwd], ["bigger", "/"]);
  }
});

Deno.test("an ephemeral fork can keep a part as well", async () => {
  await using server = await startServer({ responses: [...ANSWERS, say("x")] });
  const client = await server.connect();
  const { threadId, second } = await threeTurns(client);
  const { thread } = await fork(client, threadId, { beforeTurnId: second, ephemeral: true });
  assert.deepEqual([thread.path, thread.turns.length], [null, 1]);
  await runTurn(client, thread.id, "more");
  const sent = inputText(await server.model.request(3));
  assert.match(sent, /re: first question.*more/);
  assert.doesNotMatch(sent, /second|third/);
});

Deno.test("a thread that is not loaded is forked at a turn, too", async () => {
  await using first = await startServer({ responses: ANSWERS });
  const { threadId, ids, third } = await threeTurns(await first.connect());
  await first.stop();
  await using second = await startServer({ home: first.home });
  const client = await second.connect();
  const opened = await fork(client, threadId, { beforeTurnId: third });
  assert.deepEqual(turnIds(opened), ids.slice(0, 2));
  const { data } = await client.request("thread/loaded/list", {});
  assert.deepEqual(data, [opened.thread.id]);
});

Deno.test("a fork is refused at a turn that is not there, at two turns, and after one that runs", async () => {
  await using server = await startServer({
    responses: [...ANSWERS, [say("Begin"), gate("run")]],
  });
  const client = await server.connect();
  const { threadId, ids, first, second, third } = await threeTurns(client);
  const refused = (point: Point, message: string) =>
    assert.rejects(fork(client, threadId, point), { code: -32600, message });
  for (const id of ["nope", "", first.toUpperCase()]) {
    await refused(
      { beforeTurnId: id },
      `beforeTurnId '${id}' was not found in the source thread`,
    );
    await refused({ lastTurnId: id }, `lastTurnId '${id}' was not found in the source thread`);
  }
  const both = "`beforeTurnId` cannot be combined with `lastTurnId`";
  await refused({ beforeTurnId: second, lastTurnId: first }, both);
  await refused({ beforeTurnId: "nope", lastTurnId: "nope" }, both);
  const unknown = crypto.randomUUID();
  await assert.rejects(fork(client, unknown, { beforeTurnId: "x", lastTurnId: "y" }), {
    message: `no rollout found for thread id ${unknown}`,
  });

  const { turn } = await client.request("turn/start", { threadId, input: text("run") });
  await server.model.reached("run");
  await refused(
    { lastTurnId: turn.id },
    `lastTurnId '${turn.id}' identifies an in-progress turn`,
  );
  assert.deepEqual(turnIds(await fork(client, threadId, { beforeTurnId: turn.id })), ids);
  assert.deepEqual(turnIds(await fork(client, threadId, { lastTurnId: third })), ids);
  const before = await fork(client, threadId, { beforeTurnId: second });
  assert.deepEqual(turnIds(before), ids.slice(0, 1));
  server.model.release("run");
  await client.next("turn/completed", (params) => params.turn.id === turn.id);
  const whole = await fork(client, threadId, { lastTurnId: turn.id });
  assert.deepEqual(turnIds(whole), [...ids, turn.id]);
});

Deno.test("an interrupted turn can be the last one of a fork", async () => {
  await using server = await startServer({ responses: [[say("Begin"), gate("stop")], say("x")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const { turn } = await client.request("turn/start", { threadId, input: text("stop me") });
  await server.model.reached("stop");
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  await client.next("turn/completed");
  await runTurn(client, threadId, "go on");
  const { thread: forked } = await fork(client, threadId, { lastTurnId: turn.id });
  assert.deepEqual(forked.turns.map(({ id, status }) => [id, status]), [[turn.id, "interrupted"]]);
});

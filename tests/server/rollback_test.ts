/** `thread/rollback` as in 0.120: what is taken back, what is written, and what is refused. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { call, gate, say, usage } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";
import { inputText, rolloutRecords, runTurn } from "./turn_steps.ts";

/** What the first turn costs where it must differ from the others. */
const SMALL = { input_tokens: 7, output_tokens: 4, total_tokens: 11 };
const NUMBERED = { experimentalApi: true, sessionExtensions: ["numberedEvents"] };

/** A thread with a turn for each of the words. */
async function threadWithTurns(client: Client, words: readonly string[]) {
  const { thread } = await client.request("thread/start", {});
  const ids: string[] = [];
  for (const word of words) ids.push((await runTurn(client, thread.id, word)).id);
  return { threadId: thread.id, path: thread.path, ids };
}

Deno.test("thread/rollback takes the last turns from what is shown, sent and stored", async () => {
  await using first = await startServer({
    responses: [say("alpha"), say("beta"), say("gamma"), say("delta")],
  });
  const client = await first.connect();
  const { threadId, path, ids } = await threadWithTurns(client, ["q1", "q2", "q3"]);
  const before = await rolloutRecords(path);
  const { thread } = await client.request("thread/rollback", { threadId, numTurns: 2 });
  assert.deepEqual(thread.turns.map(({ id }) => id), ids.slice(0, 1));
  assert.deepEqual(thread.turns[0]?.items.map(({ id, type }) => [id, type]), [
    ["item-1", "userMessage"],
    ["item-2", "agentMessage"],
  ]);
  assert.deepEqual([thread.status, thread.preview], [{ type: "idle" }, "q1"]);
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.thread, thread);
  const resumed = await client.request("thread/resume", { threadId });
  assert.deepEqual(resumed.thread.turns, thread.turns);
  const written = (await rolloutRecords(path)).slice(before.length);
  assert.deepEqual(written.map(({ type, payload }) => [type, payload.type]), [
    ["event_msg", "token_count"],
    ["event_msg", "thread_rolled_back"],
  ]);
  assert.deepEqual(written[1].payload, { type: "thread_rolled_back", num_turns: 2 });

  const { id } = await runTurn(client, threadId, "q4");
  const sent = inputText(await first.model.request(3));
  assert.match(sent, /<environment_context>.*q1.*alpha.*q4/);
  assert.doesNotMatch(sent, /q2|beta|q3|gamma/);
  const live = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(live.thread.turns.map((turn) => turn.id), [ids[0], id]);
  await first.stop();

  await using second = await startServer({ home: first.home, responses: [say("five")] });
  const later = await second.connect();
  const back = await later.request("thread/resume", { threadId });
  assert.deepEqual(back.thread.turns.map((turn) => turn.id), [ids[0], id]);
  await runTurn(later, threadId, "q5");
  const again = inputText(await second.model.request(0));
  assert.match(again, /<environment_context>.*q1.*alpha.*q4.*delta.*q5/);
  assert.doesNotMatch(again, /q2|beta|q3|gamma/);
});

Deno.test("the tokens of a thread stay counted, those in its context are as before the turns", async () => {
  await using server = await startServer({
    responses: [
      [say("one"), usage(SMALL)],
      say("two"),
    ],
  });
  const client = await server.connect();
  const { threadId, path, ids } = await threadWithTurns(client, ["q1", "q2"]);
  const [first, second] = [
    await client.next("thread/tokenUsage/updated"),
    await client.next("thread/tokenUsage/updated"),
  ].map(({ tokenUsage }) => tokenUsage);
  await client.request("thread/rollback", { threadId, numTurns: 1 });
  const updated = await client.next("thread/tokenUsage/updated");
  assert.equal(updated.turnId, ids[0]);
  assert.deepEqual(updated.tokenUsage.total, second?.total);
  assert.equal(updated.tokenUsage.last.totalTokens, first?.last.totalTokens);
  assert.notEqual(first?.last.totalTokens, second?.last.totalTokens);
  assert.equal(updated.tokenUsage.modelContextWindow, second?.modelContextWindow);
  await client.request("thread/rollback", { threadId, numTurns: 1 });
  const { tokenUsage } = await client.next("thread/tokenUsage/updated");
  assert.equal(tokenUsage.last.totalTokens, 0);
  assert.deepEqual(tokenUsage.total, second?.total);
  const counted = (await rolloutRecords(path)).at(-2).payload.info;
  assert.equal(counted.total_token_usage.total_tokens, second?.total.totalTokens);
  assert.equal(counted.last_token_usage.total_tokens, 0);
});

Deno.test("more turns than there are take back all, and the thread can go on", async () => {
  await using server = await startServer({ responses: [say("one"), say("two"), say("three")] });
  const client = await server.connect();
  const { threadId } = await threadWithTurns(client, ["q1", "q2"]);
  for (const numTurns of [4_294_967_295, 1]) {
    const { thread } = await client.request("thread/rollback", { threadId, numTurns });
    assert.deepEqual([thread.turns, thread.preview], [[], "q1"]);
  }
  await runTurn(client, threadId, "q3");
  const sent = inputText(await server.model.request(2));
  // What the model was told of its surroundings went with the first turn, so it is told again.
  assert.match(sent, /<environment_context>.*q3/);
  assert.doesNotMatch(sent, /q1|q2/);
});

Deno.test("a rollback is refused while a turn runs, and changes nothing then", async () => {
  await using server = await startServer({ responses: [say("one"), [say("two"), gate("run")]] });
  const client = await server.connect();
  const { threadId, path } = await threadWithTurns(client, ["q1"]);
  const { turn } = await client.request("turn/start", { threadId, input: text("q2") });
  await server.model.reached("run");
  const before = await rolloutRecords(path);
  await assert.rejects(client.request("thread/rollback", { threadId, numTurns: 1 }), {
    code: -32600,
    message: "Cannot rollback while a turn is in progress.",
  });
  assert.deepEqual(await rolloutRecords(path), before);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual([thread.status.type, thread.turns.length], ["active", 2]);
  // Once it is stopped, its end is waited for.
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  const rolled = await client.request("thread/rollback", { threadId, numTurns: 1 });
  assert.deepEqual(rolled.thread.turns.map(({ status }) => status), ["completed"]);
});

Deno.test("a rollback is refused where there is nothing on disk to take back from", async () => {
  await using server = await startServer({ responses: [say("one")] });
  const client = await server.connect();
  const refused = (threadId: string, numTurns: number, message: string) =>
    assert.rejects(client.request("thread/rollback", { threadId, numTurns }), {
      code: -32600,
      message,
    });
  const { thread: ephemeral } = await client.request("thread/start", { ephemeral: true });
  await runTurn(client, ephemeral.id, "q1");
  await refused(ephemeral.id, 1, "thread rollback requires a persisted rollout path");
  const { thread: fresh } = await client.request("thread/start", {});
  await refused(
    fresh.id,
    1,
    `failed to load rollout \`${fresh.path}\` for rollback replay: ` +
      "No such file or directory (os error 2)",
  );
  const unknown = crypto.randomUUID();
  await refused(unknown, 1, `thread not found: ${unknown}`);
  for (const id of [ephemeral.id, unknown, "no id"]) {
    await refused(id, 0, "numTurns must be >= 1");
  }
});

Deno.test("the number of turns is read as upstream reads it", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const threadId = crypto.randomUUID();
  for (
    const [params, message] of [
      [{ threadId }, "missing field `numTurns`"],
      [{ threadId, numTurns: -1 }, "invalid value: integer `-1`, expected u32"],
      [{ threadId, numTurns: 1.5 }, "invalid type: floating point `1.5`, expected u32"],
      [{ threadId, numTurns: 5e9 }, "invalid value: integer `5000000000`, expected u32"],
    ] as const
  ) {
    const { error } = await peer.call("thread/rollback", params);
    assert.deepEqual([error?.code, error?.message], [-32600, `Invalid request: ${message}`]);
  }
});

Deno.test("a command that outlives a turn that was taken back comes back with nothing", async () => {
  const cmd = 'until [ -e "$PWD/go" ]; do sleep 0.01; done; echo over';
  await using server = await startServer({
    responses: [say("one"), call("exec_command", { cmd, yield_time_ms: 250 }, "late"), say("two")],
  });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  const threadId = thread.id;
  const first = await runTurn(client, threadId, "q1");
  await runTurn(client, threadId, "leave it running");
  await client.request("thread/rollback", { threadId, numTurns: 1 });
  await Deno.writeTextFile(`${server.project}/go`, "");
  await client.next("item/completed", ({ item }) => item.id === "late");
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.thread.turns.map(({ id, items }) => [id, items.length]), [[first.id, 2]]);
});

Deno.test("a fork of a thread with turns that were taken back does not have them", async () => {
  await using server = await startServer({ responses: [say("one"), say("two"), say("three")] });
  const client = await server.connect();
  const { threadId, ids } = await threadWithTurns(client, ["q1", "q2"]);
  await client.request("thread/rollback", { threadId, numTurns: 1 });
  const { thread } = await client.request("thread/fork", { threadId });
  assert.deepEqual(thread.turns.map(({ id }) => id), ids.slice(0, 1));
  await assert.rejects(client.request("thread/fork", { threadId, beforeTurnId: ids[1] ?? "" }), {
    message: `beforeTurnId '${ids[1]}' was not found in the source thread`,
  });
});

Deno.test("who follows by number finds a gap: before a rollback the log is another one", async () => {
  await using server = await startServer({ responses: [say("one"), say("two")] });
  const follower = await RawPeer.initialized(server.server, NUMBERED);
  const client = await server.connect();
  const { threadId } = await threadWithTurns(client, ["q1", "q2"]);
  const { result: opened } = await follower.call("thread/resume", { threadId });
  const from = follower.frames.length;
  await client.request("thread/rollback", { threadId, numTurns: 1 });
  const { params } = await follower.untilMethod("thread/tokenUsage/updated", from);
  assert.notEqual(params.logId, opened.logId);
  assert.equal(params.seq, 1);
  const { result: again } = await follower.call("thread/resume", {
    threadId,
    logId: opened.logId,
    afterSeq: opened.seq,
  });
  assert.deepEqual(again.replay, { type: "gap" });
  assert.equal(again.thread.turns.length, 1);
  const known = { threadId, logId: params.logId, afterSeq: params.seq };
  const { result: next } = await follower.call("thread/resume", known);
  assert.deepEqual(next.replay, { type: "events", events: [] });
});

Deno.test("the answer comes before the event, which others get as well", async () => {
  await using server = await startServer({ responses: [say("one")] });
  const [client, peer] = [await server.connect(), await RawPeer.initialized(server.server)];
  const { threadId } = await threadWithTurns(client, ["q1"]);
  await peer.call("thread/resume", { threadId });
  const from = peer.frames.length;
  await peer.call("thread/rollback", { threadId, numTurns: 1 });
  await peer.untilMethod("thread/tokenUsage/updated", from);
  const what = ({ method }: Frame) => method ?? "answer";
  assert.deepEqual(peer.frames.slice(from).map(what), ["answer", "thread/tokenUsage/updated"]);
});

Deno.test("a rollback with a key is carried out once", async () => {
  await using server = await startServer({ responses: [say("one"), say("two"), say("three")] });
  const client = await server.connect({ sessionExtensions: ["idempotency"] });
  const { threadId } = await threadWithTurns(client, ["q1", "q2", "q3"]);
  const params = { threadId, numTurns: 1, idempotencyKey: "once" };
  const once = await client.request("thread/rollback", params);
  assert.equal(once.thread.turns.length, 2);
  assert.deepEqual(await client.request("thread/rollback", params), once);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.equal(thread.turns.length, 2);
});

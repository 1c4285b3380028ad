/** Turns without clients, clients that come in the middle of a turn, and when a thread is unloaded. */
import assert from "node:assert/strict";
import { IDLE_UNLOAD_MS } from "../../src/agent/threads.ts";
import { call, event, gate, manualClock, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";
import { rolloutRecords, runTurn } from "./turn_steps.ts";

const MESSAGE = { type: "message", role: "assistant", id: "msg_1" };

Deno.test("a running turn outlives all its clients", async () => {
  await using server = await startServer({ responses: [[gate("answer"), say("Still here")]] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const { turn } = await client.request("turn/start", { threadId, input: text("work") });
  await server.model.reached("answer");
  client.close();
  const watcher = await server.connect();
  server.model.release("answer");
  await watcher.next("thread/status/changed", ({ status }) => status.type === "idle");
  const read = await watcher.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.thread.turns.map(({ id, status }) => [id, status]), [
    [turn.id, "completed"],
  ]);
  const last = read.thread.turns[0]?.items.at(-1);
  assert.ok(last?.type === "agentMessage" && last.text === "Still here");
  const types = (await rolloutRecords(thread.path)).map(({ payload }) => payload.type);
  assert.equal(types.at(-1), "task_complete");
});

Deno.test("a client that comes in the middle gets the text so far, then the rest, and nothing twice", async () => {
  const words = ["One ", "two ", "three ", "four ", "five"];
  await using server = await startServer({ responses: [slowMessage(words)] });
  const first = await RawPeer.initialized(server.server);
  const threadId = (await first.call("thread/start", {})).result.thread.id;
  const { result } = await first.call("turn/start", { threadId, input: text("count") });
  const turnId = result.turn.id;
  const latecomers: { readonly peer: RawPeer; readonly resumed: Frame }[] = [];
  for (const [index] of words.entries()) {
    await server.model.reached(`w${index}`);
    const late = await RawPeer.initialized(server.server);
    const from = late.frames.length;
    const resumed = await late.call("thread/resume", { threadId });
    assert.equal(late.frames[from], resumed);
    assert.deepEqual(resumed.result.thread.status, { type: "active", activeFlags: [] });
    const [turn] = resumed.result.thread.turns;
    assert.deepEqual([turn.id, turn.status], [turnId, "inProgress"]);
    assert.equal(agentText(resumed), words.slice(0, index).join(""));
    latecomers.push({ peer: late, resumed });
    server.model.release(`w${index}`);
  }
  for (const { peer, resumed } of latecomers) {
    await peer.untilMethod("turn/completed");
    assert.equal(agentText(resumed) + deltas(peer), words.join(""));
  }
  await first.untilMethod("turn/completed");
  assert.equal(deltas(first), words.join(""));
});

Deno.test("no delta slips in before the answer to resume, however the two meet", async () => {
  const rounds = 24;
  let met = 0;
  await using server = await startServer();
  const first = await RawPeer.initialized(server.server);
  const threadId = (await first.call("thread/start", { ephemeral: true })).result.thread.id;
  for (let round = 0; round < rounds; round++) {
    server.model.push([
      event({ type: "response.output_item.added", output_index: 0, item: item(round, "") }),
      gate(`start ${round}`),
      ...Array.from({ length: rounds * 2 }, (_, n) => [
        event({
          type: "response.output_text.delta",
          item_id: `msg_${round}`,
          output_index: 0,
          content_index: 0,
          delta: `${n} `,
        }),
        // A gate that is open costs some steps of the event loop and lets other work in between.
        gate("open"),
      ]).flat(),
      event({ type: "response.output_item.done", output_index: 0, item: item(round, "done") }),
    ]);
    server.model.release("open");
    await first.call("turn/start", { threadId, input: text("go") });
    await server.model.reached(`start ${round}`);
    const late = await RawPeer.initialized(server.server);
    const from = late.frames.length;
    server.model.release(`start ${round}`);
    for (let step = 0; step < round; step++) await Promise.resolve();
    const resumed = await late.call("thread/resume", { threadId });
    const done = await late.until((frame) =>
      frame.method === "thread/status/changed" && frame.params.status.type === "idle"
    );
    const ofThread = late.frames.slice(from, late.frames.indexOf(done)).filter((frame) =>
      frame === resumed || frame.method?.startsWith("item/")
    );
    assert.equal(ofThread[0], resumed, `a notification came before the answer in round ${round}`);
    const whole = Array.from({ length: rounds * 2 }, (_, n) => `${n} `).join("");
    const partial = resumed.result.thread.turns.at(-1).items.at(-1).text;
    if (partial === "done") continue;
    assert.equal(partial + deltas(late), whole);
    if (partial !== "" && partial !== whole) met++;
  }
  assert.ok(met > 0, "no client came in the middle of the deltas, so nothing was tried");
});

Deno.test("a thread is unloaded after 30 idle minutes without subscribers, and not before", async () => {
  const clock = manualClock();
  await using server = await startServer({ clock, responses: [say("x"), say("y")] });
  const [client, watcher] = [await server.connect(), await RawPeer.initialized(server.server)];
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await runTurn(client, threadId, "hi");
  const loaded = async () => (await watcher.call("thread/loaded/list", {})).result.data;
  clock.advance(2 * IDLE_UNLOAD_MS);
  assert.deepEqual(await loaded(), [threadId], "it has a subscriber");
  client.close();
  clock.advance(IDLE_UNLOAD_MS - 1);
  assert.deepEqual(await loaded(), [threadId], "the time is not over");

  const guest = await server.connect();
  await guest.request("thread/resume", { threadId });
  clock.advance(IDLE_UNLOAD_MS);
  await guest.request("thread/unsubscribe", { threadId });
  clock.advance(IDLE_UNLOAD_MS - 1);
  assert.deepEqual(await loaded(), [threadId], "the time starts again with the last subscriber");
  const from = watcher.frames.length;
  clock.advance(1);
  assert.deepEqual(await loaded(), []);
  assert.deepEqual(watcher.frames.slice(from, from + 2), [
    {
      method: "thread/status/changed",
      params: { threadId, status: { type: "notLoaded" } },
    },
    { method: "thread/closed", params: { threadId } },
  ]);
  const { thread: read } = await guest.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.status, { type: "notLoaded" });
  assert.equal(read.turns.length, 1);
  await guest.request("thread/resume", { threadId });
  assert.equal((await runTurn(guest, threadId, "again")).status, "completed");
});

Deno.test("a running turn keeps its thread loaded, and the time starts with its end", async () => {
  const clock = manualClock();
  await using server = await startServer({ clock, responses: [[gate("answer"), say("x")]] });
  const [client, watcher] = [await server.connect(), await server.connect()];
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await client.request("turn/start", { threadId, input: text("work") });
  await server.model.reached("answer");
  client.close();
  clock.advance(3 * IDLE_UNLOAD_MS);
  const loaded = async () => (await watcher.request("thread/loaded/list", {})).data;
  assert.deepEqual(await loaded(), [threadId]);
  server.model.release("answer");
  await watcher.next("thread/status/changed", ({ status }) => status.type === "idle");
  clock.advance(IDLE_UNLOAD_MS - 1);
  assert.deepEqual(await loaded(), [threadId]);
  clock.advance(1);
  assert.deepEqual(await loaded(), []);
});

Deno.test("archiving a thread in the middle of a turn ends the turn first", async () => {
  await using server = await startServer({ responses: [[say("Part"), gate("never")]] });
  const peer = await RawPeer.initialized(server.server);
  const { thread } = (await peer.call("thread/start", {})).result;
  const threadId = thread.id;
  await peer.call("turn/start", { threadId, input: text("work") });
  await server.model.reached("never");
  const from = peer.frames.length;
  assert.deepEqual((await peer.call("thread/archive", { threadId })).result, {});
  await peer.untilMethod("thread/archived");
  const told = peer.frames.slice(from).flatMap(({ method, params }) =>
    method ? [[method, params.status?.type ?? params.turn?.status]] : []
  );
  assert.deepEqual(told, [
    ["thread/status/changed", "idle"],
    ["turn/completed", "interrupted"],
    ["thread/status/changed", "notLoaded"],
    ["thread/closed", undefined],
    ["thread/archived", undefined],
  ]);
  const archived = (await peer.call("thread/read", { threadId })).result.thread.path;
  const types = (await rolloutRecords(archived)).map(({ payload }) => payload.type);
  assert.equal(types.at(-1), "turn_aborted");
});

Deno.test("a fork of a running turn has it as interrupted, and goes on without it", async () => {
  await using server = await startServer({
    responses: [call("exec_command", { cmd: "touch x" }, "c1"), say("fork answer")],
  });
  const peer = await RawPeer.initialized(server.server);
  const threadId = (await peer.call("thread/start", {})).result.thread.id;
  await peer.call("turn/start", { threadId, input: text("work") });
  const question = await peer.untilMethod("item/commandExecution/requestApproval");
  const { result: { thread: fork } } = await peer.call("thread/fork", { threadId });
  assert.deepEqual(fork.turns.map((turn: { status: string }) => turn.status), ["interrupted"]);
  assert.deepEqual(fork.status, { type: "idle" });
  await peer.call("turn/start", { threadId: fork.id, input: text("go on") });
  await peer.until((frame) =>
    frame.method === "turn/completed" && frame.params.threadId === fork.id
  );
  const { input } = await server.model.request(1);
  const outputs = input.filter((entry) => entry.type === "function_call_output");
  assert.equal(outputs.length, 1);
  peer.answer(question.id, { decision: "cancel" });
  await peer.until((frame) =>
    frame.method === "turn/completed" && frame.params.threadId === threadId
  );
});

/** A message whose words come one by one, each after its gate. */
function slowMessage(words: readonly string[]) {
  return [
    event({
      type: "response.output_item.added",
      output_index: 0,
      item: { ...MESSAGE, content: [] },
    }),
    ...words.flatMap((delta, index) => [
      gate(`w${index}`),
      event({
        type: "response.output_text.delta",
        item_id: "msg_1",
        output_index: 0,
        content_index: 0,
        delta,
      }),
    ]),
    event({
      type: "response.output_item.done",
      output_index: 0,
      item: { ...MESSAGE, content: [{ type: "output_text", text: words.join("") }] },
    }),
  ];
}

function item(round: number, words: string): Record<string, unknown> {
  return { ...MESSAGE, id: `msg_${round}`, content: [{ type: "output_text", text: words }] };
}

/** The text of the message in the running turn, as resume showed it. */
function agentText(resumed: Frame): string {
  const items: readonly { readonly type: string; readonly text?: string }[] =
    resumed.result.thread.turns.at(-1).items;
  return items.find(({ type }) => type === "agentMessage")?.text ?? "";
}

/** All message deltas that a peer got. */
function deltas(peer: RawPeer): string {
  return peer.frames.flatMap(({ method, params }) =>
    method === "item/agentMessage/delta" ? [params.delta] : []
  ).join("");
}

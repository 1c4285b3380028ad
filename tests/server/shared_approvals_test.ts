/** Approvals when several clients see a thread, come late, leave, answer nonsense or answer too late. */
import assert from "node:assert/strict";
import { call, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { Questions } from "./questions.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";
import { exists } from "./turn_steps.ts";

const REQUEST = "item/commandExecution/requestApproval";
const TOUCH = call("exec_command", { cmd: "touch made.txt" });

Deno.test("two clients get the same question with the same id, and the first answer wins", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const { first, second, threadId } = await pendingWithTwo(server);
  const [asked, same] = [await first.untilMethod(REQUEST), await second.untilMethod(REQUEST)];
  assert.deepEqual(asked, same);
  first.answer(asked.id, { decision: "decline" });
  second.answer(asked.id, { decision: "accept" });
  for (const peer of [first, second]) {
    await peer.untilMethod("turn/completed");
    assert.deepEqual(peer.frames.filter(({ method }) => method === "serverRequest/resolved"), [
      { method: "serverRequest/resolved", params: { threadId, requestId: asked.id } },
    ]);
  }
  assert.equal(await exists(`${server.project}/made.txt`), false);
  const seen = (peer: RawPeer) => {
    const from = peer.frames.findIndex(({ method }) => method === "turn/started");
    return peer.frames.slice(from).filter((frame) => frame.method !== undefined);
  };
  assert.deepEqual(seen(first), seen(second));
});

for (const isInterruptedFirst of [true, false]) {
  const order = isInterruptedFirst ? "interrupts just before" : "interrupts just after";
  Deno.test(`one client ${order} another accepts: the turn is interrupted and told once`, async () => {
    await using server = await startServer({ responses: [TOUCH, say("Not said")] });
    const { first, second, threadId } = await pendingWithTwo(server);
    const { id } = await first.untilMethod(REQUEST);
    const { turnId } = (await second.untilMethod(REQUEST)).params;
    // Both are on their way in one step of the event loop.
    const interrupt = () => first.call("turn/interrupt", { threadId, turnId });
    let interrupted: Promise<Frame>;
    if (isInterruptedFirst) {
      interrupted = interrupt();
      second.answer(id, { decision: "accept" });
    } else {
      second.answer(id, { decision: "accept" });
      interrupted = interrupt();
    }
    assert.equal((await interrupted).error, undefined);
    for (const peer of [first, second]) {
      const { turn } = (await peer.untilMethod("turn/completed")).params;
      assert.equal(turn.status, "interrupted");
      const resolved = peer.frames.filter(({ method }) => method === "serverRequest/resolved");
      assert.deepEqual(resolved.map(({ params }) => params.requestId), [id]);
    }
    if (isInterruptedFirst) assert.equal(await exists(`${server.project}/made.txt`), false);
    // The thread goes on, and asks the model again only then.
    assert.equal(server.model.requests.length, 1);
    await first.call("turn/start", { threadId, input: text("again") });
    const completed = ({ method, params }: Frame) =>
      method === "turn/completed" && params.turn.id !== turnId;
    assert.equal((await first.until(completed)).params.turn.status, "completed");
  });
}

Deno.test("an answer that is no decision does not count, and another client's does", async () => {
  const nonsense = [
    { decision: "maybe" },
    { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: "touch" } } },
    {},
    "accept",
    null,
  ];
  for (const answer of nonsense) {
    await using server = await startServer({ responses: [TOUCH, say("Done")] });
    const { first, second } = await pendingWithTwo(server);
    const { id } = await first.untilMethod(REQUEST);
    first.answer(id, answer);
    assert.deepEqual((await first.call("thread/loaded/list", {})).error, undefined);
    assert.equal(await exists(`${server.project}/made.txt`), false);
    second.answer(id, { decision: "accept" });
    assert.equal((await second.untilMethod("turn/completed")).params.turn.status, "completed");
    assert.equal(await exists(`${server.project}/made.txt`), true);
  }
});

Deno.test("clients that all cannot answer decline, so that the turn goes on", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const { first, second } = await pendingWithTwo(server);
  const { id } = await first.untilMethod(REQUEST);
  const error = { code: -32601, message: "unsupported" };
  first.send(JSON.stringify({ id, error }));
  await first.call("thread/loaded/list", {});
  second.answer(id, { decision: "perhaps" });
  assert.equal((await second.untilMethod("turn/completed")).params.turn.status, "completed");
  const completed = await second.until((frame) =>
    frame.method === "item/completed" && frame.params.item.type === "commandExecution"
  );
  assert.equal(completed.params.item.status, "declined");
});

Deno.test("a question outlives its client and is put to the next one under its old id", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const first = await RawPeer.initialized(server.server);
  const threadId = (await first.call("thread/start", {})).result.thread.id;
  await first.call("turn/start", { threadId, input: text("make a file") });
  const asked = await first.untilMethod(REQUEST);
  first.close();

  const second = await RawPeer.initialized(server.server);
  const from = second.frames.length;
  const resumed = await second.call("thread/resume", { threadId });
  const status = { type: "active", activeFlags: ["waitingOnApproval"] };
  assert.deepEqual(resumed.result.thread.status, status);
  const again = await second.untilMethod(REQUEST);
  assert.deepEqual(again, asked);
  const told = second.frames.slice(from);
  assert.deepEqual(told.filter(({ method }) => method !== "thread/tokenUsage/updated"), [
    resumed,
    again,
  ]);
  second.answer(again.id, { decision: "accept" });
  assert.equal((await second.untilMethod("turn/completed")).params.turn.status, "completed");
  assert.equal(await exists(`${server.project}/made.txt`), true);
});

Deno.test("resuming again does not ask the same client twice", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const { first, second, threadId } = await pendingWithTwo(server);
  const { id } = await first.untilMethod(REQUEST);
  await first.call("thread/resume", { threadId });
  first.answer(id, { decision: "accept" });
  await second.untilMethod("turn/completed");
  await first.untilMethod("turn/completed");
  const count = (peer: RawPeer) => peer.frames.filter(({ method }) => method === REQUEST).length;
  assert.deepEqual([count(first), count(second)], [1, 1]);
});

Deno.test("an answer to a question of an earlier server does nothing", async () => {
  await using server = await startServer({ responses: [TOUCH] });
  const client = await server.connect();
  const questions = Questions.commands(client);
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await client.request("turn/start", { threadId, input: text("make a file") });
  const { id: oldId } = await questions.next();
  await server.stop();

  await using later = await startServer({ home: server.home, responses: [TOUCH, say("Done")] });
  const peer = await RawPeer.initialized(later.server);
  const { result } = await peer.call("thread/resume", { threadId });
  assert.deepEqual(result.thread.turns.map((turn: { status: string }) => turn.status), [
    "interrupted",
  ]);
  await peer.call("turn/start", { threadId, input: text("make it now") });
  const asked = await peer.untilMethod(REQUEST);
  assert.notEqual(asked.id, oldId);
  peer.answer(String(oldId), { decision: "accept" });
  const { result: read } = await peer.call("thread/read", { threadId });
  assert.deepEqual(read.thread.status.activeFlags, ["waitingOnApproval"]);
  assert.equal(await exists(`${later.project}/made.txt`), false);
  peer.answer(asked.id, { decision: "decline" });
  await peer.untilMethod("turn/completed");
});

Deno.test("a client that unsubscribed is not asked any more", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const first = await RawPeer.initialized(server.server);
  const second = await RawPeer.initialized(server.server);
  const threadId = (await first.call("thread/start", {})).result.thread.id;
  await second.call("thread/resume", { threadId });
  await first.call("thread/unsubscribe", { threadId });
  await second.call("turn/start", { threadId, input: text("make a file") });
  const { id } = await second.untilMethod(REQUEST);
  second.answer(id, { decision: "accept" });
  await second.untilMethod("turn/completed");
  await first.call("thread/loaded/list", {});
  const isOfThread = ({ method }: Frame) =>
    method?.startsWith("item/") || method === "turn/started";
  assert.deepEqual(first.frames.filter(isOfThread), []);
});

/** A turn whose command waits for an answer of one of two subscribers. */
async function pendingWithTwo(
  server: TestServer,
): Promise<{ first: RawPeer; second: RawPeer; threadId: string }> {
  const first = await RawPeer.initialized(server.server);
  const second = await RawPeer.initialized(server.server);
  const threadId = (await first.call("thread/start", {})).result.thread.id;
  await second.call("thread/resume", { threadId });
  await first.call("turn/start", { threadId, input: text("make a file") });
  await Promise.all([first.untilMethod(REQUEST), second.untilMethod(REQUEST)]);
  return { first, second, threadId };
}

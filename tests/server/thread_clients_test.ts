/** Several clients of one thread: who they are, who answered, what is live, and whose answer counts. */
import assert from "node:assert/strict";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";
import { exists } from "./turn_steps.ts";

const KNOWING = { experimentalApi: true, sessionExtensions: ["clients"] };
const UPDATED = "thread/clients/updated";
const RESOLVED = "serverRequest/resolved";
const REQUEST = "item/commandExecution/requestApproval";
const TOUCH = call("exec_command", { cmd: "touch made.txt" });

Deno.test("the typed client hears of the clients of its thread", async () => {
  await using server = await startServer();
  const client = await server.connect({ name: "alice", sessionExtensions: ["clients"] });
  const { thread } = await client.request("thread/start", {});
  const { threadId, clients } = await client.next(UPDATED);
  assert.equal(threadId, thread.id);
  assert.deepEqual(clients.map(({ name }) => name), ["alice"]);
});

Deno.test("clients of a thread learn of each other as they come and go", async () => {
  await using server = await startServer();
  const [alice, aliceId] = await named(server, "alice");
  const threadId = (await alice.call("thread/start", {})).result.thread.id;
  const a = { clientId: aliceId, name: "alice", version: "7" };
  assert.deepEqual((await alice.untilMethod(UPDATED)).params, { threadId, clients: [a] });

  const plain = await RawPeer.initialized(server.server);
  await plain.call("thread/resume", { threadId });
  const [bob, bobId] = await named(server, "bob");
  assert.notEqual(aliceId, bobId);
  const b = { clientId: bobId, name: "bob", version: "7" };
  const from = bob.frames.length;
  await bob.call("thread/resume", { threadId });
  const joined = await bob.untilMethod(UPDATED);
  assert.equal(joined.params.clients.length, 3);
  assert.deepEqual([joined.params.clients[0], joined.params.clients[2]], [a, b]);
  assert.equal(bob.frames.slice(from).findIndex(({ method }) => method === UPDATED), 1);

  const before = alice.frames.length;
  await bob.call("thread/unsubscribe", { threadId });
  const left = await alice.untilMethod(UPDATED, before);
  assert.deepEqual(left.params.clients.map(({ name }: { name: string }) => name), ["alice", "raw"]);
  const gone = alice.frames.length;
  plain.close();
  assert.deepEqual((await alice.untilMethod(UPDATED, gone)).params, { threadId, clients: [a] });
  await alice.call("thread/loaded/list", {});
  assert.deepEqual(plain.frames.filter(({ method }) => method === UPDATED), []);
  assert.deepEqual(bob.frames.slice(from).filter(({ method }) => method === UPDATED).length, 1);
});

Deno.test("everyone who asked is told whose answer counted", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const { alice, bob, plain, ids } = await pendingWithThree(server);
  const { id } = await alice.untilMethod(REQUEST);
  plain.answer(id, { decision: "maybe" });
  bob.answer(id, { decision: "decline" });
  alice.answer(id, { decision: "accept" });
  const answeredBy = { clientId: ids.bob, name: "bob" };
  for (const peer of [alice, bob]) {
    assert.deepEqual((await peer.untilMethod(RESOLVED)).params.answeredBy, answeredBy);
  }
  assert.equal("answeredBy" in (await plain.untilMethod(RESOLVED)).params, false);
  await alice.untilMethod("turn/completed");
  assert.equal(await exists(`${server.project}/made.txt`), false);
});

Deno.test("a question that an interruption ends was answered by nobody", async () => {
  await using server = await startServer({ responses: [TOUCH] });
  const { alice, threadId, turnId } = await pendingWithThree(server);
  await alice.untilMethod(REQUEST);
  await alice.call("turn/interrupt", { threadId, turnId });
  assert.equal((await alice.untilMethod(RESOLVED)).params.answeredBy, null);
});

Deno.test("who answered is part of what a client has missed", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const extensions = ["clients", "numberedEvents"];
  const both = await RawPeer.initialized(server.server, { sessionExtensions: extensions });
  const { result } = await both.call("thread/start", {});
  const { thread: { id: threadId }, logId } = result;
  await both.call("turn/start", { threadId, input: text("make a file") });
  both.answer((await both.untilMethod(REQUEST)).id, { decision: "decline" });
  await both.untilMethod("turn/completed");
  const resolvedIn = async (asked: readonly string[]) => {
    const peer = await RawPeer.initialized(server.server, { sessionExtensions: asked });
    const wish = { threadId, logId, afterSeq: 0 };
    const { replay } = (await peer.call("thread/resume", wish)).result;
    return replay.events.find(({ method }: Frame) => method === RESOLVED).params;
  };
  assert.deepEqual((await resolvedIn(extensions)).answeredBy.name, "raw");
  assert.equal("answeredBy" in await resolvedIn(["numberedEvents"]), false);
});

Deno.test("an answer counts only from a connection that was asked", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const asked = await RawPeer.initialized(server.server);
  const stranger = await RawPeer.initialized(server.server);
  const left = await RawPeer.initialized(server.server);
  const threadId = (await asked.call("thread/start", {})).result.thread.id;
  await left.call("thread/resume", { threadId });
  await left.call("thread/unsubscribe", { threadId });
  await asked.call("turn/start", { threadId, input: text("make a file") });
  const { id } = await asked.untilMethod(REQUEST);
  for (const peer of [stranger, left]) {
    peer.answer(id, { decision: "accept" });
    await peer.call("thread/loaded/list", {});
  }
  const uninitialized = new RawPeer(server.server);
  uninitialized.answer(id, { decision: "accept" });
  await uninitialized.call("initialize", { clientInfo: { name: "late", version: "1" } });
  const { result } = await stranger.call("thread/read", { threadId });
  assert.deepEqual(result.thread.status.activeFlags, ["waitingOnApproval"]);
  asked.answer(id, { decision: "decline" });
  asked.answer(id, { decision: "accept" });
  await asked.untilMethod("turn/completed");
  assert.equal(await exists(`${server.project}/made.txt`), false);
});

Deno.test("lists show to everybody what is live", async () => {
  await using server = await startServer({ responses: [[gate("wait"), say("Done")]] });
  const worker = await RawPeer.initialized(server.server);
  const observer = await RawPeer.initialized(server.server);
  const threadId = (await worker.call("thread/start", {})).result.thread.id;
  await worker.call("turn/start", { threadId, input: text("go") });
  await server.model.reached("wait");
  const statusOf = async () => {
    const { data } = (await observer.call("thread/list", {})).result;
    return data.map(({ id, status }: { id: string; status: unknown }) => [id, status]);
  };
  const active = { type: "active", activeFlags: [] };
  assert.deepEqual(await statusOf(), [[threadId, active]]);
  assert.deepEqual((await observer.call("thread/loaded/list", {})).result.data, [threadId]);
  // A turn needs no client.
  worker.close();
  server.model.release("wait");
  const idle = { type: "idle" };
  await observer.until(({ method, params }) =>
    method === "thread/status/changed" && params.status.type === "idle"
  );
  assert.deepEqual(await statusOf(), [[threadId, idle]]);
  await observer.call("thread/archive", { threadId });
  assert.deepEqual((await observer.call("thread/loaded/list", {})).result.data, []);
});

/** A client that wants to know of others, with the name that the server has for it. */
async function named(server: TestServer, name: string): Promise<[RawPeer, string]> {
  const peer = new RawPeer(server.server);
  const clientInfo = { name, version: "7" };
  const { result } = await peer.call("initialize", { clientInfo, capabilities: KNOWING });
  return [peer, result.clientId];
}

/** A turn whose command waits for an answer of one of three clients. */
async function pendingWithThree(server: TestServer) {
  const [alice, aliceId] = await named(server, "alice");
  const [bob, bobId] = await named(server, "bob");
  const plain = await RawPeer.initialized(server.server);
  const threadId = (await alice.call("thread/start", {})).result.thread.id;
  for (const peer of [bob, plain]) await peer.call("thread/resume", { threadId });
  const { result } = await alice.call("turn/start", { threadId, input: text("make a file") });
  for (const peer of [alice, bob, plain]) await peer.untilMethod(REQUEST);
  const ids = { alice: aliceId, bob: bobId };
  return { alice, bob, plain, threadId, turnId: result.turn.id, ids };
}

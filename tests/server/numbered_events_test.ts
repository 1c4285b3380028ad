/** Numbered events of a thread, and what a client gets that comes back. */
import assert from "node:assert/strict";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";

const NUMBERED = { experimentalApi: true, sessionExtensions: ["numberedEvents"] };
const APPROVAL = "item/commandExecution/requestApproval";

Deno.test("initialize grants what is asked for and known, and says nothing to others", async () => {
  await using server = await startServer();
  const answer = async (capabilities: Record<string, unknown>) => {
    const peer = new RawPeer(server.server);
    const clientInfo = { name: "raw", version: "1" };
    return (await peer.call("initialize", { clientInfo, capabilities })).result;
  };
  const asked = await answer({ sessionExtensions: ["clients", "timeTravel", "numberedEvents"] });
  assert.deepEqual(asked.sessionExtensions, ["numberedEvents", "clients"]);
  assert.equal(typeof asked.clientId, "string");
  assert.deepEqual((await answer({ sessionExtensions: [] })).sessionExtensions, []);
  const { sessionExtensions: extensions, clientId } = await answer({});
  assert.deepEqual([extensions, clientId], [undefined, undefined]);
});

Deno.test("every notification of a thread has the next number, for those who asked", async () => {
  const response = say("Hello there", { chunks: 11 });
  await using server = await startServer({ responses: [response] });
  const follower = await RawPeer.initialized(server.server, NUMBERED);
  const plain = await RawPeer.initialized(server.server);
  const { result } = await follower.call("thread/start", {});
  const threadId = result.thread.id;
  assert.deepEqual([typeof result.logId, result.seq, result.replay], ["string", 0, undefined]);
  await plain.call("thread/resume", { threadId });
  await follower.call("turn/start", { threadId, input: text("hi") });
  await follower.untilMethod("turn/completed");
  await plain.untilMethod("turn/completed");

  const events = notifications(follower);
  assert.ok(events.length > 15);
  assert.deepEqual(events.map(({ params }) => params.seq), events.map((_, index) => index + 1));
  assert.deepEqual(new Set(events.map(({ params }) => params.logId)), new Set([result.logId]));
  const without = ({ method, params: { seq: _seq, logId: _log, ...params } }: Frame) => ({
    method,
    params,
  });
  const started = events.findIndex(({ method }) => method === "turn/started");
  const plainFrom = plain.frames.findIndex(({ method }) => method === "turn/started");
  assert.deepEqual(
    events.slice(started).map(without),
    notifications(plain, plainFrom).map(({ method, params }) => ({ method, params })),
  );
});

Deno.test("a thread that somebody else follows by number has none for a client that is not subscribed", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const follower = await RawPeer.initialized(server.server, NUMBERED);
  const bystander = await RawPeer.initialized(server.server, NUMBERED);
  const { result } = await follower.call("thread/start", {});
  await follower.call("turn/start", { threadId: result.thread.id, input: text("hi") });
  await follower.untilMethod("turn/completed");
  await bystander.call("thread/loaded/list", {});
  const heard = notifications(bystander);
  assert.ok(heard.some(({ method }) => method === "thread/status/changed"));
  assert.deepEqual(heard.filter(({ params }) => "seq" in params || "logId" in params), []);
});

Deno.test("a client that comes back gets exactly what it missed, and goes on from there", async () => {
  const response = [say("One two", { chunks: 7 }), gate("middle"), say("Three")];
  await using server = await startServer({ responses: [response] });
  const witness = await RawPeer.initialized(server.server, NUMBERED);
  const roamer = await RawPeer.initialized(server.server, NUMBERED);
  const started = (await roamer.call("thread/start", {})).result;
  const threadId = started.thread.id;
  await witness.call("thread/resume", { threadId });
  const from = witness.frames.length;
  await roamer.call("turn/start", { threadId, input: text("count") });
  await roamer.until((frame) => frame.method === "item/agentMessage/delta");
  const seen = notifications(roamer).filter(({ params }) => "seq" in params);
  roamer.close();
  const afterSeq = seen.at(-1)?.params.seq;
  await server.model.reached("middle");
  await witness.call("thread/loaded/list", {});

  const back = await RawPeer.initialized(server.server, NUMBERED);
  const { logId } = started;
  const { result } = await back.call("thread/resume", { threadId, logId, afterSeq });
  assert.equal(result.replay.type, "events");
  assert.deepEqual(result.thread.turns, []);
  assert.equal(result.logId, logId);
  server.model.release("middle");
  await back.untilMethod("turn/completed");
  await witness.untilMethod("turn/completed");
  const whole = [...seen, ...result.replay.events, ...notifications(back)];
  const before = whole.findIndex(({ method }) => method === "turn/started");
  const watched = notifications(witness, from);
  const there = watched.findIndex(({ method }) => method === "turn/started");
  assert.deepEqual(whole.slice(before).map(event), watched.slice(there).map(event));
  assert.deepEqual(whole.map(({ params }) => params.seq), whole.map((_, index) => index + 1));
  assert.equal(result.seq, whole.length - notifications(back).length);
});

Deno.test("who has it all already is sent nothing again", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const peer = await RawPeer.initialized(server.server, NUMBERED);
  const started = (await peer.call("thread/start", {})).result;
  const threadId = started.thread.id;
  await peer.call("turn/start", { threadId, input: text("hi") });
  const { params } = await peer.untilMethod("turn/completed");
  const { logId, seq: afterSeq } = params;
  const { result } = await peer.call("thread/resume", { threadId, logId, afterSeq });
  assert.deepEqual(result.replay, { type: "events", events: [] });
  assert.equal(result.seq, afterSeq);
});

Deno.test("a number from another log, from the future or of nothing is a gap with the whole thread", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const peer = await RawPeer.initialized(server.server, NUMBERED);
  const { result: { thread, logId } } = await peer.call("thread/start", {});
  const threadId = thread.id;
  await peer.call("turn/start", { threadId, input: text("hi") });
  await peer.untilMethod("turn/completed");
  const wishes = [{ logId: "another", afterSeq: 1 }, { logId, afterSeq: 1_000 }, {
    logId,
    afterSeq: -1,
  }];
  for (const wish of wishes) {
    const { result } = await peer.call("thread/resume", { threadId, ...wish });
    assert.deepEqual(result.replay, { type: "gap" });
    assert.deepEqual(result.thread.turns.length, 1);
    assert.equal(result.logId, logId);
  }
  const { result } = await peer.call("thread/resume", { threadId, logId });
  assert.equal(result.replay, undefined);
  assert.equal(result.thread.turns.length, 1);
});

Deno.test("each load of a thread has a log of its own", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const first = await RawPeer.initialized(server.server, NUMBERED);
  const started = (await first.call("thread/start", {})).result;
  const threadId = started.thread.id;
  await first.call("turn/start", { threadId, input: text("hi") });
  await first.untilMethod("turn/completed");
  await first.call("thread/archive", { threadId });
  const closed = await first.untilMethod("thread/closed");
  assert.equal(closed.params.logId, started.logId);
  await first.call("thread/unarchive", { threadId });
  const again = (await first.call("thread/resume", {
    threadId,
    logId: started.logId,
    afterSeq: closed.params.seq,
  })).result;
  assert.notEqual(again.logId, started.logId);
  assert.deepEqual(again.replay, { type: "gap" });
  assert.equal(again.thread.turns.length, 1);
  await server.stop();

  await using later = await startServer({ home: server.home });
  const back = await RawPeer.initialized(later.server, NUMBERED);
  const { logId } = again;
  const { result } = await back.call("thread/resume", { threadId, logId, afterSeq: again.seq });
  assert.deepEqual(result.replay, { type: "gap" });
  assert.notEqual(result.logId, logId);
  assert.equal(result.thread.turns.length, 1);
});

Deno.test("what a client does not want takes a number, live and in the replay", async () => {
  await using server = await startServer({ responses: [say("abc", { chunks: 3 })] });
  const optOutNotificationMethods = ["item/agentMessage/delta"];
  const capabilities = { ...NUMBERED, optOutNotificationMethods };
  const peer = await RawPeer.initialized(server.server, capabilities);
  const { result: { thread, logId } } = await peer.call("thread/start", {});
  const threadId = thread.id;
  await peer.call("turn/start", { threadId, input: text("hi") });
  const { params } = await peer.untilMethod("turn/completed");
  const live = notifications(peer).filter((frame) => "seq" in frame.params);
  assert.ok(params.seq > live.length);
  const wish = { threadId, logId, afterSeq: 0 };
  const { replay, seq } = (await peer.call("thread/resume", wish)).result;
  assert.equal(seq, params.seq);
  assert.deepEqual(replay.events.map(event), live.map(event));
});

Deno.test("a client that did not ask for numbers has no use for them in a wish", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const follower = await RawPeer.initialized(server.server, NUMBERED);
  const plain = await RawPeer.initialized(server.server);
  const { result: { thread, logId } } = await follower.call("thread/start", {});
  const { result } = await plain.call("thread/resume", { threadId: thread.id, logId, afterSeq: 0 });
  assert.deepEqual([result.replay, result.logId, result.seq], [undefined, undefined, undefined]);
});

Deno.test("rate limits say whose they are where they have a number", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const follower = await RawPeer.initialized(server.server, NUMBERED);
  const { result: { thread } } = await follower.call("thread/start", {});
  const rateLimits = { limitId: "codex", limitName: null };
  server.server.fanout.publish(thread.id, {
    type: "rateLimitsUpdated",
    rateLimits: { ...rateLimits, primary: null, secondary: null, credits: null, planType: null },
  });
  const { params } = await follower.untilMethod("account/rateLimits/updated");
  assert.equal(params.threadId, thread.id);
  assert.equal(typeof params.seq, "number");
});

Deno.test("a question that was open when the server was killed is told as cancelled", async () => {
  await using server = await startServer({ responses: [call("exec_command", { cmd: "touch x" })] });
  const peer = await RawPeer.initialized(server.server, NUMBERED);
  const started = (await peer.call("thread/start", {})).result;
  const threadId = started.thread.id;
  await peer.call("turn/start", { threadId, input: text("do it") });
  const asked = await peer.untilMethod(APPROVAL);
  // A copy of the home is what a killed server would have left, and its lock is not on it.
  const root = await copyOf(server.home);
  try {
    await using later = await startServer({ home: root });
    const back = await RawPeer.initialized(later.server, NUMBERED);
    const told = await RawPeer.initialized(later.server, { sessionExtensions: ["clients"] });
    const plain = await RawPeer.initialized(later.server);
    const wish = { threadId, logId: started.logId, afterSeq: 3 };
    const { result } = await back.call("thread/resume", wish);
    assert.deepEqual(result.replay, { type: "gap" });
    assert.deepEqual(result.thread.turns.map(({ status }: { status: string }) => status), [
      "interrupted",
    ]);
    const resolved = "serverRequest/resolved";
    const cancelled = { threadId, requestId: asked.id, cancelledBy: "serverRestart" };
    assert.deepEqual((await back.untilMethod(resolved)).params, cancelled);
    await told.call("thread/resume", { threadId });
    assert.deepEqual((await told.untilMethod(resolved)).params, { ...cancelled, answeredBy: null });
    await plain.call("thread/resume", { threadId });
    await plain.call("thread/loaded/list", {});
    assert.deepEqual(plain.frames.filter(({ method }) => method === resolved), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a question that was answered is not told as cancelled later", async () => {
  const responses = [call("exec_command", { cmd: "touch x" }), say("Done")];
  await using server = await startServer({ responses });
  const peer = await RawPeer.initialized(server.server, NUMBERED);
  const threadId = (await peer.call("thread/start", {})).result.thread.id;
  await peer.call("turn/start", { threadId, input: text("do it") });
  const { id } = await peer.untilMethod(APPROVAL);
  peer.answer(id, { decision: "decline" });
  await peer.untilMethod("turn/completed");
  await server.stop();
  await using later = await startServer({ home: server.home });
  const back = await RawPeer.initialized(later.server, NUMBERED);
  await back.call("thread/resume", { threadId });
  await back.call("thread/loaded/list", {});
  const resolved = ({ method }: Frame) => method === "serverRequest/resolved";
  assert.deepEqual(back.frames.filter(resolved), []);
});

/** The notifications that came, from one frame on. */
function notifications(peer: RawPeer, from = 0): Frame[] {
  return peer.frames.slice(from).filter(({ id, method }) =>
    id === undefined && method !== undefined
  );
}

/** What of a notification counts. */
function event({ method, params }: Frame): Frame {
  return { ...method === undefined ? {} : { method }, params };
}

/** The folders of a server as they are now. */
async function copyOf(root: string): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "codex-test-" });
  const script = 'cp -a "$1/." "$2" && rm "$2"/home/thread_index*';
  // The index holds whole paths, and is made anew.
  const { success } = await new Deno.Command("sh", { args: ["-c", script, "sh", root, copy] })
    .output();
  assert.ok(success);
  return copy;
}

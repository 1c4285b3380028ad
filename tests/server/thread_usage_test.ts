import assert from "node:assert/strict";
import { say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";
import { runTurn } from "./turn_steps.ts";

const USAGE = "thread/tokenUsage/updated";
const NUMBERED = { experimentalApi: true, sessionExtensions: ["numberedEvents"] };

function usageIn(frames: readonly Frame[]): readonly Frame[] {
  return frames.filter(({ method }) => method === USAGE);
}

Deno.test("who resumes or forks a thread is told what it has used, after the answer", async () => {
  await using server = await startServer({ responses: [say("one")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const turn = await runTurn(client, thread.id, "q1");
  for (const method of ["thread/resume", "thread/fork"]) {
    const peer = await RawPeer.initialized(server.server);
    const { result } = await peer.call(method, { threadId: thread.id });
    const told = await peer.untilMethod(USAGE);
    const { params } = told;
    const answer = peer.frames.findIndex((frame) => frame.result === result);
    assert.ok(answer >= 0 && answer < peer.frames.indexOf(told), `${answer}`);
    assert.equal(params.threadId, result.thread.id);
    assert.equal(params.turnId, result.thread.turns[0].id);
    assert.equal(params.tokenUsage.total.totalTokens, 150);
    assert.equal(turn.status, "completed");
  }
});

Deno.test("a thread without a turn, and a client that comes back to its place, have nothing to be told", async () => {
  await using server = await startServer({ responses: [say("one")] });
  const peer = await RawPeer.initialized(server.server, NUMBERED);
  const { result: { thread, logId, seq } } = await peer.call("thread/start", {});
  const threadId = thread.id;
  await peer.call("thread/resume", { threadId });
  await peer.call("thread/resume", { threadId, logId, afterSeq: seq });
  assert.deepEqual(usageIn(peer.frames), []);
  await peer.call("turn/start", { threadId, input: text("q1") });
  const { params } = await peer.untilMethod("turn/completed");
  const before = usageIn(peer.frames).length;
  await peer.call("thread/resume", { threadId, logId, afterSeq: params.seq });
  await peer.call("thread/loaded/list", {});
  assert.equal(usageIn(peer.frames).length, before);
});

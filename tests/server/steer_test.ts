/** Input for a turn that runs already: where it goes, when it is on disk, and that it is never left unanswered. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { RawPeer } from "./raw_peer.ts";
import { inputText, rolloutRecords } from "./turn_steps.ts";

Deno.test("turn/steer joins the running turn, and the model reads it next", async () => {
  await using server = await startServer({ responses: [[gate("one"), say("A")], say("B")] });
  const { client, threadId, turnId } = await runningTurn(server, "first words");
  const steered = await client.request("turn/steer", {
    threadId,
    input: text("second words"),
    expectedTurnId: turnId,
  });
  assert.deepEqual(steered, { turnId });
  server.model.release("one");
  const { turn } = await client.next("turn/completed");
  assert.deepEqual([turn.id, turn.status], [turnId, "completed"]);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(thread.turns[0]?.items.map(({ type }) => type), [
    "userMessage",
    "agentMessage",
    "userMessage",
    "agentMessage",
  ]);
  assert.doesNotMatch(inputText(await server.model.request(0)), /second words/);
  assert.match(inputText(await server.model.request(1)), /first words.*"A".*second words/);
  assert.equal(server.model.requests.length, 2);
});

Deno.test("turn/steer is refused for another turn, without input, and when no turn runs", async () => {
  await using server = await startServer({ responses: [[gate("one"), say("A")]] });
  const { client, threadId, turnId } = await runningTurn(server, "go");
  const input = text("more");
  await assert.rejects(
    client.request("turn/steer", { threadId, input, expectedTurnId: "wrong" }),
    {
      code: -32600,
      message: `expected active turn id \`wrong\` but found \`${turnId}\``,
      data: { reason: "turnMismatch" },
    },
  );
  await assert.rejects(
    client.request("turn/steer", { threadId, input: [], expectedTurnId: turnId }),
    { code: -32600, message: "input must not be empty", data: { reason: "inputEmpty" } },
  );
  await assert.rejects(client.request("turn/interrupt", { threadId, turnId: "wrong" }), {
    message: `expected active turn id wrong but found ${turnId}`,
  });
  server.model.release("one");
  await client.next("turn/completed");
  await assert.rejects(client.request("turn/steer", { threadId, input, expectedTurnId: turnId }), {
    code: -32600,
    message: "no active turn to steer",
    data: { reason: "turnNotActive" },
  });
  assert.equal(server.model.requests.length, 1);
});

Deno.test("turn/start while a turn runs joins it and answers its id", async () => {
  await using server = await startServer({ responses: [[gate("one"), say("A")], say("B")] });
  const { client, threadId, turnId } = await runningTurn(server, "first words");
  const input = text("second words");
  const { turn } = await client.request("turn/start", { threadId, input });
  assert.deepEqual([turn.id, turn.status], [turnId, "inProgress"]);
  server.model.release("one");
  await client.next("turn/completed");
  assert.match(inputText(await server.model.request(1)), /second words/);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.equal(thread.turns.length, 1);
});

Deno.test("what was acknowledged is on disk before the answer", async () => {
  await using server = await startServer({ responses: [[gate("one"), say("A")], say("B")] });
  const peer = await RawPeer.initialized(server.server);
  const { id: threadId, path } = (await peer.call("thread/start", {})).result.thread;
  const onDisk: string[][] = [];
  // Read in the very step in which the answer arrives.
  const watch = peer.until((frame) => {
    const { turnId } = frame.result ?? {};
    if (turnId || frame.result?.turn) onDisk.push(userMessages(path));
    return turnId !== undefined;
  });
  const { result } = await peer.call("turn/start", { threadId, input: text("first") });
  await server.model.reached("one");
  const expectedTurnId = result.turn.id;
  await peer.call("turn/steer", { threadId, input: text("second"), expectedTurnId });
  await watch;
  assert.deepEqual(onDisk, [["first"], ["first", "second"]]);
  server.model.release("one");
  await peer.untilMethod("turn/completed");
  const records = await rolloutRecords(path);
  assert.deepEqual(userMessages(path), ["first", "second"]);
  assert.equal(records.filter(({ payload }) => payload.type === "task_started").length, 1);
});

Deno.test("steering that is acknowledged in the last moment of a turn is still answered", async () => {
  let accepted = 0;
  for (let round = 0; round < 40; round++) {
    await using server = await startServer({ responses: [say("A"), say("B")] });
    const client = await server.connect();
    const { thread } = await client.request("thread/start", { ephemeral: true });
    const threadId = thread.id;
    const steering = Promise.withResolvers<boolean>();
    // The last thing that a turn says before it ends.
    const stop = client.on("thread/tokenUsage/updated", async ({ turnId: expectedTurnId }) => {
      stop();
      for (let step = 0; step < round; step++) await Promise.resolve();
      client.request("turn/steer", { threadId, input: text("last words"), expectedTurnId })
        .then(() => steering.resolve(true), () => steering.resolve(false));
    });
    await client.request("turn/start", { threadId, input: text("go") });
    await client.next("turn/completed");
    const wasAccepted = await steering.promise;
    if (wasAccepted) accepted++;
    const asked = server.model.requests.map(inputText);
    assert.deepEqual(
      asked.map((input) => input.includes("last words")),
      wasAccepted ? [false, true] : [false],
      `round ${round}`,
    );
  }
  assert.ok(accepted > 0 && accepted < 40, `${accepted} were accepted, so the end was not met`);
});

Deno.test("turn/start right after an interruption starts a turn of its own", async () => {
  await using server = await startServer({
    responses: [call("exec_command", { cmd: "sleep 1000" }), say("Fresh")],
  });
  const peer = await RawPeer.initialized(server.server);
  const threadId = (await peer.call("thread/start", { approvalPolicy: "never" })).result.thread.id;
  const { result: first } = await peer.call("turn/start", { threadId, input: text("sleep") });
  await peer.until((frame) =>
    frame.method === "item/started" && frame.params.item.type === "commandExecution"
  );
  const interrupted = peer.call("turn/interrupt", { threadId, turnId: first.turn.id });
  const { result: second } = await peer.call("turn/start", { threadId, input: text("now this") });
  assert.deepEqual((await interrupted).result, {});
  assert.notEqual(second.turn.id, first.turn.id);
  const ends = [];
  for (const { turn } of [first, second]) {
    const frame = await peer.until(({ method, params }) =>
      method === "turn/completed" && params.turn.id === turn.id
    );
    ends.push([peer.frames.indexOf(frame), frame.params.turn.status]);
  }
  assert.deepEqual(ends.map(([, status]) => status), ["interrupted", "completed"]);
  assert.ok(Number(ends[0]?.[0]) < Number(ends[1]?.[0]));
  assert.match(inputText(await server.model.request(1)), /now this/);
});

interface RunningTurn {
  readonly client: Client;
  readonly threadId: string;
  readonly turnId: string;
}

/** A turn that waits in its first response, at the gate `one`. */
async function runningTurn(server: TestServer, words: string): Promise<RunningTurn> {
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const input = text(words);
  const { turn } = await client.request("turn/start", { threadId: thread.id, input });
  await server.model.reached("one");
  return { client, threadId: thread.id, turnId: turn.id };
}

/** The texts of the user messages that a rollout holds now. */
function userMessages(path: string): string[] {
  const lines = Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line).payload).flatMap((payload) =>
    payload.type === "user_message" ? [payload.message] : []
  );
}

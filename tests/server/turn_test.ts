/** Turns through the public client against the real server: order of events, steering, interruption. */
import assert from "node:assert/strict";
import { gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";

Deno.test("turn/start streams the turn in the order that clients rely on", async () => {
  await using server = await startServer({ responses: [say("Hello there")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const methods: string[] = [];
  const reading = (async () => {
    for await (const notification of client.notifications()) {
      methods.push(notification.method);
      if (notification.method === "turn/completed") return notification.params.turn;
    }
    return null;
  })();
  const { turn } = await client.request("turn/start", { threadId: thread.id, input: text("hi") });
  assert.equal(turn.status, "inProgress");
  assert.equal(turn.startedAt, null);
  const completed = await reading;
  assert.equal(completed?.id, turn.id);
  assert.equal(completed?.status, "completed");
  assert.deepEqual(methods.filter((method) => method !== "item/agentMessage/delta"), [
    "thread/started",
    "thread/status/changed",
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/completed",
    "thread/tokenUsage/updated",
    "thread/status/changed",
    "turn/completed",
  ]);
});

Deno.test("turn/interrupt completes the turn as interrupted", async () => {
  await using server = await startServer({ responses: [[gate("answer"), say("never")]] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const { turn } = await client.request("turn/start", { threadId, input: text("wait") });
  await server.model.reached("answer");
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  const completed = await client.next("turn/completed");
  assert.equal(completed.turn.status, "interrupted");
  await assert.rejects(
    client.request("turn/interrupt", { threadId, turnId: turn.id }),
    /no active turn to interrupt/,
  );
});

Deno.test("turn/start takes model, effort and instructions from a collaboration mode", async () => {
  await using server = await startServer({ responses: [say("planned"), say("built")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const planning = {
    mode: "plan",
    settings: {
      model: "planner",
      reasoning_effort: "high",
      developer_instructions: "Only plan.",
    },
  };
  const threadId = thread.id;
  await client.request("turn/start", {
    threadId,
    input: text("plan"),
    collaborationMode: planning,
  });
  await client.next("turn/completed");
  await client.request("turn/start", { threadId, input: text("go"), effort: "low" });
  await client.next("turn/completed");
  const [first, second] = server.model.requests;
  assert.equal(first?.model, "planner");
  assert.equal(first?.effort, "high");
  assert.equal(second?.effort, "low");
  const told = JSON.stringify(second?.input).split("Only plan.").length - 1;
  assert.equal(told, 1);
});

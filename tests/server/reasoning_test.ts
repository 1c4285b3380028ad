/** Reasoning and rate limits of a model, as clients see them. */
import assert from "node:assert/strict";
import { event, say, think, withHeaders } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";

Deno.test("a summary of reasoning streams before the answer, and is kept for the next request", async () => {
  await using server = await startServer({
    responses: [[think("Look at it first", { id: "rs_1" }), say("Done")], say("again")],
  });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  let summary = "";
  const order: string[] = [];
  client.on("item/reasoning/summaryPartAdded", () => order.push("part"));
  client.on("item/reasoning/summaryTextDelta", ({ itemId, delta, summaryIndex }) => {
    assert.deepEqual([itemId, summaryIndex], ["rs_1", 0]);
    summary += delta;
  });
  client.on("item/completed", ({ item }) => {
    if (item.type === "reasoning") assert.deepEqual(item.summary, ["Look at it first"]);
    order.push(item.type);
  });
  await client.request("turn/start", { threadId, input: text("go") });
  await client.next("turn/completed");
  assert.equal(summary, "Look at it first");
  assert.deepEqual(order, ["userMessage", "part", "reasoning", "agentMessage"]);
  await client.request("turn/start", { threadId, input: text("more") });
  await client.next("turn/completed");
  const kept = server.model.requests[1]?.input.find((item) => item.type === "reasoning");
  assert.equal(kept?.encrypted_content, "ENCRYPTED");
});

Deno.test("raw reasoning of an open model streams as text of its own", async () => {
  const delta = (words: string) =>
    event({
      type: "response.reasoning_text.delta",
      item_id: "rs_2",
      output_index: 0,
      content_index: 0,
      delta: words,
    });
  await using server = await startServer({ responses: [[delta("one "), delta("two"), say("x")]] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  let raw = "";
  client.on("item/reasoning/textDelta", ({ delta, contentIndex }) => {
    assert.equal(contentIndex, 0);
    raw += delta;
  });
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  await client.next("turn/completed");
  assert.equal(raw, "one two");
});

Deno.test("rate limits that the provider reports reach the subscribers", async () => {
  await using server = await startServer({
    responses: [[
      withHeaders({
        "x-codex-primary-used-percent": "42",
        "x-codex-primary-window-minutes": "300",
      }),
      say("x"),
    ]],
  });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  const { rateLimits } = await client.next("account/rateLimits/updated");
  assert.match(JSON.stringify(rateLimits.primary), /42/);
});

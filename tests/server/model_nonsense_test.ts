/** Models that talk nonsense: the turn ends, clients are told what there was, and the thread stays usable. */
import assert from "node:assert/strict";
import type { Notification } from "../../src/client/client.ts";
import { call, event, say, type ScriptedResponse } from "../support/scripted_model.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { ANSWERED, completedItems, OPENED, outline, paramsOf, Recorder } from "./recorder.ts";

/** Runs one turn against the scripted answers, then another that must work. */
async function turnWith(
  responses: readonly ScriptedResponse[],
): Promise<{ events: Notification[]; requests: TestServer["model"]["requests"] }> {
  await using server = await startServer({ responses: [...responses, say("Still here")] });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  await recorder.until("thread/started");
  const events = await recorder.turn(thread.id, "hi");
  const next = await recorder.turn(thread.id, "are you there");
  assert.deepEqual(outline(next), [...OPENED, ...ANSWERED]);
  const { requests } = server.model;
  for (const { input } of requests) assertPaired(input);
  return { events, requests };
}

type Input = TestServer["model"]["requests"][number]["input"];

/** Providers refuse a conversation in which a call has no output, or two. */
function assertPaired(input: Input): void {
  const ids = (pattern: RegExp) =>
    input.flatMap((item) => "call_id" in item && pattern.test(item.type) ? [item.call_id] : []);
  const calls = ids(/_call$/);
  const outputs = ids(/_output$/);
  assert.deepEqual(outputs.toSorted(), calls.toSorted());
  assert.equal(new Set(calls).size, calls.length);
}

function outputsOf(input: Input): unknown[] {
  return input.flatMap((item) => "output" in item ? [item.output] : []);
}

Deno.test("a call of an unknown tool is answered, and the turn goes on", async () => {
  const { events, requests } = await turnWith([call("teleport", {}), say("I cannot")]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
  assert.deepEqual(outputsOf(requests[1]?.input ?? []), ["unsupported call: teleport"]);
});

Deno.test("arguments that are not JSON are answered, and nothing runs", async () => {
  const { events, requests } = await turnWith([
    [call("exec_command", '{"cmd": "touch', "a"), call("update_plan", "[", "b")],
    say("Sorry"),
  ]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
  for (const output of outputsOf(requests[1]?.input ?? [])) {
    assert.match(String(output), /^failed to parse function arguments: /);
  }
});

Deno.test("a call id that comes twice leaves a conversation that providers accept", async () => {
  const { events, requests } = await turnWith([
    [
      call("update_plan", { plan: [{ step: "one", status: "pending" }] }, "same"),
      call("update_plan", { plan: [{ step: "two", status: "pending" }] }, "same"),
    ],
    [call("update_plan", { plan: [{ step: "three", status: "pending" }] }, "same")],
    say("Planned"),
  ]);
  assert.equal(outline(events).at(-1), "turn/completed completed");
  assert.equal(requests.length, 4);
});

Deno.test("an item without an id gets one of ours", async () => {
  const { events } = await turnWith([[
    event({
      type: "response.output_item.done",
      item: {
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Nameless" }],
      },
    }),
  ]]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
  const [message] = completedItems(events, "agentMessage");
  assert.equal(message?.text, "Nameless");
  assert.notEqual(message?.id, "");
});

Deno.test("an item that is added without an id is one item in the end", async () => {
  const item = { type: "message", role: "assistant" };
  const { events } = await turnWith([[
    event({ type: "response.output_item.added", item: { ...item, content: [] } }),
    event({
      type: "response.output_item.done",
      item: { ...item, content: [{ type: "output_text", text: "Nameless" }] },
    }),
  ]]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
});

Deno.test("deltas without an added item start it, once", async () => {
  const content = [{ type: "output_text", text: "Hello" }];
  const { events } = await turnWith([[
    event({ type: "response.output_text.delta", item_id: "msg_1", delta: "Hel" }),
    event({ type: "response.output_text.delta", item_id: "msg_1", delta: "lo" }),
    event({
      type: "response.output_item.done",
      item: { type: "message", id: "msg_1", role: "assistant", content },
    }),
  ]]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
  const deltas = paramsOf(events, "item/agentMessage/delta");
  assert.deepEqual(deltas.map(({ itemId }) => itemId), deltas.map(() => "msg_1"));
  assert.equal(deltas.map(({ delta }) => delta).join(""), "Hello");
});

Deno.test("deltas that no item follows stay shown, and the turn completes", async () => {
  const { events } = await turnWith([[
    event({ type: "response.output_text.delta", item_id: "msg_1", delta: "Half a word" }),
  ]]);
  assert.deepEqual(outline(events), [
    ...OPENED,
    "item/started agentMessage",
    "status idle",
    "turn/completed completed",
  ]);
});

Deno.test("an empty response completes the turn", async () => {
  const { events } = await turnWith([[]]);
  assert.deepEqual(outline(events), [...OPENED, "status idle", "turn/completed completed"]);
});

Deno.test("unknown events and broken items are ignored", async () => {
  const { events } = await turnWith([[
    event({ type: "response.mystery", secret: 1 }),
    event({ type: "response.output_item.done", item: null }),
    event({ type: "response.output_item.done", item: { type: "hologram", id: "x" } }),
    event({ type: "response.output_item.done", item: { type: "function_call" } }),
    event({ type: "response.output_text.delta", item_id: 5, delta: { a: 1 } }),
    say("Fine"),
  ]]);
  assert.deepEqual(outline(events), [...OPENED, ...ANSWERED]);
});

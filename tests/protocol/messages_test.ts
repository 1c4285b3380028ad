import assert from "node:assert/strict";
import {
  allRequestMethods,
  loadServerNotifications,
  loadServerRequests,
} from "../../src/protocol/mod.ts";
import answers from "./fixtures/results.json" with { type: "json" };
import clientMessages from "./fixtures/client_messages.json" with { type: "json" };
import serverMessages from "./fixtures/server_messages.json" with { type: "json" };
import { judgeAnswer, judgeClientMessage, judgeResult, judgeServerMessage } from "./wire.ts";

Deno.test("what the clients of 0.120 and 0.169 send is accepted", async () => {
  for (const message of clientMessages) {
    assert.deepEqual(await judgeClientMessage(message), [], message.method);
  }
});

Deno.test("what the server sends is accepted by its own schemas", async () => {
  for (const message of serverMessages) {
    assert.deepEqual(await judgeServerMessage(message), [], message.method);
  }
});

Deno.test("results and answers are accepted by their schemas", async () => {
  for (const { method, result } of answers) {
    const verdict = await judgeResult(method, result) ?? await judgeAnswer(method, result);
    assert.deepEqual(verdict, [], method);
  }
});

Deno.test("every message of the protocol has an example", async () => {
  const methods = await allRequestMethods();
  const serverRequests = Object.keys(await loadServerRequests());
  const notifications = Object.keys(await loadServerNotifications());
  assert.deepEqual(missing(methods, clientMessages), []);
  assert.deepEqual(missing([...methods, ...serverRequests], answers), []);
  assert.deepEqual(missing([...notifications, ...serverRequests], serverMessages), []);
});

Deno.test("members that 0.169 clients need are required", async () => {
  const started = { threadId: "t", turnId: "u", item: { type: "plan", id: "p", text: "" } };
  assert.notDeepEqual(await judgeServerMessage({ method: "item/started", params: started }), []);
  assert.notDeepEqual(await judgeServerMessage({ method: "item/completed", params: started }), []);
  const thread = serverMessages.find((message) => message.method === "thread/started")?.params
    .thread;
  assert.ok(thread);
  const { sessionId: _, ...without } = thread;
  const message = { method: "thread/started", params: { thread: without } };
  assert.deepEqual(await judgeServerMessage(message), [
    "thread.sessionId: Invalid input: expected string, received undefined",
  ]);
});

Deno.test("unknown members are ignored, unknown words accepted where newer clients send them", async () => {
  for (
    const params of [
      { threadId: "t", input: [], serviceTier: "default", effort: "ultra", summary: "new" },
      { threadId: "t", input: [], personality: "new", turnTrigger: "user", futureField: [1] },
    ]
  ) {
    assert.deepEqual(await judgeClientMessage({ method: "turn/start", params }), []);
  }
  const list = { sortKey: "section_position", sourceKinds: ["new"] };
  assert.deepEqual(await judgeClientMessage({ method: "thread/list", params: list }), []);
});

function missing(methods: readonly string[], examples: readonly { method: string }[]): string[] {
  const seen = new Set(examples.map(({ method }) => method));
  return methods.filter((method) => !seen.has(method));
}

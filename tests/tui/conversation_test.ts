/** What notifications make of the blocks of a thread. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Block } from "../../src/tui/blocks.ts";
import { Conversation } from "../../src/tui/conversation.ts";

const clock = { now: () => 5_000, after: () => () => {} };

function conversation(): Conversation {
  return new Conversation({ clock });
}

/** Applies events of turn `t`. */
function play(target: Conversation, events: readonly (readonly [string, object])[]): Conversation {
  for (const [method, params] of events) {
    target.apply({ method, params: { threadId: "th", turnId: "t", ...params } });
  }
  return target;
}

const command = {
  type: "commandExecution",
  id: "c",
  command: "make",
  cwd: "/p",
  source: "agent",
  status: "inProgress",
  aggregatedOutput: null,
  exitCode: null,
  durationMs: null,
};

function only(target: Conversation): Block {
  const [block, ...others] = target.blocks;
  assert.deepEqual(others, []);
  assert.ok(block);
  return block;
}

Deno.test("deltas of a message add up, and its end replaces what they said", () => {
  const target = play(conversation(), [
    ["item/started", { item: { type: "agentMessage", id: "m", text: "" } }],
    ["item/agentMessage/delta", { itemId: "m", delta: "Hel" }],
    ["item/agentMessage/delta", { itemId: "m", delta: "lo" }],
  ]);
  const block = only(target);
  assert.partialDeepStrictEqual(block, {
    id: "t/m",
    type: "message",
    text: "Hello",
    isFinal: false,
  });
  const { revision } = block;
  play(target, [["item/completed", { item: { type: "agentMessage", id: "m", text: "Hello!" } }]]);
  assert.equal(only(target), block);
  assert.partialDeepStrictEqual(block, { text: "Hello!", isFinal: true });
  assert.ok(block.revision > revision);
});

Deno.test("a review begins and ends, although both have one id with older servers", () => {
  const target = play(conversation(), [
    ["item/completed", { item: { type: "enteredReviewMode", id: "r", review: "all of it" } }],
    ["item/completed", { item: { type: "agentMessage", id: "m", text: "Fine" } }],
    ["item/completed", { item: { type: "exitedReviewMode", id: "r", review: "Fine" } }],
  ]);
  assert.deepEqual(target.blocks.map((block) => block.type === "action" ? block.label : ""), [
    "Reviewing",
    "",
    "Review ended",
  ]);
});

Deno.test("a message that nobody announced begins with its first delta", () => {
  const target = play(conversation(), [["item/agentMessage/delta", { itemId: "m", delta: "Hi" }]]);
  assert.partialDeepStrictEqual(only(target), { type: "message", text: "Hi", isFinal: false });
});

Deno.test("a message that a retry begins again does not keep its first beginning", () => {
  const started = { item: { type: "agentMessage", id: "m", text: "" } };
  const target = play(conversation(), [
    ["item/started", started],
    ["item/agentMessage/delta", { itemId: "m", delta: "lost" }],
    ["item/started", started],
    ["item/agentMessage/delta", { itemId: "m", delta: "kept" }],
  ]);
  assert.partialDeepStrictEqual(only(target), { text: "kept" });
});

Deno.test("a summary of reasoning is there once, whatever deltas, parts and the end say", () => {
  const target = play(conversation(), [
    ["item/started", { item: { type: "reasoning", id: "r", summary: [], content: [] } }],
    ["item/reasoning/summaryPartAdded", { itemId: "r", summaryIndex: 0 }],
    ["item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex: 0, delta: "One" }],
    ["item/reasoning/summaryPartAdded", { itemId: "r", summaryIndex: 1 }],
    ["item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex: 1, delta: "Tw" }],
    ["item/reasoning/textDelta", { itemId: "r", contentIndex: 0, delta: "raw" }],
  ]);
  assert.partialDeepStrictEqual(only(target), { parts: ["One", "Tw"] });
  const end = { type: "reasoning", id: "r", summary: ["One", "Two"], content: ["raw"] };
  play(target, [["item/completed", { item: end }]]);
  const block = only(target);
  assert.deepEqual(block.type === "reasoning" && block.parts, ["One", "Two"]);
});

Deno.test("raw reasoning is shown where there is no summary", () => {
  const target = play(conversation(), [
    ["item/reasoning/textDelta", { itemId: "r", contentIndex: 0, delta: "raw " }],
    ["item/reasoning/textDelta", { itemId: "r", contentIndex: 0, delta: "words" }],
  ]);
  const block = only(target);
  assert.deepEqual(block.type === "reasoning" && block.parts, ["raw words"]);
});

Deno.test("a command has its live output until its end tells all of it", () => {
  const target = play(conversation(), [
    ["item/started", { item: command }],
    ["item/commandExecution/outputDelta", { itemId: "c", delta: "a\n" }],
  ]);
  assert.partialDeepStrictEqual(only(target), {
    type: "command",
    status: "inProgress",
    output: "a\n",
    startedMs: 5_000,
  });
  const end = { ...command, status: "failed", exitCode: 2, aggregatedOutput: "a\nb\n" };
  play(target, [["item/completed", { item: end }]]);
  assert.partialDeepStrictEqual(only(target), {
    status: "failed",
    exitCode: 2,
    output: "a\nb\n",
    startedMs: 5_000,
    isFinal: true,
  });
});

Deno.test("an end without output keeps what was streamed", () => {
  const target = play(conversation(), [
    ["item/started", { item: command }],
    ["item/commandExecution/outputDelta", { itemId: "c", delta: "a\n" }],
    ["item/completed", { item: { ...command, status: "completed", exitCode: 0 } }],
  ]);
  assert.partialDeepStrictEqual(only(target), { output: "a\n", status: "completed" });
});

Deno.test("an interrupted turn ends what its server leaves open, and a late end still counts", () => {
  const target = play(conversation(), [
    ["item/started", { item: command }],
    ["item/started", { item: { type: "agentMessage", id: "m", text: "half" } }],
    ["turn/completed", { turn: { id: "t", status: "interrupted", error: null, durationMs: 9 } }],
  ]);
  assert.partialDeepStrictEqual([...target.blocks], [
    { status: "failed", isFinal: true },
    { text: "half", isFinal: true },
    { type: "turnEnd", status: "interrupted", id: "t/end" },
  ]);
  play(target, [["item/completed", { item: { ...command, status: "completed", exitCode: 0 } }]]);
  assert.partialDeepStrictEqual([...target.blocks], [{ status: "completed", exitCode: 0 }]);
});

Deno.test("a command that outlives its turn goes on", () => {
  const target = play(conversation(), [
    ["item/started", { item: command }],
    ["turn/completed", { turn: { id: "t", status: "completed", error: null, durationMs: 9 } }],
    ["item/commandExecution/outputDelta", { itemId: "c", delta: "late" }],
  ]);
  assert.partialDeepStrictEqual([...target.blocks], [{
    status: "inProgress",
    isFinal: false,
    output: "late",
  }]);
});

Deno.test("retries are one line that counts, and why a turn failed is said once, at its end", () => {
  const error = (message: string) => ({ error: { message, additionalDetails: null } });
  const target = play(conversation(), [
    ["error", { ...error("Reconnecting... 1/5"), willRetry: true }],
    ["error", { ...error("Reconnecting... 2/5"), willRetry: true }],
    ["item/started", { item: { type: "agentMessage", id: "m", text: "x" } }],
    ["error", { ...error("Reconnecting... 1/5"), willRetry: true }],
    ["error", { ...error("Out of luck"), willRetry: false }],
    ["turn/completed", { turn: { id: "t", status: "failed", error: null, durationMs: null } }],
  ]);
  const said = target.blocks.map((block) =>
    block.type === "notice" ? block.text : block.type === "turnEnd" ? block.error : block.type
  );
  assert.deepEqual(said, ["Reconnecting... 2/5", "message", "Reconnecting... 1/5", "Out of luck"]);
  assert.equal(new Set(target.blocks.map(({ id }) => id)).size, 4);
});

Deno.test("the newest plan of a turn stands at the end, alone", () => {
  const plan = (status: string) => ({ explanation: null, plan: [{ step: "one", status }] });
  const target = play(conversation(), [
    ["turn/plan/updated", plan("pending")],
    ["item/completed", { item: { type: "agentMessage", id: "m", text: "x" } }],
    ["turn/plan/updated", plan("completed")],
  ]);
  assert.deepEqual(target.blocks.map(({ type }) => type), ["message", "plan"]);
  assert.partialDeepStrictEqual([...target.blocks], [{}, { steps: [{ status: "completed" }] }]);
});

Deno.test("items of newer servers become an action with their own name", () => {
  const item = { type: "timeTravel", id: "x", title: "to 1985" };
  const target = play(conversation(), [["item/completed", { item }]]);
  assert.partialDeepStrictEqual(only(target), {
    type: "action",
    label: "Time travel",
    detail: "to 1985",
  });
});

Deno.test("images are shown by a name, never by their data", () => {
  const content = [
    { type: "text", text: "look" },
    { type: "image", url: "data:image/png;base64,AAAA" },
    { type: "localImage", path: "/tmp/shot.png" },
  ];
  const target = play(conversation(), [["item/completed", {
    item: { type: "userMessage", id: "u", content },
  }]]);
  assert.partialDeepStrictEqual(only(target), { text: "look", images: ["png image", "shot.png"] });
});

Deno.test("loading and clearing begin a new generation, and listeners hear what changed", () => {
  const target = conversation();
  let heard = 0;
  const stop = target.onChange(() => heard++);
  target.notice("info", "hello");
  const before = target.generation;
  target.load([]);
  target.clear();
  stop();
  target.notice("info", "unheard");
  assert.equal(heard, 3);
  assert.equal(target.generation, before + 2);
});

const METHODS = [
  "item/started",
  "item/completed",
  "item/agentMessage/delta",
  "item/reasoning/summaryTextDelta",
  "item/reasoning/textDelta",
  "item/commandExecution/outputDelta",
  "item/fileChange/patchUpdated",
  "item/mcpToolCall/progress",
  "turn/plan/updated",
  "turn/completed",
  "error",
  "warning",
  "nothing/known",
];
const TYPES = [
  "userMessage",
  "agentMessage",
  "reasoning",
  "commandExecution",
  "fileChange",
  "webSearch",
  "mcpToolCall",
  "hookPrompt",
  "constructor",
];

Deno.test("nothing that a server sends breaks the conversation", () => {
  const odd = fc.oneof(fc.constantFrom("a", "b", ...TYPES), fc.jsonValue({ maxDepth: 2 }));
  const members = ["type", "id", "text", "summary", "content", "changes", "kind", "status", "turn"];
  const item = fc.dictionary(fc.constantFrom(...members), odd);
  const params = fc.oneof(
    odd,
    fc.record({ turnId: odd, itemId: odd, delta: odd, item: fc.oneof(item, odd) }),
    fc.record({ turn: fc.oneof(item, odd), summaryIndex: odd, contentIndex: odd, error: odd }),
  );
  const event = fc.record({ method: fc.constantFrom(...METHODS), params });
  fc.assert(fc.property(fc.array(event, { maxLength: 30 }), (events) => {
    const target = conversation();
    for (const each of events) target.apply(each);
    const ids = target.blocks.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const block of target.blocks) assert.equal(typeof block.revision, "number");
  }));
});

Deno.test("raw reasoning that goes on after a load goes on where it was, and gives way to its summary", () => {
  const target = conversation();
  const item = { type: "reasoning" as const, id: "r", summary: [], content: ["One. "] };
  const times = { startedAt: null, completedAt: null, durationMs: null };
  target.load([{ id: "t", status: "inProgress", items: [item], error: null, ...times }]);
  play(target, [["item/reasoning/textDelta", { itemId: "r", contentIndex: 0, delta: "Two." }]]);
  assert.partialDeepStrictEqual(only(target), { type: "reasoning", parts: ["One. Two."] });
  play(target, [["item/completed", { item: { ...item, summary: ["Both"] } }]]);
  assert.partialDeepStrictEqual(only(target), { parts: ["Both"], isFinal: true });
});

Deno.test("warnings about no thread outlive the load of the first one, and are told once", () => {
  const target = conversation();
  target.apply({ method: "configWarning", params: { summary: "Unknown key", details: "line 3" } });
  target.apply({
    method: "mcpServer/startupStatus/updated",
    params: { threadId: null, name: "docs", status: "failed", error: "no such program" },
  });
  target.apply({
    method: "mcpServer/startupStatus/updated",
    params: { threadId: null, name: "docs", status: "ready", error: null },
  });
  const told = () =>
    target.blocks.map((block) => block.type === "notice" ? block.text : block.type);
  const expected = ["Unknown key\nline 3", "The MCP server docs did not start: no such program"];
  assert.deepEqual(told(), expected);
  target.load([]);
  assert.deepEqual(told(), expected);
  target.load([]);
  assert.deepEqual(told(), []);
});

Deno.test("a command that a person is asked about does not run yet, and its time begins with the answer", () => {
  let nowMs = 5_000;
  const target = play(new Conversation({ clock: { ...clock, now: () => nowMs } }), [
    ["item/started", { item: command }],
  ]);
  target.setAsked(new Set(["t/c", "t/other"]));
  assert.partialDeepStrictEqual(only(target), { isAsked: true, startedMs: 5_000 });
  nowMs = 9_000;
  target.setAsked(new Set());
  assert.partialDeepStrictEqual(only(target), { isAsked: false, startedMs: 9_000 });
  const { revision } = only(target);
  target.setAsked(new Set());
  assert.equal(only(target).revision, revision);
});

Deno.test("another model than the one that was asked for is told", () => {
  const target = play(conversation(), [["model/rerouted", { fromModel: "big", toModel: "small" }]]);
  assert.partialDeepStrictEqual(only(target), {
    type: "notice",
    level: "warning",
    text: "The server uses small instead of big",
  });
});

Deno.test("what a person is asked about is known again when the thread is loaded again", () => {
  const target = conversation();
  target.setAsked(new Set(["t/c"]));
  const item = { ...command, type: "commandExecution" as const, status: "inProgress" as const };
  const times = { startedAt: null, completedAt: null, durationMs: null };
  target.load([{
    id: "t",
    status: "inProgress",
    items: [{ ...item, source: "agent", processId: null, commandActions: [] }],
    error: null,
    ...times,
  }]);
  assert.partialDeepStrictEqual(only(target), { type: "command", isAsked: true });
  target.setAsked(new Set());
  assert.partialDeepStrictEqual(only(target), { type: "command", isAsked: false });
});

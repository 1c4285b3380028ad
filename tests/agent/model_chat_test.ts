import assert from "node:assert/strict";
import fc from "fast-check";
import { customInput } from "../../src/agent/model/chat_messages.ts";
import type { ModelEvent, ToolSpec } from "../../src/agent/model/port.ts";
import type { ResponseItem } from "../../src/protocol/response_item.ts";
import {
  client,
  doneItems,
  modelRequest,
  outcome,
  provider,
  streamedText,
} from "../support/model_fixtures.ts";
import {
  call,
  closeEarly,
  custom,
  event,
  fail,
  gate,
  hang,
  type Json,
  raw,
  say,
  type ScriptedResponse,
  startMockModel,
  think,
} from "../support/mock_model.ts";
import { manualClock } from "../support/scripted_model.ts";

const TOOLS: readonly ToolSpec[] = [
  {
    type: "function",
    name: "exec_command",
    description: "Runs",
    parameters: { type: "object" },
    strict: false,
  },
  {
    type: "custom",
    name: "apply_patch",
    description: "Patches",
    format: { type: "grammar", syntax: "lark", definition: "start: x" },
  },
];

/** One answer of a chat server. */
async function chat(answer: ScriptedResponse, input?: readonly ResponseItem[]) {
  await using mock = await startMockModel({ responses: [answer] });
  const model = await client(provider(mock.url, { wireApi: "chat" }), { random: counter() });
  const request = modelRequest({ tools: TOOLS, ...(input ? { input } : {}) });
  const result = await outcome(model, request);
  return { ...result, items: doneItems(result.events), request: await mock.request(0) };
}

/** Ids that tell in which order they were made. */
function counter(): () => number {
  let made = 0;
  return () => Math.floor(made++ / 4) / 0x1000000;
}

function delta(value: Json, finish: string | null = null) {
  return event({ choices: [{ index: 0, delta: value, finish_reason: finish }] });
}

function toolCalls(...calls: readonly Json[]) {
  return delta({ tool_calls: calls });
}

/** The calls without the ids that were made up. */
function callsOf(items: readonly ResponseItem[]) {
  return items.flatMap((item) =>
    item.type === "function_call"
      ? [[item.name, item.arguments]]
      : item.type === "custom_tool_call"
      ? [[item.name, item.input]]
      : []
  );
}

Deno.test("chat turns reasoning, text, function and custom calls into items", async () => {
  const patch = "*** Begin Patch\n*** End Patch";
  const result = await chat([
    think("Hm."),
    say("Hello"),
    call("exec_command", { cmd: "ls" }, "call_a"),
    custom("apply_patch", patch, "call_b"),
  ]);
  assert.equal(result.error, null);
  assert.deepEqual(result.usage, {
    totalTokens: 150,
    inputTokens: 120,
    cachedInputTokens: 20,
    cacheWriteInputTokens: 0,
    outputTokens: 30,
    reasoningOutputTokens: 10,
  });
  const id = (prefix: string, number: number) =>
    `${prefix}_${String(number).padStart(6, "0").repeat(4)}`;
  assert.deepEqual(result.items, [
    {
      type: "reasoning",
      id: id("rs", 0),
      summary: [],
      content: [{ type: "reasoning_text", text: "Hm." }],
    },
    {
      type: "message",
      id: id("msg", 1),
      role: "assistant",
      content: [{ type: "output_text", text: "Hello" }],
    },
    {
      type: "function_call",
      id: id("fc", 2),
      call_id: "call_a",
      name: "exec_command",
      arguments: '{"cmd":"ls"}',
    },
    {
      type: "custom_tool_call",
      id: id("fc", 3),
      call_id: "call_b",
      name: "apply_patch",
      input: patch,
    },
  ]);
  const types = result.events.map((item) => item.type);
  assert.deepEqual(types.slice(0, 5), [
    "itemAdded",
    "reasoningTextDelta",
    "reasoningTextDelta",
    "itemDone",
    "itemAdded",
  ]);
  assert.equal(streamedText(result.events), "Hello");
});

Deno.test("chat sends tools, effort and schema in its own form", async () => {
  await using mock = await startMockModel({ responses: [say("ok")] });
  const schema = { type: "object" };
  const model = await client(provider(mock.url, { wireApi: "chat", bearerToken: "k" }));
  await outcome(model, modelRequest({ tools: TOOLS, effort: "low", outputSchema: schema }));
  const { body, path, headers } = await mock.request(0);
  assert.deepEqual([path, headers["authorization"]], ["/v1/chat/completions", "Bearer k"]);
  const input = { type: "string", description: "The whole input of the tool, as plain text" };
  const parameters = {
    type: "object",
    properties: { input },
    required: ["input"],
    additionalProperties: false,
  };
  assert.deepEqual(body, {
    model: "mock-model",
    messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Hello" }],
    stream: true,
    stream_options: { include_usage: true },
    tools: [
      {
        type: "function",
        function: { name: "exec_command", description: "Runs", parameters: { type: "object" } },
      },
      {
        type: "function",
        function: {
          name: "apply_patch",
          description: "Patches\n\n`input` follows this grammar:\nstart: x",
          parameters,
        },
      },
    ],
    tool_choice: "auto",
    reasoning_effort: "low",
    response_format: {
      type: "json_schema",
      json_schema: { name: "codex_output_schema", strict: true, schema },
    },
  });
});

/** What servers really send for calls, and what it means. */
const QUIRKS: readonly (readonly [string, ScriptedResponse, readonly (readonly string[])[]])[] = [
  [
    "fragments of two calls, mixed",
    [
      toolCalls({ index: 0, id: "a", function: { name: "exec_command", arguments: "" } }),
      toolCalls({ index: 1, id: "b", function: { name: "other", arguments: '{"y"' } }),
      toolCalls({ index: 0, function: { arguments: '{"cmd":' } }, {
        index: 1,
        function: { arguments: ":2}" },
      }),
      toolCalls({ index: 0, function: { arguments: '"ls"}' } }),
    ],
    [["exec_command", '{"cmd":"ls"}'], ["other", '{"y":2}']],
  ],
  [
    "arguments as an object",
    toolCalls({ index: 0, id: "a", function: { name: "exec_command", arguments: { cmd: "ls" } } }),
    [["exec_command", '{"cmd":"ls"}']],
  ],
  [
    "the same index for all calls",
    [
      toolCalls({ index: 0, id: "a", function: { name: "x", arguments: "{}" } }),
      toolCalls({ index: 0, id: "b", function: { name: "y", arguments: "{}" } }),
    ],
    [["x", "{}"], ["y", "{}"]],
  ],
  [
    "neither index nor id",
    [
      toolCalls({ function: { name: "x", arguments: '{"a":1}' } }),
      toolCalls({ function: { name: "y", arguments: '{"b":2}' } }),
    ],
    [["x", '{"a":1}'], ["y", '{"b":2}']],
  ],
  [
    "an empty name and id in later fragments",
    [
      toolCalls({ index: 0, id: "a", function: { name: "x", arguments: "{" } }),
      toolCalls({ index: 0, id: "", function: { name: "", arguments: "}" } }),
      toolCalls({ index: 0, id: null, function: { name: null, arguments: "" } }),
    ],
    [["x", "{}"]],
  ],
  [
    "the name again with every fragment",
    [
      toolCalls({ index: 0, id: "a", function: { name: "x", arguments: "{" } }),
      toolCalls({ index: 0, id: "a", function: { name: "x", arguments: "}" } }),
    ],
    [["x", "{}"]],
  ],
  [
    "no arguments at all",
    toolCalls({ index: 0, id: "a", function: { name: "x" } }),
    [["x", "{}"]],
  ],
  [
    "no name",
    toolCalls({ index: 0, id: "a", function: { name: "", arguments: '{"cmd":"ls"}' } }),
    [["unnamed_tool", '{"cmd":"ls"}']],
  ],
  ["an empty call", toolCalls({ index: 0, function: { name: "", arguments: "" } }), []],
  ["null in place of calls", delta({ content: null, tool_calls: null }), []],
  [
    "a custom tool with another field, or with plain text",
    [
      toolCalls({
        index: 0,
        id: "a",
        function: { name: "apply_patch", arguments: '{"patch":"P"}' },
      }),
      toolCalls({ index: 1, id: "b", function: { name: "apply_patch", arguments: "*** P" } }),
    ],
    [["apply_patch", "P"], ["apply_patch", "*** P"]],
  ],
];

for (const [name, answer, expected] of QUIRKS) {
  Deno.test(`chat tool calls: ${name}`, async () => {
    const { items, error } = await chat(answer);
    assert.equal(error, null);
    assert.deepEqual(callsOf(items), expected);
    const ids = items.map((item) => "call_id" in item ? item.call_id : "");
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.every((id) => id !== ""));
  });
}

Deno.test("chat makes a new id for a call whose id the thread has seen", async () => {
  const { items } = await chat(call("f", {}, "0"), [
    { type: "function_call", call_id: "0", name: "f", arguments: "{}" },
    { type: "function_call_output", call_id: "0", output: "x" },
  ]);
  const item = items[0];
  assert.ok(item?.type === "function_call");
  assert.notEqual(item.call_id, "0");
});

Deno.test("chat reads reasoning and text under all their names", async () => {
  const { events, items } = await chat([
    delta({ role: "assistant", content: "", reasoning: "a" }),
    delta({ reasoning_content: "b" }),
    delta({ thinking: "c" }),
    delta({ content: [{ type: "text", text: "x" }] }),
    delta({ content: "y" }),
  ]);
  assert.equal(streamedText(events), "xy");
  const item = items[0];
  assert.deepEqual(item?.type === "reasoning" && item.content, [{
    type: "reasoning_text",
    text: "abc",
  }]);
});

const FINISHED =
  'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n';

Deno.test("chat is complete without [DONE] when the server closes or falls silent", async () => {
  const closed = await chat([raw(FINISHED), closeEarly()]);
  assert.equal(closed.error, null);
  assert.equal(doneItems(closed.events).length, 1);
  await using mock = await startMockModel({ responses: [[raw(FINISHED), hang()]] });
  const clock = manualClock();
  const model = await client(provider(mock.url, { wireApi: "chat" }), { clock });
  const result = outcome(model);
  await clock.armed(2000);
  clock.advance(2000);
  assert.equal((await result).error, null);
  assert.equal(streamedText((await result).events), "x");
});

Deno.test("chat that is silent in the middle ends in the idle timeout", async () => {
  await using mock = await startMockModel({ responses: [[gate("quiet"), hang()]] });
  const clock = manualClock();
  const model = await client(provider(mock.url, { wireApi: "chat" }), { clock });
  const result = outcome(model);
  await mock.request(0);
  clock.advance(300_000);
  assert.match((await result).error?.message ?? "", /idle timeout waiting for SSE$/);
});

Deno.test("chat takes a whole answer from a server that does not stream", async () => {
  const message = { role: "assistant", content: "whole" };
  const answer = { choices: [{ message, finish_reason: "stop" }], usage: { prompt_tokens: 3 } };
  const { error, usage, items } = await chat(fail(200, answer));
  assert.equal(error, null);
  assert.equal(usage?.totalTokens, 3);
  assert.equal(items.length, 1);
  const broken = await chat(fail(200, '{"hello":1}'));
  assert.match(broken.error?.message ?? "", /the answer holds no completion$/);
});

const CHAT_FAILURES: readonly (readonly [string, ScriptedResponse, RegExp, boolean, unknown])[] = [
  [
    "a closed stream",
    [delta({ content: "x" }), closeEarly()],
    /stream closed before/,
    true,
    "other",
  ],
  [
    "an error in the stream",
    event({ error: { message: "model crashed" } }),
    /model crashed$/,
    true,
    "other",
  ],
  ["an error as text", event({ error: "out of memory" }), /out of memory$/, true, "other"],
  [
    "a length limit",
    delta({ content: "x" }, "length"),
    /^Incomplete response returned, reason: max_output_tokens$/,
    false,
    "other",
  ],
  [
    "a filter",
    delta({ content: "x" }, "content_filter"),
    /reason: content_filter$/,
    false,
    "other",
  ],
  [
    "llama.cpp's full context",
    fail(400, { error: { code: 400, message: "too long", type: "exceed_context_size_error" } }),
    /^Codex ran out of room/,
    false,
    "contextWindowExceeded",
  ],
  [
    "vLLM's full context",
    fail(400, {
      message: "This model's maximum context length is 4096 tokens.",
      type: "BadRequestError",
    }),
    /^Codex ran out of room/,
    false,
    "contextWindowExceeded",
  ],
  [
    "an unknown model",
    fail(404, { error: "model 'x' not found" }),
    /^unexpected status 404 Not Found: .*model 'x' not found/,
    true,
    { httpConnectionFailed: { httpStatusCode: 404 } },
  ],
];

for (const [name, answer, message, retryable, info] of CHAT_FAILURES) {
  Deno.test(`chat failure: ${name}`, async () => {
    const { error } = await chat(answer);
    assert.match(error?.message ?? "", message);
    assert.equal(error?.retryable, retryable);
    assert.deepEqual(error?.info, info);
  });
}

Deno.test("chat input of custom tools is found in whatever the model sends", () => {
  const cases = [
    ['{"input":"a","other":"b"}', "a"],
    ['{"text":"a"}', "a"],
    ['"a"', "a"],
    ["plain", "plain"],
    ['{"a":"1","b":"2"}', '{"a":"1","b":"2"}'],
  ] as const;
  for (const [args, expected] of cases) assert.equal(customInput(args), expected);
  fc.assert(fc.property(fc.string(), (text) => {
    assert.equal(customInput(JSON.stringify({ input: text })), text);
  }));
});

Deno.test("chat chunks of any shape never break the client", async () => {
  const { ChatStream } = await import("../../src/agent/model/chat_stream.ts");
  const { ModelError } = await import("../../src/agent/model/port.ts");
  const fn = fc.record({ name: fc.anything(), arguments: fc.jsonValue() }, { requiredKeys: [] });
  const toolCall = fc.record({ index: fc.anything(), id: fc.anything(), function: fn }, {
    requiredKeys: [],
  });
  const part = fc.record({
    content: fc.anything(),
    reasoning: fc.anything(),
    tool_calls: fc.oneof(fc.anything(), fc.array(toolCall)),
  }, { requiredKeys: [] });
  const choice = fc.record({ delta: part, finish_reason: fc.anything() }, { requiredKeys: [] });
  const chunk = fc.record({
    choices: fc.oneof(fc.anything(), fc.array(choice)),
    usage: fc.anything(),
  });
  fc.assert(fc.property(fc.array(chunk), (chunks) => {
    const events: ModelEvent[] = [];
    const stream = new ChatStream({
      customTools: new Set(["apply_patch"]),
      usedCallIds: new Set(),
      newId: () => "id",
      now: () => 0,
      onEvent: (item) => void events.push(item),
    });
    try {
      for (const value of chunks) stream.push(value);
      stream.finish();
    } catch (error) {
      assert.ok(error instanceof ModelError);
    }
  }));
});

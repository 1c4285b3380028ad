import assert from "node:assert/strict";
import fc from "fast-check";
import type { ModelEvent } from "../../src/agent/model/port.ts";
import { responsesBody } from "../../src/agent/model/responses_body.ts";
import { parseResponseItem, parseResponsesEvent } from "../../src/agent/model/responses_events.ts";
import type { ResponseItem } from "../../src/protocol/response_item.ts";
import { client, doneItems, modelRequest, outcome, provider } from "../support/model_fixtures.ts";
import {
  call,
  custom,
  event,
  localShell,
  say,
  startMockModel,
  think,
  webSearch,
  withHeaders,
} from "../support/mock_model.ts";

Deno.test("a response becomes model events in order, and its usage", async () => {
  await using mock = await startMockModel({
    responses: [[
      think("ab"),
      say("xyz", { phase: "final_answer" }),
      call("exec_command", { cmd: "ls" }),
    ]],
  });
  const { events, usage, error } = await outcome(await client(provider(mock.url)));
  assert.equal(error, null);
  const summary = [{ type: "summary_text", text: "ab" }];
  const phase = "final_answer";
  const expected: ModelEvent[] = [
    {
      type: "itemAdded",
      item: { type: "reasoning", id: "rs_r1_0", summary: [], encrypted_content: "ENCRYPTED" },
    },
    { type: "reasoningPartAdded", itemId: "rs_r1_0", summaryIndex: 0 },
    { type: "reasoningSummaryDelta", itemId: "rs_r1_0", summaryIndex: 0, delta: "a" },
    { type: "reasoningSummaryDelta", itemId: "rs_r1_0", summaryIndex: 0, delta: "b" },
    {
      type: "itemDone",
      item: { type: "reasoning", id: "rs_r1_0", summary, encrypted_content: "ENCRYPTED" },
    },
    {
      type: "itemAdded",
      item: { type: "message", id: "msg_r1_1", role: "assistant", content: [], phase },
    },
    { type: "textDelta", itemId: "msg_r1_1", delta: "x" },
    { type: "textDelta", itemId: "msg_r1_1", delta: "y" },
    { type: "textDelta", itemId: "msg_r1_1", delta: "z" },
    {
      type: "itemDone",
      item: {
        type: "message",
        id: "msg_r1_1",
        role: "assistant",
        content: [{ type: "output_text", text: "xyz" }],
        phase,
      },
    },
    {
      type: "itemAdded",
      item: {
        type: "function_call",
        id: "fc_r1_2",
        call_id: "call_r1_2",
        name: "exec_command",
        arguments: "",
      },
    },
    {
      type: "itemDone",
      item: {
        type: "function_call",
        id: "fc_r1_2",
        call_id: "call_r1_2",
        name: "exec_command",
        arguments: '{"cmd":"ls"}',
      },
    },
  ];
  assert.deepEqual(events, expected);
  assert.deepEqual(usage, {
    totalTokens: 150,
    inputTokens: 120,
    cachedInputTokens: 20,
    cacheWriteInputTokens: 0,
    outputTokens: 30,
    reasoningOutputTokens: 10,
  });
});

Deno.test("items may be done without having been added", async () => {
  const item = {
    type: "message",
    id: "m",
    role: "assistant",
    content: [{ type: "output_text", text: "x" }],
  };
  await using mock = await startMockModel({
    responses: [[
      event({ type: "response.output_item.done", item }),
      custom("apply_patch", "*** Begin Patch", "c1"),
      localShell(["ls", "-l"], "c2"),
      webSearch("deno"),
    ]],
  });
  const { events } = await outcome(await client(provider(mock.url)));
  const command = ["ls", "-l"];
  assert.deepEqual(doneItems(events), [
    { type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "x" }] },
    {
      type: "custom_tool_call",
      id: "ctc_r1_0",
      call_id: "c1",
      name: "apply_patch",
      input: "*** Begin Patch",
    },
    {
      type: "local_shell_call",
      id: "ls_r1_1",
      call_id: "c2",
      status: "completed",
      action: { type: "exec", command, working_directory: null, timeout_ms: null },
    },
    {
      type: "web_search_call",
      id: "ws_r1_2",
      status: "completed",
      action: { type: "search", query: "deno" },
    },
  ]);
});

Deno.test("the request has the headers, address and body that upstream sends", async () => {
  await using mock = await startMockModel({ responses: [say("ok")] });
  const settings = provider(mock.url + "/", {
    envKey: "MOCK_KEY",
    httpHeaders: { "X-Team": "a" },
    envHttpHeaders: { "X-Project": "PROJECT", "X-Empty": "NOT_SET" },
    queryParams: { "api-version": "2026-01-01" },
  });
  const env = { MOCK_KEY: " sk-1\n", PROJECT: "p1" };
  const tools = [
    {
      type: "function",
      name: "f",
      description: "d",
      parameters: { type: "object" },
      strict: false,
    },
    { type: "custom", name: "c", description: "d", format: { type: "grammar" } },
  ] as const;
  const schema = { type: "object", properties: {}, additionalProperties: false };
  const request = modelRequest({
    tools,
    effort: "high",
    summary: "auto",
    verbosity: "low",
    webSearch: "live",
    serviceTier: "fast",
    outputSchema: schema,
  });
  await outcome(await client(settings, { env }), request);
  const sent = await mock.request(0);
  assert.deepEqual([sent.method, sent.path, sent.search], [
    "POST",
    "/v1/responses",
    "?api-version=2026-01-01",
  ]);
  const expectedHeaders = {
    "accept": "text/event-stream",
    "authorization": "Bearer sk-1",
    "content-type": "application/json",
    "originator": "codex_test",
    "user-agent": "codex_test/1.2.3 (Linux)",
    "session_id": "thread-1",
    "thread-id": "thread-1",
    "x-client-request-id": "thread-1",
    "x-codex-turn-metadata": '{"session_id":"thread-1","turn_id":"turn-1"}',
    "x-team": "a",
    "x-project": "p1",
    "x-empty": undefined,
  };
  for (const [name, value] of Object.entries(expectedHeaders)) {
    assert.equal(sent.headers[name], value, name);
  }
  assert.deepEqual(sent.body, {
    model: "mock-model",
    instructions: "Be brief.",
    input: request.input,
    tools: [...tools, { type: "web_search", external_web_access: true }],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "high", summary: "auto" },
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "thread-1",
    text: {
      verbosity: "low",
      format: { type: "json_schema", name: "codex_output_schema", strict: true, schema },
    },
    service_tier: "priority",
  });
});

Deno.test("a search of the provider's own is offered where it is asked for", () => {
  const offered = (webSearch: "cached" | "live" | null) =>
    JSON.parse(responsesBody(modelRequest({ webSearch })))["tools"];
  assert.deepEqual(offered(null), []);
  assert.deepEqual(offered("cached"), [{ type: "web_search", external_web_access: false }]);
  assert.deepEqual(offered("live"), [{ type: "web_search", external_web_access: true }]);
});

Deno.test("models that are not known to reason are not asked to", () => {
  const body = JSON.parse(responsesBody(modelRequest({ instructions: "" })));
  assert.deepEqual(Object.keys(body), [
    "model",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "store",
    "stream",
    "include",
    "prompt_cache_key",
  ]);
  assert.deepEqual(body.include, []);
  const known = JSON.parse(responsesBody(modelRequest({ model: "gpt-5.2-codex" })));
  assert.deepEqual(known.reasoning, { effort: "medium", summary: "auto" });
  const silent = JSON.parse(
    responsesBody(modelRequest({ model: "gpt-5.2-codex", summary: "none" })),
  );
  assert.deepEqual(silent.reasoning, { effort: "medium" });
});

Deno.test("history is sent without the provider's ids, and without reasoning that means nothing", () => {
  const content = [{ type: "output_text", text: "x" }];
  const input: ResponseItem[] = [
    { type: "message", id: "m", role: "assistant", content, phase: "commentary" },
    { type: "message", role: "assistant", content, phase: null },
    { type: "reasoning", id: "r", summary: [], content, encrypted_content: "E" },
    { type: "reasoning", id: "r", summary: [], content },
    { type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "s" }] },
    { type: "function_call", id: "f", call_id: "c", name: "n", arguments: "{broken" },
    {
      type: "function_call_output",
      call_id: "c",
      output: [{ type: "input_image", image_url: "u" }],
    },
    { type: "custom_tool_call", id: "f", call_id: "d", name: "n", input: "i" },
    { type: "custom_tool_call_output", call_id: "d", output: "o" },
  ];
  const expected = [
    { type: "message", role: "assistant", content, phase: "commentary" },
    { type: "message", role: "assistant", content },
    { type: "reasoning", summary: [], encrypted_content: "E" },
    { type: "reasoning", summary: [], content },
    { type: "function_call", call_id: "c", name: "n", arguments: "{broken" },
    {
      type: "function_call_output",
      call_id: "c",
      output: [{ type: "input_image", image_url: "u" }],
    },
    { type: "custom_tool_call", call_id: "d", name: "n", input: "i" },
    { type: "custom_tool_call_output", call_id: "d", output: "o" },
  ];
  assert.deepEqual(JSON.parse(responsesBody(modelRequest({ input }))).input, expected);
  assert.deepEqual(
    JSON.parse(responsesBody(modelRequest({ input }))).input,
    expected,
    "from the cache",
  );
});

Deno.test("a missing key fails with what to do, and asks nobody", async () => {
  await using mock = await startMockModel();
  const cases = [
    [
      provider(mock.url, { envKey: "MY_KEY" }),
      "Missing environment variable: `MY_KEY`. Set it and start again",
    ],
    [
      provider(mock.url, { envKey: "MY_KEY", envKeyInstructions: "Ask Kim." }),
      "Missing environment variable: `MY_KEY`. Ask Kim.",
    ],
    [
      provider(mock.url, { id: "openai", requiresOpenaiAuth: true }),
      "No API key for model provider openai. Set OPENAI_API_KEY, or pipe the key into `codex login --with-api-key`",
    ],
  ] as const;
  for (const [settings, message] of cases) {
    const { error } = await outcome(await client(settings));
    assert.deepEqual([error?.message, error?.info, error?.retryable], [
      message,
      "unauthorized",
      false,
    ]);
  }
  assert.equal(mock.requests.length, 0);
});

Deno.test("the OpenAI login goes only to a provider that requires it", async () => {
  await using mock = await startMockModel({ responses: [say("a"), say("b"), say("c")] });
  const token = () => Promise.resolve("sk-login");
  await outcome(await client(provider(mock.url), { token }));
  await outcome(await client(provider(mock.url, { requiresOpenaiAuth: true }), { token }));
  const own = { authorization: "Basic abc" };
  await outcome(await client(provider(mock.url, { bearerToken: "t", httpHeaders: own })));
  const keys = mock.requests.map((request) => request.headers["authorization"]);
  assert.deepEqual(keys, [undefined, "Bearer sk-login", "Basic abc"]);
});

Deno.test("a key that no header can carry is not repeated in the error", async () => {
  const { error } = await outcome(
    await client(provider("http://127.0.0.1:9/v1", { bearerToken: "sk-\nx" })),
  );
  assert.equal(
    error?.message,
    "The value for the header authorization has characters that no header can carry",
  );
});

Deno.test("rate limits come from the headers", async () => {
  const headers = {
    "x-codex-primary-used-percent": "12.6",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": "1700000000",
    "x-codex-secondary-used-percent": "3",
    "x-codex-credits-has-credits": "True",
    "x-codex-credits-unlimited": "false",
    "x-codex-credits-balance": "9.5",
  };
  await using mock = await startMockModel({ responses: [[withHeaders(headers), say("x")]] });
  const { events } = await outcome(await client(provider(mock.url)));
  assert.deepEqual(events[0], {
    type: "rateLimits",
    rateLimits: {
      limitId: "codex",
      limitName: null,
      primary: { usedPercent: 13, windowDurationMins: 300, resetsAt: 1700000000 },
      secondary: { usedPercent: 3, windowDurationMins: null, resetsAt: null },
      credits: { hasCredits: true, unlimited: false, balance: "9.5" },
      planType: null,
    },
  });
});

Deno.test("events and items of any shape are parsed or dropped, never thrown", () => {
  const type = fc.constantFrom(
    "message",
    "reasoning",
    "function_call",
    "custom_tool_call",
    "local_shell_call",
    "web_search_call",
  );
  const item = fc.record({
    type: fc.oneof(type, fc.anything()),
    id: fc.anything(),
    call_id: fc.anything(),
    name: fc.anything(),
    arguments: fc.jsonValue(),
    input: fc.anything(),
    action: fc.anything(),
    content: fc.anything(),
    summary: fc.array(fc.anything()),
  }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(item, fc.anything()), (value) => {
    parseResponseItem(value);
  }));
  const name = fc.constantFrom("", "response.output_text.delta", "response.output_item.done", "x");
  const body = fc.record({ type: name, item, delta: fc.anything(), item_id: fc.anything() });
  fc.assert(fc.property(name, fc.oneof(fc.string(), fc.jsonValue(), body), (event, data) => {
    const text = typeof data === "string" ? data : JSON.stringify(data) ?? "";
    parseResponsesEvent(event, text, { now: () => 0 });
  }));
});

/** Providers that fail, as clients see it; the thread stays usable after every failure. */
import assert from "node:assert/strict";
import type { Notification } from "../../src/client/client.ts";
import { ModelError } from "../../src/agent/model/port.ts";
import { hastyClock } from "../support/model_fixtures.ts";
import { startMockModel } from "../support/mock_model.ts";
import {
  call,
  closeEarly,
  drop,
  event,
  fail,
  failed,
  gate,
  manualClock,
  say,
  type ScriptedResponse,
} from "../support/scripted_model.ts";
import { startServer } from "../support/server.ts";
import { ANSWERED, OPENED, outline, paramsOf, Recorder } from "./recorder.ts";

const BUSY = "We're currently experiencing high demand, which may cause temporary errors.";
const CLOSED = "stream disconnected before completion: stream closed before response.completed";
const FAILED = ["status systemError", "error", "turn/completed failed"];

/** A way in which a provider fails, and what becomes of the turn. */
interface Fault {
  readonly name: string;
  /** The answers before the provider works again; null: this one for ever. */
  readonly answers: readonly ScriptedResponse[];
  readonly forEver?: boolean;
  /** HTTP requests that the turn makes. */
  readonly requests: number;
  /** What each announced retry says; empty when none is announced. */
  readonly retries?: { readonly count: number; readonly status: number | null; details: string };
  /** How the turn fails, or null when it completes. */
  readonly error: { readonly message: string | RegExp; readonly info: unknown } | null;
}

function announced(count: number, details: string, status: number | null = null) {
  return { retries: { count, status, details } };
}

function refused(status: number, reason: string): Fault {
  const details = `unexpected status ${status} ${reason}: mock error ${status}, url: URL`;
  return {
    name: `${status} for ever`,
    answers: [fail(status)],
    forEver: true,
    requests: 6,
    ...announced(5, details, status),
    error: { message: details, info: { httpConnectionFailed: { httpStatusCode: status } } },
  };
}

const BAD_REQUEST = { error: { message: "bad thing", type: "invalid_request_error" } };

/** What was measured of the real program, with the words of its newer version where the two differ. */
const FAULTS: readonly Fault[] = [
  { name: "500 once", answers: [fail(500)], requests: 2, error: null },
  { name: "503 once", answers: [fail(503)], requests: 2, error: null },
  {
    name: "500 six times",
    answers: Array.from({ length: 6 }, () => fail(500)),
    requests: 7,
    ...announced(1, BUSY),
    error: null,
  },
  {
    name: "500 for ever",
    answers: [fail(500)],
    forEver: true,
    requests: 30,
    ...announced(5, BUSY),
    error: { message: BUSY, info: "internalServerError" },
  },
  refused(401, "Unauthorized"),
  refused(403, "Forbidden"),
  refused(404, "Not Found"),
  {
    name: "400",
    answers: [fail(400, BAD_REQUEST)],
    requests: 1,
    error: { message: JSON.stringify(BAD_REQUEST), info: "other" },
  },
  {
    name: "429",
    answers: [fail(429)],
    requests: 1,
    error: {
      message: "exceeded retry limit, last status: 429 Too Many Requests",
      info: { responseTooManyFailedAttempts: { httpStatusCode: 429 } },
    },
  },
  {
    name: "429 usage_limit_reached",
    answers: [fail(429, { error: { type: "usage_limit_reached", plan_type: "plus" } })],
    requests: 1,
    error: { message: /^You've hit your usage limit\./, info: "usageLimitExceeded" },
  },
  {
    name: "a stream that closes early, once",
    answers: [closeEarly()],
    requests: 2,
    ...announced(1, CLOSED),
    error: null,
  },
  {
    name: "a stream that closes early, for ever",
    answers: [closeEarly()],
    forEver: true,
    requests: 6,
    ...announced(5, CLOSED),
    error: { message: CLOSED, info: "other" },
  },
  {
    name: "response.failed with rate_limit_exceeded",
    answers: [failed("rate_limit_exceeded", "Rate limit reached. Please try again in 0.2s.")],
    requests: 2,
    ...announced(
      1,
      "stream disconnected before completion: Rate limit reached. Please try again in 0.2s.",
    ),
    error: null,
  },
  {
    name: "response.failed with an unknown code",
    answers: [failed("weird", "weird failure")],
    requests: 2,
    ...announced(1, "stream disconnected before completion: weird failure"),
    error: null,
  },
  {
    name: "response.failed with context_length_exceeded",
    answers: [failed("context_length_exceeded", "too long")],
    requests: 1,
    error: {
      message: "Codex ran out of room in the model's context window. " +
        "Start a new thread or clear earlier history before retrying.",
      info: "contextWindowExceeded",
    },
  },
  {
    name: "response.failed with insufficient_quota",
    answers: [failed("insufficient_quota", "no money")],
    requests: 1,
    error: {
      message: "Quota exceeded. Check your plan and billing details.",
      info: "usageLimitExceeded",
    },
  },
  {
    name: "response.failed with server_is_overloaded",
    answers: [failed("server_is_overloaded", "busy")],
    requests: 1,
    error: {
      message: "Selected model is at capacity. Please try a different model.",
      info: "serverOverloaded",
    },
  },
  {
    name: "response.incomplete",
    answers: [[
      event({
        type: "response.incomplete",
        response: { incomplete_details: { reason: "max_output_tokens" } },
      }),
      closeEarly(),
    ]],
    requests: 1,
    error: { message: "Incomplete response returned, reason: max_output_tokens", info: "other" },
  },
];

for (const fault of FAULTS) {
  Deno.test(`clients see ${fault.name} as Codex shows it`, () => checkFault(fault));
}

async function checkFault(fault: Fault): Promise<void> {
  const { answers, requests, retries, error } = fault;
  const [answer = fail(500)] = answers;
  await using mock = await startMockModel({
    responses: fault.forEver ? Array.from({ length: requests }, () => answer) : answers,
  });
  mock.push(say("It works"), say("Still works"));
  await using server = await startServer({ baseUrl: mock.url, clock: hastyClock() });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  await recorder.until("thread/started");

  const events = await recorder.turn(thread.id, "hi");
  assert.equal(mock.requests.length, requests);
  const count = retries?.count ?? 0;
  assert.deepEqual(outline(events), [
    ...OPENED,
    ...Array.from({ length: count }, (_, index) => `Reconnecting... ${index + 1}/5`),
    ...(error ? FAILED : ANSWERED),
  ]);
  const url = `${mock.url}/responses`;
  for (const { error: shown } of retriesOf(events)) {
    assert.deepEqual(shown, {
      message: shown.message,
      codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: retries?.status ?? null } },
      additionalDetails: retries?.details.replace("URL", url),
    });
  }
  checkFailure(events, { error, url });

  const next = await recorder.turn(thread.id, "again");
  assert.deepEqual(outline(next), [...OPENED, ...ANSWERED]);
}

function retriesOf(events: readonly Notification[]) {
  return paramsOf(events, "error").filter(({ willRetry }) => willRetry);
}

function checkFailure(
  events: readonly Notification[],
  expected: { readonly error: Fault["error"]; readonly url: string },
): void {
  const turn = paramsOf(events, "turn/completed")[0]?.turn;
  const { error } = expected;
  if (error === null) {
    assert.equal(turn?.error, null);
    return;
  }
  const last = paramsOf(events, "error").at(-1);
  assert.equal(last?.willRetry, false);
  assert.equal(last?.turnId, turn?.id);
  assert.deepEqual(last?.error, turn?.error);
  assert.deepEqual(turn?.error?.codexErrorInfo, error.info);
  assert.equal(turn?.error?.additionalDetails, null);
  const message = turn?.error?.message ?? "";
  if (typeof error.message === "string") {
    assert.equal(message, error.message.replace("URL", expected.url));
  } else assert.match(message, error.message);
}

Deno.test("announced retries wait twice as long each time, or as long as the provider asks", async () => {
  const clock = manualClock();
  const lost = () => new ModelError("lost", { retryable: true, info: "other" });
  const patient = new ModelError("wait", { retryable: true, info: "other", retryAfterMs: 7_777 });
  await using server = await startServer({
    clock,
    responses: [lost(), lost(), lost(), lost(), patient, say("It works")],
  });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  const turn = recorder.turn(thread.id, "hi");
  for (const [index, delayMs] of [200, 400, 800, 1600, 7_777].entries()) {
    await clock.armed(delayMs);
    assert.equal(server.model.requests.length, index + 1);
    clock.advance(delayMs);
  }
  const events = await turn;
  assert.deepEqual(outline(events).slice(-ANSWERED.length), ANSWERED);
  assert.equal(retriesOf(events).length, 5);
  assert.equal(server.model.requests.length, 6);
});

Deno.test("an interrupt during the pause before a retry ends the turn at once", async () => {
  const clock = manualClock();
  const lost = new ModelError("lost", { retryable: true, info: "other" });
  await using server = await startServer({ clock, responses: [lost, say("fine")] });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  const turn = recorder.turn(thread.id, "hi");
  await clock.armed(200);
  const { thread: { turns: [active] } } = await client.request("thread/resume", {
    threadId: thread.id,
  });
  await client.request("turn/interrupt", { threadId: thread.id, turnId: active?.id ?? "" });
  assert.equal(outline(await turn).at(-1), "turn/completed interrupted");
  assert.equal(server.model.requests.length, 1);
  assert.deepEqual(outline(await recorder.turn(thread.id, "go on")), [...OPENED, ...ANSWERED]);
});

Deno.test("the retries of a provider are as many as it is configured to have", async () => {
  const lost = () => new ModelError("lost", { retryable: true, info: "other" });
  await using server = await startServer({
    clock: hastyClock(),
    config: `[model_providers.impatient]\nname = "Impatient"\nwire_api = "responses"\n` +
      `base_url = "http://127.0.0.1:1/v1"\nstream_max_retries = 1\n`,
    responses: [lost(), lost(), say("never")],
  });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", { modelProvider: "impatient" });
  const events = await recorder.turn(thread.id, "hi");
  assert.deepEqual(outline(events), [...OPENED, "Reconnecting... 1/1", ...FAILED]);
});

Deno.test("items that came before a drop stay, and the retry makes new ones", async () => {
  await using mock = await startMockModel({
    responses: [
      [
        say("First thought", { id: "msg_whole" }),
        event({
          type: "response.output_item.added",
          item: { type: "message", id: "msg_cut", role: "assistant", content: [] },
        }),
        event({ type: "response.output_text.delta", item_id: "msg_cut", delta: "Second th" }),
        drop(),
      ],
      say("Second thought", { id: "msg_new" }),
    ],
  });
  await using server = await startServer({ baseUrl: mock.url, clock: hastyClock() });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  await recorder.until("thread/started");
  const events = await recorder.turn(thread.id, "think");
  assert.deepEqual(outline(events), [
    ...OPENED,
    "item/started agentMessage",
    "item/completed agentMessage",
    "item/started agentMessage",
    "Reconnecting... 1/5",
    ...ANSWERED,
  ]);
  const started = paramsOf(events, "item/started").map(({ item }) => item.id).slice(1);
  assert.deepEqual(started, ["msg_whole", "msg_cut", "msg_new"]);
  // What was finished is part of the conversation; what was cut is not.
  const retried = mock.requests[1]?.text ?? "";
  assert.match(retried, /First thought/);
  assert.doesNotMatch(retried, /Second th/);
});

Deno.test("a tool call before a drop is run, and its output is in the retry", async () => {
  await using mock = await startMockModel({
    responses: [
      [call("update_plan", { plan: [] }, "call_kept"), drop()],
      say("Done"),
    ],
  });
  await using server = await startServer({ baseUrl: mock.url, clock: hastyClock() });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {});
  const events = await recorder.turn(thread.id, "plan");
  assert.equal(outline(events).at(-1), "turn/completed completed");
  const input = mock.requests[1]?.body.input;
  assert.ok(Array.isArray(input));
  const about = input.filter((item) => item.call_id === "call_kept");
  assert.deepEqual(about.map((item) => item.type), ["function_call", "function_call_output"]);
});

Deno.test("a client that joins during a retry sees what has come so far", async () => {
  const clock = manualClock();
  const cut = [
    event({ type: "response.output_text.delta", item_id: "msg_1", delta: "So far" }),
    closeEarly(),
  ];
  await using server = await startServer({ clock, responses: [cut, [gate("late"), say("Done")]] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const recorder = new Recorder(client);
  const turn = recorder.turn(thread.id, "hi");
  await clock.armed(200);
  const joined = await (await server.connect()).request("thread/resume", { threadId: thread.id });
  const [running] = joined.thread.turns;
  assert.equal(running?.status, "inProgress");
  const texts = running?.items.map((item) => item.type === "agentMessage" ? item.text : item.type);
  assert.deepEqual(texts, ["userMessage", "So far"]);
  clock.advance(200);
  server.model.release("late");
  assert.equal(outline(await turn).at(-1), "turn/completed completed");
});

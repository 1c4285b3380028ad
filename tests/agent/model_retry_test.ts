import assert from "node:assert/strict";
import fc from "fast-check";
import { delayInText } from "../../src/agent/model/failure.ts";
import { ModelError } from "../../src/agent/model/port.ts";
import { retryAfterMs, streamRetryDelayMs } from "../../src/agent/model/retry.ts";
import { client, hastyClock, outcome, provider, streamedText } from "../support/model_fixtures.ts";
import {
  call,
  closeEarly,
  drop,
  event,
  fail,
  failed,
  type MockAnswer,
  raw,
  say,
  type ScriptedResponse,
  startMockModel,
  usage,
} from "../support/mock_model.ts";

const HIGH_DEMAND = "We're currently experiencing high demand, which may cause temporary errors.";
const NO_ROOM =
  "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.";

interface Row {
  readonly name: string;
  readonly answer: ScriptedResponse;
  /** How often it is sent; then "fine" follows. */
  readonly times: number;
  readonly requests: number;
  /** Null: the request succeeds. `URL` stands for the address. */
  readonly error: {
    readonly message: string;
    readonly retryable: boolean;
    readonly info: ModelError["info"];
    readonly httpStatus?: number;
    readonly retryAfterMs?: number;
  } | null;
}

function status(code: number) {
  return { httpConnectionFailed: { httpStatusCode: code } };
}

const incomplete = { reason: "max_output_tokens" };

/** The table of FACTS 6.1, one request each; what the turn does with `retryable` is not seen here. */
const ROWS: readonly Row[] = [
  { name: "500 once", answer: fail(500), times: 1, requests: 2, error: null },
  { name: "503 once", answer: fail(503), times: 1, requests: 2, error: null },
  { name: "502 four times", answer: fail(502), times: 4, requests: 5, error: null },
  {
    name: "500 for ever",
    answer: fail(500),
    times: 5,
    requests: 5,
    error: { message: HIGH_DEMAND, retryable: true, info: "internalServerError" },
  },
  ...([[401, "Unauthorized"], [403, "Forbidden"], [404, "Not Found"]] as const).map((
    [code, text],
  ): Row => ({
    name: `${code}`,
    answer: fail(code),
    times: 1,
    requests: 1,
    error: {
      message: `unexpected status ${code} ${text}: mock error ${code}, url: URL/responses`,
      retryable: true,
      info: status(code),
      httpStatus: code,
    },
  })),
  {
    name: "400",
    answer: fail(400, '{"error":{"message":"bad thing","type":"invalid_request_error"}}'),
    times: 1,
    requests: 1,
    error: {
      message: '{"error":{"message":"bad thing","type":"invalid_request_error"}}',
      retryable: false,
      info: "other",
      httpStatus: 400,
    },
  },
  {
    name: "400 of a full context window",
    answer: fail(400, { error: { message: "too long", code: "context_length_exceeded" } }),
    times: 1,
    requests: 1,
    error: { message: NO_ROOM, retryable: false, info: "contextWindowExceeded" },
  },
  {
    name: "413 is hopeless",
    answer: fail(413, "too big"),
    times: 1,
    requests: 1,
    error: {
      message: "unexpected status 413 Payload Too Large: too big, url: URL/responses",
      retryable: false,
      info: status(413),
      httpStatus: 413,
    },
  },
  {
    name: "429 plain",
    answer: fail(429),
    times: 1,
    requests: 1,
    error: {
      message: "exceeded retry limit, last status: 429 Too Many Requests",
      retryable: false,
      info: { responseTooManyFailedAttempts: { httpStatusCode: 429 } },
      httpStatus: 429,
    },
  },
  {
    name: "429 usage_limit_reached",
    answer: fail(429, { error: { type: "usage_limit_reached", plan_type: "pro" } }),
    times: 1,
    requests: 1,
    error: {
      message: "You've hit your usage limit. Try again later.",
      retryable: false,
      info: "usageLimitExceeded",
    },
  },
  ...([["close", closeEarly()], ["drop", drop()]] as const).map(([how, end]): Row => ({
    name: `stream ends by ${how}`,
    answer: [say("half"), end],
    times: 1,
    requests: 1,
    error: {
      message: how === "close"
        ? "stream disconnected before completion: stream closed before response.completed"
        : "stream disconnected before completion: error reading a body from connection",
      retryable: true,
      info: "other",
    },
  })),
  {
    name: "response.failed rate_limit_exceeded",
    answer: failed("rate_limit_exceeded", "Rate limit reached. Please try again in 0.2s."),
    times: 1,
    requests: 1,
    error: {
      message:
        "stream disconnected before completion: Rate limit reached. Please try again in 0.2s.",
      retryable: true,
      info: "other",
      retryAfterMs: 200,
    },
  },
  {
    name: "response.failed unknown",
    answer: failed("weird", "weird failure"),
    times: 1,
    requests: 1,
    error: {
      message: "stream disconnected before completion: weird failure",
      retryable: true,
      info: "other",
    },
  },
  {
    name: "response.failed context_length_exceeded",
    answer: failed("context_length_exceeded", "no"),
    times: 1,
    requests: 1,
    error: { message: NO_ROOM, retryable: false, info: "contextWindowExceeded" },
  },
  {
    name: "response.failed insufficient_quota",
    answer: failed("insufficient_quota", "no"),
    times: 1,
    requests: 1,
    error: {
      message: "Quota exceeded. Check your plan and billing details.",
      retryable: false,
      info: "usageLimitExceeded",
    },
  },
  {
    name: "response.failed server_is_overloaded",
    answer: failed("server_is_overloaded", "no"),
    times: 1,
    requests: 1,
    error: {
      message: "Selected model is at capacity. Please try a different model.",
      retryable: false,
      info: "serverOverloaded",
    },
  },
  {
    name: "response.incomplete",
    answer: event({ type: "response.incomplete", response: { incomplete_details: incomplete } }),
    times: 1,
    requests: 1,
    error: {
      message: "Incomplete response returned, reason: max_output_tokens",
      retryable: false,
      info: "other",
    },
  },
  {
    name: "an error event in the stream",
    answer: event({ type: "error", code: "server_error", message: "boom" }),
    times: 1,
    requests: 1,
    error: {
      message: "stream disconnected before completion: boom",
      retryable: true,
      info: "other",
    },
  },
];

for (const row of ROWS) {
  Deno.test(`model failure: ${row.name}`, async () => {
    const answers: MockAnswer[] = [];
    for (let n = 0; n < row.times; n++) answers.push(row.answer);
    await using mock = await startMockModel({ responses: [...answers, say("fine")] });
    const result = await outcome(await client(provider(mock.url)));
    assert.equal(mock.requests.length, row.requests);
    if (row.error === null) {
      assert.equal(result.error, null);
      assert.equal(streamedText(result.events), "fine");
      return;
    }
    assert.ok(result.error);
    const { message, retryable, info, httpStatus, retryAfterMs } = result.error;
    assert.deepEqual(
      { message: message.replace(mock.url, "URL"), retryable, info, httpStatus, retryAfterMs },
      { httpStatus: null, retryAfterMs: null, ...row.error },
    );
  });
}

Deno.test("model requests are retried with doubling pauses, or those that the server asks for", async () => {
  await using mock = await startMockModel({
    responses: [
      fail(500),
      fail(500),
      fail(503, "x", { "retry-after": "2" }),
      fail(500, "x", { "retry-after-ms": "70" }),
      say("fine"),
    ],
  });
  const clock = hastyClock();
  const result = await outcome(await client(provider(mock.url), { clock, random: () => 0 }));
  assert.equal(result.error, null);
  assert.deepEqual(clock.delays.slice(0, 4), [180, 360, 2000, 70]);
});

Deno.test("model requests do not wait in silence for a server that asks for minutes", async () => {
  await using mock = await startMockModel({
    responses: [fail(503, "x", { "retry-after": "120" })],
  });
  const { error } = await outcome(await client(provider(mock.url)));
  assert.equal(mock.requests.length, 1);
  assert.equal(error?.retryAfterMs, 120_000);
  assert.equal(streamRetryDelayMs(1, error), 120_000);
});

Deno.test("model requests stop retrying when aborted", async () => {
  await using mock = await startMockModel({ responses: [fail(500), say("late")] });
  const controller = new AbortController();
  const clock = {
    now: () => 0,
    after: (delayMs: number) => {
      if (delayMs < 1000) queueMicrotask(() => controller.abort(new Error("enough")));
      return () => undefined;
    },
  };
  const model = await client(provider(mock.url), { clock });
  await assert.rejects(outcome(model, undefined, controller.signal), /^Error: enough$/);
  assert.equal(mock.requests.length, 1);
});

Deno.test("model requests are retried when the connection is refused", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const clock = hastyClock();
  const model = await client(provider(`http://127.0.0.1:${port}/v1?key=secret`), { clock });
  const { error } = await outcome(model);
  assert.equal(clock.delays.length, 4);
  assert.deepEqual([error?.retryable, error?.httpStatus], [true, null]);
  assert.deepEqual(error?.info, { httpConnectionFailed: { httpStatusCode: null } });
  assert.match(
    error?.message ?? "",
    /^stream disconnected before completion: error sending request for url \(http:\/\/127\.0\.0\.1:\d+\/v1\/responses\): /,
  );
  assert.doesNotMatch(error?.message ?? "", /secret/);
});

Deno.test("a response without usage, with garbage and with unknown events is complete", async () => {
  await using mock = await startMockModel({
    responses: [[
      event({ type: "response.shiny.new", a: 1 }),
      raw(
        "event: response.output_text.delta\ndata: {broken\n\ndata: [1]\n\ndata: null\n\n: ping\n\n",
      ),
      event({ type: "response.output_item.done", item: { type: "hologram", id: "h" } }),
      event({ type: "response.output_item.done", item: null }),
      call("exec_command", "{broken"),
      say("ok"),
      usage(null),
    ]],
  });
  const result = await outcome(await client(provider(mock.url)));
  assert.equal(result.error, null);
  assert.equal(result.usage, null);
  assert.equal(streamedText(result.events), "ok");
});

Deno.test("an answer that is no stream of events says so", async () => {
  const html = { "content-type": "text/html" };
  await using mock = await startMockModel({ responses: [fail(200, "<html>", html)] });
  const { error } = await outcome(await client(provider(mock.url)));
  assert.match(error?.message ?? "", /the answer is text\/html, not a stream of events/);
});

Deno.test("usage limits name the plan's way out and the time", async () => {
  const plus = { type: "usage_limit_reached", plan_type: "plus", resets_in_seconds: 3600 };
  await using mock = await startMockModel({ responses: [fail(429, { error: plus })] });
  const { error } = await outcome(await client(provider(mock.url)));
  assert.match(
    error?.message ?? "",
    /^You've hit your usage limit\. Upgrade to Pro \(https:\/\/chatgpt\.com\/explore\/pro\), visit https:\/\/chatgpt\.com\/codex\/settings\/usage to purchase more credits or try again at (.* )?\d{1,2}:\d\d [AP]M\.$/,
  );
});

Deno.test("stream retries wait 0.2 s, doubled each time, or what the provider asked for", () => {
  const error = (wait: number | null) =>
    new ModelError("x", { retryable: true, info: "other", retryAfterMs: wait });
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => streamRetryDelayMs(n, error(null))), [
    200,
    400,
    800,
    1600,
    3200,
  ]);
  assert.equal(streamRetryDelayMs(5, error(17)), 17);
  assert.equal(streamRetryDelayMs(1, error(1e12)), 300_000);
  fc.assert(fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (number) => {
    const delay = streamRetryDelayMs(3, error(null), { random: () => number });
    assert.ok(delay >= 720 && delay <= 880);
  }));
});

Deno.test("pauses that providers ask for are read in all their forms", () => {
  const cases: readonly [string, number | null][] = [
    ["Please try again in 0.2s.", 200],
    ["try again in 28ms", 28],
    ["Try again in 35 seconds.", 35_000],
    ["try again in 2 minutes", 120_000],
    ["try again tomorrow", null],
  ];
  for (const [text, expected] of cases) assert.equal(delayInText(text), expected, text);
  const header = (value: string) => retryAfterMs(new Headers({ "retry-after": value }), 0);
  assert.equal(header("1.5"), 1500);
  assert.equal(header("Thu, 01 Jan 1970 00:00:09 GMT"), 9000);
  assert.equal(header("soon"), null);
  assert.equal(retryAfterMs(new Headers(), 0), null);
});

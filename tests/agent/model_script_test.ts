import assert from "node:assert/strict";
import {
  client,
  modelRequest,
  outcome,
  provider,
  streamedText,
} from "../support/model_fixtures.ts";
import { startMockModel } from "../support/mock_model.ts";
import {
  call,
  custom,
  drop,
  fail,
  failed,
  gate,
  hang,
  localShell,
  say,
  scriptedModel,
  think,
  usage,
} from "../support/scripted_model.ts";

Deno.test("the scripted model and the mock over HTTP say the same", async () => {
  const script = [
    [think("Hm."), say("Hello"), call("f", { a: 1 }), custom("p", "x", "c9"), localShell(["ls"])],
    say("more"),
    failed("context_length_exceeded", "full"),
    fail(429),
    [say("half"), drop()],
    [usage(null)],
  ];
  await using mock = await startMockModel({ responses: script });
  const overHttp = await client(provider(mock.url));
  const scripted = scriptedModel({ responses: script });
  for (let n = 0; n < script.length; n++) {
    const [expected, actual] = [await outcome(overHttp), await outcome(scripted)];
    assert.deepEqual(actual.events, expected.events);
    assert.deepEqual(actual.usage, expected.usage);
    const { retryable, info } = actual.error ?? {};
    assert.deepEqual({ retryable, info }, {
      retryable: expected.error?.retryable,
      info: expected.error?.info,
    });
  }
  assert.match((await outcome(scripted)).error?.message ?? "", /no answer left for request 7/);
  assert.match((await outcome(overHttp)).error?.message ?? "", /no answer left for request 7/);
});

Deno.test("gates of the scripted model hold until they are released or the turn is aborted", async () => {
  const model = scriptedModel({ responses: [[say("a"), gate("middle"), say("b")], [hang()]] });
  const first = outcome(model);
  await model.reached("middle");
  model.push(say("c"));
  model.release("middle");
  assert.equal(streamedText((await first).events), "ab");
  const controller = new AbortController();
  const second = outcome(model, modelRequest({ turnId: "turn-2" }), controller.signal);
  assert.equal((await model.request(1)).turnId, "turn-2");
  controller.abort(new Error("interrupted"));
  await assert.rejects(second, /^Error: interrupted$/);
  assert.equal(streamedText((await outcome(model)).events), "c");
});

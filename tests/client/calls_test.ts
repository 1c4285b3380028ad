import assert from "node:assert/strict";
import { Calls, OutcomeUnknown } from "../../src/client/calls.ts";
import { CLOSE_CODES } from "../../src/rpc/close_codes.ts";
import { connectionClosed } from "../../src/rpc/pending_calls.ts";
import { FakeClock } from "../rpc/fake_clock.ts";

/** A connection that answers when the test says so. */
function openLine() {
  const sent: { method: string; key: string; end: PromiseWithResolvers<unknown> }[] = [];
  return {
    sent,
    takesKeys: true,
    request: (method: string, params: unknown) => {
      const end = Promise.withResolvers<unknown>();
      sent.push({ method, key: Object(params).idempotencyKey, end });
      return end.promise;
    },
    close: (code: number | null) => {
      for (const { end } of sent) end.reject(connectionClosed("gone", code));
    },
  };
}

function newCalls(): Calls {
  let keys = 0;
  return new Calls({ clock: new FakeClock(), random: () => 0, newKey: () => `key ${++keys}` });
}

Deno.test("what was too large for the server is not sent again, all else is, under its key", async () => {
  const calls = newCalls();
  const first = openLine();
  calls.connected(first);
  const small = calls.request("turn/start", { threadId: "t", input: [] }, undefined);
  const large = calls.request("fs/writeFile", { dataBase64: "A".repeat(1000) }, undefined);
  const other = calls.request("thread/list", {}, undefined);
  calls.disconnected();
  first.close(CLOSE_CODES.tooLarge.code);
  await assert.rejects(large, (error) => {
    assert.ok(error instanceof OutcomeUnknown);
    assert.match(error.message, /fs\/writeFile was too large for it$/);
    return true;
  });
  const second = openLine();
  calls.connected(second);
  assert.deepEqual(second.sent.map(({ method, key }) => [method, key]), [
    ["turn/start", "key 1"],
    ["thread/list", undefined],
  ]);
  for (const { end } of second.sent) end.resolve("done");
  assert.deepEqual(await Promise.all([small, other]), ["done", "done"]);
});

Deno.test("after any other end of a connection the largest request is sent again, too", async () => {
  for (const code of [null, CLOSE_CODES.shutdown.code, CLOSE_CODES.tokenExpired.code]) {
    const calls = newCalls();
    const first = openLine();
    calls.connected(first);
    const large = calls.request("turn/start", { input: "A".repeat(1000) }, undefined);
    calls.disconnected();
    first.close(code);
    // The rejection takes a few turns to arrive.
    while (calls.waitingCount === 0) await Promise.resolve();
    const second = openLine();
    calls.connected(second);
    second.sent[0]?.end.resolve("done");
    assert.equal(await large, "done");
  }
});

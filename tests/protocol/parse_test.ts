import assert from "node:assert/strict";
import fc from "fast-check";
import { allRequestEntries, loadRequestEntry } from "../../src/protocol/mod.ts";
import { InvalidParams, parseParams } from "../../src/protocol/parse.ts";
import refusals from "./fixtures/refusals.json" with { type: "json" };

/** Parses and returns the error's message and reason, or null. */
async function refusal(method: string, params: unknown) {
  const entry = await loadRequestEntry(method);
  assert.ok(entry, method);
  try {
    parseParams(entry, params);
    return null;
  } catch (error) {
    assert.ok(error instanceof InvalidParams, String(error));
    return { message: error.message, reason: error.reason };
  }
}

Deno.test("bad params are refused in the recorded words of 0.120", async () => {
  for (const { method, params, message } of refusals) {
    const refused = await refusal(method, params);
    assert.equal(refused?.message, message, `${method} ${JSON.stringify(params)}`);
  }
});

Deno.test("a refusal carries a stable reason", async () => {
  const reasons: [string, unknown, string][] = [
    ["thread/read", undefined, "missingField"],
    ["thread/read", null, "missingField"],
    ["thread/read", {}, "missingField"],
    ["thread/read", { threadId: 5 }, "invalidType"],
    ["thread/read", [], "invalidLength"],
    ["thread/list", { limit: -1 }, "invalidValue"],
    ["thread/start", { approvalPolicy: "bogus" }, "unknownVariant"],
  ];
  for (const [method, params, reason] of reasons) {
    assert.equal((await refusal(method, params))?.reason, reason);
  }
});

Deno.test("absent params of a method with optional fields are a missing field", async () => {
  const message = "Invalid request: missing field `params`";
  assert.deepEqual(await refusal("thread/list", undefined), { message, reason: "missingField" });
  assert.deepEqual(await refusal("thread/list", null), { message, reason: "missingField" });
  assert.equal(await refusal("thread/list", {}), null);
});

Deno.test("a method without params ignores an object in their place", async () => {
  for (const params of [undefined, null, {}, { any: 1 }]) {
    assert.equal(await refusal("account/logout", params), null);
  }
});

Deno.test("array params are taken by position", async () => {
  const entry = await loadRequestEntry("thread/read");
  assert.ok(entry);
  assert.deepEqual(parseParams(entry, ["x"]), { threadId: "x" });
  assert.deepEqual(parseParams(entry, ["x", true]), { threadId: "x", includeTurns: true });
});

Deno.test("the first bad member as sent is the one that is named", async () => {
  const policy = { approvalPolicy: "a", sandbox: "b" };
  const sandbox = { sandbox: "b", approvalPolicy: "a" };
  assert.match((await refusal("thread/start", policy))?.message ?? "", /variant `a`/);
  assert.match((await refusal("thread/start", sandbox))?.message ?? "", /variant `b`/);
});

Deno.test("absent and null are kept apart", async () => {
  const entry = await loadRequestEntry("thread/metadata/update");
  assert.ok(entry);
  const params = { threadId: "t", gitInfo: { branch: null } };
  assert.deepEqual(parseParams(entry, params), params);
});

Deno.test("a very long bad value is not sent back whole", async () => {
  const refused = await refusal("thread/read", {
    threadId: "t",
    includeTurns: "x".repeat(100_000),
  });
  assert.ok(refused && refused.message.length < 2000);
});

Deno.test("any params are parsed or refused, never anything else", async () => {
  const entries = await allRequestEntries();
  const names = ["threadId", "input", "type", "sandboxPolicy", "limit", "capabilities", "cwd"];
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      fc.constantFrom(null, "text", "never", 5, -1, 1.5, true),
      fc.string(),
      fc.double({ noNaN: true }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.constantFrom(...entries), tree.value, (entry, params) => {
      try {
        parseParams(entry, params);
      } catch (error) {
        assert.ok(error instanceof InvalidParams, String(error));
        assert.match(error.message, /^Invalid request: (missing|invalid|unknown|Absolute)/);
      }
    }),
    { numRuns: 2000 },
  );
});

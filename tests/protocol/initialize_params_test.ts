import assert from "node:assert/strict";
import fc from "fast-check";
import { requests } from "../../src/protocol/initialize.ts";
import { parseInitializeParams } from "../../src/protocol/initialize_params.ts";
import { parseParams } from "../../src/protocol/parse.ts";

type Outcome = { value: unknown } | { error: string };

function outcomeOf(parse: () => unknown): Outcome {
  try {
    return { value: parse() };
  } catch (error) {
    return { error: String(error) };
  }
}

function assertAgreement(params: unknown): Outcome {
  const byHand = outcomeOf(() => parseInitializeParams(params));
  const bySchema = outcomeOf(() => parseParams(requests.initialize, params));
  assert.deepEqual(byHand, bySchema, JSON.stringify(params));
  return byHand;
}

Deno.test("the hand-written parser keeps what the schema keeps", () => {
  const clientInfo = { name: "a", title: null, version: "1" };
  assert.deepEqual(assertAgreement({ clientInfo, other: 1 }), { value: { clientInfo } });
  assert.deepEqual(
    assertAgreement({ clientInfo, capabilities: { optOutNotificationMethods: ["x"] } }),
    {
      value: {
        clientInfo,
        capabilities: { experimentalApi: false, optOutNotificationMethods: ["x"] },
      },
    },
  );
  assert.deepEqual(assertAgreement([clientInfo, null]), {
    value: { clientInfo, capabilities: null },
  });
});

Deno.test("the hand-written parser refuses in the words of upstream", () => {
  const missing = (name: string) => ({
    error: `InvalidParams: Invalid request: missing field \`${name}\``,
  });
  assert.deepEqual(assertAgreement(undefined), missing("params"));
  assert.deepEqual(assertAgreement({}), missing("clientInfo"));
  assert.deepEqual(assertAgreement({ clientInfo: { name: "a" } }), missing("version"));
});

Deno.test("the hand-written parser agrees with the schema on any params", () => {
  const leaf = fc.oneof(
    fc.constantFrom(null, "a", "", true, false, 5, -1, 1.5, undefined),
    fc.constantFrom([], {}, ["x"], [5]),
  );
  const mostly = <T>(good: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 4, arbitrary: good }, { weight: 1, arbitrary: leaf });
  const clientInfo = shuffled({
    name: mostly(fc.string()),
    title: mostly(fc.constantFrom(null, "t")),
    version: mostly(fc.string()),
    extra: leaf,
  });
  const capabilities = shuffled({
    experimentalApi: mostly(fc.boolean()),
    optOutNotificationMethods: mostly(fc.array(mostly(fc.string()))),
    sessionExtensions: mostly(fc.array(mostly(fc.string()))),
    requestAttestation: leaf,
    // Newer clients send a map.
    extensions: leaf,
  });
  const params = shuffled({
    clientInfo: mostly(clientInfo),
    capabilities: mostly(capabilities),
    ["__proto__x"]: leaf,
  });
  const anything = fc.oneof(
    { weight: 8, arbitrary: params },
    { weight: 1, arbitrary: fc.array(mostly(clientInfo), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  fc.assert(
    fc.property(anything, (value) => {
      assertAgreement(JSON.parse(JSON.stringify(value) ?? "null"));
    }),
    { numRuns: 3000 },
  );
});

/** Records with any of the members, in any order: the order decides which error is the first. */
function shuffled(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  return fc.tuple(
    fc.record(model, { requiredKeys: [] }),
    fc.shuffledSubarray(Object.keys(model), { minLength: Object.keys(model).length }),
  ).map(([record, order]) => {
    const members: Record<string, unknown> = { ...record };
    return Object.fromEntries(
      order.filter((key) => key in members).map((key) => [key, members[key]]),
    );
  });
}

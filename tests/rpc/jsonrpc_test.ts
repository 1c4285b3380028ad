import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  EncodedJson,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  parseMessage,
  RpcError,
} from "../../src/rpc/jsonrpc.ts";

Deno.test("parseMessage tells the four kinds apart", () => {
  deepEqual(parseMessage('{"jsonrpc":"1.0","id":1,"method":"a","params":{"x":1}}'), {
    kind: "request",
    id: 1,
    method: "a",
    params: { x: 1 },
  });
  deepEqual(parseMessage('{"method":"a"}'), {
    kind: "notification",
    method: "a",
    params: undefined,
  });
  deepEqual(parseMessage('{"id":"x","result":null}'), { kind: "result", id: "x", result: null });
  deepEqual(parseMessage('{"error":{"code":-1,"message":"m","data":[1]},"id":-7}'), {
    kind: "error",
    id: -7,
    error: new RpcError(-1, "m", [1]),
  });
});

Deno.test("parseMessage keeps absent and null params apart", () => {
  const absent = parseMessage('{"id":1,"method":"a"}');
  const isNull = parseMessage('{"id":1,"method":"a","params":null}');
  deepEqual([absent, isNull].map((message) => "params" in message && message.params), [
    undefined,
    null,
  ]);
});

/** Recorded from the real program: what is dropped with a log line, and what becomes a notification. */
const DROPPED = [
  "",
  " ",
  "not json",
  "5",
  "null",
  '"text"',
  "[]",
  '[{"id":1,"method":"a","params":{}}]',
  "{}",
  '{"id":1}',
  '{"id":1,"method":5}',
  '{"id":1,"method":"a"} {"id":2,"method":"b"}',
  '{"id":1,"error":{"code":"x","message":"y"}}',
  '{"id":1,"error":{"code":1.5,"message":"y"}}',
  '{"id":1,"error":null}',
  '{"id":null,"result":1}',
  '{"id":null,"error":{"code":1,"message":"y"}}',
  '\uFEFF{"id":1,"method":"a"}',
];

Deno.test("parseMessage drops what upstream drops, with a reason", () => {
  for (const text of DROPPED) equal(parseMessage(text).kind, "dropped", text);
});

Deno.test("parseMessage takes a method with an unusable id as a notification", () => {
  const ids = ["null", "1.5", "true", "{}", "[]", "9223372036854775808", "-9223372036854775809"];
  for (const id of [...ids, "1e30"]) {
    equal(parseMessage(`{"id":${id},"method":"a"}`).kind, "notification", id);
  }
});

Deno.test("parseMessage echoes ids beyond the precision of a double", () => {
  for (const id of ["9007199254740993", "9223372036854775807", "-9223372036854775808"]) {
    const message = parseMessage(
      `{"params":{"id":1},"id":${id},"method":"a","trace":{"id":12345678901234567890}}`,
    );
    equal(message.kind, "request");
    if (message.kind === "request") equal(encodeResult(message.id, {}), `{"id":${id},"result":{}}`);
  }
});

Deno.test("parseMessage prefers the method over a result, and a result over an error", () => {
  equal(parseMessage('{"id":3,"method":"a","result":1}').kind, "request");
  equal(parseMessage('{"id":4,"result":1,"error":{"code":1,"message":"x"}}').kind, "result");
});

Deno.test("parseMessage takes 127 levels of nesting and drops deeper text", () => {
  const nested = (levels: number) => {
    const inner = "[".repeat(levels) + "]".repeat(levels);
    return parseMessage(`{"id":1,"method":"a","params":${inner}}`).kind;
  };
  deepEqual([nested(100), nested(126), nested(127), nested(100_000)], [
    "request",
    "request",
    "dropped",
    "dropped",
  ]);
  const objects = (levels: number) =>
    parseMessage(`{"method":"a","params":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`).kind;
  deepEqual([objects(126), objects(127)], ["notification", "dropped"]);
});

Deno.test("parseMessage never throws, and drops only with a reason", () => {
  const check = (text: string) => {
    const message = parseMessage(text);
    if (message.kind === "dropped") equal(message.reason.length > 0, true);
  };
  fc.assert(fc.property(fc.string({ unit: "binary" }), check));
  fc.assert(fc.property(fc.json(), check));
  const value = fc.jsonValue();
  const record = fc.record(
    { id: value, method: fc.oneof(fc.string(), value), params: value, result: value, error: value },
    { requiredKeys: [] },
  );
  fc.assert(fc.property(record, (message) => check(JSON.stringify(message))));
});

Deno.test("encoded messages come back as they were", () => {
  const id = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.bigInt(2n ** 53n, 2n ** 63n - 1n));
  const params = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(fc.property(id, fc.string(), params, (id, method, params) => {
    const expected: unknown = JSON.parse(JSON.stringify(params));
    deepEqual(parseMessage(encodeRequest({ id, method, params })), {
      kind: "request",
      id: id === 0 ? 0 : id,
      method,
      params: expected,
    });
    deepEqual(parseMessage(encodeNotification({ method, params })), {
      kind: "notification",
      method,
      params: expected,
    });
  }));
});

Deno.test("messages are written in upstream's key order and without a jsonrpc member", () => {
  equal(encodeResult(1, { a: 1 }), '{"id":1,"result":{"a":1}}');
  equal(encodeResult("x", new EncodedJson("[1]")), '{"id":"x","result":[1]}');
  equal(encodeResult(1, undefined), '{"id":1,"result":null}');
  equal(encodeError(1, new RpcError(-5, "m")), '{"error":{"code":-5,"message":"m"},"id":1}');
  equal(
    encodeError(1, new RpcError(-5, "m", { reason: "r" })),
    '{"error":{"code":-5,"message":"m","data":{"reason":"r"}},"id":1}',
  );
  equal(encodeRequest({ id: 1, method: "a", params: undefined }), '{"method":"a","id":1}');
  equal(
    encodeNotification({ method: "a", params: {}, emittedAtMs: 5 }),
    '{"method":"a","params":{},"emittedAtMs":5}',
  );
});

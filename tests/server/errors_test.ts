/** Bad requests get the codes and words that clients of Codex match on, and a reason that they can rely on. */
import assert from "node:assert/strict";
import { allRequestMethods } from "../../src/protocol/mod.ts";
import { startServer, text } from "../support/server.ts";
import { RawPeer } from "./raw_peer.ts";

const INVALID = -32600;
const NOBODY = "0199c0de-0000-7000-8000-000000000000";
const INITIALIZE = { clientInfo: { name: "raw", version: "1" } };

Deno.test("a request before initialize is refused", async () => {
  await using server = await startServer();
  const peer = new RawPeer(server.server);
  assert.deepEqual(await peer.refusal("thread/loaded/list", {}), {
    code: INVALID,
    message: "Not initialized",
    reason: "notInitialized",
  });
});

Deno.test("initialize is refused with the reason, and only once accepted", async () => {
  await using server = await startServer();
  const peer = new RawPeer(server.server);
  const cases = [
    { params: undefined, message: "Invalid request: missing field `params`" },
    { params: {}, message: "Invalid request: missing field `clientInfo`" },
  ];
  for (const { params, message } of cases) {
    const refusal = await peer.refusal("initialize", params);
    assert.deepEqual(refusal, { code: INVALID, message, reason: "missingField" });
  }
  assert.deepEqual(
    await peer.refusal("initialize", { clientInfo: { name: "a\nb", version: "1" } }),
    {
      code: INVALID,
      message: "Invalid clientInfo.name: 'a\nb'. Must be a valid HTTP header value.",
      reason: "invalidClientName",
    },
  );
  assert.ok((await peer.call("initialize", INITIALIZE)).result.userAgent.startsWith("raw/"));
  assert.deepEqual(await peer.refusal("initialize", INITIALIZE), {
    code: INVALID,
    message: "Already initialized",
    reason: "alreadyInitialized",
  });
});

Deno.test("requests are answered before the initialized notification", async () => {
  await using server = await startServer();
  const peer = new RawPeer(server.server);
  await peer.call("initialize", INITIALIZE);
  assert.deepEqual((await peer.call("thread/list", {})).result, { data: [], nextCursor: null });
});

Deno.test("an unknown method is an unknown variant, before and after initialize", async () => {
  await using server = await startServer();
  const peer = new RawPeer(server.server);
  const known = (await allRequestMethods()).map((method) => `\`${method}\``).join(", ");
  const expected = {
    code: INVALID,
    message: `Invalid request: unknown variant \`nope/none\`, expected one of ${known}`,
    reason: "unknownMethod",
  };
  assert.deepEqual(await peer.refusal("nope/none", {}), expected);
  await peer.call("initialize", INITIALIZE);
  assert.deepEqual(await peer.refusal("nope/none", {}), expected);
  assert.deepEqual(await peer.refusal("nope/none"), expected);
  assert.match(expected.message, /expected one of `initialize`, .*`thread\/start`/);
});

Deno.test("params that do not fit are refused in upstream's words", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const cases = [
    { method: "thread/read", params: undefined, says: "missing field `params`" },
    { method: "thread/list", params: undefined, says: "missing field `params`" },
    { method: "thread/list", params: null, says: "missing field `params`" },
    { method: "thread/read", params: {}, says: "missing field `threadId`" },
    {
      method: "thread/read",
      params: { threadId: 5 },
      says: "invalid type: integer `5`, expected a string",
      reason: "invalidType",
    },
    {
      method: "thread/start",
      params: { approvalPolicy: "bogus" },
      says: "unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, " +
        "`granular`, `never`",
      reason: "unknownVariant",
    },
  ];
  for (const { method, params, says, reason = "missingField" } of cases) {
    assert.deepEqual(await peer.refusal(method, params), {
      code: INVALID,
      message: `Invalid request: ${says}`,
      reason,
    });
  }
});

Deno.test("bad user input names the variants", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const input = [{ type: "bogus" }];
  const refusal = await peer.refusal("turn/start", { threadId: NOBODY, input });
  assert.equal(refusal.reason, "unknownVariant");
  assert.match(
    refusal.message ?? "",
    /unknown variant `bogus`, expected one of `text`, `image`, `localImage`, `skill`, `mention`/,
  );
});

Deno.test("params of another shape are taken as upstream takes them", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  for (const params of [{}, null, undefined]) {
    const { result } = await peer.call("configRequirements/read", params);
    assert.deepEqual(result, { requirements: null });
  }
  const extra = await peer.call("thread/list", { limit: 1, somethingNew: { deep: [1] } });
  assert.deepEqual(extra.result, { data: [], nextCursor: null });
  const byPosition = await peer.refusal("thread/read", ["x"]);
  assert.match(byPosition.message ?? "", /^invalid thread id: /);
});

Deno.test("experimental fields need the capability", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server, {});
  const cases = [
    { params: { experimentalRawEvents: true }, name: "thread/start.experimentalRawEvents" },
    { params: { persistExtendedHistory: true }, name: "thread/start.persistFullHistory" },
    { params: { dynamicTools: [{ name: "x" }] }, name: "thread/start.dynamicTools" },
  ];
  for (const { params, name } of cases) {
    assert.deepEqual(await peer.refusal("thread/start", params), {
      code: INVALID,
      message: `${name} requires experimentalApi capability`,
      reason: "experimentalApiRequired",
    });
  }
  const unused = { experimentalRawEvents: false, persistExtendedHistory: false, dynamicTools: [] };
  assert.ok((await peer.call("thread/start", unused)).result.thread.id);
  const able = await RawPeer.initialized(server.server);
  assert.ok((await able.call("thread/start", { persistExtendedHistory: true })).result.thread.id);
});

Deno.test("a client without the capability runs a turn", async () => {
  await using server = await startServer({ responses: [{ kind: "usage", usage: null }] });
  const client = await server.connect({ experimentalApi: false });
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("hi") });
  assert.equal((await client.next("turn/completed")).turn.status, "completed");
});

Deno.test("a thread id that is no uuid is refused by every method that takes one", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const calls: Record<string, Record<string, unknown>> = {
    "thread/read": {},
    "thread/resume": {},
    "thread/fork": {},
    "thread/name/set": { name: "x" },
    "thread/archive": {},
    "thread/unarchive": {},
    "thread/unsubscribe": {},
    "thread/metadata/update": { gitInfo: { branch: "b" } },
    "turn/start": { input: [] },
    "turn/steer": { input: [], expectedTurnId: "t" },
    "turn/interrupt": { turnId: "t" },
  };
  for (const [method, params] of Object.entries(calls)) {
    assert.deepEqual(await peer.refusal(method, { threadId: "nope", ...params }), {
      code: INVALID,
      message: "invalid thread id: invalid character: expected an optional prefix of " +
        "`urn:uuid:` followed by [0-9a-fA-F-], found `n` at 1",
      reason: "invalidRequest",
    }, method);
  }
});

Deno.test("a thread that does not exist is refused in the words of each method", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const input = text("hi");
  const cases = [
    ["thread/read", {}, `thread not loaded: ${NOBODY}`, "threadNotLoaded"],
    ["turn/start", { input }, `thread not found: ${NOBODY}`, "threadNotLoaded"],
    ["turn/interrupt", { turnId: "t" }, `thread not found: ${NOBODY}`, "threadNotLoaded"],
    ["thread/resume", {}, `no rollout found for thread id ${NOBODY}`, "rolloutNotFound"],
    ["thread/fork", {}, `no rollout found for thread id ${NOBODY}`, "rolloutNotFound"],
    ["thread/archive", {}, `no rollout found for thread id ${NOBODY}`, "rolloutNotFound"],
    [
      "thread/unarchive",
      {},
      `no archived rollout found for thread id ${NOBODY}`,
      "rolloutNotFound",
    ],
  ] as const;
  for (const [method, params, message, reason] of cases) {
    const refusal = await peer.refusal(method, { threadId: NOBODY, ...params });
    assert.deepEqual(refusal, { code: INVALID, message, reason }, method);
  }
  const unsubscribed = await peer.call("thread/unsubscribe", { threadId: NOBODY });
  assert.deepEqual(unsubscribed.result, { status: "notLoaded" });
});

Deno.test("what is no message is dropped without an answer, and the connection stays", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const answered = peer.frames.length;
  const dropped = [
    '{"id":1,"method":',
    "5",
    '"text"',
    "null",
    "",
    "[]",
    '[{"id":2,"method":"thread/loaded/list","params":{}}]',
    '{"id":3,"method":"thread/loaded/list","params":{}}{"id":4}',
    '{"id":null,"method":"thread/loaded/list","params":{}}',
    '{"id":1.5,"method":"thread/loaded/list","params":{}}',
    '{"id":9223372036854775808,"method":"thread/loaded/list","params":{}}',
    '{"id":77,"result":{"decision":"accept"}}',
    '{"id":78,"error":{"code":1,"message":"x"}}',
    '{"method":"nobody/knows","params":{"a":1}}',
  ];
  for (const frame of dropped) peer.send(frame);
  assert.deepEqual((await peer.call("thread/loaded/list", {})).result.data, []);
  assert.equal(peer.frames.length, answered + 1);
});

Deno.test("ids come back as they were sent, and there is never a jsonrpc member", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  for (const id of [0, -7, 12, "abc", ""]) {
    peer.send(JSON.stringify({ jsonrpc: "1.7", id, method: "thread/loaded/list", params: {} }));
    const answer = await peer.until((frame) => frame.id === id);
    assert.deepEqual(answer, { id, result: { data: [], nextCursor: null } });
  }
});

Deno.test("notifications that a client opted out of are not sent to it, and to others they are", async () => {
  await using server = await startServer({ responses: [{ kind: "usage", usage: null }] });
  const deaf = await RawPeer.initialized(server.server, {
    optOutNotificationMethods: ["thread/started", "turn/started", "nobody/knows"],
  });
  const other = await RawPeer.initialized(server.server);
  const { result } = await deaf.call("thread/start", {});
  const threadId = result.thread.id;
  await deaf.call("turn/start", { threadId, input: text("hi") });
  await deaf.untilMethod("turn/completed");
  const methods = deaf.frames.map((frame) => frame.method);
  assert.ok(methods.includes("thread/status/changed"));
  assert.ok(!methods.includes("thread/started"));
  assert.ok(!methods.includes("turn/started"));
  assert.equal((await other.untilMethod("thread/started")).params.thread.id, threadId);
});

Deno.test("a broken config file is named by the first request, and repaired by the next", async () => {
  await using server = await startServer();
  const path = `${server.home}/home/config.toml`;
  const good = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, 'approval_policy = "sometimes"\n');
  const peer = await RawPeer.initialized(server.server);
  const refusal = await peer.refusal("thread/start", {});
  assert.equal(refusal.reason, "invalidConfig");
  assert.match(refusal.message ?? "", /`approval_policy` at .*config\.toml:1/);
  await Deno.writeTextFile(path, good);
  assert.ok((await peer.call("thread/start", {})).result.thread.id);
});

import assert from "node:assert/strict";
import { CLOSE_CODES, closeText, exitCodeOfClose, sentCode } from "../../src/rpc/close_codes.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { ConnectionClosed } from "../../src/rpc/pending_calls.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";

Deno.test("every close code is one that a server may send, and stands in the README", async () => {
  const all = Object.values(CLOSE_CODES);
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length);
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  for (const { code, meaning, exitCode } of all) {
    assert.ok([1000, 1001, 1009, 1011].includes(code) || (code >= 4000 && code < 5000));
    const row = new RegExp(`^\\| ${code} +\\| ${meaning} +\\| ${exitCode} +\\|$`, "m");
    assert.ok(row.test(readme), `The README does not have ${code}`);
  }
});

Deno.test("exitCodeOfClose tells a good end from a bad one, and knows what to say about others", () => {
  assert.equal(exitCodeOfClose(1000), 0);
  assert.equal(exitCodeOfClose(1001), 69);
  assert.equal(exitCodeOfClose(4001), 77);
  for (const code of [null, 0, 1006, 1012, 3000, 4999]) assert.equal(exitCodeOfClose(code), 69);
});

Deno.test("sentCode passes over the codes that nobody sends", () => {
  assert.deepEqual([0, 1005, 1006, 1001, 4001].map(sentCode), [
    undefined,
    undefined,
    undefined,
    1001,
    4001,
  ]);
});

Deno.test("closeText says in words how a connection ended that nobody gave a reason for", () => {
  assert.equal(closeText(1005), "closed by the other side");
  assert.equal(closeText(1000), "closed by the other side");
  assert.equal(closeText(1006), "the connection broke off");
  assert.equal(closeText(1001), "closed with code 1001: The server was told to stop or to restart");
  assert.equal(closeText(4711), "closed with code 4711");
});

Deno.test("both ends of a connection know its close code, and so do calls that it ended", async () => {
  const [left, right] = memoryTransportPair();
  const ended = Promise.withResolvers<[string, number | null]>();
  const caller = new Connection({
    transport: left,
    request: () => ({}),
    notification: () => {},
    closed: (reason, code) => ended.resolve([reason, code]),
  });
  const server = new Connection({
    transport: right,
    request: () => new Promise(() => {}),
    notification: () => {},
  });
  const call = caller.request("wait", {});
  server.close("going down", CLOSE_CODES.shutdown.code);
  assert.deepEqual([server.closeCode, server.closeReason], [1001, "going down"]);
  assert.deepEqual(await ended.promise, ["going down", 1001]);
  assert.equal(caller.closeCode, 1001);
  const error = await call.catch((reason: unknown) => reason);
  assert.ok(error instanceof ConnectionClosed);
  assert.equal(error.code, 1001);
});

Deno.test("a connection counts what came and what was sent", async () => {
  const [left, right] = memoryTransportPair();
  const caller = new Connection({ transport: left, request: () => ({}), notification: () => {} });
  const server = new Connection({ transport: right, request: () => "ä", notification: () => {} });
  await caller.request("ask", {});
  assert.equal(caller.traffic.sentBytes, '{"id":1,"method":"ask","params":{}}'.length);
  assert.equal(caller.traffic.receivedBytes, '{"id":1,"result":"ä"}'.length);
  assert.deepEqual(server.traffic, {
    receivedBytes: caller.traffic.sentBytes,
    sentBytes: caller.traffic.receivedBytes,
  });
  caller.close();
});

/** Tests which `--listen` values are addresses. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkListenUrl, parseListenUrl } from "../../src/cli/listen_url.ts";

Deno.test("parseListenUrl accepts IP literals with a port only", () => {
  const websocket = (hostname: string, port: number) => ({ type: "websocket", hostname, port });
  assert.deepEqual(parseListenUrl("stdio://"), { type: "stdio" });
  assert.deepEqual(parseListenUrl("off"), { type: "off" });
  assert.deepEqual(parseListenUrl("ws://127.0.0.1:0"), websocket("127.0.0.1", 0));
  assert.deepEqual(parseListenUrl("ws://[::1]:65535"), websocket("::1", 65535));
  assert.deepEqual(parseListenUrl("ws://0.0.0.0:9501"), websocket("0.0.0.0", 9501));
  const bad = [
    "ws://localhost:1",
    "ws://127.0.0.1",
    "ws://127.0.0.1:",
    "ws://127.0.0.1:65536",
    "ws://127.0.0.1:1/path",
    "ws://127.1:1",
    "ws://256.0.0.1:1",
    "ws://1.2.3.4.:1",
    "ws://1.2.3.4.5:1",
    "ws://[1.2.3.4]:1",
    "ws://[::g]:1",
    "wss://127.0.0.1:1",
    "http://127.0.0.1:1",
    "stdio",
    "",
  ];
  for (const value of bad) {
    assert.equal(parseListenUrl(value), null, value);
    assert.ok(checkListenUrl(value)?.includes(`\`${value}\``));
  }
});

Deno.test("parseListenUrl decides for any text", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.ipV4()), (text) => {
    for (const value of [text, `ws://${text}`, `ws://[${text}]:1`]) {
      assert.equal(parseListenUrl(value) === null, checkListenUrl(value) !== null);
    }
  }));
});

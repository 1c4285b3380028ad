/** Tests which `--listen` values are addresses. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkListenUrl, parseListenUrl } from "../../src/cli/listen_url.ts";

Deno.test("parseListenUrl accepts IP literals with a port only", () => {
  const websocket = (hostname: string, port: number, isSecure = false) => ({
    type: "websocket",
    hostname,
    port,
    isSecure,
  });
  assert.deepEqual(parseListenUrl("stdio://"), { type: "stdio" });
  assert.deepEqual(parseListenUrl("off"), { type: "off" });
  assert.deepEqual(parseListenUrl("ws://127.0.0.1:0"), websocket("127.0.0.1", 0));
  assert.deepEqual(parseListenUrl("ws://[::1]:65535"), websocket("::1", 65535));
  assert.deepEqual(parseListenUrl("ws://0.0.0.0:9501"), websocket("0.0.0.0", 9501));
  assert.deepEqual(parseListenUrl("wss://[::]:9501"), websocket("::", 9501, true));
  assert.deepEqual(parseListenUrl("unix://"), { type: "unix", path: null });
  assert.deepEqual(parseListenUrl("unix:///run/a b.sock"), { type: "unix", path: "/run/a b.sock" });
  assert.deepEqual(parseListenUrl("unix://a.sock"), { type: "unix", path: "a.sock" });
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
    "wss://localhost:1",
    "wss://127.0.0.1",
    "unix:/a",
    "unix://a\0b",
    "http://127.0.0.1:1",
    "stdio",
    "",
  ];
  for (const value of bad) {
    assert.equal(parseListenUrl(value), null, value);
    assert.ok(checkListenUrl(value)?.includes(`\`${value}\``));
  }
  assert.equal(
    checkListenUrl("wss://localhost:1"),
    "invalid websocket --listen URL `wss://localhost:1`; expected `wss://IP:PORT`",
  );
  assert.equal(
    checkListenUrl("http://x"),
    "unsupported --listen URL `http://x`; expected `stdio://`, `unix://`, `unix://PATH`, " +
      "`ws://IP:PORT`, `wss://IP:PORT`, or `off`",
  );
});

Deno.test("parseListenUrl decides for any text", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.ipV4()), (text) => {
    for (const value of [text, `ws://${text}`, `wss://[${text}]:1`, `unix://${text}`]) {
      assert.equal(parseListenUrl(value) === null, checkListenUrl(value) !== null);
    }
  }));
});

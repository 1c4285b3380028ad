/** The pure parts of the exec-server, under arbitrary input. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type OutputChunk, RetainedOutput } from "../../src/exec/exec_server/retained_output.ts";
import { execListenProblem, parseExecListenUrl } from "../../src/cli/listen_url.ts";
import { fileUri, likeNamed, placeOf } from "../../src/protocol/exec_server_fields.ts";

Deno.test("placeOf reads any text without throwing, and what fileUri wrote as it was", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const place = placeOf(text);
    assert.ok(place === null || place.startsWith("/"));
  }));
  const name = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("/"));
  fc.assert(fc.property(fc.array(name, { minLength: 1 }), (names) => {
    const path = `/${names.filter((one) => one !== "." && one !== "..").join("/")}`;
    fc.pre(!path.startsWith("//"));
    assert.equal(placeOf(fileUri(path)), path);
    assert.equal(likeNamed(path, { named: "/x" }), path);
  }));
  assert.equal(placeOf("file:///a%20b"), "/a b");
  for (const text of ["a", "file://host/a", "file:///a?b", "file:///%zz", "https://x/a", "file:"]) {
    if (text !== "file:") assert.equal(placeOf(text), null, text);
  }
});

Deno.test("RetainedOutput keeps the latest chunks, and returns those after a number once each", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(sizes, fc.nat(50), fc.nat(900_000), (all, after, maxBytes) => {
    const retained = new RetainedOutput();
    const pushed: { output: OutputChunk; bytes: number }[] = [];
    for (const [index, bytes] of all.entries()) {
      const output: OutputChunk = { seq: index + 1, stream: "stdout", chunk: `${bytes}` };
      pushed.push({ output, bytes });
      retained.push(output, bytes);
    }
    let first = pushed.length - 1;
    for (let bytes = pushed[first]?.bytes ?? 0; first > 0; first--) {
      bytes += pushed[first - 1]?.bytes ?? 0;
      if (bytes > 1024 * 1024) break;
    }
    const kept = pushed.slice(first).filter(({ output }) => output.seq > after);
    assert.deepEqual(retained.after(after, Infinity), kept.map(({ output }) => output));
    const some = retained.after(after, maxBytes);
    assert.deepEqual(some, kept.slice(0, some.length).map(({ output }) => output));
    assert.ok(some.length > 0 || kept.length === 0);
  }));
});

Deno.test("parseExecListenUrl takes ws addresses and stdio, and words the rest as upstream", () => {
  assert.deepEqual(parseExecListenUrl("stdio"), { type: "stdio" });
  assert.deepEqual(parseExecListenUrl("stdio://"), { type: "stdio" });
  assert.deepEqual(parseExecListenUrl("ws://127.0.0.1:0"), {
    type: "websocket",
    hostname: "127.0.0.1",
    port: 0,
  });
  for (const url of ["off", "unix://", "unix:///a.sock", "wss://127.0.0.1:0"]) {
    assert.equal(parseExecListenUrl(url), null);
  }
  assert.equal(
    execListenProblem("bogus"),
    "unsupported --listen URL `bogus`; expected `ws://IP:PORT`",
  );
  fc.assert(fc.property(fc.string(), (text) => void parseExecListenUrl(text)));
});

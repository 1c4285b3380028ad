import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { base64Problem, decodeBase64, encodeBase64 } from "../../src/exec/filesystem/base64.ts";
import { latin1, toBytes, toText } from "../../src/exec/filesystem/byte_text.ts";
import { bytesOf, finish } from "./filesystem_lab.ts";

Deno.test("bad base64 is refused in the words of upstream's decoder", () => {
  // Recorded from the real servers.
  const cases: [string, string][] = [
    ["!!!", "Invalid symbol 33, offset 0."],
    ["YQ", "Invalid padding"],
    ["YQ=", "Invalid padding"],
    ["A", "Invalid input length: 1"],
    ["AAAAA", "Invalid input length: 5"],
    ["YQ==YQ==", "Invalid symbol 61, offset 2."],
    ["YR==", "Invalid last symbol 82, offset 1."],
    ["YWE=\n", "Invalid symbol 10, offset 4."],
    ["YW E=", "Invalid symbol 32, offset 2."],
    ["YQ===", "Invalid symbol 61, offset 2."],
    ["====", "Invalid symbol 61, offset 0."],
    ["=", "Invalid symbol 61, offset 0."],
    ["AA=A", "Invalid symbol 61, offset 2."],
    ["YWJ", "Invalid padding"],
    ["é===", "Invalid symbol 195, offset 0."],
    ["YWFh=", "Invalid symbol 61, offset 4."],
    ["Y===", "Invalid symbol 61, offset 1."],
    ["YQ=A", "Invalid symbol 61, offset 2."],
    ["AAAA=AAA", "Invalid symbol 61, offset 4."],
    ["_-8=", "Invalid symbol 95, offset 0."],
  ];
  for (const [text, problem] of cases) {
    assert.equal(base64Problem(text), problem, text);
    assert.throws(() => finish(decodeBase64(text, "here")), { message: `here: ${problem}` });
  }
});

Deno.test("base64 comes back as it went, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const text = finish(encodeBase64(bytes));
    assert.equal(text, Buffer.from(bytes).toString("base64"));
    assert.deepEqual([...finish(decodeBase64(text, "x"))], [...bytes]);
  }));
});

Deno.test("base64 is accepted exactly if it is what an encoder gives", () => {
  const char = fc.constantFrom(..."AQYRZaz019+/=_- \n");
  fc.assert(fc.property(fc.string({ unit: char, maxLength: 12 }), (text) => {
    const canonical = Buffer.from(text, "base64").toString("base64") === text;
    const decode = () => finish(decodeBase64(text, "x"));
    if (canonical) assert.equal(finish(encodeBase64(decode())), text);
    else assert.throws(decode, { kind: "invalidRequest" });
  }));
});

Deno.test("long base64 is moved in pieces that fit together, and white space or padding in one is found", () => {
  const bytes = new Uint8Array(5 * 1024 * 1024 + 1).map((_, index) => index * 7);
  const text = finish(encodeBase64(bytes));
  assert.equal(text, Buffer.from(bytes).toString("base64"));
  const steps = decodeBase64(text, "x");
  assert.equal(steps.next().done, false);
  assert.equal(Buffer.compare(finish(decodeBase64(text, "x")), bytes), 0);
  for (
    const [bad, at] of [["\n", 100], ["=", 2 * 1024 * 1024 - 1], [" ", 4 * 1024 * 1024]] as const
  ) {
    const broken = text.slice(0, at) + bad + text.slice(at + 1);
    assert.throws(() => finish(decodeBase64(broken, "x")), {
      message: `x: Invalid symbol ${bad.charCodeAt(0)}, offset ${at}.`,
    });
  }
});

Deno.test("a path survives as bytes, and is shown with U+FFFD where it is not UTF-8", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(
      toText(toBytes(text)),
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(text)),
    );
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
    assert.equal(
      toText(latin1(bytes)),
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
    );
  }));
});

Deno.test("memory of an earlier text is used where it is enough, and not read", () => {
  const memory = new Uint8Array(8).fill(9).buffer;
  const bytes = finish(decodeBase64("QUJD", "x", { memory }));
  assert.equal(bytes.buffer, memory);
  assert.deepEqual([...bytes], [65, 66, 67]);
  const large = finish(decodeBase64("QUJDQUJDQUJD", "x", { memory }));
  assert.notEqual(large.buffer, memory);
  assert.equal(large.length, 9);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { outputText } from "../../src/exec/output_text.ts";

const encoder = new TextEncoder();

Deno.test("outputText reads UTF-8 as it is, marks included", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const bytes = encoder.encode(text);
    assert.equal(outputText(bytes), new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  }));
});

Deno.test("outputText takes anything, and what a limit has cut loses at most a character", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.equal(typeof outputText(bytes), "string");
  }));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat({ max: 40 }), (text, cut) => {
    const bytes = encoder.encode(text).subarray(0, cut);
    assert.ok(text.startsWith(outputText(bytes)), JSON.stringify(text));
  }));
});

Deno.test("outputText reads other encodings by their mark, or as the West writes", () => {
  const cases: [number[], string][] = [
    [[0xff, 0xfe, 0x6f, 0x6b], "歯"],
    [[0xfe, 0xff, 0x00, 0x41], "A"],
    [[0x63, 0x61, 0x66, 0xe9, 0x21], "café!"],
    [[0x93, 0x78, 0x94, 0x20], "“x” "],
    [[...encoder.encode("größer"), 0xff, 0x21], "größer\ufffd!"],
    [[0, 1, 0xff, 2], "\0\x01\ufffd\x02"],
  ];
  for (const [bytes, expected] of cases) {
    assert.equal(outputText(new Uint8Array(bytes)), expected);
  }
});

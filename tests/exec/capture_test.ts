import assert from "node:assert/strict";
import fc from "fast-check";
import { captureText, HeadTailBuffer } from "../../src/exec/capture.ts";
import { CharacterAligner } from "../../src/exec/utf8.ts";

const encoder = new TextEncoder();

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
}

Deno.test("HeadTailBuffer keeps everything that fits and counts lines", () => {
  const buffer = new HeadTailBuffer(100);
  buffer.push(encoder.encode("one\ntwo\n"));
  buffer.push(encoder.encode("three"));
  assert.deepEqual(buffer.snapshot(), {
    head: "one\ntwo\nthree",
    tail: "",
    omittedBytes: 0,
    totalBytes: 13,
    totalLines: 2,
  });
});

Deno.test("HeadTailBuffer keeps head and tail and says how much it dropped", () => {
  const buffer = new HeadTailBuffer(10);
  for (const text of ["abc", "defgh", "ijklmno", "pqrstuvwxyz"]) buffer.push(encoder.encode(text));
  const capture = buffer.snapshot();
  assert.equal(capture.head, "abcde");
  assert.equal(capture.tail, "vwxyz");
  assert.equal(capture.omittedBytes, 16);
  assert.equal(captureText(capture), "abcde\n[... 16 bytes omitted ...]\nvwxyz");
});

Deno.test("HeadTailBuffer starts anew after take", () => {
  const buffer = new HeadTailBuffer(10);
  buffer.push(encoder.encode("a".repeat(50)));
  assert.equal(buffer.take().totalBytes, 50);
  buffer.push(encoder.encode("next"));
  assert.equal(captureText(buffer.take()), "next");
  assert.equal(buffer.take().totalBytes, 0);
});

Deno.test("HeadTailBuffer copies chunks that the caller reuses", () => {
  const buffer = new HeadTailBuffer(10);
  const chunk = encoder.encode("abc");
  buffer.push(chunk);
  chunk.fill(0);
  assert.equal(buffer.snapshot().head, "abc");
});

Deno.test("HeadTailBuffer accounts for every byte and never splits a character", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(fc.property(fc.array(text), fc.integer({ min: 8, max: 64 }), (texts, maxBytes) => {
    const buffer = new HeadTailBuffer(maxBytes);
    for (const part of texts) buffer.push(encoder.encode(part));
    const whole = texts.map((part) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoder.encode(part))
    ).join("");
    const { head, tail, omittedBytes, totalBytes } = buffer.snapshot();
    assert.equal(totalBytes, encoder.encode(whole).length);
    assert.ok(whole.startsWith(head));
    assert.ok(whole.endsWith(tail));
    assert.equal(
      encoder.encode(head).length + encoder.encode(tail).length + omittedBytes,
      totalBytes,
    );
    assert.ok(encoder.encode(head + tail).length <= maxBytes);
  }));
});

Deno.test("CharacterAligner passes on every byte and cuts only between characters", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(fc.property(text, fc.array(fc.nat({ max: 9 })), (value, sizes) => {
    const bytes = encoder.encode(value);
    const aligner = new CharacterAligner();
    const passed: Uint8Array[] = [];
    let at = 0;
    for (const size of [...sizes, bytes.length]) {
      passed.push(aligner.push(bytes.slice(at, at + size)).slice());
      at += size;
    }
    passed.push(aligner.finish());
    assert.deepEqual(concat(passed), bytes);
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for (const chunk of passed) decoder.decode(chunk);
  }));
});

Deno.test("CharacterAligner passes broken bytes on and holds back at most three", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (chunks) => {
    const aligner = new CharacterAligner();
    let pushed = 0;
    let passed = 0;
    for (const chunk of chunks) {
      pushed += chunk.length;
      passed += aligner.push(chunk).length;
      assert.ok(pushed - passed <= 3);
    }
    assert.equal(passed + aligner.finish().length, pushed);
  }));
});

import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { LineBuffer } from "../../src/rpc/line_buffer.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Takes all there is. */
function drain(buffer: LineBuffer): string {
  const chunks: Uint8Array[] = [];
  for (let bytes = buffer.take(); bytes; bytes = buffer.take()) {
    chunks.push(bytes.slice());
    buffer.release();
  }
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return decoder.decode(all);
}

Deno.test("LineBuffer gives every line once and in order, whatever is pushed and taken when", () => {
  const length = fc.oneof(
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: 60_000, max: 70_000 }),
    fc.integer({ min: 524_280, max: 524_290 }),
    fc.constant(3_000_000),
  );
  const line = fc.tuple(length, fc.constantFrom("x", "é", "€", "😀"))
    .map(([count, unit]) => unit.repeat(Math.floor(count / unit.length)));
  const step = fc.oneof(line, fc.constant(null));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const buffer = new LineBuffer();
      const expected: string[] = [];
      let found = "";
      for (const text of steps) {
        if (text !== null) {
          buffer.push(text);
          expected.push(`${text}\n`);
        } else {
          const bytes = buffer.take();
          // No character is cut between two blocks.
          if (bytes) found += decoder.decode(bytes);
          buffer.release();
        }
      }
      found += drain(buffer);
      // The texts are too long to be shown.
      ok(found === expected.join(""));
      equal(buffer.bytes, 0);
    }),
    { numRuns: 60 },
  );
});

Deno.test("LineBuffer uses the same memory again", () => {
  const buffer = new LineBuffer();
  const seen = new Set<ArrayBufferLike>();
  for (let count = 0; count < 20; count++) {
    buffer.push("x".repeat(100_000));
    seen.add(buffer.take()?.buffer ?? new ArrayBuffer(0));
    buffer.release();
  }
  equal(seen.size, 1);
});

Deno.test("LineBuffer leaves what was taken alone until it is released, and counts it", () => {
  const buffer = new LineBuffer();
  buffer.push("a".repeat(100_000));
  const taken = buffer.take();
  buffer.push("b".repeat(100_000));
  equal(taken && decoder.decode(taken), `${"a".repeat(100_000)}\n`);
  equal(buffer.bytes, 200_002);
  buffer.release();
  const next = buffer.take();
  equal(next && decoder.decode(next), `${"b".repeat(100_000)}\n`);
});

Deno.test("LineBuffer joins short lines, and forgets all of them when it is cleared", () => {
  const buffer = new LineBuffer();
  for (const text of ["a", "", "b"]) buffer.push(text);
  const taken = buffer.take();
  equal(taken && decoder.decode(taken), "a\n\nb\n");
  buffer.release();
  buffer.push("c".repeat(5_000_000));
  buffer.clear();
  deepEqual([buffer.bytes, buffer.take()], [0, null]);
});

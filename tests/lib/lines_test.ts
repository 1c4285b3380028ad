import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { describeLineProblem, LineSplitter } from "../../src/lib/lines.ts";

const encoder = new TextEncoder();

/** What a splitter makes of chunks; problems are written as `!kind`. */
function split(chunks: readonly Uint8Array[], limitBytes?: number): string[] {
  const found: string[] = [];
  const splitter = new LineSplitter({
    line: (text) => found.push(text),
    problem: (problem) => found.push(`!${problem.kind}`),
  }, limitBytes === undefined ? {} : { limitBytes });
  for (const chunk of chunks) {
    // The splitter may not keep the caller's array.
    const reused = chunk.slice();
    splitter.push(reused);
    reused.fill(88);
  }
  splitter.end();
  return found;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(start, start + size));
    start += size;
  }
  return [...chunks, bytes.subarray(start)];
}

Deno.test("LineSplitter gives empty lines, a last line without newline, and keeps carriage returns", () => {
  deepEqual(split([encoder.encode("a\n\nb\r\nlast")]), ["a", "", "b\r", "last"]);
  deepEqual(split([encoder.encode("\n")]), [""]);
  deepEqual(split([]), []);
});

Deno.test("LineSplitter gives the same lines however the bytes are cut", () => {
  const piece = fc.oneof(fc.constant("\n"), fc.string({ unit: "grapheme", maxLength: 9 }));
  const text = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
  const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 });
  fc.assert(fc.property(text, sizes, (content, cuts) => {
    const bytes = encoder.encode(content);
    const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
    if (expected.at(-1) === "") expected.pop();
    deepEqual(split(cut(bytes, cuts)), expected);
  }));
});

Deno.test("LineSplitter skips a line over the limit and goes on with the next", () => {
  const bytes = encoder.encode("short\n0123456789A\n0123456789\nend");
  for (const size of [1, 3, 7, 100]) {
    const sizes = Array.from({ length: 40 }, () => size);
    deepEqual(split(cut(bytes, sizes), 10), ["short", "!tooLong", "0123456789", "end"]);
  }
  deepEqual(split([encoder.encode("0123456789A")], 10), ["!tooLong"]);
});

Deno.test("LineSplitter reports a line that is not UTF-8 and keeps an honest replacement character", () => {
  const bad = Uint8Array.of(...encoder.encode("ok \uFFFD\n"), 0xff, 0xfe, 10, 65, 10);
  deepEqual(split([bad]), ["ok \uFFFD", "!notUtf8", "A"]);
  equal(describeLineProblem({ kind: "notUtf8" }), "Line is not valid UTF-8");
});

Deno.test("LineSplitter never throws and never loses a good line among random bytes", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }),
    fc.integer({ min: 1, max: 40 }),
    (chunks, limitBytes) => {
      const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
      const found = split([...chunks, encoder.encode("\nmark\n")], Math.max(4, limitBytes));
      equal(found.at(-1), "mark");
      equal(found.length, bytes.filter((byte) => byte === 10).length + 2);
    },
  ));
});

Deno.test("LineSplitter takes a line of 20 MB in small chunks", () => {
  const line = new Uint8Array(20_000_000).fill(97);
  const found: number[] = [];
  const splitter = new LineSplitter({
    line: (text) => found.push(text.length),
    problem: () => found.push(-1),
  });
  for (let start = 0; start < line.length; start += 65_536) {
    splitter.push(line.subarray(start, start + 65_536));
  }
  splitter.push(encoder.encode("\nx\n"));
  deepEqual(found, [20_000_000, 1]);
});

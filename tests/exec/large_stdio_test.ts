import { equal } from "node:assert/strict";
import fc from "fast-check";
import { prepareLargeStdio } from "../../src/exec/large_stdio.ts";
import { LineSplitter } from "../../src/lib/lines.ts";

const search = prepareLargeStdio();

Deno.test({
  name: "the search of the C library finds what JavaScript finds, in parts of a buffer, too",
  ignore: search === null,
  fn() {
    fc.assert(fc.property(
      fc.uint8Array({ max: 12, maxLength: 40 }),
      fc.nat(40),
      (bytes, start) => {
        const part = new Uint8Array(bytes).subarray(start);
        equal(search?.first(part, 10), part.indexOf(10));
        equal(search?.last(part, 10), part.lastIndexOf(10));
      },
    ));
  },
});

Deno.test({
  name: "LineSplitter finds the same lines in large chunks with the search of the C library",
  ignore: search === null,
  fn() {
    const line = fc.integer({ min: 0, max: 9000 }).map((length) => "x".repeat(length));
    const cuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 10 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 10 }), cuts, (lines, sizes) => {
        const found: string[] = [];
        const splitter = new LineSplitter({
          line: (text) => found.push(text),
          problem: ({ kind }) => found.push(kind),
        });
        if (search) splitter.searchWith(search);
        let bytes = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(""));
        for (const size of [...sizes, Infinity]) {
          splitter.push(bytes.subarray(0, size));
          bytes = bytes.subarray(size);
        }
        splitter.end();
        equal(found.join("\n"), lines.join("\n"));
      }),
    );
  },
});

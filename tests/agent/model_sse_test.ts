import assert from "node:assert/strict";
import fc from "fast-check";
import { ModelError } from "../../src/agent/model/port.ts";
import { createSseParser } from "../../src/agent/model/sse.ts";

type Event = readonly [string, string];

function parse(chunks: readonly Uint8Array[]): Event[] {
  const events: Event[] = [];
  const parser = createSseParser((name, data) => void events.push([name, data]));
  for (const chunk of chunks) parser.feed(chunk);
  return events;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("sse parses a stream that is cut at any byte", () => {
  const stream = encode(
    "\ufeff: a comment\r\nevent: a\r\ndata: zwölf € 🙂\r\n\r\ndata:x\rdata: y\r\rid: 7\nretry: 5\n" +
      'event: b\ndata: {"a":1}\n\n\n\ndata\n\nnonsense: 1\ndata: unfinished',
  );
  const expected = [["a", "zwölf € 🙂"], ["", "x\ny"], ["b", '{"a":1}'], ["", ""]];
  assert.deepEqual(parse([stream]), expected);
  for (let at = 0; at <= stream.length; at++) {
    assert.deepEqual(
      parse([stream.subarray(0, at), stream.subarray(at)]),
      expected,
      `cut at ${at}`,
    );
  }
  assert.deepEqual(parse([...stream].map((byte) => Uint8Array.of(byte))), expected);
});

Deno.test("sse agrees with a line by line reading of any stream, however it is cut", () => {
  const line = fc.oneof(
    fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replace(/[\r\n\0]/g, "")}`),
    fc.constantFrom("", "", "event: a", "event", ": comment", "id: 1", "junk", "data:"),
  );
  fc.assert(
    fc.property(
      fc.array(line),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.nat(40)),
      (lines, newline, cuts) => {
        const bytes = encode(lines.map((text) => text + newline).join(""));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of [...cuts, bytes.length]) {
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(parse(chunks), slowParse(lines));
      },
    ),
  );
});

/** The standard's algorithm, on whole lines. */
function slowParse(lines: readonly string[]): Event[] {
  const events: Event[] = [];
  let name = "";
  let data: string[] = [];
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push([name, data.join("\n")]);
      name = "";
      data = [];
    } else if (/^event(:|$)/.test(line)) name = line.slice(6).replace(/^ /, "");
    else if (/^data(:|$)/.test(line)) data.push(line.slice(5).replace(/^ /, ""));
  }
  return events;
}

Deno.test("sse takes any bytes without failing", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => {
    parse(chunks);
  }));
  assert.deepEqual(
    parse([Uint8Array.of(0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xc3), encode("\n\n")]),
    [
      ["", "\ufffd\ufffd"],
    ],
  );
});

for (const start of ["data: ", "data: a\ndata: ", "garbage", ":", ""]) {
  Deno.test(`sse ends an endless line that begins with ${JSON.stringify(start)}`, () => {
    const parser = createSseParser(() => undefined);
    const chunk = new Uint8Array(65536).fill(97);
    parser.feed(encode(start));
    let fed = 0;
    assert.throws(
      () => {
        for (; fed < 1e9; fed += chunk.length) parser.feed(chunk);
      },
      (error) =>
        error instanceof ModelError && !error.retryable &&
        /larger than 16 MiB$/.test(error.message),
    );
    assert.ok(fed <= 17 * 1024 * 1024, `${fed} bytes were taken`);
  });
}

Deno.test("sse ends an endless stream of small events", () => {
  const limits = { maxStreamChars: 1000 };
  const parser = createSseParser(() => undefined, limits);
  assert.throws(() => {
    for (let n = 0; n < 1000; n++) parser.feed(encode("data: x\n\n"));
  }, /the response is larger than 1000 characters/);
});

Deno.test("sse takes a long stream of comments between events", () => {
  const events: string[] = [];
  const parser = createSseParser((_name, data) => void events.push(data), { maxEventChars: 100 });
  for (let n = 0; n < 50; n++) parser.feed(encode(": keep-alive\n\ndata: x\n\n"));
  assert.equal(events.length, 50);
});

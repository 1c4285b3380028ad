import { deepEqual, equal, match } from "node:assert/strict";
import { stdioTransport } from "../../src/rpc/stdio.ts";
import { Collector } from "./transport_pairs.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An output that records its writes and holds each back until it is released. */
class GatedOutput {
  readonly writes: string[] = [];
  isBroken = false;
  #gate = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    if (this.isBroken) throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    this.writes.push(decoder.decode(bytes));
    await this.#gate.promise;
    return bytes.length;
  }

  release(): void {
    this.#gate.resolve();
  }
}

function inputOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => encoder.encode(chunk)));
}

/** An input that never ends. */
function silence(): ReadableStream<Uint8Array> {
  return new ReadableStream({});
}

Deno.test("stdio transport joins what is sent in one tick into one write, one at a time", async () => {
  const output = new GatedOutput();
  const transport = stdioTransport({ input: silence(), output });
  const sink = new Collector();
  transport.open(sink);
  for (const text of ["a", "b", "c"]) transport.send(text);
  await Promise.resolve();
  deepEqual(output.writes, ["a\nb\nc\n"]);
  for (const text of ["d", "e"]) transport.send(text);
  await Promise.resolve();
  deepEqual(output.writes, ["a\nb\nc\n"]);
  equal(transport.bufferedBytes, "a\nb\nc\n".length + "d\ne\n".length);
  output.release();
  await transport.flushed();
  deepEqual(output.writes, ["a\nb\nc\n", "d\ne\n"]);
  equal(transport.bufferedBytes, 0);
  transport.close();
  await sink.closing.promise;
});

Deno.test("stdio transport writes the rest when the system takes only a part", async () => {
  const written: number[] = [];
  const output = {
    write: (bytes: Uint8Array) => {
      const count = Math.min(2, bytes.length);
      written.push(...bytes.subarray(0, count));
      return Promise.resolve(count);
    },
  };
  const transport = stdioTransport({ input: silence(), output });
  transport.send("häßlich");
  await transport.flushed();
  equal(decoder.decode(Uint8Array.from(written)), "häßlich\n");
});

Deno.test("stdio transport reads what is there at the end of input, then says that it ended", async () => {
  const output = new GatedOutput();
  output.release();
  const ended = Promise.withResolvers<void>();
  const sink = Object.assign(new Collector(), { ended: () => ended.resolve() });
  const transport = stdioTransport({ input: inputOf("one\ntw", "o\nthree"), output });
  transport.open(sink);
  await ended.promise;
  deepEqual(sink.frames, ["one", "two", "three"]);
  // A client that has closed its side may still read the answers.
  transport.send("answer");
  transport.close("done");
  equal(await sink.closing.promise, "done");
  deepEqual(output.writes, ["answer\n"]);
});

Deno.test("stdio transport skips lines that it cannot read and says why", async () => {
  const problems: string[] = [];
  const sink = new Collector();
  const transport = stdioTransport({
    input: ReadableStream.from([
      Uint8Array.of(0xff, 10),
      encoder.encode(`${"x".repeat(11)}\nfine\n`),
    ]),
    output: new GatedOutput(),
    lineLimitBytes: 10,
    onProblem: (problem) => problems.push(problem),
  });
  transport.open(sink);
  equal(await sink.closing.promise, "end of input");
  deepEqual(sink.frames, ["fine"]);
  deepEqual(problems, ["Line is not valid UTF-8", "Line is longer than 10 bytes"]);
});

Deno.test("stdio transport reads a line of 20 MB", async () => {
  const sink = new Collector();
  const chunk = "x".repeat(1_000_000);
  const chunks = Array.from({ length: 20 }, () => chunk);
  const transport = stdioTransport({
    input: inputOf(...chunks, "\n", "next\n"),
    output: new GatedOutput(),
  });
  transport.open(sink);
  await sink.closing.promise;
  deepEqual(sink.frames.map((text) => text.length), [20_000_000, 4]);
});

Deno.test("stdio transport closes when the pipe breaks, and drops what waits", async () => {
  const output = new GatedOutput();
  output.isBroken = true;
  const sink = new Collector();
  const transport = stdioTransport({ input: silence(), output });
  transport.open(sink);
  transport.send("a");
  match(await sink.closing.promise, /^Cannot write: Broken pipe/);
  transport.send("b");
  equal(transport.bufferedBytes, 0);
  equal(sink.closedCount, 1);
});

Deno.test("stdio transport closes when the input fails", async () => {
  const sink = new Collector();
  const input = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error("EIO")) });
  stdioTransport({ input, output: new GatedOutput() }).open(sink);
  equal(await sink.closing.promise, "Cannot read: EIO");
});

Deno.test("stdio transport notices a child that has gone", async () => {
  const child = new Deno.Command("true", { stdin: "piped", stdout: "piped" }).spawn();
  const sink = new Collector();
  const transport = stdioTransport({ input: child.stdout, output: child.stdin });
  transport.open(sink);
  await child.status;
  transport.send("is anybody there");
  match(await sink.closing.promise, /^(end of input|Cannot write: )/);
});

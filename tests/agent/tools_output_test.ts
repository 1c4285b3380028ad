import assert from "node:assert/strict";
import fc from "fast-check";
import { HeadTailBuffer } from "../../src/exec/capture.ts";
import { fitOutput } from "../../src/agent/tools/output.ts";
import { OutputDeltas } from "../../src/agent/tools/output_deltas.ts";
import { ToolArguments } from "../../src/agent/tools/tool_arguments.ts";

const encoder = new TextEncoder();

function captured(text: string, maxBytes = 1 << 20) {
  const buffer = new HeadTailBuffer(maxBytes);
  buffer.push(encoder.encode(text));
  return buffer.snapshot();
}

Deno.test("fitOutput leaves short output alone", () => {
  assert.deepEqual(fitOutput(captured("done\n"), 10), { text: "done\n", originalTokens: 2 });
  assert.deepEqual(fitOutput(captured(""), 10), { text: "", originalTokens: 0 });
  assert.equal(fitOutput(captured("x".repeat(40)), 10).text, "x".repeat(40));
});

Deno.test("fitOutput keeps head and tail and says what it cut", () => {
  const text = "a".repeat(100) + "\n" + "b".repeat(100);
  assert.deepEqual(fitOutput(captured(text), 10), {
    text: `Total output lines: 1\n\n${"a".repeat(20)}…41 tokens truncated…${"b".repeat(20)}`,
    originalTokens: 51,
  });
});

Deno.test("fitOutput cuts many short lines although they are few bytes", () => {
  const text = Array.from({ length: 6_000 }, (_, at) => `${at % 10}\n`).join("");
  const { text: fitted } = fitOutput(captured(text), 10_000);
  assert.equal(fitted.split("\n").length, 5_000 + 3);
  assert.match(fitted, /^Total output lines: 6000\n\n0\n1\n[^]*…500 tokens truncated…[^]*8\n9\n$/);
});

Deno.test("fitOutput counts what was dropped before it", () => {
  const capture = captured("x".repeat(10_000), 100);
  const { text, originalTokens } = fitOutput(capture, 10);
  assert.equal(originalTokens, 2_500);
  assert.match(text, /…2490 tokens truncated…/);
});

Deno.test("fitOutput never splits a character and stays within its limit", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 300 });
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 40 }), (value, maxTokens) => {
    const { text: fitted } = fitOutput(captured(value), maxTokens);
    if (fitted === value) return;
    const [, head = "", tail = ""] =
      /^Total output lines: \d+\n\n([^]*)…\d+ tokens truncated…([^]*)$/
        .exec(fitted) ?? [];
    assert.ok(value.startsWith(head) && value.endsWith(tail));
    assert.ok(encoder.encode(head + tail).length <= maxTokens * 4);
  }));
});

class ManualClock {
  readonly timers: { delayMs: number; callback: () => void }[] = [];
  now(): number {
    return 0;
  }
  after(delayMs: number, callback: () => void): () => void {
    const timer = { delayMs, callback };
    this.timers.push(timer);
    return () => this.timers.splice(this.timers.indexOf(timer), 1);
  }
  fire(): void {
    for (const timer of this.timers.splice(0)) timer.callback();
  }
}

Deno.test("OutputDeltas joins small chunks and sends large ones at once", () => {
  const clock = new ManualClock();
  const deltas: string[] = [];
  const output = new OutputDeltas({ clock, emit: (delta) => deltas.push(delta) });
  output.push(encoder.encode("a"));
  output.push(encoder.encode("b"));
  assert.deepEqual(deltas, []);
  assert.deepEqual(clock.timers.map((timer) => timer.delayMs), [10]);
  clock.fire();
  output.flush();
  assert.deepEqual(deltas, ["ab"]);
  output.push(encoder.encode("x".repeat(9_000)));
  assert.equal(deltas.length, 2);
  output.push(encoder.encode("end"));
  output.flush();
  assert.equal(deltas.at(-1), "end");
  assert.deepEqual(clock.timers, []);
});

Deno.test("OutputDeltas samples the end of a flood and says how much it left out", () => {
  const clock = new ManualClock();
  let sent = 0;
  let last = "";
  const output = new OutputDeltas({
    clock,
    emit: (delta) => {
      sent += delta.length;
      last = delta;
    },
  });
  const chunk = encoder.encode("x".repeat(65_536));
  for (let at = 0; at < 16; at++) output.push(chunk);
  assert.equal(sent, 1 << 20);
  for (let at = 0; at < 16; at++) output.push(chunk);
  output.push(encoder.encode("end"));
  assert.equal(sent, 1 << 20);
  assert.deepEqual(clock.timers.map((timer) => timer.delayMs), [250]);
  clock.fire();
  assert.match(last, /^\n\[\.\.\. 1040384 bytes not shown \.\.\.\]\nx+end$/);
});

Deno.test("ToolArguments reads any text without throwing", () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(fc.constantFrom("a", "b"), fc.anything())
      .map((value) => JSON.stringify(value, (_key, each) => typeof each === "bigint" ? 0 : each)),
  );
  fc.assert(fc.property(text, (input) => {
    const args = new ToolArguments(input);
    const values = [
      args.string("a"),
      args.optionalString("b"),
      args.optionalNumber("a"),
      args.optionalBoolean("b"),
      args.optionalStrings("a"),
    ];
    assert.equal(typeof values[0], "string");
    assert.ok(
      args.problem === null || args.problem.startsWith("failed to parse function arguments: "),
    );
  }));
  const args = new ToolArguments('{"n":"12","__proto__":"x","s":null}');
  assert.equal(args.optionalNumber("n"), 12);
  assert.equal(args.optionalString("s"), null);
  assert.equal(args.optionalString("toString"), null);
  assert.equal(args.problem, null);
});

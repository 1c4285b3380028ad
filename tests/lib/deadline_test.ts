import assert from "node:assert/strict";
import fc from "fast-check";
import { callAt } from "../../src/lib/deadline.ts";
import { FakeClock } from "../rpc/fake_clock.ts";

/** Longer than what timers of the runtime can count. */
const FAR_MS = 2 ** 31 + 1000;
const MINUTE_MS = 60_000;

Deno.test("callAt waits for a moment beyond what a timer can count", () => {
  const clock = new FakeClock();
  let calls = 0;
  const delays: number[] = [];
  const watched = {
    now: () => clock.now(),
    after: (delayMs: number, callback: () => void) => {
      delays.push(delayMs);
      return clock.after(delayMs, callback);
    },
  };
  callAt(watched, { atMs: FAR_MS, callback: () => void calls++ });
  while (clock.now() + MINUTE_MS < FAR_MS) clock.advance(MINUTE_MS);
  assert.equal(calls, 0);
  clock.advance(MINUTE_MS);
  assert.equal(calls, 1);
  assert.ok(delays.every((delayMs) => delayMs < 2 ** 31), "a timer would have fired at once");
  assert.equal(clock.pending, 0);
});

Deno.test("callAt calls once at the moment or after, however time goes on, unless cancelled", () => {
  fc.assert(fc.property(
    fc.integer({ min: -1000, max: 500_000 }),
    fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 20 }),
    fc.integer({ min: 0, max: 20 }),
    (atMs, steps, cancelAfter) => {
      const clock = new FakeClock();
      const calls: number[] = [];
      const cancel = callAt(clock, { atMs, callback: () => void calls.push(clock.now()) });
      const before = steps.slice(0, cancelAfter);
      for (const step of before) clock.advance(step);
      cancel();
      const known = calls.length;
      for (const step of steps.slice(cancelAfter)) clock.advance(step);
      assert.equal(calls.length, known);
      assert.ok(calls.every((at) => at >= atMs) && calls.length <= 1);
      assert.equal(clock.pending, 0);
    },
  ));
});

Deno.test("callAt never calls for a moment that never comes", () => {
  const clock = new FakeClock();
  const cancel = callAt(clock, { atMs: Infinity, callback: () => assert.fail("called") });
  for (let minute = 0; minute < 100; minute++) clock.advance(MINUTE_MS);
  assert.equal(clock.pending, 1);
  cancel();
  assert.equal(clock.pending, 0);
});

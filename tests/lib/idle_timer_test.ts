import { deepEqual, equal } from "node:assert/strict";
import { IdleTimer } from "../../src/lib/idle_timer.ts";
import { FakeClock } from "../rpc/fake_clock.ts";

function idleTimer() {
  const clock = new FakeClock();
  let shiftMs = 0;
  const idleAt: number[] = [];
  const timer = new IdleTimer({
    clock: {
      now: () => clock.now() + shiftMs,
      after: (delayMs, callback) => clock.after(delayMs, callback),
    },
    onIdle: () => void idleAt.push(clock.now()),
  });
  /** Timers may start others on the way. */
  const pass = (byMs: number) => {
    for (let ms = 0; ms < byMs; ms++) clock.advance(1);
  };
  return { pass, timer, idleAt, putBack: (byMs: number) => void (shiftMs -= byMs) };
}

Deno.test("what happens puts idleness off, which is told once", () => {
  const { pass, timer, idleAt } = idleTimer();
  timer.start(100);
  pass(60);
  timer.touch();
  pass(60);
  deepEqual(idleAt, []);
  pass(1000);
  deepEqual(idleAt, [160]);
  timer.touch();
  pass(1000);
  equal(idleAt.length, 1);
});

Deno.test("a shorter limit counts at once, a longer one when the time comes", () => {
  const { pass, timer, idleAt } = idleTimer();
  timer.start(100);
  timer.touch(10);
  pass(10);
  deepEqual(idleAt, [10]);
  timer.start(100);
  timer.touch(200);
  pass(1000);
  deepEqual(idleAt, [10, 210]);
});

Deno.test("a timer that was cancelled tells nothing, and can be started again", () => {
  const { pass, timer, idleAt } = idleTimer();
  timer.start(100);
  timer.cancel();
  timer.touch();
  pass(1000);
  deepEqual(idleAt, []);
  timer.start(5);
  pass(5);
  deepEqual(idleAt, [1005]);
});

Deno.test("a clock that is put back costs one more limit, however far it was put back", () => {
  const { pass, timer, idleAt, putBack } = idleTimer();
  timer.start(100);
  pass(50);
  putBack(3_600_000);
  pass(1000);
  deepEqual(idleAt, [200]);
});

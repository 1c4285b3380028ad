import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { KeyedLock } from "../../src/lib/keyed_lock.ts";

Deno.test("KeyedLock runs a synchronous task of a free key at once, without a promise", () => {
  const lock = new KeyedLock();
  equal(lock.run("a", () => 5), 5);
  throws(() =>
    lock.run("a", () => {
      throw new Error("bad");
    }), /bad/);
  equal(lock.run("a", () => 6), 6);
  equal(lock.size, 0);
});

Deno.test("KeyedLock starts a task when the one before it has settled, also when that failed", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    log.push("first starts");
    await gate.promise;
    log.push("first fails");
    throw new Error("bad");
  });
  const second = lock.run("a", () => log.push("second"));
  const other = lock.run("b", () => log.push("other"));
  deepEqual(log, ["first starts", "other"]);
  equal(other, 2);
  gate.resolve();
  await rejects(Promise.resolve(first), /bad/);
  await second;
  deepEqual(log, ["first starts", "other", "first fails", "second"]);
  equal(lock.size, 0);
});

Deno.test("KeyedLock queues a task that its own key's task starts", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  let inner: unknown;
  lock.run("a", () => {
    inner = lock.run("a", () => log.push("inner"));
    log.push("outer");
  });
  await inner;
  deepEqual(log, ["outer", "inner"]);
});

Deno.test("KeyedLock carries a long queue of synchronous tasks without deep recursion", async () => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<void>();
  lock.run("a", () => gate.promise);
  const results = Array.from({ length: 50_000 }, (_, index) => lock.run("a", () => index));
  gate.resolve();
  equal((await Promise.all(results)).at(-1), 49_999);
  equal(lock.size, 0);
});

Deno.test("KeyedLock never overlaps tasks of a key and keeps their order", async () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    turns: fc.integer({ min: 0, max: 3 }),
    fails: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const lock = new KeyedLock();
    const running = new Set<string>();
    const started: number[] = [];
    const outcomes = steps.map(({ key, turns, fails }, index) =>
      Promise.resolve(lock.run(key, async () => {
        equal(running.has(key), false);
        running.add(key);
        started.push(index);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        running.delete(key);
        if (fails) throw new Error(`${index}`);
        return index;
      })).catch((error: Error) => Number(error.message))
    );
    deepEqual(await Promise.all(outcomes), steps.map((_, index) => index));
    for (const key of ["a", "b", "c"]) {
      const order = started.filter((index) => steps[index]?.key === key);
      deepEqual(order, [...order].sort((a, b) => a - b));
    }
    equal(lock.size, 0);
  }));
});

import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { AsyncQueue } from "../../src/lib/async_queue.ts";

async function readAll<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of queue) items.push(item);
  return items;
}

Deno.test("AsyncQueue delivers what was queued before it was closed", async () => {
  const queue = new AsyncQueue<number>({ limit: 10 });
  for (const item of [1, 2, 3]) equal(queue.push(item), true);
  queue.close();
  equal(queue.push(4), false);
  deepEqual(await readAll(queue), [1, 2, 3]);
});

Deno.test("AsyncQueue hands an item to the reader that waited first", async () => {
  const queue = new AsyncQueue<string | undefined>({ limit: 1 });
  const [first, second] = [queue.next(), queue.next()];
  queue.push("a");
  queue.push(undefined);
  deepEqual(await Promise.all([first, second]), [
    { done: false, value: "a" },
    { done: false, value: undefined },
  ]);
});

Deno.test("AsyncQueue refuses items beyond its limit and takes them again once there is room", () => {
  const queue = new AsyncQueue<number>({ limit: 2 });
  deepEqual([1, 2, 3].map((item) => queue.push(item)), [true, true, false]);
  deepEqual(queue.take(), { item: 1 });
  equal(queue.push(4), true);
  deepEqual([queue.take(), queue.take(), queue.take()], [{ item: 2 }, { item: 4 }, undefined]);
});

Deno.test("AsyncQueue gives its error after what it holds, and to those who wait", async () => {
  const queue = new AsyncQueue<number>({ limit: 2 });
  queue.push(1);
  queue.fail(new Error("lost"));
  deepEqual(await queue.next(), { done: false, value: 1 });
  await rejects(queue.next(), /lost/);
  const empty = new AsyncQueue<number>({ limit: 2 });
  const waiting = rejects(empty.next(), /lost/);
  empty.fail(new Error("lost"));
  await waiting;
});

Deno.test("AsyncQueue closes when its reader leaves early", async () => {
  const queue = new AsyncQueue<number>({ limit: 9 });
  for (const item of [1, 2, 3]) queue.push(item);
  for await (const item of queue) if (item === 2) break;
  equal(queue.isClosed, true);
  equal(queue.size, 0);
  deepEqual(await queue.next(), { done: true, value: undefined });
});

Deno.test("AsyncQueue keeps the order of any mix of pushes and takes", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (pushes) => {
    const queue = new AsyncQueue<number>({ limit: 1000 });
    const model: number[] = [];
    let counter = 0;
    for (const isPush of pushes) {
      if (isPush) {
        queue.push(counter);
        model.push(counter++);
      } else {
        equal(queue.take()?.item, model.shift());
      }
      equal(queue.size, model.length);
    }
  }));
});

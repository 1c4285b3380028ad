/** The log of a thread: its numbers, its limits, and that nothing is missing in between. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FEED_CHARS_MAX,
  FEED_EVENTS_MAX,
  FeedBudget,
  ThreadFeed,
} from "../../src/server/thread_feed.ts";

Deno.test("a log gives back exactly what came after any number that it still has", () => {
  const sizes = fc.array(fc.nat(Math.floor(FEED_CHARS_MAX / 3)), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.nat(14), (chars, after) => {
      const feed = new ThreadFeed("log");
      const events = chars.map((size, index) => event(index, "x".repeat(size)));
      events.forEach((pushed, index) => {
        assert.deepEqual(feed.push(pushed), { logId: "log", seq: index + 1 });
      });
      const missed = feed.after(after);
      if (after > events.length) return assert.equal(missed, null);
      const wanted = chars.slice(after).reduce((sum, size) => sum + size, 0);
      if (missed === null) return assert.ok(wanted > FEED_CHARS_MAX / 2);
      assert.deepEqual(missed.map(({ seq }) => seq), events.map((_, i) => i + 1).slice(after));
      missed.forEach((one) => assert.equal(one.event, events[one.seq - 1]));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a log keeps so many events and no more", () => {
  const feed = new ThreadFeed("log");
  const count = 3 * FEED_EVENTS_MAX + 7;
  for (let index = 0; index < count; index++) feed.push(event(index, ""));
  assert.equal(feed.seq, count);
  const oldest = count - FEED_EVENTS_MAX;
  assert.equal(feed.after(oldest - 1), null);
  const missed = feed.after(oldest) ?? [];
  assert.equal(missed.length, FEED_EVENTS_MAX);
  assert.deepEqual(missed[0], { event: event(oldest, ""), seq: oldest + 1 });
  assert.deepEqual(missed.at(-1)?.seq, count);
});

Deno.test("an event that is larger than the log is a gap for those who have not had it", () => {
  const feed = new ThreadFeed("log");
  feed.push(event(0, ""));
  feed.push({ method: "m", params: { deep: [{ text: "x".repeat(FEED_CHARS_MAX) }] } });
  assert.equal(feed.after(1), null);
  assert.deepEqual(feed.after(2), []);
  feed.push(event(2, ""));
  assert.equal(feed.after(2)?.length, 1);
});

Deno.test("logs together have a limit, and those that close give back what they had", () => {
  const budget = new FeedBudget();
  const feeds = Array.from({ length: 60 }, (_, index) => new ThreadFeed(`${index}`, budget));
  const text = "x".repeat(FEED_CHARS_MAX / 4);
  for (const feed of feeds) {
    for (let index = 0; index < 3; index++) feed.push(event(index, text));
  }
  assert.ok(budget.chars < 140 * 1024 * 1024, `${budget.chars}`);
  assert.ok(budget.chars > 100 * 1024 * 1024, `${budget.chars}`);
  // The last ones have next to nothing, and none of what they have is wrong.
  assert.equal(feeds.at(-1)?.after(0), null);
  assert.equal(feeds[0]?.after(0)?.length, 3);
  for (const feed of feeds) feed.close();
  assert.equal(budget.chars, 0);
});

function event(index: number, text: string) {
  return { method: "m", params: { index, text } };
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { rateLimitLines, RateLimitNews } from "../../src/tui/rate_limits.ts";
import type { RateLimits } from "../../src/protocol/turn_types.ts";

const NOW_MS = 1_800_000_000_000;
const AT = { nowMs: NOW_MS };

function limits(changes: Partial<RateLimits>): RateLimits {
  const nothing = { primary: null, secondary: null, credits: null, planType: null };
  return { limitId: null, limitName: null, ...nothing, ...changes };
}

Deno.test("limits are told by their windows, with what is left and when it comes back", () => {
  const primary = { usedPercent: 60.4, windowDurationMins: 300, resetsAt: NOW_MS / 1000 + 7500 };
  const secondary = { usedPercent: 120, windowDurationMins: 10_080, resetsAt: null };
  assert.deepEqual(rateLimitLines([limits({ primary, secondary })], AT), [
    "5h: 40% left, resets in 2h 05m",
    "weekly: 0% left",
  ]);
  const short = { usedPercent: 0, windowDurationMins: null, resetsAt: null };
  const days = { ...short, windowDurationMins: 3 * 24 * 60 };
  assert.deepEqual(
    rateLimitLines([limits({ limitName: "Small\u001b[2J", primary: short, secondary: days })], AT),
    ["Small limit: 100% left", "Small 3d: 100% left"],
  );
});

Deno.test("limits of any shape are lines, or nothing", () => {
  const value = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.jsonValue());
  const window = fc.record({ usedPercent: value, windowDurationMins: value, resetsAt: value });
  fc.assert(fc.property(window, fc.anything(), (primary, limit) => {
    for (const line of rateLimitLines([limit, { primary, limitName: limit }], AT)) {
      assert.match(line, /^[^\n]*: \d+% left(?:, resets in .*)?$/);
    }
  }));
});

Deno.test("the newest news of each limit counts, until nobody listens any more", () => {
  let tell: (params: { readonly rateLimits: RateLimits }) => void = () => {};
  let isStopped = false;
  const on = (_method: string, listener: typeof tell) => {
    tell = listener;
    return () => isStopped = true;
  };
  // deno-lint-ignore no-explicit-any -- A client that has nothing but this.
  const news = new RateLimitNews({ on: on as any });
  const [first, second, other] = [
    limits({ limitId: "a", planType: "one" }),
    limits({ limitId: "a", planType: "two" }),
    limits({ limitId: "b" }),
  ];
  for (const rateLimits of [first, second, other]) tell({ rateLimits });
  assert.deepEqual(news.all, [second, other]);
  news.stop();
  assert.ok(isStopped);
});

/** The measured round trip, on a clock that the test moves, over connections that end; must not know how it is shown. */
import assert from "node:assert/strict";
import { LatencyProbe } from "../../src/tui/latency.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { startTalk } from "./app_stand.ts";
import { Changes } from "./pane_world.ts";

/** Longer than the first wait before a new connection. */
const RECONNECT_MS = 1_000;
/** Between the first two measurements of a connection, and between the others. */
const [SOON_MS, PERIOD_MS] = [1_000, 10_000];

/** A probe of a server that answers when the test says so. */
async function startProbe() {
  const asked: PromiseWithResolvers<unknown>[] = [];
  const changes = new Changes();
  const clock = new FakeClock();
  const ask = () => {
    const answer = Promise.withResolvers<unknown>();
    asked.push(answer);
    changes.changed();
    return answer.promise;
  };
  const talk = await startTalk({ clock, answers: { "thread/loaded/list": ask } });
  const probe = new LatencyProbe({ client: talk.client, clock, onChange: changes.changed });
  talk.client.onState(changes.changed);
  return {
    clock,
    probe,
    /** Answers the question with this number, which counts from 1. */
    async answer(number: number) {
      await changes.until(() => asked.length === number);
      asked[number - 1]?.resolve({ data: [] });
    },
    /** Resolves when all that was answered so far has arrived. */
    settled: () => talk.client.request("thread/start", {}),
    measured: (ms: number) => changes.until(() => probe.latencyMs === ms),
    async reconnect() {
      talk.server.close("killed");
      await changes.until(() => talk.client.state.type === "reconnecting");
      assert.equal(probe.latencyMs, null);
      clock.advance(RECONNECT_MS);
      await changes.until(() => talk.client.state.type === "connected");
    },
    [Symbol.dispose]() {
      probe.stop();
      talk.client.close();
    },
  };
}

Deno.test("the latency is that of the last round trip, measured again soon, and then now and then", async () => {
  using stand = await startProbe();
  const { clock, probe } = stand;
  assert.equal(probe.latencyMs, null);
  for (const [index, pauseMs] of [0, SOON_MS, PERIOD_MS, PERIOD_MS].entries()) {
    clock.advance(pauseMs);
    clock.advance(20 + index);
    await stand.answer(index + 1);
    await stand.measured(20 + index);
  }
});

Deno.test("a new connection is measured at once, and nothing is known before that", async () => {
  using stand = await startProbe();
  stand.clock.advance(20);
  await stand.answer(1);
  await stand.measured(20);
  await stand.reconnect();
  assert.equal(stand.probe.latencyMs, null);
  stand.clock.advance(7);
  await stand.answer(2);
  await stand.measured(7);
});

Deno.test("a measurement that a lost connection has cut off counts for nothing", async () => {
  using stand = await startProbe();
  stand.clock.advance(30_000);
  await stand.reconnect();
  stand.clock.advance(7);
  await stand.answer(2);
  await stand.measured(7);
});

Deno.test("a measurement that is stopped under way leaves no timer, and nothing comes of its answer", async () => {
  using stand = await startProbe();
  stand.probe.stop();
  await stand.answer(1);
  await stand.settled();
  assert.equal(stand.probe.latencyMs, null);
  assert.equal(stand.clock.pending, 0);
});

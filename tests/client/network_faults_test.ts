import assert from "node:assert/strict";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/programs/host.ts";
import type { Result } from "../../src/protocol/mod.ts";
import { type Fault, NO_FAULT } from "../support/fault_proxy.ts";
import { gate, manualClock, say } from "../support/scripted_model.ts";
import { text } from "../support/server.ts";
import {
  type FaultyWorld,
  hastyClock,
  startFaultyWorld,
  stateIs,
  transcriptOf,
} from "./reconnect_world.ts";

const WORDS = "It is a truth universally acknowledged";
/** Slower than in the schedules: a bad line needs time to be bad in. */
const HASTE = 40;
/** A client looks for signs of life this often, */
const PING_MS = 10_000;
/** and lets go of a connection without any at the first look after this. */
const IDLE_MS = 25_000;

Deno.test("a connection that is reset in the middle of a request is made anew, and the request is carried out once", async () => {
  // What the proxy leaves unread makes its end a reset. The request is much longer than all before it.
  const reset: Fault = { type: "cut", afterBytes: 8_000, chunkBytes: 256 };
  await using world = await startFaultyWorld(
    { responses: [say(WORDS)] },
    (index) => index === 0 ? reset : NO_FAULT,
  );
  const { client, recording } = await world.connect({ clock: quickClock() });
  const { thread } = await client.request("thread/start", {});
  const completed = client.next("turn/completed");
  const { turn } = await client.request("turn/start", {
    threadId: thread.id,
    input: text("word ".repeat(100_000)),
  });
  assert.equal((await completed).turn.id, turn.id);
  assert.equal(world.server.model.requests.length, 1);
  assert.equal(world.proxy.count, 2);
  assert.deepEqual(recording.gaps, []);
});

Deno.test("a black hole that ends before the limit costs no connection and no event", async () => {
  const clock = manualClock();
  const { world, client, recording } = await waitingTurn({ clock });
  await using _ = world;
  world.proxy.holdAll();
  world.server.model.release("rest");
  const completed = client.next("turn/completed");
  // The first look finds what came before.
  for (let lookMs = 0; lookMs < IDLE_MS; lookMs += PING_MS) clock.advance(PING_MS);
  assert.deepEqual(client.state, { type: "connected" });
  world.proxy.healAll();
  assert.equal((await completed).turn.status, "completed");
  assert.equal(world.proxy.count, 1);
  assert.deepEqual(recording.states, []);
});

Deno.test("a black hole that outlasts the limit is left for a new connection, and what it held back is not seen twice", async () => {
  const clock = manualClock();
  const { world, client, recording, threadId } = await waitingTurn({ clock });
  await using _ = world;
  const witness = await watch(world, threadId);
  world.proxy.holdAll();
  const lost = stateIs(client, "reconnecting");
  for (let lookMs = 0; lookMs < IDLE_MS + PING_MS; lookMs += PING_MS) clock.advance(PING_MS);
  const state = await lost;
  assert.ok(state.type === "reconnecting");
  assert.equal(state.reason, "no sign of life for 25 s");
  const completed = client.next("turn/completed");
  const back = stateIs(client, "connected");
  clock.advance(PING_MS);
  await back;
  world.server.model.release("rest");
  // The old line comes to life again while the new one is in use.
  world.proxy.healAll();
  await completed;
  await witness.over;
  assert.equal(world.proxy.count, 2);
  assertSame(recording.events, { truth: witness.events, threadId });
});

Deno.test("1 kB/s loses nothing and keeps the order", async () => {
  await overBadLine({ ...NO_FAULT, bytesPerSecond: 1000 * HASTE, chunkBytes: 512 });
});

Deno.test("half a second of delay each way loses nothing and keeps the order", async () => {
  await overBadLine({ ...NO_FAULT, delayMs: 500 / HASTE });
});

Deno.test("a connection lost before the first event after a resume is resumed from the same place", async () => {
  const { world, client, recording, threadId } = await waitingTurn({});
  await using _ = world;
  const witness = await watch(world, threadId);
  for (let round = 0; round < 3; round++) {
    const back = stateIs(client, "connected");
    world.proxy.cutAll();
    await back;
  }
  const completed = client.next("turn/completed");
  world.proxy.cutAll();
  world.server.model.release("rest");
  await completed;
  await witness.over;
  assert.deepEqual(recording.gaps, []);
  assertSame(recording.events, { truth: witness.events, threadId });
});

Deno.test("an idle connection that a middlebox closes comes back without being used", async () => {
  await using world = await startFaultyWorld();
  const { client } = await world.connect({ clock: quickClock() });
  const back = stateIs(client, "connected");
  world.proxy.cutAll();
  await back;
  assert.equal(world.proxy.count, 2);
});

Deno.test("another server on the same home is taken for what it is: the thread is read anew and goes on", async () => {
  const { world, client, recording, threadId } = await waitingTurn({});
  await using _ = world;
  const opened = Promise.withResolvers<string | undefined>();
  client.onNews((news) => {
    if (news.type === "gap") opened.resolve(news.result.thread.turns.at(-1)?.status);
  });
  const lost = stateIs(client, "reconnecting");
  const restarted = world.restart([say("Again")]);
  await lost;
  // Made while there is no server at all.
  const completed = client.next("turn/completed", ({ turn }) => turn.status === "completed");
  const started = client.request("turn/start", { threadId, input: text("again") });
  await restarted;
  const { turn } = await started;
  assert.equal((await completed).turn.id, turn.id);
  assert.equal(await opened.promise, "interrupted");
  assert.deepEqual(recording.gaps, [threadId]);
  assert.equal(world.server.model.requests.length, 1);
});

Deno.test("another server on the same home works with what the turns have changed, not with the first wishes", async () => {
  await using world = await startFaultyWorld({ responses: [say("One")] });
  const { client } = await world.connect({ clock: quickClock() });
  const { thread: { id: threadId } } = await client.request("thread/start", {
    model: "first-model",
    approvalPolicy: "never",
    sandbox: "danger-full-access",
    config: { model_reasoning_effort: "low" },
  });
  const completed = client.next("turn/completed");
  await client.request("turn/start", {
    ...{ threadId, input: text("go") },
    model: "second-model",
    approvalPolicy: "untrusted",
    sandboxPolicy: { type: "readOnly", networkAccess: false },
    effort: "high",
  });
  await completed;
  const opened = Promise.withResolvers<Result<"thread/resume">>();
  client.onNews((news) => news.type === "gap" && opened.resolve(news.result));
  await world.restart();
  const { model, approvalPolicy, sandbox, reasoningEffort } = await opened.promise;
  assert.deepEqual(
    { model, approvalPolicy, sandbox: sandbox.type, reasoningEffort },
    {
      model: "second-model",
      approvalPolicy: "untrusted",
      sandbox: "readOnly",
      reasoningEffort: "high",
    },
  );
});

/** Two turns over connections that all have the fault; a client beside it sees the truth. */
async function overBadLine(fault: Fault): Promise<void> {
  const responses = ["one", "two"].map((turn) => say(`${turn}: ${WORDS}`, { chunks: 30 }));
  await using world = await startFaultyWorld({ responses }, () => fault);
  const { client, recording } = await world.connect({ clock: hastyClock(HASTE) });
  const { thread } = await client.request("thread/start", {});
  const witness = await watch(world, thread.id, 2);
  for (const turn of ["one", "two"]) {
    const completed = client.next("turn/completed");
    await client.request("turn/start", { threadId: thread.id, input: text(turn) });
    await completed;
  }
  await witness.over;
  assert.deepEqual(recording.gaps, []);
  assertSame(recording.events, { truth: witness.events, threadId: thread.id });
}

/** Waits between attempts are short, but nothing is given up because this machine is busy. */
function quickClock(): Clock {
  const [quick, real] = [hastyClock(), systemClock()];
  return {
    now: () => real.now(),
    after: (delayMs, ...rest) => (delayMs < PING_MS ? quick : real).after(delayMs, ...rest),
  };
}

/** A client in the middle of a turn; the rest comes when `rest` is released. */
async function waitingTurn({ clock = quickClock() }: { readonly clock?: Clock }) {
  const world = await startFaultyWorld({
    responses: [[say("One"), gate("rest"), say(WORDS, { chunks: 30 })]],
  });
  const { client, recording } = await world.connect({ clock });
  const { thread } = await client.request("thread/start", {});
  const first = client.next("item/completed", ({ item }) => item.type === "agentMessage");
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  await first;
  return { world, client, recording, threadId: thread.id };
}

/** What a client with a good line is told from now on, until so many turns have completed. */
async function watch(world: FaultyWorld, threadId: string, turns = 1) {
  const events: { method: string; params: unknown }[] = [];
  const client = await world.server.connect({
    sessionExtensions: ["numberedEvents"],
    onFrame: (frame) => {
      const { method, params, id } = JSON.parse(frame);
      if (method !== undefined && id === undefined) events.push({ method, params });
    },
  });
  await client.request("thread/resume", { threadId });
  const over = (async () => {
    for (let turn = 0; turn < turns; turn++) await client.next("turn/completed");
  })();
  return { events, over };
}

/** Whoever joined later knows less of the beginning. */
function assertSame(
  seen: readonly { method: string; params: unknown }[],
  { truth, threadId }: {
    readonly truth: readonly { method: string; params: unknown }[];
    readonly threadId: string;
  },
): void {
  const expected = transcriptOf(truth, threadId);
  assert.ok(expected.length > 0);
  assert.deepEqual(transcriptOf(seen, threadId).slice(-expected.length), expected);
}

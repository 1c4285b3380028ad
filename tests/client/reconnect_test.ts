import assert from "node:assert/strict";
import type { AnyNotification } from "../../src/client/inbox.ts";
import { allRequestEntries } from "../../src/protocol/mod.ts";
import { isRepeatable, KEYED } from "../../src/client/resend.ts";
import { call, gate, say } from "../support/scripted_model.ts";
import { type Fault, NO_FAULT, seededRandom } from "../support/fault_proxy.ts";
import { text } from "../support/server.ts";
import { type FaultyWorld, startFaultyWorld, stateIs, transcriptOf } from "./reconnect_world.ts";

const SCHEDULES = 200;
/** They mostly wait. */
const AT_ONCE = 12;
/** Connections of a schedule that break; the next ones hold. */
const FAULTS_MAX = 8;
/** Where they break at the latest: about what a whole test sends. */
const BYTES_MAX = 24_000;

/** Faults at points that the seed chooses. */
function scheduleOf(seed: number): (index: number) => Fault {
  const random = seededRandom(seed);
  const faults = Array.from({ length: Math.ceil(random() * FAULTS_MAX) }, (): Fault => ({
    type: random() < 0.93 ? "cut" : "stall",
    // Early points are chosen more often: handshakes and first answers are short.
    afterBytes: Math.floor(random() ** 3 * BYTES_MAX),
    chunkBytes: random() < 0.3 ? 1 + Math.floor(random() * 40) : 4096,
  }));
  return (index) => faults[index] ?? NO_FAULT;
}

/** A first connection that breaks is told at once; whoever wants one tries again. */
async function connectAnyhow(world: FaultyWorld) {
  for (let attempt = 0; attempt < FAULTS_MAX + 2; attempt++) {
    try {
      return await world.connect();
    } catch (error) {
      assert.match(String(error), /Cannot connect|Connection is closed/);
    }
  }
  throw new Error("No connection through a proxy that has run out of faults");
}

Deno.test("whatever breaks, a client sees each event once and in order, and nothing happens twice", async () => {
  let next = 0;
  let connections = 0;
  const worker = async () => {
    while (next < SCHEDULES) {
      const taken = await oneSchedule(next++);
      connections += taken;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // The faults come to pass: with none, each schedule would have one connection.
  assert.ok(connections > 2 * SCHEDULES, `${connections}`);
});

/** How many connections it took. */
async function oneSchedule(seed: number): Promise<number> {
  const words = "It is a truth universally acknowledged";
  const responses = ["one", "two", "three"].map((turn) => say(`${turn}: ${words}`, { chunks: 30 }));
  await using world = await startFaultyWorld({ responses }, scheduleOf(seed));
  const { client, recording } = await connectAnyhow(world);
  const { thread, logId = "", seq: startSeq = -1 } = await client.request("thread/start", {});
  const threadId = thread.id;
  for (const turn of ["one", "two", "three"]) {
    const completed = client.next("turn/completed");
    // A start that was lost and sent again must not run twice; the answer says which turn it was.
    const started = await client.request("turn/start", { threadId, input: text(turn) });
    const ended = await completed;
    assert.equal(ended.turn.id, started.turn.id, `seed ${seed}`);
  }
  const witness = await world.server.connect({ sessionExtensions: ["numberedEvents"] });
  const wish = { threadId, logId, afterSeq: startSeq };
  const { replay, seq: endSeq } = await witness.request("thread/resume", wish);
  assert.ok(replay?.type === "events", `seed ${seed}`);
  // All that the server has told since the thread was opened, and nothing else, each once, in order.
  const seen = transcriptOf(recording.events, threadId);
  assert.deepEqual(seen, transcriptOf(replay.events, threadId), `seed ${seed}`);
  assert.deepEqual(numbersOf(recording.events, threadId), range(startSeq + 1, endSeq ?? 0));
  assert.deepEqual(recording.gaps, [], `seed ${seed}`);
  for (const kind of ["turn/started", "turn/completed"]) {
    assert.equal(seen.filter((line) => line.startsWith(kind)).length, 3, `seed ${seed}`);
  }
  for (const turn of ["one", "two", "three"]) {
    const said = seen.filter((line) => line.startsWith("item/agentMessage/delta"))
      .filter((line) => line.endsWith(` ${turn}: ${words}`));
    assert.equal(said.length, 1, `seed ${seed}`);
  }
  assert.equal(world.server.model.requests.length, 3, `seed ${seed}`);
  return world.proxy.count;
}

/** The numbers of the events of a thread, in the order in which they were passed. */
function numbersOf(events: readonly AnyNotification[], threadId: string): number[] {
  return events.flatMap(({ params }) => {
    const { threadId: id, thread, seq, seqFrom = seq } = Object(params);
    return seq !== undefined && (id ?? thread?.id) === threadId ? range(seqFrom, seq) : [];
  });
}

/** Both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

Deno.test("requests that are made without a connection go out with the next one, in order", async () => {
  let isDown = false;
  await using world = await startFaultyWorld(
    {},
    () => isDown ? { type: "cut", afterBytes: 0, chunkBytes: 1 } : NO_FAULT,
  );
  const { client, recording } = await world.connect();
  const { thread } = await client.request("thread/start", {});
  isDown = true;
  const lost = stateIs(client, "reconnecting");
  world.proxy.cutAll();
  await lost;
  const names = ["first", "second", "third"].map((name) =>
    client.request("thread/name/set", { threadId: thread.id, name })
  );
  assert.equal(client.waitingCount, 3);
  assert.deepEqual(recording.states, ["reconnecting"]);
  const back = stateIs(client, "connected");
  isDown = false;
  await back;
  await Promise.all(names);
  const read = await client.request("thread/read", { threadId: thread.id, includeTurns: false });
  assert.equal(read.thread.name, "third");
});

Deno.test("what the server can do is known without a connection, too", async () => {
  await using world = await startFaultyWorld();
  const { client } = await world.connect();
  const { serverInfo } = client;
  assert.ok(serverInfo?.sessionExtensions?.includes("methods"));
  const lost = stateIs(client, "reconnecting");
  world.proxy.cutAll();
  await lost;
  assert.deepEqual(client.serverInfo, serverInfo);
});

Deno.test("a question stays open over a lost connection, is asked once, and its answer counts once", async () => {
  const command = call("shell", { command: ["touch", "asked"] });
  await using world = await startFaultyWorld({ responses: [command, say("Done")] });
  const { client } = await world.connect();
  const asked = Promise.withResolvers<void>();
  const decided = Promise.withResolvers<"accept">();
  let questions = 0;
  client.onRequest("item/commandExecution/requestApproval", async () => {
    questions++;
    asked.resolve();
    return { decision: await decided.promise };
  });
  const completed = client.next("turn/completed");
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("ask") });
  await asked.promise;
  for (let round = 0; round < 3; round++) {
    const back = stateIs(client, "connected");
    world.proxy.cutAll();
    await back;
  }
  decided.resolve("accept");
  const { turn } = await completed;
  assert.equal(turn.status, "completed");
  assert.equal(questions, 1);
  assert.ok((await Deno.stat(`${world.server.project}/asked`)).isFile);
});

Deno.test("an answer that was given offline is dropped when somebody else was faster", async () => {
  const command = call("shell", { command: ["touch", "asked"] });
  let isDown = false;
  await using world = await startFaultyWorld(
    { responses: [command, say("Done")] },
    () => isDown ? { type: "cut", afterBytes: 0, chunkBytes: 1 } : NO_FAULT,
  );
  const { client } = await world.connect();
  const other = await world.server.connect({ sessionExtensions: ["numberedEvents"] });
  other.onRequest("item/commandExecution/requestApproval", () => ({ decision: "decline" }));
  const asked = Promise.withResolvers<AbortSignal>();
  client.onRequest("item/commandExecution/requestApproval", (_, { signal }) => {
    asked.resolve(signal);
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve({ decision: "accept" }))
    );
  });
  const completed = client.next("turn/completed");
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("ask") });
  const signal = await asked.promise;
  isDown = true;
  const lost = stateIs(client, "reconnecting");
  world.proxy.cutAll();
  await lost;
  await other.request("thread/resume", { threadId: thread.id });
  await other.next("turn/completed");
  assert.ok(!signal.aborted);
  const back = stateIs(client, "connected");
  isDown = false;
  await back;
  await completed;
  assert.ok(signal.aborted, "the question is still shown");
  await assert.rejects(Deno.stat(`${world.server.project}/asked`), Deno.errors.NotFound);
});

Deno.test("a server that knows no extensions is followed by reading its threads anew", async () => {
  await using world = await startFaultyWorld({
    responses: [[say("One"), gate("rest"), say("Two")].flat()],
  });
  const { client, recording } = await world.connect({ sessionExtensions: [] });
  const completed = client.next("turn/completed");
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  await world.server.model.reached("rest");
  const back = stateIs(client, "connected");
  world.proxy.cutAll();
  await back;
  assert.deepEqual(recording.gaps, [thread.id]);
  world.server.model.release("rest");
  assert.equal((await completed).turn.status, "completed");
});

Deno.test("close ends a client for good: what waits is rejected, and no attempt follows", async () => {
  let isDown = false;
  await using world = await startFaultyWorld(
    {},
    () => isDown ? { type: "cut", afterBytes: 0, chunkBytes: 1 } : NO_FAULT,
  );
  const { client, recording } = await world.connect();
  isDown = true;
  const lost = stateIs(client, "reconnecting");
  world.proxy.cutAll();
  await lost;
  const waiting = client.request("model/list", {});
  client.close("enough");
  await assert.rejects(waiting, { message: "Connection is closed: enough" });
  await assert.rejects(client.request("model/list", {}), {
    message: "Connection is closed: enough",
  });
  assert.equal(recording.states.at(-1), "closed");
});

Deno.test("what may be sent twice is what the protocol says takes a key, or only reads", async () => {
  const keyed = (await allRequestEntries()).filter((entry) =>
    "idempotencyKey" in (Reflect.get(entry.params?.() ?? {}, "shape") ?? {})
  ).map(({ method }) => method);
  assert.deepEqual([...KEYED].sort(), keyed.sort());
  assert.deepEqual(keyed.filter(isRepeatable), ["turn/interrupt"]);
});

Deno.test("what comes with the answer that opens a thread is passed after it, numbered or not", async () => {
  await using world = await startFaultyWorld({});
  const { client } = await world.connect();
  const seen: string[] = [];
  client.onNews(({ type }) => void seen.push(type));
  const isTold = new Promise<void>((resolve) =>
    client.on("thread/clients/updated", () => {
      seen.push("clients");
      resolve();
    })
  );
  await client.request("thread/start", {});
  await isTold;
  assert.deepEqual(seen, ["opened", "clients"]);
});

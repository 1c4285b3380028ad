/** The interface behind a line that breaks again and again; what it shows in the end is what the server knows. */
import assert from "node:assert/strict";
import type { Params } from "../../src/protocol/mod.ts";
import { type FaultyWorld, startFaultyWorld } from "../client/reconnect_world.ts";
import { type Fault, NO_FAULT, seededRandom } from "../support/fault_proxy.ts";
import { SOURCE } from "../support/forms.ts";
import { call, gate, say, type ScriptedAnswer } from "../support/scripted_model.ts";
import { type Screen, startScreen } from "../support/screen.ts";
import { text } from "../support/server.ts";
import { answer, enter, masked, READY } from "./app_world.ts";

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);
const ANSWER = "It is a truth universally acknowledged, that a single man in possession";

/** Where the next connections break, and into which pieces they tear what passes. */
function scheduleOf(seed: number): () => Fault {
  const random = seededRandom(seed);
  const between = (least: number, most: number) => Math.floor(least + random() * (most - least));
  return () => ({
    type: "cut",
    afterBytes: between(1_000, 40_000),
    chunkBytes: between(7, 3_000),
    delayMs: random() < 0.3 ? between(1, 20) : 0,
  });
}

/** A thread with one turn, for an interface that goes on with it. */
async function begin(
  world: FaultyWorld,
  wishes: Params<"thread/start"> = {},
): Promise<string> {
  const client = await world.server.connect();
  const { thread } = await client.request("thread/start", wishes);
  const completed = client.next("turn/completed");
  await client.request("turn/start", { threadId: thread.id, input: text("begin") });
  await completed;
  client.close();
  return thread.id;
}

async function openOn(port: number, threadId: string, home: string): Promise<Screen> {
  const screen = await startScreen(
    SOURCE.command,
    ["resume", threadId, "--remote", `ws://127.0.0.1:${port}`],
    { rows: 150, env: { ...SOURCE.env, HOME: home, CODEX_HOME: home } },
  );
  await screen.until(READY);
  await screen.until(/^› begin\n\n• Begun$/m);
  return screen;
}

/** What a thread looks like. */
async function truthOf(
  world: FaultyWorld,
  threadId: string,
): Promise<string> {
  const client = await world.server.connect();
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  client.close();
  const parts = thread.turns.flatMap(({ items }) =>
    items.map((item) => {
      if (item.type === "agentMessage") return `• ${item.text}`;
      assert.ok(item.type === "userMessage");
      return `› ${item.content.map((part) => part.type === "text" ? part.text : "").join("")}`;
    })
  );
  return parts.join("\n\n");
}

/** Breaks the line, and waits until there is another one. The screen goes on to say "connected" until it hears of it. */
async function comeBack(screen: Screen, world: FaultyWorld): Promise<void> {
  world.proxy.cutAll();
  await screen.until("○ offline");
  await screen.until(/● ws:.* \d+ ms$/m, { why: "the connection" });
}

/** That the screen shows what the server knows, as soon as the turn has ended for both. */
async function assertTrue(
  screen: Screen,
  { world, threadId }: { readonly world: FaultyWorld; readonly threadId: string },
): Promise<void> {
  const settled = await screen.until((shown) => !shown.includes("Working"), { why: "the end" });
  const [transcript] = masked(settled, { root: world.server.home }).split(/\n\n─+\n/);
  assert.equal(transcript?.trim(), await truthOf(world, threadId));
}

Deno.test("after a dozen ways in which a line can break, the screen shows what the server knows, once", async () => {
  let nextFault: () => Fault = () => NO_FAULT;
  const answers: ScriptedAnswer[] = SEEDS.map((seed) => say(`${ANSWER} ${seed}`, { chunks: 40 }));
  await using world = await startFaultyWorld(
    { responses: [say("Begun"), ...answers] },
    () => nextFault(),
  );
  const threadId = await begin(world);
  await using screen = await openOn(world.proxy.port, threadId, world.server.home);
  for (const seed of SEEDS) {
    nextFault = scheduleOf(seed);
    const isEarly = seed % 2 === 0;
    if (isEarly) world.proxy.cutAll();
    enter(screen, `question ${seed}`);
    if (!isEarly) world.proxy.cutAll();
    await screen.until(new RegExp(`^› question ${seed}\n\n• ${ANSWER} ${seed}$`, "m"));
  }
  nextFault = () => NO_FAULT;
  await comeBack(screen, world);
  await assertTrue(screen, { world, threadId });
  assert.equal(world.server.model.requests.length, 1 + SEEDS.length);
  // More than one connection for each way, or nothing was broken.
  assert.ok(world.proxy.count > SEEDS.length, `${world.proxy.count} connections`);
});

Deno.test("a line on which nothing passes any more is left, and what was typed meanwhile arrives once", async () => {
  await using world = await startFaultyWorld({ responses: [say("Begun"), say("Arrived")] });
  const threadId = await begin(world);
  await using screen = await openOn(world.proxy.port, threadId, world.server.home);
  world.proxy.holdAll();
  enter(screen, "into the void");
  await screen.until("↳ sending: into the void");
  await screen.until(/^› into the void\n\n• Arrived$/m);
  // What was held back comes after all.
  world.proxy.healAll();
  await comeBack(screen, world);
  await assertTrue(screen, { world, threadId });
  assert.equal(world.server.model.requests.length, 2);
});

Deno.test("a line that is cut in the middle of an answer: what was said meanwhile is there, and all of it once", async () => {
  const steps = [say("So far, so good."), gate("cut"), say("And the end")];
  await using world = await startFaultyWorld({ responses: [say("Begun"), steps] });
  const threadId = await begin(world);
  await using screen = await openOn(world.proxy.port, threadId, world.server.home);
  enter(screen, "go on");
  await screen.until(/^› go on\n\n• So far, so good\.$/m);
  world.proxy.holdAll();
  const witness = await world.server.connect();
  await witness.request("thread/resume", { threadId });
  const ended = witness.next("turn/completed");
  world.server.model.release("cut");
  await ended;
  witness.close();
  assert.doesNotMatch(screen.text(), /And the end/);
  await comeBack(screen, world);
  await screen.until(/^• And the end$/m);
  await assertTrue(screen, { world, threadId });
});

Deno.test("a line that is cut while a question waits: it is asked on, once, and its answer counts", async () => {
  const touch = call("exec_command", { cmd: "touch made.txt" });
  await using world = await startFaultyWorld({ responses: [say("Begun"), touch, say("Made")] });
  const threadId = await begin(world, { approvalPolicy: "untrusted" });
  await using screen = await openOn(world.proxy.port, threadId, world.server.home);
  enter(screen, "make it");
  await screen.until("Run this command?");
  await comeBack(screen, world);
  await answer(screen, "Run this command?", "y");
  await screen.until(/^• Ran touch made\.txt$[^]*^• Made$/m);
  assert.doesNotMatch(screen.text(), /Run this command/);
  assert.ok((await Deno.stat(`${world.server.project}/made.txt`)).isFile);
});

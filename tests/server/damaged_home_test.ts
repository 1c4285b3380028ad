/** Files under the home that a disk, a crash or a person has damaged: what is whole is shown, and work goes on. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { seededRandom } from "../support/fault_proxy.ts";
import { say } from "../support/scripted_model.ts";
import { startServer } from "../support/server.ts";
import { runTurn, threadWithTurn } from "./turn_steps.ts";

const SCHEDULES = 60;
const KEYED = { sessionExtensions: ["numberedEvents", "idempotency"] } as const;

const DAMAGES: Readonly<Record<string, (bytes: Uint8Array, random: () => number) => Uint8Array>> = {
  "a bit is flipped": (bytes, random) => {
    const index = Math.floor(random() * bytes.length);
    return bytes.map((byte, at) => at === index ? byte ^ (1 << Math.floor(random() * 8)) : byte);
  },
  "it is torn": (bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
  "its end is zeros": (bytes, random) => bytes.slice().fill(0, Math.floor(random() * bytes.length)),
  "zeros are behind it": (bytes) => joined(bytes, new Uint8Array(4096)),
  "its last line is there twice": (bytes) =>
    joined(bytes, bytes.subarray(bytes.lastIndexOf(10, bytes.length - 2) + 1)),
  "it is empty": () => new Uint8Array(),
};

Deno.test("whatever file of a home is damaged, other threads are whole, and none keeps the server from working", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex-damaged-" }));
  try {
    const whole = `${root}/whole`;
    const world = await healthyHome(`${root}/home`);
    await Deno.rename(`${root}/home`, whole);
    const files = filesBelow(`${whole}/home`).filter((path) => !path.endsWith("config.toml"));
    assert.ok(
      ["rollout-", "thread_index_1", "session_state_1", "session_index"].every((name) =>
        files.some((path) => path.includes(name))
      ),
    );
    for (let seed = 0; seed < SCHEDULES; seed++) {
      const random = seededRandom(seed);
      // Every file, and of the kinds of damage each one with different neighbours.
      const path = files[seed % files.length] ?? "";
      const kinds = [...Object.keys(DAMAGES), "it is gone"];
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "";
      copyFolder(whole, `${root}/home`);
      const damaged = path.replace(whole, `${root}/home`);
      const bytes = DAMAGES[kind]?.(await Deno.readFile(damaged), random);
      if (bytes) await Deno.writeFile(damaged, bytes);
      else await Deno.remove(damaged);
      try {
        await assertWorks(`${root}/home`, { ...world, damaged });
      } catch (error) {
        throw new Error(`Seed ${seed}, ${damaged}: ${kind}`, { cause: error });
      }
      await Deno.remove(`${root}/home`, { recursive: true });
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

interface World {
  readonly threadIds: readonly string[];
}

/** Two threads with two turns each, one of which has a name; and an outcome that is kept. */
async function healthyHome(home: string): Promise<World> {
  await Deno.mkdir(home);
  const words = ["one", "two", "three", "four"];
  await using server = await startServer({
    home,
    config: "",
    responses: words.map((one) => say(one)),
  });
  const client = await server.connect(KEYED);
  const threadIds: string[] = [];
  for (const index of [0, 1]) {
    const threadId = await threadWithTurn(client, `first ${index}`);
    await runTurn(client, threadId, `second ${index}`);
    threadIds.push(threadId);
  }
  const [threadId = ""] = threadIds;
  await client.request("thread/name/set", { threadId, name: "named", idempotencyKey: "k" });
  client.close();
  return { threadIds };
}

async function assertWorks(
  home: string,
  { threadIds, damaged }: World & { readonly damaged: string },
): Promise<void> {
  await using server = await startServer({
    home,
    responses: Array.from({ length: 4 }, () => say("After")),
  });
  const client = await server.connect(KEYED);
  const { data } = await client.request("thread/list", {});
  for (const threadId of threadIds) {
    if (damaged.includes(threadId)) {
      await assertReadableOrRefused(client, threadId);
      continue;
    }
    assert.ok(data.some(({ id }) => id === threadId), threadId);
    const { thread } = await client.request("thread/resume", { threadId });
    assert.deepEqual(thread.turns.map(({ status }) => status), ["completed", "completed"]);
    assert.equal((await runTurn(client, threadId, "more")).status, "completed");
  }
  const { thread } = await client.request("thread/start", {});
  assert.equal((await runTurn(client, thread.id, "new")).status, "completed");
  const [threadId = ""] = threadIds;
  const name = { threadId: thread.id, name: "x", idempotencyKey: "other" };
  await orRefused(client.request("thread/name/set", name), damaged.includes("session_state"));
  await orRefused(
    client.request("thread/name/set", { threadId, name: "named", idempotencyKey: "k" }),
    damaged.includes("session_state") || damaged.includes(threadId),
  );
}

/** What is left of it can be gone on with, or there is a reason why not. */
async function assertReadableOrRefused(client: Client, threadId: string): Promise<void> {
  const opened = await orRefused(client.request("thread/resume", { threadId }), true);
  if (opened === null) return;
  const { thread } = opened;
  assert.ok(thread.turns.every(({ status }) => status !== "inProgress"));
  assert.equal((await runTurn(client, threadId, "more")).status, "completed");
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  assert.equal(read.thread.turns.length, thread.turns.length + 1);
}

/** Null for a refusal, if there may be one; it must have a reason, and that is no bug of the server. */
async function orRefused<T>(request: Promise<T>, mayBeRefused: boolean): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    assert.ok(mayBeRefused && error instanceof RpcError, String(error));
    assert.ok(Object(error.data).reason !== "internal", error.message);
    return null;
  }
}

function filesBelow(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

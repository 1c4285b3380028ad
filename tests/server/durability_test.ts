/** What survives a killed server, several servers on one home, and a home that cannot be written. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { makePlace, type Place } from "../programs/exec_process.ts";
import { testEachForm } from "../support/forms.ts";
import { call, gate, say } from "../support/mock_model.ts";
import { text } from "../support/server.ts";
import { startChild, unshareCommand } from "./child_server.ts";
import { runTurn, threadWithTurn } from "./turn_steps.ts";

testEachForm(
  "after kill -9 in mid-turn nothing acknowledged is lost and the turn is interrupted",
  async (form) => {
    await using place = await makePlace([say("So far"), gate("stream")], say("Go on"));
    const killed = await startChild(place, { form });
    const { thread } = await killed.client.request("thread/start", {});
    const threadId = thread.id;
    const { turn } = await killed.client.request("turn/start", {
      threadId,
      input: text("remember the whale"),
    });
    await killed.client.next("item/completed", ({ item }) => item.type === "agentMessage");
    const expectedTurnId = turn.id;
    await killed.client.request("turn/steer", {
      threadId,
      input: text("and the heron"),
      expectedTurnId,
    });
    await killed.kill();

    await using next = await startChild(place, { form });
    const { client } = next;
    const { data } = await client.request("thread/list", {});
    assert.deepEqual(data.map(({ id, preview }) => [id, preview]), [
      [threadId, "remember the whale"],
    ]);
    const { thread: read } = await client.request("thread/read", { threadId, includeTurns: true });
    assert.deepEqual(shown(read.turns), [[turn.id, "interrupted", [
      "user: remember the whale",
      "agent: So far",
      "user: and the heron",
    ]]]);
    const resumed = await client.request("thread/resume", { threadId });
    assert.deepEqual(shown(resumed.thread.turns), shown(read.turns));
    assert.deepEqual(resumed.thread.status, { type: "idle" });
    assert.equal((await runTurn(client, threadId, "what do you remember")).status, "completed");
    const { text: body } = await place.model.request(1);
    assert.match(body, /remember the whale.*So far.*and the heron.*what do you remember/);
  },
);

Deno.test("a message is safe from kill -9 as soon as turn/start has answered", async () => {
  await using place = await makePlace([gate("never")]);
  const killed = await startChild(place);
  const { thread } = await killed.client.request("thread/start", {});
  const threadId = thread.id;
  const input = text("keep this");
  const { turn } = await killed.client.request("turn/start", { threadId, input });
  await killed.kill();
  await using next = await startChild(place);
  const read = await next.client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(shown(read.thread.turns), [[turn.id, "interrupted", ["user: keep this"]]]);
});

for (const extension of ["numberedEvents", "idempotency"] as const) {
  Deno.test(`with ${extension}, a thread is safe from kill -9 as soon as thread/start has answered`, async () => {
    await using place = await makePlace(say("Here"));
    const extensions = [extension];
    const killed = await startChild(place, { sessionExtensions: extensions });
    const key = extension === "idempotency" ? { idempotencyKey: "k" } : {};
    const { thread } = await killed.client.request("thread/start", { ...key });
    const threadId = thread.id;
    await killed.client.request("thread/name/set", { threadId, name: "mine" });
    await killed.kill();
    await using next = await startChild(place, { sessionExtensions: extensions });
    const { client } = next;
    if (extension === "idempotency") {
      assert.equal((await client.request("thread/start", { ...key })).thread.id, threadId);
    }
    const resumed = await client.request("thread/resume", { threadId });
    assert.deepEqual([resumed.thread.name, resumed.thread.turns], ["mine", []]);
    // Nobody has said anything in it, so it is in no list (as upstream).
    assert.deepEqual((await client.request("thread/list", {})).data, []);
    assert.equal((await runTurn(client, threadId, "hello")).status, "completed");
    const { data } = await client.request("thread/list", {});
    assert.deepEqual(data.map(({ id, name, preview }) => [id, name, preview]), [
      [threadId, "mine", "hello"],
    ]);
  });
}

Deno.test("without extensions a thread has no file before its first message, as upstream", async () => {
  await using place = await makePlace();
  await using child = await startChild(place);
  const { thread } = await child.client.request("thread/start", {});
  await assert.rejects(Deno.stat(thread.path ?? ""), Deno.errors.NotFound);
  const ephemeral = await child.client.request("thread/start", { ephemeral: true });
  assert.equal(ephemeral.thread.path, null);
});

Deno.test("a thread that another process has loaded can be read, but nothing else", async () => {
  await using place = await makePlace(say("one"), say("two"));
  const owner = await startChild(place);
  const threadId = await threadWithTurn(owner.client, "mine");
  await using other = await startChild(place);
  const { client } = other;
  const refused = [
    () => client.request("thread/resume", { threadId }),
    () => client.request("thread/name/set", { threadId, name: "Yours" }),
    () => client.request("thread/archive", { threadId }),
  ];
  for (const request of refused) {
    await assert.rejects(request(), (error: Error & { code?: number; data?: unknown }) => {
      assert.equal(error.code, -32600);
      assert.deepEqual(error.data, { reason: "threadLocked" });
      assert.match(error.message, new RegExp(`in use by .*\\(process ${owner.pid}\\)`));
      return true;
    });
  }
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(shown(thread.turns)[0]?.[2], ["user: mine", "agent: one"]);
  const { data } = await client.request("thread/list", {});
  assert.deepEqual(data.map(({ id, name }) => [id, name]), [[threadId, null]]);
  await owner.kill();
  await client.request("thread/resume", { threadId });
  assert.equal((await runTurn(client, threadId, "now mine")).status, "completed");
});

testEachForm("a server that is told to stop gives its threads back", async (form) => {
  await using place = await makePlace(say("one"), say("two"));
  const first = await startChild(place, { form });
  const threadId = await threadWithTurn(first.client, "hello");
  await using second = await startChild(place, { form });
  await first.stop();
  await second.client.request("thread/resume", { threadId });
  assert.equal((await runTurn(second.client, threadId, "again")).status, "completed");
});

Deno.test({
  name: "a full disk refuses the turn and loses nothing, and with space again all goes on",
  ignore: unshareCommand === null,
  async fn() {
    await using place = await makePlace(say("one"), [gate("full"), say(PAGES)], say("three"));
    await using child = await startChild(place, { prefix: inOwnMounts(SMALL_HOME, place) });
    const { client } = child;
    const disk = new SmallDisk(child.pid, place);
    const { thread } = await client.request("thread/start", {});
    const threadId = thread.id;
    await disk.fill();
    await assertRefused(client, threadId, "diskFull");
    await assertRefused(client, threadId, "diskFull");
    assert.deepEqual((await client.request("thread/read", { threadId })).thread.preview, "");
    await disk.free();
    assert.equal((await runTurn(client, threadId, "first")).status, "completed");

    const { turn } = await client.request("turn/start", { threadId, input: text("second") });
    await place.model.reached("full");
    await disk.fill();
    place.model.release("full");
    const failed = await client.next("turn/completed", ({ turn: { id } }) => id === turn.id);
    assert.equal(failed.turn.status, "failed");
    assert.match(failed.turn.error?.message ?? "", /the disk is full; free some space/);
    await assertRefused(client, threadId, "diskFull");
    await disk.free();
    assert.equal((await runTurn(client, threadId, "third")).status, "completed");
    const read = await client.request("thread/read", { threadId, includeTurns: true });
    assert.deepEqual(
      shown(read.thread.turns).map(([, status, [first]]) => [status, first]),
      [["completed", "user: first"], ["failed", "user: second"], ["completed", "user: third"]],
    );
    await client.request("thread/archive", { threadId });
    const stored = await client.request("thread/read", { threadId, includeTurns: true });
    assert.deepEqual(shown(stored.thread.turns).map(([id, , [first]]) => [id, first]), [
      ...shown(read.thread.turns).map(([id, , [first]]) => [id, first]),
    ]);
  },
});

Deno.test({
  name: "a disk that fills up while commands run leaves a thread that the model can go on with",
  ignore: unshareCommand === null,
  async fn() {
    const print = "head -c 9000 /dev/zero | tr '\\0' x";
    const wait = `until [ -e "$PWD/go" ]; do sleep 0.01; done; ${print}`;
    await using place = await makePlace(
      [call("exec_command", { cmd: wait, yield_time_ms: 250 }, "left"), say("Left running")],
      say("Waiting"),
      [call("exec_command", { cmd: print }, "done"), gate("full")],
      say("Fresh"),
    );
    await using child = await startChild(place, { prefix: inOwnMounts(SMALL_HOME, place) });
    const { client } = child;
    const disk = new SmallDisk(child.pid, place);
    const threadId = await threadWithTurn(client, "leave a command behind");
    const { turn } = await client.request("turn/start", { threadId, input: text("one more") });
    await client.next("item/completed", ({ item }) => item.id === "done");
    await disk.fill();
    await Deno.writeTextFile(`${place.project}/go`, "");
    await client.next("item/completed", ({ item }) => item.id === "left");
    place.model.release("full");
    const failed = await client.next("turn/completed", ({ turn: { id } }) => id === turn.id);
    assert.equal(failed.turn.status, "failed");
    await disk.free();
    assert.equal((await runTurn(client, threadId, "and now")).status, "completed");
    const { body } = await place.model.request(3);
    assert.deepEqual(unanswered(body.input), []);
  },
});

Deno.test({
  name: "a call that could not be written down is not in the next request",
  ignore: unshareCommand === null,
  async fn() {
    await using place = await makePlace(
      say("one"),
      [gate("full"), call("exec_command", { cmd: `true ${PAGES}` }, "lost")],
      say("Fresh"),
    );
    await using child = await startChild(place, { prefix: inOwnMounts(SMALL_HOME, place) });
    const { client } = child;
    const disk = new SmallDisk(child.pid, place);
    const threadId = await threadWithTurn(client, "hello");
    await client.request("turn/start", { threadId, input: text("run it") });
    await place.model.reached("full");
    await disk.fill();
    place.model.release("full");
    assert.equal((await client.next("turn/completed")).turn.status, "failed");
    await disk.free();
    assert.equal((await runTurn(client, threadId, "and now")).status, "completed");
    const { body } = await place.model.request(2);
    assert.deepEqual(unanswered(body.input), []);
  },
});

Deno.test({
  name: "a read-only home refuses what would have to be written, and shows what is there",
  ignore: unshareCommand === null,
  async fn() {
    await using place = await makePlace(say("one"));
    const writer = await startChild(place);
    const stored = await threadWithTurn(writer.client, "before");
    await writer.stop();
    await using child = await startChild(place, { prefix: inOwnMounts(READ_ONLY_HOME, place) });
    const { client } = child;
    const { data } = await client.request("thread/list", {});
    assert.deepEqual(data.map(({ id }) => id), [stored]);
    const read = await client.request("thread/read", { threadId: stored, includeTurns: true });
    assert.deepEqual(shown(read.thread.turns)[0]?.[2], ["user: before", "agent: one"]);
    const { thread } = await client.request("thread/start", {});
    await assertRefused(client, thread.id, "readOnlyHome");
    const refused = [
      () => client.request("thread/resume", { threadId: stored }),
      () => client.request("thread/name/set", { threadId: stored, name: "x" }),
      () => client.request("thread/archive", { threadId: stored }),
    ];
    for (const request of refused) {
      await assert.rejects(request(), { code: -32603, data: { reason: "readOnlyHome" } });
    }
    const started = await client.request("thread/start", { ephemeral: true });
    place.model.push(say("without a file"));
    assert.equal((await runTurn(client, started.thread.id, "hi")).status, "completed");
  },
});

/** More than a page: what is shorter may fit behind the end of a file on a full disk. */
const PAGES = "x".repeat(9000);
/** `$1` is the home; `$2` a folder to keep its config in meanwhile. */
const SMALL_HOME = 'cp "$1/config.toml" "$2" && mount -t tmpfs -o size=1m tmpfs "$1" && ' +
  'cp "$2/config.toml" "$1"';
const READ_ONLY_HOME = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"';

/** The words that run a program after `script`, in mounts that end with it. */
function inOwnMounts(script: string, place: Place): readonly string[] {
  const words = `${script} && shift 2 && exec "$@"`;
  return [...unshareCommand ?? [], "sh", "-c", words, "sh", place.home, place.outside];
}

/** The home of a child that has mounts of its own. */
class SmallDisk {
  readonly #filler: string;

  constructor(pid: number, place: Place) {
    this.#filler = `/proc/${pid}/root${place.home}/filler`;
  }

  async fill(): Promise<void> {
    using file = await Deno.open(this.#filler, { create: true, append: true });
    for (const size of [64 * 1024, 4096, 256, 1]) {
      while (await hasWritten(file, new Uint8Array(size)));
    }
  }

  async free(): Promise<void> {
    await Deno.remove(this.#filler);
  }
}

async function hasWritten(file: Deno.FsFile, bytes: Uint8Array): Promise<boolean> {
  try {
    return await file.write(bytes) > 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

async function assertRefused(client: Client, threadId: string, reason: string): Promise<void> {
  const request = client.request("turn/start", { threadId, input: text(PAGES) });
  await assert.rejects(request, { code: -32603, data: { reason } });
}

/** The ids of calls in a request that have no output; a provider refuses such a request. */
function unanswered(input: unknown): unknown[] {
  const items: Record<string, unknown>[] = Array.isArray(input) ? input : [];
  const idsOf = (type: string) =>
    items.filter((item) => item["type"] === type).map((item) => item["call_id"]);
  const answered = new Set(idsOf("function_call_output"));
  return idsOf("function_call").filter((id) => !answered.has(id));
}

type Shown = readonly [id: string, status: string, texts: readonly string[]];

/** The conversation in the turns. */
function shown(turns: Awaited<ReturnType<typeof runTurn>>[]): Shown[] {
  return turns.map(({ id, status, items }) => [
    id,
    status,
    items.flatMap((item) => {
      if (item.type === "agentMessage") return [`agent: ${item.text}`];
      if (item.type !== "userMessage") return [];
      return item.content.flatMap((part) => part.type === "text" ? [`user: ${part.text}`] : []);
    }),
  ]);
}

/** Threads through the public client: their life from start to archive, and over a restart of the server. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { call, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { RawPeer } from "./raw_peer.ts";
import { exists, inputText, rolloutRecords, runTurn, threadWithTurn } from "./turn_steps.ts";

Deno.test("thread/start answers the settings and announces the thread to everybody", async () => {
  await using server = await startServer();
  const [client, other] = [await server.connect(), await server.connect()];
  const started = await client.request("thread/start", {});
  const { thread } = started;
  assert.deepEqual(started.sandbox, { type: "dangerFullAccess" });
  assert.equal(started.approvalPolicy, "untrusted");
  assert.equal(started.approvalsReviewer, "user");
  assert.equal(started.cwd, server.project);
  assert.equal(started.model, "scripted-model");
  assert.equal(thread.modelProvider, "scripted");
  assert.equal(thread.source, "vscode");
  assert.equal(thread.sessionId, thread.id);
  assert.equal(thread.preview, "");
  assert.deepEqual(thread.status, { type: "idle" });
  assert.deepEqual(thread.turns, []);
  assert.ok(thread.path?.startsWith(`${server.home}/home/sessions/`));
  assert.equal(await exists(thread.path), false);
  for (const peer of [client, other]) {
    assert.deepEqual((await peer.next("thread/started")).thread, thread);
  }
});

Deno.test("thread/read shows a thread, and its turns once there is a user message", async () => {
  await using server = await startServer({ responses: [say("Hello there")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  assert.deepEqual((await client.request("thread/read", { threadId })).thread, thread);
  await assert.rejects(client.request("thread/read", { threadId, includeTurns: true }), {
    message: `thread ${threadId} is not materialized yet; includeTurns is unavailable ` +
      "before first user message",
  });
  const turn = await runTurn(client, threadId, "say hello");
  assert.equal(await exists(thread.path), true);
  const { thread: read } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.equal(read.preview, "say hello");
  assert.deepEqual(read.turns.map(({ id, status }) => ({ id, status })), [
    { id: turn.id, status: "completed" },
  ]);
  const [first, second] = read.turns[0]?.items ?? [];
  assert.equal(first?.type, "userMessage");
  assert.ok(second?.type === "agentMessage" && second.text === "Hello there");
  const brief = await client.request("thread/read", { threadId });
  assert.deepEqual(brief.thread.turns, []);
});

Deno.test("thread/list shows only threads with a user message, newest first, by page", async () => {
  await using server = await startServer({ responses: [say("1"), say("2"), say("3")] });
  const client = await server.connect();
  await client.request("thread/start", {});
  const ids: string[] = [];
  for (const words of ["one", "two", "three"]) ids.unshift(await threadWithTurn(client, words));
  const all = await client.request("thread/list", {});
  assert.deepEqual(all.data.map(({ id }) => id), ids);
  assert.deepEqual(all.data.map(({ preview }) => preview), ["three", "two", "one"]);
  assert.deepEqual(all.data.map(({ status }) => status.type), ["idle", "idle", "idle"]);
  assert.equal(all.nextCursor, null);
  const first = await client.request("thread/list", { limit: 2 });
  assert.deepEqual(first.data.map(({ id }) => id), ids.slice(0, 2));
  const rest = await client.request("thread/list", { limit: 2, cursor: first.nextCursor });
  assert.deepEqual(rest.data.map(({ id }) => id), ids.slice(2));
  assert.equal(rest.nextCursor, null);
  assert.equal((await client.request("thread/list", { limit: 0 })).data.length, 1);
  await assert.rejects(client.request("thread/list", { cursor: "zzz" }), {
    message: "invalid cursor: zzz",
  });
  const found = await client.request("thread/list", { searchTerm: "TWO" });
  assert.deepEqual(found.data.map(({ preview }) => preview), ["two"]);
  for (const [cwd, count] of [[server.project, 3], ["/elsewhere", 0]] as const) {
    assert.equal((await client.request("thread/list", { cwd })).data.length, count);
  }
  assert.equal((await client.request("thread/list", { modelProviders: [] })).data.length, 3);
  assert.equal((await client.request("thread/list", { modelProviders: ["x"] })).data.length, 0);
  assert.equal((await client.request("thread/list", { sourceKinds: ["exec"] })).data.length, 0);
});

Deno.test("thread/loaded/list pages through the ids, also when one is unloaded meanwhile", async () => {
  await using server = await startServer({ responses: [say("a"), say("b"), say("c")] });
  const client = await server.connect();
  const ids = [];
  for (const words of ["a", "b", "c"]) ids.push(await threadWithTurn(client, words));
  const first = await client.request("thread/loaded/list", { limit: 2 });
  assert.deepEqual(first, { data: ids.slice(0, 2), nextCursor: ids[1] });
  await client.request("thread/archive", { threadId: ids[1] ?? "" });
  const second = await client.request("thread/loaded/list", {
    limit: 2,
    cursor: first.nextCursor,
  });
  assert.deepEqual(second, { data: ids.slice(2), nextCursor: null });
  const all = await client.request("thread/loaded/list", {});
  assert.deepEqual(all, { data: [ids[0], ids[2]], nextCursor: null });
});

Deno.test("thread/name/set names a thread for everybody, and search finds the name", async () => {
  await using server = await startServer({ responses: [say("x")] });
  const [client, other] = [await server.connect(), await server.connect()];
  const threadId = await threadWithTurn(client, "some words");
  for (const name of ["", " \t"]) {
    await assert.rejects(client.request("thread/name/set", { threadId, name }), {
      message: "thread name must not be empty",
    });
  }
  assert.deepEqual(await client.request("thread/name/set", { threadId, name: "Blue whale" }), {});
  for (const peer of [client, other]) {
    const updated = await peer.next("thread/name/updated");
    assert.deepEqual(updated, { threadId, threadName: "Blue whale" });
  }
  const found = await client.request("thread/list", { searchTerm: "whale" });
  assert.deepEqual(found.data.map(({ id, name }) => ({ id, name })), [
    { id: threadId, name: "Blue whale" },
  ]);
  const index = await Deno.readTextFile(`${server.home}/home/session_index.jsonl`);
  assert.equal(JSON.parse(index.trim()).thread_name, "Blue whale");
});

Deno.test("a thread that is not loaded is renamed and announced, too", async () => {
  await using first = await startServer({ responses: [say("x")] });
  const threadId = await threadWithTurn(await first.connect());
  await first.stop();
  await using second = await startServer({ home: first.home });
  const peer = await RawPeer.initialized(second.server);
  const answer = await peer.call("thread/name/set", { threadId, name: "Later" });
  assert.deepEqual(answer.result, {});
  const { params } = await peer.untilMethod("thread/name/updated");
  assert.deepEqual(params, { threadId, threadName: "Later" });
  const methods = peer.frames.map(({ method }) => method ?? "answer");
  assert.deepEqual(methods.slice(-2), ["answer", "thread/name/updated"]);
  const { result } = await peer.call("thread/read", { threadId });
  assert.equal(result.thread.name, "Later");
  assert.deepEqual((await peer.call("thread/loaded/list", {})).result.data, []);
});

Deno.test("thread/archive unloads the thread and moves its file; unarchive brings it back", async () => {
  await using server = await startServer({ responses: [say("x"), say("y")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await runTurn(client, threadId, "keep me");
  const peer = await RawPeer.initialized(server.server);
  await peer.call("thread/archive", { threadId });
  await peer.untilMethod("thread/archived");
  assert.deepEqual(
    peer.frames.slice(1).map(({ method, params }) => [method, params?.status?.type]),
    [
      ["thread/status/changed", "notLoaded"],
      ["thread/closed", undefined],
      [undefined, undefined],
      ["thread/archived", undefined],
    ],
  );
  assert.equal((await client.next("thread/archived")).threadId, threadId);
  assert.equal(await exists(thread.path), false);
  const archived = await client.request("thread/list", { archived: true });
  assert.deepEqual(archived.data.map(({ id }) => id), [threadId]);
  assert.ok(archived.data[0]?.path?.startsWith(`${server.home}/home/archived_sessions/`));
  assert.deepEqual((await client.request("thread/list", {})).data, []);
  await assert.rejects(client.request("thread/resume", { threadId }), {
    message: `session ${threadId} is archived. Run \`codex unarchive ${threadId}\` ` +
      "to unarchive it first.",
  });
  await assert.rejects(client.request("thread/archive", { threadId }), /no rollout found/);

  const back = await client.request("thread/unarchive", { threadId });
  assert.equal(back.thread.id, threadId);
  assert.deepEqual(back.thread.status, { type: "notLoaded" });
  assert.equal((await client.next("thread/unarchived")).threadId, threadId);
  assert.equal(await exists(thread.path), true);
  assert.deepEqual((await client.request("thread/list", {})).data.map(({ id }) => id), [threadId]);
  await assert.rejects(
    client.request("thread/unarchive", { threadId }),
    /no archived rollout found for thread id/,
  );
  await client.request("thread/resume", { threadId });
  assert.equal((await runTurn(client, threadId, "again")).status, "completed");
});

Deno.test("a thread without a user message cannot be archived", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  await assert.rejects(client.request("thread/archive", { threadId: thread.id }), {
    message: `no rollout found for thread id ${thread.id}`,
  });
  assert.deepEqual((await client.request("thread/loaded/list", {})).data, [thread.id]);
});

Deno.test("thread/unsubscribe ends the events for this connection alone", async () => {
  await using server = await startServer({ responses: [say("x")] });
  const [client, other] = [await server.connect(), await server.connect()];
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await other.request("thread/resume", { threadId });
  const unsubscribe = () => client.request("thread/unsubscribe", { threadId });
  assert.deepEqual(await unsubscribe(), { status: "unsubscribed" });
  assert.deepEqual(await unsubscribe(), { status: "notSubscribed" });
  const heard: string[] = [];
  client.on("turn/started", () => heard.push("turn/started"));
  client.on("turn/completed", () => heard.push("turn/completed"));
  await runTurn(other, threadId, "for the other");
  await client.request("thread/loaded/list", {});
  assert.deepEqual(heard, []);
});

Deno.test("thread/metadata/update corrects the git state, which stays after a restart", async () => {
  await using first = await startServer({ responses: [say("x")] });
  const client = await first.connect();
  const threadId = await threadWithTurn(client);
  for (const gitInfo of [{}, null]) {
    await assert.rejects(client.request("thread/metadata/update", { threadId, gitInfo }), {
      message: "gitInfo must include at least one field",
    });
  }
  const gitInfo = { sha: "abc123", branch: "main", originUrl: "https://example.invalid/x.git" };
  const updated = await client.request("thread/metadata/update", { threadId, gitInfo });
  assert.deepEqual(updated.thread.gitInfo, gitInfo);
  const cleared = await client.request("thread/metadata/update", {
    threadId,
    gitInfo: { originUrl: null },
  });
  const expected = { ...gitInfo, originUrl: null };
  assert.deepEqual(cleared.thread.gitInfo, expected);
  await first.stop();
  await using second = await startServer({ home: first.home });
  const [listed] = (await (await second.connect()).request("thread/list", {})).data;
  assert.deepEqual(listed?.gitInfo, expected);
});

Deno.test("thread/fork goes on with a copy in a file of its own", async () => {
  await using server = await startServer({ responses: [say("first"), say("second")] });
  const client = await server.connect();
  const { thread: source } = await client.request("thread/start", {});
  await runTurn(client, source.id, "the question");
  await client.next("thread/started");
  const before = await Deno.readTextFile(source.path ?? "");
  const { thread: fork } = await client.request("thread/fork", { threadId: source.id });
  assert.notEqual(fork.id, source.id);
  assert.notEqual(fork.path, source.path);
  assert.equal(fork.forkedFromId, source.id);
  assert.equal(fork.preview, "the question");
  assert.deepEqual(fork.turns.map(({ items }) => items.map(({ type }) => type)), [
    ["userMessage", "agentMessage"],
  ]);
  assert.deepEqual((await client.next("thread/started")).thread, fork);
  const [first, ...copied] = await rolloutRecords(fork.path);
  assert.equal(first.payload.id, fork.id);
  assert.equal(first.payload.forked_from_id, source.id);
  assert.equal(copied[0].payload.id, source.id);
  await runTurn(client, fork.id, "and more");
  const request = await server.model.request(1);
  assert.match(inputText(request), /the question.*first.*and more/);
  assert.equal(await Deno.readTextFile(source.path ?? ""), before);
  const { data } = await client.request("thread/list", {});
  assert.deepEqual(new Set(data.map(({ id }) => id)), new Set([source.id, fork.id]));
});

Deno.test("an ephemeral thread leaves no file, is not listed and has no turns to read", async () => {
  await using server = await startServer({ responses: [say("x")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", { ephemeral: true });
  assert.equal(thread.ephemeral, true);
  assert.equal(thread.path, null);
  const threadId = thread.id;
  assert.equal((await runTurn(client, threadId, "hi")).status, "completed");
  await assert.rejects(client.request("thread/read", { threadId, includeTurns: true }), {
    message: "ephemeral threads do not support includeTurns",
  });
  assert.equal((await client.request("thread/read", { threadId })).thread.preview, "hi");
  assert.deepEqual((await client.request("thread/list", {})).data, []);
  assert.equal(await exists(`${server.home}/home/sessions`), false);
});

Deno.test("an ephemeral fork has the history but no file", async () => {
  await using server = await startServer({ responses: [say("first"), say("second")] });
  const client = await server.connect();
  const threadId = await threadWithTurn(client, "the question");
  const { thread } = await client.request("thread/fork", { threadId, ephemeral: true });
  assert.equal(thread.path, null);
  assert.equal(thread.turns.length, 1);
  await runTurn(client, thread.id, "more");
  assert.match(inputText(await server.model.request(1)), /the question.*first.*more/);
  assert.equal((await client.request("thread/list", {})).data.length, 1);
});

Deno.test("a new server on the same home lists, reads and resumes with context", async () => {
  await using first = await startServer({ responses: [say("Forty-two", { id: "msg_1" })] });
  const client = await first.connect();
  const { thread } = await client.request("thread/start", { model: "other-model" });
  const threadId = thread.id;
  const turn = await runTurn(client, threadId, "what is the answer");
  const { thread: live } = await client.request("thread/read", { threadId, includeTurns: true });
  await first.stop();

  await using second = await startServer({ home: first.home, responses: [say("Yes")] });
  const peer = await second.connect();
  const { data: [listed] } = await peer.request("thread/list", {});
  assert.equal(listed?.id, threadId);
  assert.deepEqual(listed?.status, { type: "notLoaded" });
  assert.deepEqual(listed?.turns, []);
  const { thread: read } = await peer.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.turns.map(shown), live.turns.map(shown));
  assert.deepEqual(read.turns.map(({ id, status }) => [id, status]), [[turn.id, "completed"]]);

  const resumed = await peer.request("thread/resume", { threadId });
  assert.equal(resumed.model, "other-model");
  assert.equal(resumed.modelProvider, "scripted");
  assert.equal(resumed.cwd, second.project);
  assert.equal(resumed.approvalPolicy, "untrusted");
  assert.equal(resumed.thread.createdAt, live.createdAt);
  assert.deepEqual(resumed.thread.turns, read.turns);
  const status = await peer.next("thread/status/changed");
  assert.deepEqual(status, { threadId, status: { type: "idle" } });
  await runTurn(peer, threadId, "are you sure");
  const request = await second.model.request(0);
  assert.equal(request.model, "other-model");
  const input = inputText(request);
  assert.match(input, /what is the answer.*Forty-two.*are you sure/);
  // The surroundings have not changed, so they are not told again.
  assert.equal(input.split("<environment_context>").length, 2);
});

Deno.test("resume takes new settings for a stored thread, and ignores them for a loaded one", async () => {
  await using first = await startServer({ responses: [say("x")] });
  const threadId = await threadWithTurn(await first.connect());
  await first.stop();
  await using second = await startServer({ home: first.home });
  const client = await second.connect();
  const resumed = await client.request("thread/resume", {
    threadId,
    model: "new-model",
    approvalPolicy: "never",
    sandbox: "read-only",
    cwd: "/",
  });
  assert.equal(resumed.model, "new-model");
  assert.equal(resumed.approvalPolicy, "never");
  assert.equal(resumed.sandbox.type, "readOnly");
  assert.equal(resumed.cwd, "/");
  assert.equal(resumed.thread.cwd, second.project);
  const again = await client.request("thread/resume", {
    threadId,
    model: "ignored",
    approvalPolicy: "on-request",
  });
  assert.equal(again.model, "new-model");
  assert.equal(again.approvalPolicy, "never");
});

Deno.test("a command that outlives its turn is shown as it ended, before and after a restart", async () => {
  const cmd = 'until [ -e "$PWD/go" ]; do sleep 0.01; done; echo over';
  await using first = await startServer({
    responses: [call("exec_command", { cmd, yield_time_ms: 250 }, "late"), say("Left")],
  });
  const client = await first.connect();
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  const threadId = thread.id;
  await runTurn(client, threadId, "leave it running");
  const read = async (reader: Client) => {
    const { thread } = await reader.request("thread/read", { threadId, includeTurns: true });
    const item = thread.turns[0]?.items.find(({ id }) => id === "late");
    assert.ok(item?.type === "commandExecution");
    return [item.status, item.exitCode, item.aggregatedOutput];
  };
  assert.deepEqual((await read(client))[0], "inProgress");
  await Deno.writeTextFile(`${first.project}/go`, "");
  await client.next("item/completed", ({ item }) => item.id === "late");
  assert.deepEqual(await read(client), ["completed", 0, "over\n"]);
  await first.stop();
  await using second = await startServer({ home: first.home });
  assert.deepEqual(await read(await second.connect()), ["completed", 0, "over\n"]);
});

Deno.test("an interrupted command reads the same from memory and from disk", async () => {
  const cmd = "echo begun; exec sleep 1000";
  await using first = await startServer({ responses: [call("exec_command", { cmd }, "cut")] });
  const client = await first.connect();
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  const threadId = thread.id;
  const input = text("sleep");
  const { turn } = await client.request("turn/start", { threadId, input });
  await client.next("item/commandExecution/outputDelta");
  const path = thread.path ?? "";
  const ended = untilFile(path, (content) => content.includes('"exec_command_end"'));
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  await client.next("turn/completed");
  await ended;
  const read = async (reader: Client) => {
    const { thread } = await reader.request("thread/read", { threadId, includeTurns: true });
    const item = thread.turns[0]?.items.find(({ id }) => id === "cut");
    assert.ok(item?.type === "commandExecution");
    return [thread.turns[0]?.status, item.status, item.aggregatedOutput];
  };
  const live = await read(client);
  await first.stop();
  await using second = await startServer({ home: first.home });
  assert.deepEqual(await read(await second.connect()), live);
  assert.deepEqual(live, ["interrupted", "failed", "begun\ncommand aborted by user\n"]);
});

Deno.test("a resume that fails lets the thread go", async () => {
  await using first = await startServer({ responses: [say("x")] });
  const threadId = await threadWithTurn(await first.connect());
  await first.stop();
  await using second = await startServer({ home: first.home });
  const client = await second.connect();
  const config = { approval_policy: "sometimes" };
  await assert.rejects(client.request("thread/resume", { threadId, config }), /sometimes/);
  assert.equal((await client.request("thread/resume", { threadId })).thread.id, threadId);
});

Deno.test("settings of turn/start hold for the turns after it", async () => {
  await using server = await startServer({ responses: [say("x"), say("y")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  await client.request("turn/start", {
    threadId,
    input: text("hi"),
    model: "bigger",
    effort: "high",
  });
  await client.next("turn/completed");
  await runTurn(client, threadId, "again");
  const requests = server.model.requests.map(({ model, effort }) => ({ model, effort }));
  assert.deepEqual(requests, [
    { model: "bigger", effort: "high" },
    { model: "bigger", effort: "high" },
  ]);
});

/** Resolves once the content of the file matches. */
async function untilFile(path: string, matches: (content: string) => boolean): Promise<void> {
  using watcher = Deno.watchFs(path);
  if (matches(await Deno.readTextFile(path))) return;
  for await (const _ of watcher) {
    if (matches(await Deno.readTextFile(path))) return;
  }
}

/** A turn without what a rollout does not keep. */
function shown(turn: { readonly items: readonly { readonly type: string }[] }): unknown {
  return turn.items.map((item) => ({ ...item, id: "", clientId: null }));
}

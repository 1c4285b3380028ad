/** Approvals of one client: every decision, what it spares later, and the order of what is told. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { call, custom, say, type ScriptStep } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { Questions } from "./questions.ts";
import { RawPeer } from "./raw_peer.ts";
import { exists, inputText, runTurn } from "./turn_steps.ts";

Deno.test("accept runs the command, and everything is told in upstream's order", async () => {
  await using server = await startServer({ responses: [run("touch made.txt"), say("Done")] });
  const peer = await RawPeer.initialized(server.server);
  const threadId = (await peer.call("thread/start", {})).result.thread.id;
  const from = peer.frames.length;
  const { result } = await peer.call("turn/start", { threadId, input: text("make a file") });
  const request = await peer.untilMethod("item/commandExecution/requestApproval");
  assert.equal(typeof request.id, "string");
  const { startedAtMs, cwd, itemId, ...params } = request.params;
  assert.ok(startedAtMs > 0);
  assert.equal(cwd, server.project);
  assert.deepEqual(params, {
    threadId,
    turnId: result.turn.id,
    kind: "command",
    environmentId: "local",
    command: "/bin/bash -lc 'touch made.txt'",
    commandActions: [{ type: "unknown", command: "touch made.txt" }],
    proposedExecpolicyAmendment: ["touch", "made.txt"],
    availableDecisions: [
      "accept",
      { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch", "made.txt"] } },
      "cancel",
    ],
  });
  assert.equal(await exists(`${server.project}/made.txt`), false);
  const asked = peer.frames.length;
  peer.answer(request.id, { decision: "accept" });
  await peer.untilMethod("turn/completed");
  assert.equal(await exists(`${server.project}/made.txt`), true);

  const before = peer.frames.slice(from, asked);
  assert.deepEqual(before.slice(-3).map(({ method }) => method), [
    "item/started",
    "thread/status/changed",
    "item/commandExecution/requestApproval",
  ]);
  assert.deepEqual(before.at(-2)?.params.status, {
    type: "active",
    activeFlags: ["waitingOnApproval"],
  });
  const [resolved, status, completed] = peer.frames.slice(asked);
  assert.deepEqual(resolved, {
    method: "serverRequest/resolved",
    params: { threadId, requestId: request.id },
  });
  assert.deepEqual(status?.params, { threadId, status: { type: "active", activeFlags: [] } });
  assert.equal(completed?.method, "item/completed");
  const { id, status: ending, exitCode, source, processId } = completed?.params.item;
  assert.deepEqual([id, ending, exitCode, source], [itemId, "completed", 0, "unifiedExecStartup"]);
  assert.match(processId, /^\d+$/);
  const started = peer.frames.filter((frame) =>
    frame.method === "item/started" && frame.params.item.id === itemId
  );
  assert.equal(started.length, 1);
});

Deno.test("acceptForSession spares the same command, and no other one", async () => {
  await using asking = await askingServer([
    [run("touch a.txt"), say("one")],
    [run("touch a.txt"), say("two")],
    [run("touch b.txt"), say("three")],
  ]);
  const { client, threadId, questions } = asking;
  const first = runTurn(client, threadId, "1");
  (await questions.next()).answer("acceptForSession");
  await first;
  assert.equal((await runTurn(client, threadId, "2")).status, "completed");
  assert.equal(questions.asked.length, 1);
  const third = runTurn(client, threadId, "3");
  const question = await questions.next();
  assert.equal(question.params.command, "/bin/bash -lc 'touch b.txt'");
  question.answer("accept");
  await third;
});

Deno.test("an amendment is written down and spares commands with the prefix, also later", async () => {
  const amendment = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch"] } };
  await using asking = await askingServer([
    [run("touch a.txt"), say("one")],
    [run("touch b.txt"), say("two")],
  ]);
  const { server, client, threadId, questions } = asking;
  const first = runTurn(client, threadId, "1");
  (await questions.next()).answer(amendment);
  await first;
  const rules = await Deno.readTextFile(`${server.home}/home/rules/default.rules`);
  assert.equal(rules, 'prefix_rule(pattern=["touch"], decision="allow")\n');
  await runTurn(client, threadId, "2");
  assert.equal(questions.asked.length, 1);
  assert.equal(await exists(`${server.project}/b.txt`), true);
  await server.stop();

  await using second = await startServer({
    home: server.home,
    responses: [run("touch c.txt"), say("three")],
  });
  const later = await second.connect();
  const { thread } = await later.request("thread/start", {});
  assert.equal((await runTurn(later, thread.id, "3")).status, "completed");
  assert.equal(await exists(`${server.project}/c.txt`), true);
});

Deno.test("decline fails the call and the turn goes on", async () => {
  await using asking = await askingServer([[run("touch no.txt"), say("Then not")]]);
  const { server, client, threadId, questions } = asking;
  const turn = runTurn(client, threadId, "try");
  const question = await questions.next();
  question.answer("decline");
  assert.equal((await turn).status, "completed");
  const completed = await client.next(
    "item/completed",
    ({ item }) => item.type === "commandExecution",
  );
  assert.ok(completed.item.type === "commandExecution");
  assert.equal(completed.item.id, question.params.itemId);
  assert.equal(completed.item.status, "declined");
  assert.equal(completed.item.exitCode, null);
  assert.equal(await exists(`${server.project}/no.txt`), false);
  assert.match(inputText(await server.model.request(1)), /rejected by user/);
});

Deno.test("cancel declines the command and interrupts the turn", async () => {
  await using asking = await askingServer([[run("touch no.txt")], [say("fresh")]]);
  const { server, client, threadId, questions } = asking;
  const turn = runTurn(client, threadId, "try");
  (await questions.next()).answer("cancel");
  assert.equal((await turn).status, "interrupted");
  assert.equal(server.model.requests.length, 1);
  assert.equal(await exists(`${server.project}/no.txt`), false);
  assert.equal((await runTurn(client, threadId, "something else")).status, "completed");
  const { input } = await server.model.request(1);
  const calls = input.flatMap((item) => item.type === "function_call" ? [item.call_id] : []);
  const outputs = input.flatMap((item) =>
    item.type === "function_call_output" ? [item.call_id] : []
  );
  assert.deepEqual(outputs, calls);
});

Deno.test("interrupting a turn that waits for an answer withdraws the question", async () => {
  await using asking = await askingServer([[run("touch no.txt")]]);
  const { client, threadId, questions } = asking;
  const turn = runTurn(client, threadId, "try");
  const question = await questions.next();
  await client.request("turn/interrupt", { threadId, turnId: question.params.turnId });
  const resolved = await client.next("serverRequest/resolved");
  assert.deepEqual(resolved, { threadId, requestId: question.id });
  assert.equal((await turn).status, "interrupted");
  question.answer("accept");
  await client.request("thread/loaded/list", {});
  assert.equal(await exists(`${asking.server.project}/no.txt`), false);
});

Deno.test("two commands of one response are asked about side by side", async () => {
  await using asking = await askingServer([]);
  const { server, client, threadId, questions } = asking;
  server.model.push([run("touch a"), run("touch b")], say("both"));
  const turn = runTurn(client, threadId, "two");
  const both = [await questions.next(), await questions.next()];
  const about = (name: string) => both.find(({ params }) => params.command?.includes(name));
  const [first, second] = [about("touch a"), about("touch b")];
  assert.ok(first && second && first.id !== second.id);
  second.answer("accept");
  await client.next("serverRequest/resolved", ({ requestId }) => requestId === second.id);
  const waiting = (await client.request("thread/read", { threadId })).thread.status;
  assert.deepEqual(waiting, { type: "active", activeFlags: ["waitingOnApproval"] });
  first.answer("decline");
  assert.equal((await turn).status, "completed");
  assert.deepEqual(
    [await exists(`${server.project}/a`), await exists(`${server.project}/b`)],
    [false, true],
  );
});

Deno.test("a patch is always asked about under untrusted, and applied once accepted", async () => {
  const patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n";
  await using server = await startServer({
    responses: [
      [custom("apply_patch", patch, "p1")],
      say("added"),
      [custom("apply_patch", patch.replace("new", "never"), "p2")],
      say("not added"),
    ],
  });
  const client = await server.connect();
  const questions = Questions.patches(client);
  const { thread } = await client.request("thread/start", {});
  const first = runTurn(client, thread.id, "add");
  const question = await questions.next();
  const started = await client.next("item/started", ({ item }) => item.type === "fileChange");
  assert.deepEqual(started.item, {
    type: "fileChange",
    id: "p1",
    changes: [{ path: `${server.project}/new.txt`, kind: { type: "add" }, diff: "hello\n" }],
    status: "inProgress",
  });
  assert.equal(question.params.itemId, "p1");
  assert.equal(question.params.reason, null);
  assert.equal(question.params.grantRoot, null);
  question.answer("accept");
  assert.equal((await first).status, "completed");
  assert.equal(await Deno.readTextFile(`${server.project}/new.txt`), "hello\n");
  const diff = await client.next("turn/diff/updated");
  assert.match(diff.diff, /new\.txt/);

  const second = runTurn(client, thread.id, "add another");
  (await questions.next()).answer("decline");
  assert.equal((await second).status, "completed");
  assert.equal(await exists(`${server.project}/never.txt`), false);
  assert.match(inputText(await server.model.request(3)), /patch rejected by user/);
});

Deno.test("an answer that is no decision for a patch does not apply it", async () => {
  const patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n";
  await using server = await startServer({
    responses: [[custom("apply_patch", patch, "p1")], say("not added")],
  });
  const peer = await RawPeer.initialized(server.server);
  const threadId = (await peer.call("thread/start", {})).result.thread.id;
  await peer.call("turn/start", { threadId, input: text("add") });
  const { id } = await peer.untilMethod("item/fileChange/requestApproval");
  peer.answer(id, {
    decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch"] } },
  });
  const { params } = await peer.untilMethod("turn/completed");
  assert.equal(params.turn.status, "completed");
  assert.equal(await exists(`${server.project}/new.txt`), false);
});

interface Asking extends AsyncDisposable {
  readonly server: TestServer;
  readonly client: Client;
  readonly threadId: string;
  readonly questions: ReturnType<typeof Questions.commands>;
}

/** A server with one client, a thread and the questions about its commands. */
async function askingServer(turns: readonly (readonly ScriptStep[])[]): Promise<Asking> {
  const server = await startServer({ responses: turns.flat() });
  const client = await server.connect();
  const questions = Questions.commands(client);
  const { thread } = await client.request("thread/start", {});
  return {
    server,
    client,
    threadId: thread.id,
    questions,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A response that wants a command run. */
function run(cmd: string): ScriptStep {
  return call("exec_command", { cmd });
}

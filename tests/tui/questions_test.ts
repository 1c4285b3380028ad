import assert from "node:assert/strict";
import type { ReconnectingClient } from "../../src/client/reconnect.ts";
import { type Question, Questions, type Settlement } from "../../src/tui/questions.ts";
import { call, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { startTalk, THREAD_ID } from "./app_stand.ts";
import { Changes, connectTo } from "./pane_world.ts";

const TOUCH = call("exec_command", { cmd: "touch made.txt" });

interface Asked {
  readonly client: ReconnectingClient;
  readonly questions: Questions;
  readonly settled: (readonly [string, Settlement])[];
  readonly notices: string[];
  /** Resolves when the condition holds. */
  until(condition: () => boolean): Promise<void>;
}

async function asked(server: TestServer, name = "test"): Promise<Asked> {
  const client = await connectTo(server, { name });
  const notices: string[] = [];
  const changes = new Changes();
  const questions = new Questions(client, { notice: (notice) => void notices.push(notice) });
  const settled: (readonly [string, Settlement])[] = [];
  questions.onSettled(({ id }, settlement) => {
    settled.push([id, settlement]);
    changes.changed();
  });
  questions.onChange(changes.changed);
  return { client, questions, settled, notices, until: (condition) => changes.until(condition) };
}

async function exists(server: TestServer, name: string): Promise<boolean> {
  return await Deno.stat(`${server.project}/${name}`).then(() => true, () => false);
}

/** A turn that asks something, in a thread of its own. */
async function untilAsked({ client, questions, until }: Asked, prompt = "touch it") {
  const { thread } = await client.request("thread/start", {});
  const completed = client.next("turn/completed");
  await client.request("turn/start", { threadId: thread.id, input: text(prompt) });
  await until(() => questions.count > 0);
  return { threadId: thread.id, completed, question: current(questions) };
}

/** A turn that asks two clients of its thread. */
async function untilBothAsked(here: Asked, there: Asked) {
  const { thread } = await here.client.request("thread/start", {});
  await there.client.request("thread/resume", { threadId: thread.id });
  const completed = here.client.next("turn/completed");
  await here.client.request("turn/start", { threadId: thread.id, input: text("touch it") });
  await here.until(() => here.questions.count > 0);
  await there.until(() => there.questions.count > 0);
  return { completed, id: current(here.questions).id };
}

function current(questions: Questions): Question {
  const question = questions.current;
  assert.ok(question, "Nothing is asked");
  return question;
}

Deno.test("a question about a command says exactly what would run and where, and its answer counts", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const here = await asked(server);
  const { client, questions, settled } = here;
  const { completed, question } = await untilAsked(here);
  assert.ok(question.type === "command");
  assert.match(question.command ?? "", /touch made\.txt/);
  assert.equal(question.cwd, server.project);
  assert.deepEqual(question.decisions, [
    "accept",
    { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch", "made.txt"] } },
    "cancel",
  ]);
  assert.equal(questions.answer(question.id, "accept"), true);
  assert.equal(questions.answer(question.id, "cancel"), false);
  assert.equal((await completed).turn.status, "completed");
  assert.equal(await exists(server, "made.txt"), true);
  assert.deepEqual(settled, [[question.id, { type: "here", decision: "accept" }]]);
  assert.equal(questions.count, 0);
  client.close();
});

Deno.test("a question about files has the changes of its item", async () => {
  const patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n";
  const edit = call("apply_patch", { input: patch });
  await using server = await startServer({ responses: [edit, say("Done")] });
  const here = await asked(server);
  const { client, questions } = here;
  const { completed, question } = await untilAsked(here, "patch it");
  assert.ok(question.type === "changes");
  assert.deepEqual(questions.changesOf(question)?.map(({ kind, diff }) => [kind.type, diff]), [
    ["add", "hello\n"],
  ]);
  questions.answer(question.id, "acceptForSession");
  await completed;
  assert.equal(await exists(server, "new.txt"), true);
  client.close();
});

Deno.test("who answered elsewhere is told by name, and late answers do not count", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const here = await asked(server);
  const there = await asked(server, "laptop");
  const { completed, id } = await untilBothAsked(here, there);
  assert.equal(current(there.questions).id, id);
  there.questions.answer(id, "decline");
  await here.until(() => here.questions.count === 0);
  assert.deepEqual(here.settled, [[id, { type: "elsewhere", by: "laptop" }]]);
  assert.equal(here.questions.answer(id, "accept"), false);
  await completed;
  assert.equal(await exists(server, "made.txt"), false);
  assert.deepEqual(there.settled, [[id, { type: "here", decision: "decline" }]]);
  here.client.close();
  there.client.close();
});

Deno.test("when two answer at once, the one whose answer did not count is told whose did", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const here = await asked(server, "desk");
  const there = await asked(server, "laptop");
  const { completed, id } = await untilBothAsked(here, there);
  there.questions.answer(id, "decline");
  here.questions.answer(id, "accept");
  await Promise.race([
    here.until(() => here.settled.length === 2),
    there.until(() => there.settled.length === 2),
  ]);
  await completed;
  const [loser, winner] = here.settled.length === 2 ? [here, "laptop"] : [there, "desk"];
  assert.deepEqual(loser.settled.at(-1), [id, { type: "elsewhere", by: winner }]);
  here.client.close();
  there.client.close();
});

Deno.test("an interrupted turn withdraws its questions", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Not said")] });
  const here = await asked(server);
  const { client, questions, settled, until } = here;
  const { threadId, completed, question: { id, turnId } } = await untilAsked(here);
  await client.request("turn/interrupt", { threadId, turnId });
  await completed;
  await until(() => questions.count === 0);
  assert.deepEqual(settled, [[id, { type: "withdrawn" }]]);
  client.close();
});

Deno.test("questions of several threads wait in line, and none is lost or answered twice", async () => {
  const responses = [TOUCH, TOUCH, TOUCH, say("Done"), say("Done"), say("Done")];
  await using server = await startServer({ responses });
  const { client, questions, settled, until } = await asked(server);
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 3; i++) {
    const { thread } = await client.request("thread/start", {});
    ended.push(client.next("turn/completed", ({ threadId }) => threadId === thread.id));
    await client.request("turn/start", { threadId: thread.id, input: text("touch it") });
  }
  await until(() => questions.count === 3);
  const order: string[] = [];
  while (questions.count > 0) {
    const { id } = current(questions);
    order.push(id);
    questions.answer(id, "decline");
  }
  await Promise.all(ended);
  assert.equal(new Set(order).size, 3);
  assert.deepEqual(settled.map(([id]) => id), order);
  client.close();
});

Deno.test("a thread that is left keeps its question for whoever comes next", async () => {
  await using server = await startServer({ responses: [TOUCH, say("Done")] });
  const here = await asked(server);
  const { client, questions, settled, until } = here;
  const { threadId, completed, question: { id } } = await untilAsked(here);
  await client.request("thread/unsubscribe", { threadId });
  await until(() => questions.count === 0);
  assert.deepEqual(settled, [[id, { type: "withdrawn" }]]);
  await client.request("thread/resume", { threadId });
  await until(() => questions.count > 0);
  assert.equal(current(questions).id, id);
  questions.answer(id, "accept");
  assert.equal((await completed).turn.status, "completed");
  assert.equal(await exists(server, "made.txt"), true);
  client.close();
});

Deno.test("a question under an id that a server uses again is one of its own, whoever answers it", async () => {
  const talk = await startTalk();
  const { client } = talk;
  const questions = new Questions(client, { notice: () => {} });
  const changes = new Changes();
  questions.onChange(changes.changed);
  const settled: (readonly [string | null, string])[] = [];
  questions.onSettled((question, { type }) => {
    settled.push([question.type === "command" ? question.command : null, type]);
  });
  const ask = (command: string) => {
    const params = { threadId: THREAD_ID, turnId: "t", itemId: command, command };
    talk.server.request("item/commandExecution/requestApproval", params).catch(() => null);
  };
  ask("make");
  await changes.until(() => questions.count > 0);
  const { id } = current(questions);
  questions.answer(id, "accept");
  const reconnected = Promise.withResolvers<void>();
  client.onState(({ type }) => type === "connected" && reconnected.resolve());
  talk.server.close("killed");
  await reconnected.promise;
  ask("make install");
  await changes.until(() => questions.count > 0);
  assert.equal(current(questions).id, id);
  const params = { threadId: THREAD_ID, requestId: Number(id) };
  talk.server.notify({ method: "serverRequest/resolved", params });
  await changes.until(() => questions.count === 0);
  assert.deepEqual(settled, [["make", "here"], ["make install", "elsewhere"]]);
  client.close();
});

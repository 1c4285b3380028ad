/** Commands of the user in a thread, and commands that the agent has left running: what clients and the model see. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client, Notification } from "../../src/client/client.ts";
import { isRunning, leftOf } from "../exec/process_run.ts";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { completedItems, outline, paramsOf, Recorder } from "./recorder.ts";
import { inputText, rolloutRecords } from "./turn_steps.ts";

async function openThread(server: TestServer) {
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  await recorder.until("thread/started");
  const run = async (command: string): Promise<Notification[]> => {
    assert.deepEqual(
      await client.request("thread/shellCommand", { threadId: thread.id, command }),
      {},
    );
    return await recorder.until("turn/completed");
  };
  return { client, recorder, threadId: thread.id, path: thread.path, run };
}

const ALONE = [
  "status active",
  "turn/started",
  "item/started commandExecution",
  "item/completed commandExecution",
  "status idle",
];

function outputOf(events: readonly Notification[]): string {
  return paramsOf(events, "item/commandExecution/outputDelta").map(({ delta }) => delta).join("");
}

/** Reads on until the output of a command contains a text. */
async function until(recorder: Recorder, expected: RegExp): Promise<string> {
  let output = "";
  await recorder.until("item/commandExecution/outputDelta", ({ delta }) => {
    output += delta;
    return expected.test(output);
  });
  return output;
}

Deno.test("a command of the user is a turn of its own, as upstream shows it", async () => {
  await using server = await startServer();
  const { run, threadId } = await openThread(server);
  const events = await run("  echo hi; exit 3 ");
  assert.deepEqual(outline(events), [...ALONE, "turn/completed completed"]);
  assert.equal(outputOf(events), "hi\n");
  const [item] = completedItems(events, "commandExecution");
  const project = await Deno.realPath(server.project);
  assert.match(item?.id ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual({ ...item, id: "", durationMs: 0 }, {
    type: "commandExecution",
    id: "",
    command: "/bin/bash -lc 'echo hi; exit 3'",
    cwd: project,
    processId: null,
    source: "userShell",
    status: "failed",
    commandActions: [{ type: "unknown", command: "echo hi; exit 3" }],
    aggregatedOutput: "hi\n",
    exitCode: 3,
    durationMs: 0,
  });
  const started = paramsOf(events, "item/started")[0];
  assert.deepEqual(started?.item, {
    ...item,
    status: "inProgress",
    aggregatedOutput: null,
    exitCode: null,
    durationMs: null,
  });
  assert.equal(started?.threadId, threadId);
  assert.equal(server.model.requests.length, 0);
});

Deno.test("a command of the user knows its thread, and runs whatever the sandbox of the thread", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", { sandbox: "read-only" });
  const command = "touch made && echo $CODEX_THREAD_ID $CODEX_PROJECT_ROOT";
  await client.request("thread/shellCommand", { threadId: thread.id, command });
  const events = await recorder.until("turn/completed");
  const project = await Deno.realPath(server.project);
  assert.equal(outputOf(events), `${thread.id} ${project}\n`);
  assert.ok((await Deno.stat(`${project}/made`)).isFile);
});

Deno.test("the model is told of commands of the user, as upstream tells it, also after a restart", async () => {
  await using server = await startServer({ responses: [say("A")] });
  const { run, recorder, threadId, path } = await openThread(server);
  const shellTurn = await run("echo one; exit 2");
  await recorder.turn(threadId, "go");
  const input = inputText(await server.model.request(0));
  const record =
    /<user_shell_command>\\n<command>\\necho one; exit 2\\n<\/command>\\n<result>\\nExit code: 2\\nDuration: \d+\.\d{4} seconds\\nOutput:\\none\\n\\n<\/result>\\n<\/user_shell_command>/;
  assert.match(input, record);
  assert.ok(input.search(record) < input.indexOf('"go"'));
  const kinds = (await rolloutRecords(path)).map(({ type, payload }) => payload.type ?? type);
  assert.deepEqual(kinds.slice(0, 5), [
    "session_meta",
    "task_started",
    "exec_command_end",
    "message",
    "task_complete",
  ]);
  await server.stop();

  await using again = await startServer({ home: server.home, responses: [say("B")] });
  const client = await again.connect();
  const { thread } = await client.request("thread/resume", { threadId });
  const [item] = completedItems(shellTurn, "commandExecution");
  assert.deepEqual(thread.turns.map(({ status }) => status), ["completed", "completed"]);
  assert.deepEqual(thread.turns[0]?.items, [item]);
  await client.request("turn/start", { threadId, input: text("again") });
  assert.match(inputText(await again.model.request(0)), record);
  await client.next("turn/completed");
});

Deno.test("a command of the user beside a turn belongs to it, and the model reads of it next", async () => {
  await using server = await startServer({
    responses: [[gate("one"), say("A")], say("B")],
  });
  const { client, recorder, threadId } = await openThread(server);
  const { turn } = await client.request("turn/start", { threadId, input: text("go") });
  await server.model.reached("one");
  await client.request("thread/shellCommand", { threadId, command: "echo beside" });
  const before = await recorder.until("item/completed", ({ item }) => {
    return item.type === "commandExecution";
  });
  assert.deepEqual(outline(before).filter((line) => line.startsWith("turn/")), ["turn/started"]);
  assert.equal(paramsOf(before, "item/completed").at(-1)?.turnId, turn.id);
  server.model.release("one");
  const after = await recorder.until("turn/completed");
  assert.equal(paramsOf(after, "turn/completed")[0]?.turn.id, turn.id);
  assert.match(inputText(await server.model.request(1)), /"A".*user_shell_command.*beside/);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(thread.turns.length, 1);
  assert.deepEqual(thread.turns[0]?.items.map(({ type }) => type), [
    "userMessage",
    "commandExecution",
    "agentMessage",
    "agentMessage",
  ]);
});

Deno.test("a command of the user never comes between a call and its output", async () => {
  await using server = await startServer({
    responses: [call("exec_command", { cmd: "until [ -e go ]; do sleep 0.01; done" }), say("B")],
  });
  const { client, recorder, threadId } = await openThread(server);
  await client.request("turn/start", { threadId, input: text("go") });
  await recorder.until("item/started", ({ item }) => item.type === "commandExecution");
  await client.request("thread/shellCommand", { threadId, command: "true" });
  await recorder.until("item/completed", ({ item }) => item.type === "commandExecution");
  await Deno.writeTextFile(`${server.project}/go`, "");
  await recorder.until("turn/completed");
  const { input } = await server.model.request(1);
  const kinds = input.map((item) => item.type);
  const at = kinds.indexOf("function_call");
  assert.deepEqual(kinds.slice(at), ["function_call", "function_call_output", "message"]);
});

Deno.test("a turn that is started while a command of the user runs goes on with it", async () => {
  await using server = await startServer({ responses: [say("A")] });
  const { client, recorder, threadId, path } = await openThread(server);
  const command = "echo waits; until [ -e go ]; do sleep 0.01; done; echo done";
  await client.request("thread/shellCommand", { threadId, command });
  await until(recorder, /waits/);
  const { turn } = await client.request("turn/start", {
    threadId,
    input: text("and now"),
    model: "other-model",
  });
  await Deno.writeTextFile(`${server.project}/go`, "");
  const events = await recorder.until("turn/completed");
  assert.deepEqual(outline(events), [
    "item/completed commandExecution",
    "item/started userMessage",
    "item/completed userMessage",
    "item/started agentMessage",
    "item/completed agentMessage",
    "status idle",
    "turn/completed completed",
  ]);
  assert.equal(paramsOf(events, "turn/completed")[0]?.turn.id, turn.id);
  const request = await server.model.request(0);
  assert.equal(request.model, "other-model");
  assert.match(inputText(request), /done.*<permissions>.*and now/);
  const { data } = await client.request("thread/list", { modelProviders: [] });
  assert.deepEqual(data.map(({ preview }) => preview), ["and now"]);
  const records = await rolloutRecords(path);
  const kinds = records.map(({ type, payload }) => payload.type ?? type);
  assert.equal(kinds.filter((kind) => kind === "task_started").length, 1);
  assert.equal(kinds.filter((kind) => kind === "turn_context").length, 1);
});

Deno.test("an interrupt ends the command of the user with its tree, and says so", async () => {
  await using server = await startServer({ responses: [say("A")] });
  const { client, recorder, threadId } = await openThread(server);
  const command =
    "trap '' TERM; setsid sh -c 'echo apart $$; exec sleep 1000' & echo before; while :; do sleep 1000; done";
  await client.request("thread/shellCommand", { threadId, command });
  const pid = Number(/apart (\d+)/.exec(await until(recorder, /apart \d+\n/))?.[1]);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  const turnId = thread.turns[0]?.id ?? "";
  assert.deepEqual(await client.request("turn/interrupt", { threadId, turnId }), {});
  const events = await recorder.until("turn/completed");
  assert.deepEqual(outline(events), [
    "item/completed commandExecution",
    "status idle",
    "turn/completed interrupted",
  ]);
  const [item] = completedItems(events, "commandExecution");
  assert.deepEqual([item?.status, item?.exitCode], ["failed", -1]);
  assert.match(
    item?.aggregatedOutput ?? "",
    /^(apart \d+\n|before\n){1,2}command aborted by user\n$/,
  );
  await recorder.turn(threadId, "go");
  assert.match(
    inputText(await server.model.request(0)),
    /Exit code: -1.*command aborted by user.*<turn_aborted>/,
  );
  await server.stop();
  assert.ok(!isRunning(pid));
});

Deno.test("a command of the user ends after its timeout", async () => {
  await using server = await startServer();
  const { client, recorder, threadId } = await openThread(server);
  const started = { threadId, command: "echo x; sleep 1000", timeoutMs: 300 };
  await client.request("thread/shellCommand", started);
  const [item] = completedItems(await recorder.until("turn/completed"), "commandExecution");
  assert.deepEqual([item?.status, item?.exitCode], ["failed", 124]);
  assert.equal(item?.aggregatedOutput, "x\ncommand timed out after 300 milliseconds\n");
});

Deno.test("several commands of the user share a turn, which ends with the one that opened it", async () => {
  await using server = await startServer();
  const { client, recorder, threadId } = await openThread(server);
  const wait = "until [ -e b ]; do sleep 0.01; done; echo A";
  await client.request("thread/shellCommand", { threadId, command: wait });
  await client.request("thread/shellCommand", { threadId, command: "echo B" });
  const before = await recorder.until("item/completed");
  // Only now, or the first could end before the second was told to have ended.
  await Deno.writeTextFile(join(server.project, "b"), "");
  const events = [...before, ...await recorder.until("turn/completed")];
  assert.equal(paramsOf(events, "turn/started").length, 1);
  assert.equal(completedItems(events, "commandExecution").length, 2);
  assert.equal(server.model.requests.length, 0);
});

Deno.test("a command of the user is refused in upstream's words", async () => {
  await using server = await startServer();
  const { client, threadId } = await openThread(server);
  const unknown = "019a0000-0000-7000-8000-000000000000";
  const cases = [
    [{ threadId, command: "  " }, -32600, "command must not be empty"],
    [{ threadId: unknown, command: "ls" }, -32600, `thread not found: ${unknown}`],
    [
      { threadId, command: "ls", timeoutMs: -1 },
      -32602,
      "thread/shellCommand timeoutMs must be non-negative, got -1",
    ],
  ] as const;
  for (const [params, code, message] of cases) {
    await assert.rejects(client.request("thread/shellCommand", params), { code, message });
  }
});

/** A thread whose agent has left commands running, and the ids of processes that they have started. */
async function leftRunning(server: TestServer, count: number) {
  const opened = await openThread(server);
  const events = await opened.recorder.turn(opened.threadId, "start them");
  const items = paramsOf(events, "item/started").flatMap(({ item }) =>
    item.type === "commandExecution" ? [item] : []
  );
  assert.equal(items.length, count);
  return {
    ...opened,
    items,
    pids: [...outputOf(events).matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid)),
  };
}

const SERVE = { cmd: "echo pid $$; exec sleep 1000", yield_time_ms: 250 };
const SERVE_ON_TERMINAL = { ...SERVE, tty: true };

Deno.test("backgroundTerminals are listed, ended one by one, and all at once", async () => {
  await using server = await startServer({
    responses: [
      call("exec_command", SERVE, "call_1"),
      call("exec_command", SERVE_ON_TERMINAL, "call_2"),
      call(
        "exec_command",
        { cmd: "setsid sleep 1000 & echo pid $!", yield_time_ms: 250 },
        "call_3",
      ),
      say("done"),
      call("write_stdin", { session_id: 1, yield_time_ms: 250 }),
      say("done"),
    ],
  });
  const { client, recorder, threadId, items, pids } = await leftRunning(server, 3);
  const list = () => client.request("thread/backgroundTerminals/list", { threadId });
  const { data } = await list();
  const cwd = await Deno.realPath(server.project);
  assert.deepEqual(
    data,
    items.slice(0, 2).map((item) => ({
      itemId: item.id,
      processId: item.processId,
      command: "echo pid $$; exec sleep 1000",
      cwd,
      osPid: null,
      cpuPercent: null,
      rssKb: null,
    })),
  );
  const page = await client.request("thread/backgroundTerminals/list", { threadId, limit: 1 });
  assert.deepEqual(page, { data: data.slice(0, 1), nextCursor: items[0]?.processId });
  const cursor = page.nextCursor;
  const rest = await client.request("thread/backgroundTerminals/list", { threadId, cursor });
  assert.deepEqual(rest, { data: data.slice(1), nextCursor: null });

  const processId = items[0]?.processId ?? "";
  const terminate = { threadId, processId };
  const ended = await client.request("thread/backgroundTerminals/terminate", terminate);
  assert.deepEqual(ended, { terminated: true });
  const one = await recorder.until("item/completed");
  assert.deepEqual(
    completedItems(one, "commandExecution").map(({ id, exitCode }) => [id, exitCode]),
    [
      ["call_1", -1],
    ],
  );
  assert.deepEqual(
    await client.request("thread/backgroundTerminals/terminate", terminate),
    { terminated: false },
  );

  assert.deepEqual(await client.request("thread/backgroundTerminals/clean", { threadId }), {});
  const all = await recorder.until("item/completed");
  const [item] = completedItems(all, "commandExecution");
  assert.deepEqual([item?.id, item?.status, item?.exitCode], ["call_2", "failed", -1]);
  assert.match(item?.aggregatedOutput ?? "", /^pid \d+\r\n$/);
  assert.deepEqual(await list(), { data: [], nextCursor: null });
  await server.stop();
  assert.equal(pids.length, 3);
  assert.deepEqual(pids.filter(isRunning), []);
});

Deno.test("backgroundTerminals/clean leaves what the user runs alone", async () => {
  await using server = await startServer({
    responses: [call("exec_command", SERVE, "call_1"), say("done")],
  });
  const { client, recorder, threadId, pids } = await leftRunning(server, 1);
  const command = "echo mine; until [ -e go ]; do sleep 0.01; done; echo ended";
  await client.request("thread/shellCommand", { threadId, command });
  await until(recorder, /mine/);
  await client.request("thread/backgroundTerminals/clean", { threadId });
  await recorder.until("item/completed", ({ item }) => item.id === "call_1");
  assert.deepEqual(pids.filter(isRunning), []);
  await Deno.writeTextFile(`${server.project}/go`, "");
  const events = await recorder.until("turn/completed");
  assert.equal(completedItems(events, "commandExecution")[0]?.exitCode, 0);
});

Deno.test("backgroundTerminals of a thread that is not loaded are refused", async () => {
  await using server = await startServer();
  const client: Client = await server.connect();
  const threadId = "019a0000-0000-7000-8000-000000000000";
  const expected = { code: -32600, message: `thread not found: ${threadId}` };
  await assert.rejects(client.request("thread/backgroundTerminals/clean", { threadId }), expected);
  await assert.rejects(client.request("thread/backgroundTerminals/list", { threadId }), expected);
});

Deno.test("what a thread has left running ends when it is unloaded, daemons included", async () => {
  await using server = await startServer({
    responses: [call("exec_command", { cmd: DAEMON, yield_time_ms: 250 }), say("done")],
  });
  const { client, recorder, threadId, run } = await openThread(server);
  const events = await recorder.turn(threadId, "go");
  const own = await run(DAEMON);
  const pids = [events, own].map((each) => Number(/pid (\d+)/.exec(outputOf(each))?.[1]));
  assert.deepEqual(pids.filter(isRunning), pids);
  await client.request("thread/archive", { threadId });
  assert.deepEqual(await leftOf(pids), []);
});

const DAEMON =
  "setsid -f sh -c 'echo pid $$; exec sleep 1000 >/dev/null 2>&1 </dev/null'; sleep 0.05";

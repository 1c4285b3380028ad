/** Tools in real turns: what clients are told, what really happens, and what the model reads of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client, Notification } from "../../src/client/client.ts";
import type { ModelRequest } from "../../src/agent/model/port.ts";
import type { SandboxMode } from "../../src/protocol/policy.ts";
import {
  call,
  custom,
  gate,
  localShell,
  manualClock,
  say,
  type ScriptedAnswer,
} from "../support/scripted_model.ts";
import { startServer, type TestServer, type TestServerOptions, text } from "../support/server.ts";
import { onlyBackends } from "../exec/sandbox/test_sandbox.ts";
import { FifoReader, makeFifo } from "./fifo.ts";
import { completedItems, outline, paramsOf, Recorder } from "./recorder.ts";
import { exists } from "./turn_steps.ts";

/** A thread in which nobody is asked, with everything that its client is told. */
async function openThread(server: TestServer, sandbox: SandboxMode = "danger-full-access") {
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", { approvalPolicy: "never", sandbox });
  await recorder.until("thread/started");
  return { client, recorder, threadId: thread.id };
}

/** One turn in which the model calls tools and then stops. */
async function toolTurn(
  answer: ScriptedAnswer,
  options: Omit<TestServerOptions, "responses"> & {
    readonly sandbox?: SandboxMode;
    readonly prepare?: (server: TestServer) => Promise<void>;
    readonly check?: (server: TestServer) => Promise<void>;
  } = {},
): Promise<{ events: Notification[]; outputs: string[]; project: string }> {
  const { sandbox, prepare, check, ...rest } = options;
  await using server = await startServer({ ...rest, responses: [answer, say("Done")] });
  await prepare?.(server);
  const { recorder, threadId } = await openThread(server, sandbox);
  const events = await recorder.turn(threadId, "work");
  assert.equal(outline(events).at(-1), "turn/completed completed");
  await check?.(server);
  return { events, outputs: outputsOf(server.model.requests[1]), project: server.project };
}

/** The tool outputs that the model is sent, as text. */
function outputsOf(request: ModelRequest | undefined): string[] {
  return (request?.input ?? []).flatMap((item) => {
    if (!("output" in item)) return [];
    return [typeof item.output === "string" ? item.output : JSON.stringify(item.output)];
  });
}

function deltasOf(events: readonly Notification[], itemId: string): string {
  const deltas = paramsOf(events, "item/commandExecution/outputDelta");
  return deltas.filter((delta) => delta.itemId === itemId).map(({ delta }) => delta).join("");
}

Deno.test("the output of exec_command goes to clients and back to the model", async () => {
  const { events, outputs, project } = await toolTurn(
    call("exec_command", { cmd: "echo one; echo two; exit 3" }, "call_1"),
  );
  assert.deepEqual(outline(events).slice(4, 6), [
    "item/started commandExecution",
    "item/completed commandExecution",
  ]);
  assert.match(outputs[0] ?? "", /^Chunk ID: \w{6}\nWall time: [\d.]+ seconds\n/);
  assert.match(
    outputs[0] ?? "",
    /\nProcess exited with code 3\nOriginal token count: 2\nOutput:\none\ntwo\n$/,
  );
  const started = paramsOf(events, "item/started").at(1)?.item;
  assert.equal(started?.type === "commandExecution" ? started.status : null, "inProgress");
  const [item] = completedItems(events, "commandExecution");
  assert.equal(item?.id, "call_1");
  assert.equal(item?.command, "/bin/bash -lc 'echo one; echo two; exit 3'");
  assert.equal(item?.cwd, project);
  assert.equal(item?.status, "failed");
  assert.equal(item?.exitCode, 3);
  assert.equal(item?.aggregatedOutput, "one\ntwo\n");
  assert.equal(deltasOf(events, "call_1"), "one\ntwo\n");
});

Deno.test("calls of one response run side by side, and their outputs keep the order", async () => {
  // The first waits for the second: one after the other, they would never end.
  const { outputs } = await toolTurn([
    call("exec_command", { cmd: "read -r word < meet; echo first $word" }, "call_a"),
    call("exec_command", { cmd: "echo hello > meet; echo second" }, "call_b"),
  ], { prepare: async ({ project }) => void await makeFifo(join(project, "meet")) });
  assert.match(outputs[0] ?? "", /first hello\n$/);
  assert.match(outputs[1] ?? "", /second\n$/);
  assert.equal(outputs.length, 2);
});

const PATCH = `*** Begin Patch
*** Update File: a.txt
@@
 one
-two
+TWO
*** Add File: sub/new.txt
+fresh
*** Delete File: gone.txt
*** End Patch`;

async function patchedFiles({ project }: TestServer): Promise<void> {
  await Deno.writeTextFile(join(project, "a.txt"), "one\ntwo\n");
  await Deno.writeTextFile(join(project, "gone.txt"), "bye\n");
}

async function checkPatched({ project }: TestServer): Promise<void> {
  assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\nTWO\n");
  assert.equal(await Deno.readTextFile(join(project, "sub/new.txt")), "fresh\n");
  assert.equal(await exists(join(project, "gone.txt")), false);
}

Deno.test("apply_patch changes the files and tells what the turn has changed", async () => {
  const { events, outputs, project } = await toolTurn(
    custom("apply_patch", PATCH, "call_1"),
    { prepare: patchedFiles, check: checkPatched },
  );
  const order = outline(events);
  assert.deepEqual(order.slice(4, 6), ["item/started fileChange", "item/completed fileChange"]);
  assert.deepEqual(order.slice(-2), ["status idle", "turn/completed completed"]);
  // The diff is made while the model goes on, but the turn does not end without it.
  assert.ok(order.indexOf("turn/diff/updated") > order.indexOf("item/completed fileChange"));
  assert.ok(order.indexOf("turn/diff/updated") < order.indexOf("status idle"));
  const [item] = completedItems(events, "fileChange");
  assert.equal(item?.status, "completed");
  const kinds = item?.changes.map(({ path, kind }) => [path.slice(project.length), kind.type]);
  assert.deepEqual(
    new Map(kinds?.map(([path = "", kind = ""]) => [path, kind])),
    new Map([
      ["/a.txt", "update"],
      ["/sub/new.txt", "add"],
      ["/gone.txt", "delete"],
    ]),
  );
  const diff = paramsOf(events, "turn/diff/updated").at(-1)?.diff ?? "";
  assert.match(diff, /^-two\n\+TWO$/m);
  assert.match(diff, /^\+fresh$/m);
  assert.match(diff, /^-bye$/m);
  assert.match(outputs[0] ?? "", /Success\. Updated the following files:/);
});

Deno.test("a patch that does not fit changes nothing and says why", async () => {
  const { events, outputs } = await toolTurn(
    custom("apply_patch", PATCH.replace("-two", "-three"), "call_1"),
    {
      prepare: patchedFiles,
      check: async ({ project }) => {
        assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\ntwo\n");
        assert.equal(await exists(join(project, "sub/new.txt")), false);
      },
    },
  );
  assert.match(outputs[0] ?? "", /^apply_patch verification failed: /);
  assert.equal(paramsOf(events, "turn/diff/updated").length, 0);
});

Deno.test("a patch in a shell heredoc is applied as a patch, not as a command", async () => {
  const { events, outputs } = await toolTurn(
    call("exec_command", { cmd: `apply_patch <<'EOF'\n${PATCH}\nEOF` }, "call_1"),
    { prepare: patchedFiles, check: checkPatched },
  );
  assert.deepEqual(completedItems(events, "commandExecution"), []);
  assert.equal(completedItems(events, "fileChange")[0]?.status, "completed");
  assert.match(outputs[0] ?? "", /^Exit code: 0\n[\s\S]*Success\. Updated/);
});

Deno.test("update_plan shows the plan without an item", async () => {
  const { events, outputs } = await toolTurn(call("update_plan", {
    explanation: "Because",
    plan: [{ step: "Look", status: "completed" }, { step: "Leap", status: "in_progress" }],
  }));
  assert.deepEqual(outputs, ["Plan updated"]);
  const [update] = paramsOf(events, "turn/plan/updated");
  assert.equal(update?.explanation, "Because");
  assert.deepEqual(update?.plan, [
    { step: "Look", status: "completed" },
    { step: "Leap", status: "inProgress" },
  ]);
  const types = paramsOf(events, "item/started").map(({ item }) => item.type);
  assert.deepEqual(types, ["userMessage", "agentMessage"]);
});

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

Deno.test("view_image shows clients the path and the model the picture", async () => {
  const { events, outputs, project } = await toolTurn(call("view_image", { path: "dot.png" }), {
    prepare: ({ project }) => Deno.writeFile(join(project, "dot.png"), Uint8Array.fromBase64(PNG)),
  });
  assert.equal(completedItems(events, "imageView")[0]?.path, join(project, "dot.png"));
  assert.deepEqual(JSON.parse(outputs[0] ?? ""), [
    { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
  ]);
});

Deno.test("a picture that is not there is told to the model, without an item", async () => {
  const { events, outputs } = await toolTurn(call("view_image", { path: "none.png" }));
  assert.deepEqual(completedItems(events, "imageView"), []);
  assert.match(outputs[0] ?? "", /^unable to locate image at /);
});

Deno.test("local_shell_call runs words without a shell", async () => {
  const { events, outputs } = await toolTurn(localShell(["printf", "%s|", "a b", "$HOME"]));
  assert.match(
    outputs[0] ?? "",
    /^Exit code: 0\nWall time: [\d.]+ seconds\nOutput:\na b\|\$HOME\|$/,
  );
  assert.equal(completedItems(events, "commandExecution")[0]?.exitCode, 0);
});

Deno.test("a program that does not exist is a failed item and an answer", async () => {
  const { events, outputs } = await toolTurn(localShell(["/no/such/program"]));
  assert.match(outputs[0] ?? "", /^execution error: .*No such file or directory/);
  assert.equal(completedItems(events, "commandExecution")[0]?.status, "failed");
});

Deno.test("a command that outlives its turn completes later under the turn that started it", async () => {
  const clock = manualClock();
  await using server = await startServer({
    clock,
    responses: [
      call("exec_command", { cmd: "read -r word < later; echo $word", yield_time_ms: 250 }, "slow"),
      say("It runs"),
      [gate("second"), say("Second")],
    ],
  });
  const fifo = await makeFifo(join(server.project, "later"));
  const { recorder, threadId } = await openThread(server);
  const first = recorder.turn(threadId, "start it");
  await clock.armed(250);
  clock.advance(250);
  const events = await first;
  assert.equal(outline(events).at(-1), "turn/completed completed");
  assert.deepEqual(completedItems(events, "commandExecution"), []);
  const turnId = paramsOf(events, "turn/started")[0]?.turn.id;
  assert.match(
    outputsOf(server.model.requests[1])[0] ?? "",
    /\nProcess running with session ID \d+\n/,
  );

  const second = recorder.turn(threadId, "another");
  await server.model.reached("second");
  const reader = await server.connect();
  await reader.request("thread/resume", { threadId });
  await Deno.writeTextFile(fifo, "finally\n");
  const late = await reader.next(
    "item/completed",
    ({ item }) => item.type === "commandExecution",
  );
  assert.equal(late.turnId, turnId);
  assert.equal(late.item.type === "commandExecution" && late.item.aggregatedOutput, "finally\n");
  server.model.release("second");
  const during = await second;
  assert.notEqual(paramsOf(during, "turn/completed")[0]?.turn.id, turnId);
  assert.equal(
    paramsOf(during, "item/completed").filter(({ turnId: id }) => id === turnId).length,
    1,
  );
  assert.deepEqual(await commandStatuses(reader, threadId), [["completed"], []]);
  await server.stop();
  await using after = await startServer({ home: server.home });
  assert.deepEqual(await commandStatuses(await after.connect(), threadId), [["completed"], []]);
});

/** How the commands of each turn have ended. */
async function commandStatuses(client: Client, threadId: string): Promise<string[][]> {
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  return thread.turns.map(({ items }) =>
    items.flatMap((item) => item.type === "commandExecution" ? [item.status] : [])
  );
}

/** The session id that an earlier output told the model. */
function sessionOf(request: ModelRequest): number {
  const ids = outputsOf(request).flatMap((output) =>
    [...output.matchAll(/session ID (\d+)/g)].map(([, id]) => Number(id))
  );
  return ids[0] ?? -1;
}

Deno.test("write_stdin feeds a running command, polls it and sees its end", async () => {
  const clock = manualClock();
  const feed = (chars: string): ScriptedAnswer => (request) =>
    call("write_stdin", { session_id: sessionOf(request), chars, yield_time_ms: 300 });
  const cmd =
    "stty -echo; echo name?; read -r name; echo hello $name; read -r _ < go; echo tick; read -r end; exit 7";
  await using server = await startServer({
    clock,
    responses: [
      call("exec_command", { cmd, tty: true, yield_time_ms: 250 }, "asks"),
      feed("you\n"),
      feed(""),
      feed("bye\n"),
      feed("too late\n"),
      say("Done"),
    ],
  });
  const go = await makeFifo(join(server.project, "go"));
  const { recorder, threadId } = await openThread(server);
  const turn = recorder.turn(threadId, "talk");
  // Output waits 10 ms for more, so this timer says that it has come.
  for (const yieldMs of [250, 300]) {
    await clock.armed(yieldMs);
    await clock.armed(10);
    clock.advance(yieldMs);
  }
  // An empty poll waits longer than it asks for: a model must not ask again and again.
  await clock.armed(5_000);
  await Deno.writeTextFile(go, "\n");
  await clock.armed(10);
  clock.advance(5_000);
  const events = await turn;
  const outputs = outputsOf(server.model.requests.at(-1));
  const tails = outputs.map((output) => output.slice(output.indexOf("Output:\n") + 8));
  assert.deepEqual(tails.slice(0, 4), ["name?\r\n", "hello you\r\n", "tick\r\n", ""]);
  assert.match(outputs[2] ?? "", /\nProcess running with session ID /);
  assert.match(outputs[3] ?? "", /\nProcess exited with code 7\n/);
  assert.match(outputs[4] ?? "", /^write_stdin failed: Unknown process id \d+$/);
  const typed = paramsOf(events, "item/commandExecution/terminalInteraction");
  assert.deepEqual(typed.map(({ itemId, stdin }) => [itemId, stdin]), [
    ["asks", "you\n"],
    ["asks", ""],
    ["asks", "bye\n"],
  ]);
  const [item] = completedItems(events, "commandExecution");
  assert.equal(item?.aggregatedOutput, "name?\r\nhello you\r\ntick\r\n");
  assert.equal(item?.exitCode, 7);
});

/** Holds the pipe open in two processes until both have ended. */
const HOLD = "exec 3> hold; (trap '' HUP; echo child >&3; exec sleep 1000) & " +
  "read -r _ < ready; echo $$ >&3; wait";

Deno.test("an interrupt kills a running command with its whole process group", async () => {
  await using server = await startServer({
    responses: [call("exec_command", { cmd: HOLD }, "holds"), say("Next")],
  });
  const hold = await makeFifo(join(server.project, "hold"));
  const ready = await makeFifo(join(server.project, "ready"));
  const { client, recorder, threadId } = await openThread(server);
  const turn = recorder.turn(threadId, "hold");
  using held = await FifoReader.open(hold);
  assert.equal(await held.read(), "child\n");
  await Deno.writeTextFile(ready, "\n");
  const pid = Number(await held.read());
  assert.ok(pid > 1);
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  const turnId = thread.turns[0]?.id ?? "";
  await client.request("turn/interrupt", { threadId, turnId });
  const events = await turn;
  // A client that is not told counts it among the commands in the background.
  assert.deepEqual(outline(events).slice(4), [
    "item/started commandExecution",
    "item/completed commandExecution",
    "status idle",
    "turn/completed interrupted",
  ]);
  const [item] = completedItems(events, "commandExecution");
  assert.deepEqual(
    [item?.status, item?.exitCode, item?.aggregatedOutput],
    ["failed", -1, "command aborted by user\n"],
  );
  // The end of the pipe: both processes are gone.
  assert.equal(await held.read(), null);
  assert.equal(await isRunning(pid), false);

  await recorder.turn(threadId, "what happened");
  const [, request] = server.model.requests;
  assert.match(outputsOf(request)[0] ?? "", /^aborted by user after [\d.]+s$/);
  assert.match(JSON.stringify(request?.input), /<turn_aborted>/);
});

Deno.test("a command in the background tells its end, also when its turn was interrupted", async () => {
  await using server = await startServer({
    responses: [
      call("exec_command", { cmd: "read -r _ < ready; echo over", yield_time_ms: 250 }, "first"),
      call("exec_command", { cmd: "sleep 1000" }, "second"),
    ],
  });
  const ready = await makeFifo(join(server.project, "ready"));
  const { client, recorder, threadId } = await openThread(server);
  const { turn } = await client.request("turn/start", { threadId, input: text("work") });
  await recorder.until("item/started", ({ item }) => item.id === "second");
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  const events = await recorder.until("turn/completed");
  assert.deepEqual(completedItems(events, "commandExecution").map(({ id }) => id), ["second"]);
  await Deno.writeTextFile(ready, "\n");
  const later = await recorder.until("item/completed", ({ item }) => item.id === "first");
  const [item] = completedItems(later, "commandExecution");
  assert.deepEqual([item?.status, item?.aggregatedOutput], ["completed", "over\n"]);
});

/** A process that has ended but was not waited for yet counts as gone. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return !/^\d+ \(.*\) Z /.test(stat);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // It ended between the opening of the file and the reading.
    if (error instanceof Error && error.message.includes("No such process")) return false;
    throw error;
  }
}

Deno.test("a command that was left running ends with the server", async () => {
  await using server = await startServer({
    responses: [
      call("exec_command", { cmd: HOLD, yield_time_ms: 250 }, "holds"),
      say("It runs on"),
    ],
  });
  const hold = await makeFifo(join(server.project, "hold"));
  const ready = await makeFifo(join(server.project, "ready"));
  const { recorder, threadId } = await openThread(server);
  const turn = recorder.turn(threadId, "hold");
  using held = await FifoReader.open(hold);
  assert.equal(await held.read(), "child\n");
  await Deno.writeTextFile(ready, "\n");
  assert.ok(Number(await held.read()) > 1);
  assert.equal(outline(await turn).at(-1), "turn/completed completed");
  await server.stop();
  assert.equal(await held.read(), null);
});

for (const sandbox of ["read-only", "workspace-write"] as const) {
  Deno.test(`${sandbox} runs no command where none can be confined`, async () => {
    const { events, outputs } = await toolTurn([
      call("exec_command", { cmd: "echo ran > made.txt" }),
      call("shell", { command: ["touch", "made.txt"] }),
      localShell(["touch", "made.txt"]),
    ], {
      sandbox,
      backends: onlyBackends(),
      check: async ({ project }) => assert.equal(await exists(join(project, "made.txt")), false),
    });
    assert.equal(outputs.length, 3);
    for (const output of outputs) assert.match(output, /The command was not run/);
    assert.deepEqual(completedItems(events, "commandExecution"), []);
  });
}

Deno.test("a patch under readOnly is refused", async () => {
  const { outputs } = await toolTurn(custom("apply_patch", PATCH), {
    sandbox: "read-only",
    prepare: patchedFiles,
    check: async ({ project }) =>
      assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\ntwo\n"),
  });
  assert.match(outputs[0] ?? "", /^patch rejected: /);
});

Deno.test("keys and tokens never reach a command", async () => {
  const secrets = {
    OPENAI_API_KEY: "sk-secret-openai",
    CODEX_API_KEY: "sk-secret-codex",
    GITHUB_TOKEN: "secret-github",
    ODD_NAME: "secret-of-provider",
    HEADER_VALUE: "secret-of-header",
    COPIED: "prefix-secret-of-provider",
  };
  const { outputs } = await toolTurn(
    [call("exec_command", { cmd: "printenv" }), localShell(["printenv"])],
    {
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", PLAIN: "visible", ...secrets },
      config: `[model_providers.other]\nname = "Other"\nbase_url = "http://127.0.0.1:1/v1"\n` +
        `env_key = "ODD_NAME"\nenv_http_headers = { "X-Key" = "HEADER_VALUE" }\n`,
    },
  );
  assert.equal(outputs.length, 2);
  for (const output of outputs) {
    assert.match(output, /^PLAIN=visible$/m);
    assert.doesNotMatch(output, /secret/);
    for (const name of Object.keys(secrets)) assert.ok(!output.includes(`${name}=`), name);
  }
});

Deno.test("huge output keeps its beginning and end for the model, and clients are not flooded", async () => {
  // The clock stands still, so no sample of the flood is shown because of the time that it takes.
  const { events, outputs } = await toolTurn(
    call("exec_command", { cmd: "echo BEGIN; seq 1 2000000; echo END" }, "flood"),
    { clock: manualClock() },
  );
  const output = outputs[0] ?? "";
  assert.match(output, /\nOutput:\nTotal output lines: 2000002\n\nBEGIN\n1\n2\n/);
  assert.match(output, /…\d+ tokens truncated…/);
  assert.match(output, /\n2000000\nEND\n$/);
  assert.ok(output.length < 50_000, `${output.length} characters for the model`);
  const shown = deltasOf(events, "flood");
  assert.ok(shown.startsWith("BEGIN\n1\n"));
  assert.ok(shown.endsWith("END\n"));
  assert.ok(shown.length < 1.1 * 1024 * 1024, `${shown.length} characters for clients`);
  assert.match(shown, /bytes not shown/);
  const [item] = completedItems(events, "commandExecution");
  const kept = item?.aggregatedOutput ?? "";
  assert.ok(kept.startsWith("BEGIN\n") && kept.endsWith("END\n"));
  assert.ok(kept.length < 300 * 1024, `${kept.length} characters in the item`);
});

Deno.test("a call can ask for less output than the limit", async () => {
  const { outputs } = await toolTurn(
    call("exec_command", { cmd: "seq 1 10000", max_output_tokens: 20 }),
  );
  assert.match(outputs[0] ?? "", /tokens truncated/);
  assert.ok((outputs[0] ?? "").length < 400);
});

/** Commands that the model leaves running: how they go on, are fed, interrupted and ended. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "../../src/client/client.ts";
import type { ModelRequest } from "../../src/agent/model/port.ts";
import { call, gate, manualClock, say, type ScriptedAnswer } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { FifoReader, makeFifo } from "./fifo.ts";
import { completedItems, outline, paramsOf } from "./recorder.ts";
import { openThread, outputsOf } from "./tool_steps.ts";

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
  assert.ok(Number(await held.read()) > 1);
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

/** What a server tells its log about connections, turns and commands, and what it never tells. */
import assert from "node:assert/strict";
import { silentLogger } from "../../src/lib/log.ts";
import type { ThreadEvent } from "../../src/agent/events.ts";
import type { Turn } from "../../src/protocol/turn_types.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { ConnectionLog } from "../../src/server/connection_log.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { CLOSE_CODES } from "../../src/rpc/close_codes.ts";
import { TurnLog } from "../../src/server/turn_log.ts";
import { onlyBackends, workingBackends } from "../exec/sandbox/test_sandbox.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { recordLog } from "../support/log_recorder.ts";
import { call, say } from "../support/model_script.ts";
import { startServer } from "../support/server.ts";
import { runTurn } from "./turn_steps.ts";

const [backend] = await workingBackends();

Deno.test("a turn is logged when it begins and ends, with who asked, how long it took and its tokens", async () => {
  const recorded = recordLog();
  await using server = await startServer({
    log: recorded.log,
    responses: [
      call("exec_command", { cmd: "echo private-output", login: false }),
      say("Secretly"),
    ],
  });
  const first = await server.connect();
  const second = await server.connect({ principal: "subject:eve" });
  const { thread } = await first.request("thread/start", { approvalPolicy: "never" });
  await second.request("thread/resume", { threadId: thread.id });
  const turn = await runTurn(second, thread.id, "private-prompt");
  const [began] = recorded.of("A turn began");
  assert.deepEqual([began?.level, began?.category, began?.fields], ["info", "turn", {
    connection: "2",
    thread: thread.id,
    turn: turn.id,
  }]);
  const [ended, ...more] = recorded.of("A turn ended");
  assert.deepEqual(more, []);
  const { durationMs, inputTokens, ...fields } = ended?.fields ?? {};
  assert.equal(typeof durationMs, "number");
  // Two answers of the model, each with its own count.
  assert.deepEqual([typeof inputTokens, Number(inputTokens) > 0], ["number", true]);
  assert.deepEqual([fields.connection, fields.thread, fields.turn, fields.status], [
    "2",
    thread.id,
    turn.id,
    "completed",
  ]);
  first.close();
  second.close();
  await server.stop();
  const opened = recorded.of("A connection opened").map(({ fields }) => fields);
  assert.deepEqual(opened.map(({ connection, principal }) => [connection, principal]), [
    ["1", "local"],
    ["2", "subject:eve"],
  ]);
  const closed = recorded.of("A connection closed").map(({ fields }) => fields);
  assert.deepEqual(closed.map(({ connection }) => connection), ["1", "2"]);
  assert.ok(
    closed.every(({ receivedBytes, sentBytes }) => Number(receivedBytes) > 100 && sentBytes),
  );
  // Neither what was said nor what a command has printed, nor the command.
  assert.doesNotMatch(recorded.text(), /private|Secretly|echo/);
});

Deno.test({
  name: "a command that its sandbox has stopped is logged once, with its thread, and no other is",
  ignore: backend === undefined,
  async fn() {
    const recorded = recordLog();
    await using server = await startServer({
      log: recorded.log,
      ...backend === undefined ? {} : { backends: onlyBackends(backend) },
      responses: [
        call("exec_command", { cmd: "touch /usr/denied-file", login: false }, "denied"),
        call("exec_command", { cmd: "echo permission denied; exit 0", login: false }, "fine"),
        call("exec_command", { cmd: "exit 3", login: false }, "failed"),
        say("Done"),
      ],
    });
    const client = await server.connect();
    const options = { approvalPolicy: "never", sandbox: "workspace-write" } as const;
    const { thread } = await client.request("thread/start", options);
    const turn = await runTurn(client, thread.id, "try");
    const denials = recorded.of("The sandbox has probably stopped a command");
    assert.deepEqual(denials.map(({ level, fields }) => [level, fields]), [["warn", {
      connection: "1",
      thread: thread.id,
      turn: turn.id,
      item: "denied",
      exitCode: 1,
    }]]);
    const sandboxPolicy = { type: "readOnly", networkAccess: false } as const;
    await client.request("command/exec", { command: ["touch", "here"], sandboxPolicy });
    await client.request("command/exec", { command: ["false"], sandboxPolicy });
    const [, ...more] = recorded.of("The sandbox has probably stopped a command");
    assert.deepEqual(more.map(({ fields }) => fields), [
      { connection: "1", thread: null, exitCode: 1 },
    ]);
    assert.doesNotMatch(recorded.text(), /denied-file|here/);
  },
});

Deno.test("TurnLog adds up the tokens of a turn and begins anew with the next", () => {
  const recorded = recordLog();
  const log = new TurnLog(recorded.log);
  const usage = (tokens: number): ThreadEvent => {
    const last = {
      totalTokens: tokens,
      inputTokens: tokens,
      cachedInputTokens: 1,
      outputTokens: 2,
      reasoningOutputTokens: 3,
    };
    return {
      type: "tokenUsageUpdated",
      turnId: "a",
      tokenUsage: { total: last, last, modelContextWindow: null },
    };
  };
  log.asked("thread", "7");
  log.note("thread", { type: "turnStarted", turn: turnOf("a", null) });
  log.note("thread", usage(10));
  log.note("thread", usage(20));
  log.note("thread", { type: "turnCompleted", turn: turnOf("a", 5) });
  log.note("thread", { type: "turnStarted", turn: turnOf("b", null) });
  log.note("thread", { type: "turnCompleted", turn: turnOf("b", 6) });
  const ends = recorded.of("A turn ended").map(({ fields }) => fields);
  assert.deepEqual(ends, [
    {
      connection: "7",
      thread: "thread",
      turn: "a",
      status: "completed",
      durationMs: 5,
      inputTokens: 30,
      cachedInputTokens: 2,
      outputTokens: 4,
      reasoningOutputTokens: 6,
    },
    {
      connection: null,
      thread: "thread",
      turn: "b",
      status: "completed",
      durationMs: 6,
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      reasoningOutputTokens: 0,
    },
  ]);
  new TurnLog(silentLogger).note("thread", { type: "turnStarted", turn: turnOf("c", null) });
});

Deno.test("refused requests of one connection are told once a minute, and counted at its end", () => {
  const recorded = recordLog();
  const clock = new FakeClock();
  const log = new ConnectionLog(recorded.log, { clock, id: "3" });
  for (let count = 0; count < 1000; count++) log.refused("turn/start");
  clock.advance(59_999);
  log.refused("turn/start");
  assert.equal(recorded.records.length, 1);
  clock.advance(1);
  log.refused("x".repeat(1000));
  assert.deepEqual(recorded.records.map(({ level, fields }) => [level, fields]), [
    ["warn", { connection: "3", method: "turn/start", refusedRequests: 1 }],
    ["warn", { connection: "3", method: "x".repeat(64), refusedRequests: 1002 }],
  ]);
  const [, transport] = memoryTransportPair();
  const connection = new Connection({ transport, request: () => ({}), notification: () => {} });
  connection.close("flood", CLOSE_CODES.flood.code);
  log.closed(connection);
  assert.deepEqual(recorded.of("A connection closed")[0]?.fields, {
    connection: "3",
    reason: "flood",
    code: 4003,
    durationMs: 60_000,
    receivedBytes: 0,
    sentBytes: 0,
    refusedRequests: 1002,
  });
});

function turnOf(id: string, durationMs: number | null): Turn {
  return {
    id,
    items: [],
    itemsView: "notLoaded",
    status: durationMs === null ? "inProgress" : "completed",
    error: null,
    startedAt: 0,
    completedAt: null,
    durationMs,
  };
}

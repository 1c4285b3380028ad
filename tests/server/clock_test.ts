/** A clock that is put back while the server runs, as somebody who corrects it does. */
import assert from "node:assert/strict";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/programs/host.ts";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { recordLog } from "../support/log_recorder.ts";
import { rolloutRecords, runTurn, threadWithTurn } from "./turn_steps.ts";

const HOUR_MS = 3_600_000;

Deno.test("a clock that goes back an hour in mid-turn makes no time negative, and nothing changes its order", async () => {
  const clock = shiftableClock();
  const recorded = recordLog();
  const command = call("exec_command", {
    cmd: "until [ -e go ]; do sleep 0.01; done",
    login: false,
  });
  await using server = await startServer({
    clock,
    log: recorded.log,
    responses: [say("Before"), command, [gate("back"), say("Done")], say("After"), say("Later")],
  });
  const client = await server.connect({ sessionExtensions: ["idempotency"] });
  const early = await threadWithTurn(client, "early");
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  const threadId = thread.id;
  const start = { threadId, input: text("first"), idempotencyKey: "k" };
  const { turn } = await client.request("turn/start", start);
  await client.next("item/started", ({ item }) => item.type === "commandExecution");
  clock.shift(-HOUR_MS);
  await Deno.writeTextFile(`${server.project}/go`, "");
  const { item } = await client.next(
    "item/completed",
    ({ item }) => item.type === "commandExecution",
  );
  assert.ok(item.type === "commandExecution" && (item.durationMs ?? -1) >= 0);
  await server.model.reached("back");
  server.model.release("back");
  const ended = await client.next("turn/completed", (params) => params.turn.id === turn.id);
  assert.ok((ended.turn.durationMs ?? -1) >= 0);
  const after = await runTurn(client, threadId, "second");
  assert.ok(after.id > turn.id);
  assert.equal((await client.request("turn/start", start)).turn.id, turn.id);
  const later = await client.request("thread/start", {});
  assert.ok(later.thread.id > threadId && threadId > early);
  client.close();
  await server.stop();
  for (const { fields } of recorded.records) {
    const { durationMs = 0 } = fields;
    assert.ok(Number(durationMs) >= 0, JSON.stringify(fields));
  }
  // The real program refuses a record whose duration is negative.
  for (const { payload } of await rolloutRecords(thread.path)) {
    assert.ok((payload.duration_ms ?? 0) >= 0 && (payload.duration?.secs ?? 0) >= 0);
  }

  await using next = await startServer({ clock, home: server.home });
  const again = await next.connect();
  const read = await again.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(read.thread.turns.map(({ id, status }) => [id, status]), [
    [turn.id, "completed"],
    [after.id, "completed"],
  ]);
  const { data } = await again.request("thread/list", {});
  assert.deepEqual(data.map(({ id }) => id).sort(), [early, threadId].sort());
});

/** The clock of the machine, with a shift. */
function shiftableClock(): Clock & { shift(byMs: number): void } {
  const clock = systemClock();
  let shiftMs = 0;
  return {
    now: () => clock.now() + shiftMs,
    after: (...timer) => clock.after(...timer),
    shift: (byMs) => void (shiftMs += byMs),
  };
}

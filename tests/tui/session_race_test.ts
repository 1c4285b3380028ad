/** What a person does in the moment in which a turn ends, before the interface hears of its end. */
import assert from "node:assert/strict";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { startStand } from "./app_stand.ts";

const TURN = { id: "0199a213-81a0-7800-8aa1-bbab2a035a54", status: "inProgress", items: [] };

Deno.test("what is said into a turn that is over by then begins the next one", async () => {
  const started: string[] = [];
  await using stand = await startStand({
    answers: {
      "turn/steer"() {
        throw new RpcError(-32600, "no active turn to steer");
      },
      "turn/start"() {
        started.push("turn/start");
        return { turn: TURN };
      },
    },
  });
  stand.tell("turn/started", { turn: TURN });
  await stand.terminal.until("Esc interrupts");
  stand.terminal.type("one more thing\r");
  await stand.terminal.until((text) => started.length > 0 || text.includes("Not sent"));
  assert.deepEqual(started, ["turn/start"]);
  assert.doesNotMatch(await stand.drawn(), /Not sent/);
});

Deno.test("Esc for a turn that is over by then says nothing", async () => {
  const asked = Promise.withResolvers<void>();
  await using stand = await startStand({
    answers: {
      "turn/interrupt"() {
        asked.resolve();
        throw new RpcError(-32600, "no active turn to interrupt");
      },
    },
  });
  stand.tell("turn/started", { turn: TURN });
  await stand.terminal.until("Esc interrupts");
  stand.terminal.press("esc");
  await asked.promise;
  stand.tell("turn/completed", { turn: { ...TURN, status: "completed" } });
  assert.doesNotMatch(await stand.drawn(), /Not interrupted/);
});

Deno.test("what could not be sent while the next thing is being written waits, and is not sent again by itself", async () => {
  const asked = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  let count = 0;
  await using stand = await startStand({
    answers: {
      async "turn/start"() {
        count++;
        asked.resolve();
        await refused.promise;
        throw new RpcError(-32600, "not now");
      },
    },
  });
  stand.terminal.type("the first thing\r");
  await asked.promise;
  stand.terminal.type("the next");
  await stand.terminal.until(/^› the next$/m);
  refused.resolve();
  await stand.terminal.until("↳ queued, Alt-Up edits: the first thing");
  const text = await stand.drawn();
  assert.equal(text.match(/Not sent: not now/g)?.length, 1);
  assert.equal(count, 1);
});

/** What all connections of a server keep together: who has little is left alone, who has much is held to less. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { Connection } from "../../src/rpc/connection.ts";
import { ConnectionBudget } from "../../src/rpc/connection_limits.ts";
import { encodeRequest } from "../../src/rpc/jsonrpc.ts";
import { FakeClock } from "./fake_clock.ts";
import { SlowTransport } from "./slow_transport.ts";

const MIB = 1024 * 1024;
const SLOW_READER = 4002;

/** Connections of one server, whose clients read when the test says so. */
function serve(totalBytes: number) {
  const budget = new ConnectionBudget(totalBytes);
  const clock = new FakeClock();
  const refused: string[] = [];
  const connect = (name: string, request: () => unknown = () => "done") => {
    const transport = new SlowTransport({ canPause: true });
    const connection = new Connection({
      transport,
      clock,
      budget,
      request,
      notification: () => {},
      refused: () => void refused.push(name),
    });
    const send = (id: number, chars: number) =>
      transport.sink?.frame(encodeRequest({ id, method: "m", params: ["x".repeat(chars)] }));
    return { connection, transport, send };
  };
  return { budget, clock, connect, refused };
}

Deno.test("many who do not read keep no more together than the budget and a share each", () => {
  const { budget, connect } = serve(32 * MIB);
  const readers = Array.from({ length: 40 }, (_, index) => connect(`${index}`));
  const [modest] = readers;
  // What fits into its share is safe, whatever others do.
  for (let sent = 0; sent < MIB / 2; sent += 16_384) {
    modest?.connection.sendText("x".repeat(16_384));
  }
  for (let round = 0; round < 2000; round++) {
    for (const { connection } of readers.slice(1)) connection.sendText("x".repeat(16_384));
    ok(budget.bytes < 32 * MIB + 40 * MIB, `${budget.bytes}`);
  }
  equal(modest?.connection.isClosed, false);
  ok(readers.slice(1).every(({ connection }) => connection.closeCode === SLOW_READER));
  modest?.connection.close();
  equal(budget.bytes, 0);
});

Deno.test("one client alone may keep all that its own limit says", () => {
  const { connect } = serve(32 * MIB);
  const { connection } = connect("one");
  let sent = 0;
  while (connection.sendText("x".repeat(16_384))) sent += 16_384;
  ok(sent > 15 * MIB && sent < 17 * MIB, `${sent}`);
});

Deno.test("requests in work of all clients count, and beyond the budget a client has its share", async () => {
  const { budget, connect, refused } = serve(8 * MIB);
  const ends: (() => void)[] = [];
  const work = () => new Promise<string>((resolve) => ends.push(() => resolve("done")));
  const busy = connect("busy", work);
  for (let id = 0; id < 8; id++) busy.send(id, MIB);
  deepEqual(refused, []);
  ok(budget.bytes > 8 * MIB);
  const other = connect("other", work);
  for (let id = 0; id < 4; id++) other.send(id, MIB / 4);
  deepEqual(refused, ["other"]);
  busy.send(9, 10);
  deepEqual(refused, ["other", "busy"]);
  for (const end of ends) end();
  await Promise.all([busy, other].map(async ({ connection, transport }) => {
    while (connection.requestsInWork > 0) await Promise.resolve();
    transport.take();
  }));
  equal(budget.bytes, 0);
  busy.send(10, MIB);
  equal(refused.length, 2);
});

Deno.test("what is kept is given back, however a connection is used and ends", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("send" as const), chars: fc.integer({ min: 1, max: 300_000 }) }),
    fc.record({ type: fc.constant("ask" as const), chars: fc.integer({ min: 1, max: 2_000 }) }),
    fc.record({ type: fc.constant("take" as const), chars: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, closes) => {
    const { budget, clock, connect } = serve(MIB);
    const { connection, transport, send } = connect("one", () => "r".repeat(50_000));
    for (const [id, { type, chars }] of steps.entries()) {
      if (type === "send") connection.sendText("x".repeat(chars));
      else if (type === "ask") send(id, chars);
      else transport.take(chars);
      ok(budget.bytes >= 0);
    }
    if (closes) connection.close();
    for (let quiet = 0; quiet < 200; quiet++) {
      transport.take();
      clock.advance(50);
    }
    equal(budget.bytes, 0);
  }));
});

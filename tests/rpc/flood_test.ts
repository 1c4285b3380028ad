/** A peer that sends more than its share: slices of time, refusals, the urgent lane; time is moved by hand. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { Connection, type ConnectionOptions } from "../../src/rpc/connection.ts";
import { encodeRequest, parseMessage, peekRequest } from "../../src/rpc/jsonrpc.ts";
import { FakeClock } from "./fake_clock.ts";
import { SlowTransport } from "./slow_transport.ts";

const URGENT = "turn/interrupt";
const FLOOD = ["the peer sends more than can be refused", 4003];

/** A connection whose handlers take time, by the clock of the test. */
function serve(
  options: Partial<ConnectionOptions> & { readonly canPause?: boolean; readonly costMs?: number } =
    {},
) {
  const transport = new SlowTransport({ canPause: options.canPause ?? false });
  const clock = new FakeClock();
  const log: string[] = [];
  const connection = new Connection({
    transport,
    clock,
    request: ({ id, method }) => {
      log.push(`${method} ${id}`);
      // Only the time that passes matters: timers run when the test says so.
      if (method !== URGENT) passed += options.costMs ?? 0;
      return "done";
    },
    notification: ({ method }) => log.push(method),
    dropped: (reason) => log.push(`dropped: ${reason}`),
    refused: (method) => log.push(`refused ${method}`),
    isUrgent: (method) => method === URGENT,
    ...options,
  });
  let passed = 0;
  clock.now = () => passed;
  return {
    transport,
    clock,
    log,
    connection,
    send: (id: number, method = "m", params: unknown = {}) =>
      transport.sink?.frame(encodeRequest({ id, method, params })),
    /** Everybody else has a turn. */
    turn: () => clock.advance(10),
    /** The ids of the answers that the peer has read, and of the refusals among them. */
    answers: () => {
      for (let before = -1; before !== transport.read.length;) {
        before = transport.read.length;
        transport.take();
        clock.advance(50);
      }
      const messages = transport.read.map((text) => JSON.parse(text));
      const idsOf = (wanted: (message: { error?: unknown }) => boolean): number[] =>
        messages.filter(wanted).map(({ id }) => id);
      return {
        done: idsOf(({ error }) => error === undefined),
        refused: idsOf(({ error }) => error !== undefined),
        messages,
      };
    },
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

Deno.test("Connection takes cheap requests at once, however many there are", () => {
  const { send, log, connection } = serve();
  for (const id of range(0, 5000)) send(id);
  equal(log.length, 5000);
  equal(connection.requestsInWork, 0);
});

Deno.test("Connection works in slices of time, in order, and pauses a transport that can pause", () => {
  for (const canPause of [true, false]) {
    const { send, turn, log, connection, transport } = serve({ costMs: 1, canPause });
    for (const id of range(0, 100)) send(id);
    // Eight are not timed, then four milliseconds are over.
    equal(log.length, 12);
    equal(connection.requestsInWork, 88);
    equal(transport.isPaused, canPause);
    turn();
    ok(log.length > 12 && log.length <= 20);
    equal(transport.isPaused, false);
    for (let turns = 0; turns < 40; turns++) turn();
    deepEqual(log, range(0, 100).map((id) => `m ${id}`));
  }
});

Deno.test("Connection refuses what it cannot keep, and answers every request of a flood once", () => {
  const { send, turn, answers, connection, transport } = serve({ costMs: 1, canPause: true });
  for (const id of range(0, 20_000)) {
    send(id);
    if (id % 1000 === 999) turn();
  }
  equal(connection.isClosed, false);
  ok(connection.bufferedBytes < 4_000_000);
  // Nothing but an end of the flood lets it catch up.
  for (let turns = 0; turns < 1000; turns++) turn();
  const { done, refused, messages } = answers();
  deepEqual([...done, ...refused].sort((a, b) => a - b), range(0, 20_000));
  ok(done.length > 1024 && refused.length > 10_000);
  deepEqual(messages.find(({ error }) => error)?.error, {
    code: -32001,
    message: "Server overloaded; retry later.",
    data: { reason: "overloaded" },
  });
  equal(transport.closes.length, 0);
});

Deno.test("Connection closes a flood that nobody else can come between", () => {
  const { send, log, transport, connection } = serve({ costMs: 1 });
  for (const id of range(0, 100_000)) send(id);
  deepEqual(transport.closes, [FLOOD]);
  equal(connection.closeCode, 4003);
  equal(log.filter((line) => line === "refused m").length, 1025);
});

Deno.test("Connection lets interrupts, answers to its questions and nothing else pass a flood", async () => {
  const { send, turn, log, connection, transport } = serve({ costMs: 10, canPause: true });
  const asked = connection.request("approve", {}, { id: "q" });
  for (const id of range(0, 1500)) send(id);
  transport.sink?.frame('{"method":"note"}');
  log.length = 0;
  send(9001, URGENT);
  transport.sink?.frame('{"id":"q","result":"accept"}');
  transport.sink?.frame('{"params":{},"method":"turn/interrupt","id":9002}');
  equal(await asked, "accept");
  deepEqual(log, [`${URGENT} 9001`, `${URGENT} 9002`]);
  // One that carries a lot is no interrupt.
  send(9003, URGENT, { much: "x".repeat(70_000) });
  deepEqual(log.slice(2), [`refused ${URGENT}`]);
  turn();
  ok(log.slice(3).every((line) => line.startsWith("m ")));
});

Deno.test("Connection keeps a notification in its place among requests that wait", () => {
  const { send, turn, log, transport } = serve({ costMs: 1, canPause: true });
  for (const id of range(0, 20)) send(id);
  transport.sink?.frame('{"method":"note"}');
  for (const id of range(20, 30)) send(id);
  for (let turns = 0; turns < 20; turns++) turn();
  deepEqual(log, [
    ...range(0, 20).map((id) => `m ${id}`),
    "note",
    ...range(20, 30).map((id) => `m ${id}`),
  ]);
});

Deno.test("Connection closes whoever floods the urgent lane", () => {
  for (
    const frame of [
      (id: number) => encodeRequest({ id, method: URGENT, params: {} }),
      (id: number) => `{"id":${id},"result":"to no question"}`,
    ]
  ) {
    const { transport, turn } = serve();
    for (const id of range(0, 256)) transport.sink?.frame(frame(id));
    turn();
    for (const id of range(0, 256)) transport.sink?.frame(frame(id));
    deepEqual(transport.closes, []);
    transport.sink?.frame(frame(256));
    deepEqual(transport.closes, [FLOOD]);
  }
});

Deno.test("Connection closes whoever leaves too many urgent requests in work", () => {
  const { transport, turn, send } = serve({ request: () => new Promise(() => {}) });
  for (const id of range(0, 256)) {
    send(id, URGENT);
    turn();
  }
  deepEqual(transport.closes, []);
  send(256, URGENT);
  deepEqual(transport.closes, [FLOOD]);
});

Deno.test("Connection holds requests back while their answers would only pile up", () => {
  const result = "r".repeat(100_000);
  const log: unknown[] = [];
  const { send, turn, answers, connection } = serve({
    request: ({ id, method }) => {
      log.push(id);
      return method === URGENT ? "stopped" : result;
    },
  });
  for (const id of range(0, 500)) send(id);
  for (let turns = 0; turns < 50; turns++) turn();
  const started = log.length;
  ok(started > 20 && started < 40, `${started}`);
  ok(connection.bufferedBytes < 4_000_000);
  send(9000, URGENT);
  equal(log.at(-1), 9000);
  const { done, refused } = answers();
  deepEqual(done, [...range(0, started), 9000, ...range(started, 500)]);
  deepEqual(refused, []);
});

Deno.test("Connection answers what waits after the end of input, then closes", () => {
  const { send, turn, transport, answers } = serve({ costMs: 1, canPause: true });
  for (const id of range(0, 50)) send(id);
  transport.sink?.ended?.();
  deepEqual(transport.closes, []);
  for (let turns = 0; turns < 20; turns++) turn();
  deepEqual(transport.closes, [["end of input", undefined]]);
  deepEqual(answers().done, range(0, 50));
});

Deno.test("Connection gives what is kept to a transport that closes in good order", () => {
  const { connection, transport } = serve();
  const texts = range(0, 3000).map((index) => `${index}`.padEnd(1000));
  for (const text of texts) connection.sendText(text);
  connection.close("done");
  transport.take();
  deepEqual(transport.read, texts);
});

Deno.test("Connection closes a peer that does not read when a message cannot be kept", () => {
  const { connection, transport, clock } = serve();
  let count = 0;
  while (connection.sendText("x".repeat(10_000))) count++;
  ok(count > 1600 && count < 1700, `${count}`);
  deepEqual(transport.closes, [["the peer does not read what it is sent", 4002]]);
  // It is not made to hold what it would never get rid of.
  ok(transport.mostBytes < 600_000);
  equal(connection.bufferedBytes, transport.bufferedBytes);
  equal(clock.pending, 0);
});

Deno.test("a peeked request has the id and method that parsing finds", () => {
  const request = fc.record({
    id: fc.oneof(fc.integer(), fc.string(), fc.constantFrom(1.5, null, 2 ** 60)),
    method: fc.oneof(fc.constantFrom("thread/list", "initialize"), fc.string()),
    params: fc.jsonValue(),
    result: fc.option(fc.string(), { nil: undefined }),
  }, { requiredKeys: [] });
  const text = fc.tuple(request, fc.shuffledSubarray(["id", "method", "params", "result"]))
    .map(([message, keys]) => JSON.stringify(message, keys));
  const plain = fc.record({ id: fc.integer(), method: fc.string(), params: fc.jsonValue() })
    .map((message) => encodeRequest({ ...message, params: message.params ?? null }));
  let peeked = 0;
  fc.assert(
    fc.property(fc.oneof(text, plain, fc.string()), (frame) => {
      const found = peekRequest(frame);
      if (!found) return;
      peeked++;
      const message = parseMessage(frame);
      equal(message.kind, "request");
      if (message.kind === "request") deepEqual(found, { id: message.id, method: message.method });
    }),
    { numRuns: 2000 },
  );
  ok(peeked > 20);
  deepEqual(peekRequest(encodeRequest({ id: 7, method: "a/b", params: { id: 8 } })), {
    id: 7,
    method: "a/b",
  });
});

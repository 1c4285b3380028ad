import { deepEqual, equal, rejects } from "node:assert/strict";
import { Connection, type ConnectionOptions } from "../../src/rpc/connection.ts";
import type { IncomingRequest } from "../../src/rpc/incoming_request.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { memoryTransportPair, type Transport } from "../../src/rpc/transport.ts";
import { FakeClock } from "./fake_clock.ts";
import { Collector } from "./transport_pairs.ts";

const OVERLOADED =
  '{"error":{"code":-32001,"message":"Server overloaded; retry later.","data":{"reason":"overloaded"}},"id":';

/** A connection whose peer is raw text. */
function serve(options: Partial<ConnectionOptions> = {}): {
  readonly connection: Connection;
  readonly peer: Transport;
  readonly sent: Collector;
  readonly log: string[];
} {
  const [peer, transport] = memoryTransportPair();
  const sent = new Collector();
  const log: string[] = [];
  peer.open(sent);
  const connection = new Connection({
    transport,
    request: ({ method }) => method,
    notification: ({ method }) => log.push(method),
    closed: (reason) => log.push(`closed: ${reason}`),
    dropped: () => log.push("dropped"),
    failed: (error, method) => log.push(`${method}: ${error}`),
    ...options,
  });
  return { connection, peer, sent, log };
}

/** All microtasks that are due have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function requestText(id: number, method = "m"): string {
  return JSON.stringify({ id, method, params: {} });
}

Deno.test("Connection answers in the same tick when the handler does", async () => {
  const { peer, sent } = serve();
  peer.send(requestText(1, "a"));
  peer.send(requestText(2, "b"));
  await settled();
  deepEqual(sent.frames, ['{"id":1,"result":"a"}', '{"id":2,"result":"b"}']);
});

Deno.test("Connection fails one request when a handler throws, and no other", async () => {
  const failures: Readonly<Record<string, () => unknown>> = {
    bug: () => {
      throw new TypeError("secret");
    },
    asyncBug: () => Promise.reject(new TypeError("secret")),
    refused: () => {
      throw new RpcError(-32600, "no", { reason: "r" });
    },
    asyncRefused: () => Promise.reject(new RpcError(-32600, "no")),
    cycle: () => {
      const cycle: unknown[] = [];
      cycle.push(cycle);
      return cycle;
    },
    fine: () => ({}),
  };
  const { peer, sent, log } = serve({ request: ({ method }) => failures[method]?.() });
  for (const [id, method] of Object.keys(failures).entries()) peer.send(requestText(id, method));
  await settled();
  const internal = (id: number) =>
    `{"error":{"code":-32603,"message":"Internal error","data":{"reason":"internal"}},"id":${id}}`;
  deepEqual(
    new Set(sent.frames),
    new Set([
      internal(0),
      internal(1),
      '{"error":{"code":-32600,"message":"no","data":{"reason":"r"}},"id":2}',
      '{"error":{"code":-32600,"message":"no"},"id":3}',
      internal(4),
      '{"id":5,"result":{}}',
    ]),
  );
  deepEqual(log.map((line) => line.split(":")[0]).sort(), ["asyncBug", "bug", "cycle"]);
});

Deno.test("Connection drops what is not a message and survives a throwing notification handler", async () => {
  const { peer, sent, log } = serve({
    notification: () => {
      throw new Error("bad");
    },
  });
  for (const text of ["nonsense", "[]", '{"method":"n"}', requestText(1)]) peer.send(text);
  await settled();
  deepEqual(sent.frames, ['{"id":1,"result":"m"}']);
  deepEqual(log, ["dropped", "dropped", "n: Error: bad"]);
});

Deno.test("Connection takes 256 requests at once without refusing any", async () => {
  const gate = Promise.withResolvers<string>();
  const { peer, sent, connection } = serve({ request: () => gate.promise });
  for (let id = 0; id < 256; id++) peer.send(requestText(id));
  await settled();
  equal(connection.requestsInWork, 256);
  gate.resolve("ok");
  await settled();
  deepEqual(sent.frames, Array.from({ length: 256 }, (_, id) => `{"id":${id},"result":"ok"}`));
  equal(connection.requestsInWork, 0);
});

Deno.test("Connection refuses requests over its limits at once, but nothing urgent and no answer", async () => {
  const gate = Promise.withResolvers<string>();
  const { peer, sent, log, connection } = serve({
    request: ({ method }) => method === "turn/interrupt" ? "stopped" : gate.promise,
    isUrgent: (method) => method === "turn/interrupt",
    limits: { requests: 2 },
  });
  const asked = connection.request("ask", {});
  for (const id of [1, 2, 3]) peer.send(requestText(id));
  peer.send(requestText(4, "turn/interrupt"));
  peer.send('{"method":"note"}');
  peer.send('{"id":1,"result":"answer"}');
  equal(await asked, "answer");
  await settled();
  deepEqual(sent.frames.slice(1), [`${OVERLOADED}3}`, '{"id":4,"result":"stopped"}']);
  deepEqual(log, ["note"]);
  gate.resolve("late");
  await settled();
  peer.send(requestText(5, "turn/interrupt"));
  await settled();
  deepEqual(
    sent.frames.slice(3),
    [1, 2].map((id) => `{"id":${id},"result":"late"}`).concat([
      '{"id":5,"result":"stopped"}',
    ]),
  );
});

Deno.test("Connection refuses requests whose text exceeds the limit together", async () => {
  const gate = Promise.withResolvers<string>();
  const { peer, sent } = serve({ request: () => gate.promise, limits: { requestChars: 100 } });
  for (const id of [1, 2, 3, 4]) peer.send(requestText(id));
  await settled();
  deepEqual(sent.frames, [`${OVERLOADED}4}`]);
});

Deno.test("Connection closes with a reason when the peer does not read", async () => {
  const { connection, log } = serve({ limits: { outboxBytes: 10_000 } });
  const results = Array.from({ length: 200 }, () => connection.sendText("x".repeat(100)));
  equal(results.filter((isSent) => isSent).length, 101);
  deepEqual(log, ["closed: the peer does not read what it is sent"]);
  equal(connection.closeReason, "the peer does not read what it is sent");
  await settled();
});

Deno.test("Connection sends a message longer than its limit, and does not count it against the next", async () => {
  const { connection, sent } = serve({ limits: { outboxBytes: 1000 } });
  equal(connection.sendText("x".repeat(5000)), true);
  equal(connection.sendText("next"), true);
  equal(connection.sendText("y".repeat(800)), true);
  await settled();
  deepEqual(sent.frames.map((text) => text.length), [5000, 4, 800]);
});

Deno.test("Connection closes when more waits than its limit and one long message", async () => {
  const { connection, log } = serve({ limits: { outboxBytes: 1000 } });
  equal(connection.sendText("x".repeat(5000)), true);
  equal(connection.sendText("y".repeat(1500)), true);
  equal(connection.sendText("too much"), false);
  deepEqual(log, ["closed: the peer does not read what it is sent"]);
  await settled();
});

Deno.test("Connection ignores answers that come late, twice, for unknown ids or of another type", async () => {
  const { connection, peer, sent } = serve();
  const stop = new AbortController();
  const withdrawn = connection.request("ask", {}, { id: "q1", signal: stop.signal });
  const kept = connection.request("ask", {}, { id: "q2" });
  stop.abort(new Error("answered elsewhere"));
  await rejects(withdrawn, /answered elsewhere/);
  for (const id of ['"q1"', '"other"', "2", "null"]) peer.send(`{"id":${id},"result":"bad"}`);
  peer.send('{"id":"q2","result":"good"}');
  peer.send('{"id":"q2","result":"twice"}');
  peer.send('{"error":{"code":1,"message":"late"},"id":"q2"}');
  equal(await kept, "good");
  await settled();
  equal(connection.isClosed, false);
  deepEqual(sent.frames, [
    '{"method":"ask","id":"q1","params":{}}',
    '{"method":"ask","id":"q2","params":{}}',
  ]);
});

Deno.test("Connection rejects a call with the peer's error, a timeout or the close", async () => {
  const clock = new FakeClock();
  const { connection, peer } = serve({ clock });
  const refused = connection.request("a", {});
  const slow = connection.request("b", {}, { timeoutMs: 500 });
  const open = connection.request("c", {});
  const aborted = connection.request("d", {}, { signal: AbortSignal.abort(new Error("before")) });
  peer.send('{"error":{"code":-3,"message":"no"},"id":1}');
  await rejects(aborted, /before/);
  await rejects(refused, new RpcError(-3, "no"));
  clock.advance(500);
  await rejects(slow, { name: "RequestTimeout", message: "No answer to b within 500 ms" });
  peer.close("gone");
  await rejects(open, { name: "ConnectionClosed", message: "Connection is closed: gone" });
  await rejects(connection.request("e", {}), { name: "ConnectionClosed" });
  equal(clock.pending, 0);
});

Deno.test("IncomingRequest.reply answers before what is sent next, and only once", async () => {
  const { peer, sent, connection } = serve({
    request: (request: IncomingRequest) => {
      request.after(() => connection.notify({ method: "after" }));
      request.reply("first");
      connection.notify({ method: "event" });
      request.reply("second");
      return Promise.resolve("third");
    },
  });
  peer.send(requestText(1));
  await settled();
  deepEqual(sent.frames, ['{"id":1,"result":"first"}', '{"method":"after"}', '{"method":"event"}']);
  equal(connection.requestsInWork, 0);
});

Deno.test("IncomingRequest.after runs right behind an answer that takes time", async () => {
  const { peer, sent, connection } = serve({
    request: (request: IncomingRequest) => {
      request.after(() => connection.notify({ method: "after" }));
      return Promise.resolve("answer");
    },
  });
  peer.send(requestText(1));
  await settled();
  deepEqual(sent.frames, ['{"id":1,"result":"answer"}', '{"method":"after"}']);
});

Deno.test("Connection aborts its signal and calls closed once, whoever closes", async () => {
  const { connection, peer, log } = serve();
  const { signal } = connection;
  peer.close("hung up");
  await settled();
  equal(signal.aborted, true);
  connection.close("again");
  deepEqual(log, ["closed: hung up"]);
  equal(connection.sendText("x"), false);
  equal(connection.signal.reason.message, "Connection is closed: hung up");
});

/** A transport whose input the test ends. */
class EndingTransport implements Transport {
  readonly peer = "test";
  readonly bufferedBytes = 0;
  readonly sent: string[] = [];
  /** False: the peer never takes what is written. */
  isFlushing = true;
  sink: Parameters<Transport["open"]>[0] | undefined;
  open(sink: Parameters<Transport["open"]>[0]): void {
    this.sink = sink;
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(reason = "closed"): void {
    if (this.isFlushing) queueMicrotask(() => this.sink?.closed(reason));
  }
}

Deno.test("Connection answers what is in work after the end of input, then closes", async () => {
  const gate = Promise.withResolvers<string>();
  const clock = new FakeClock();
  const transport = new EndingTransport();
  const { connection } = serve({ transport, clock, request: () => gate.promise });
  transport.sink?.frame(requestText(1));
  transport.sink?.ended?.();
  equal(connection.isClosed, false);
  gate.resolve("ok");
  await settled();
  deepEqual(transport.sent, ['{"id":1,"result":"ok"}']);
  equal(connection.closeReason, "end of input");
  equal(clock.pending, 0);
});

Deno.test("Connection does not wait for ever after the end of input", () => {
  const clock = new FakeClock();
  const transport = new EndingTransport();
  const { connection } = serve({
    transport,
    clock,
    request: () => new Promise(() => {}),
    limits: { endGraceMs: 100 },
  });
  transport.sink?.frame(requestText(1));
  transport.sink?.ended?.();
  clock.advance(99);
  equal(connection.isClosed, false);
  clock.advance(1);
  equal(connection.closeReason, "end of input");
});

Deno.test("Connection closes after the end of input once everything is written", async () => {
  for (const isFlushing of [true, false]) {
    const clock = new FakeClock();
    const transport = new EndingTransport();
    transport.isFlushing = isFlushing;
    const { connection, log } = serve({ transport, clock });
    transport.sink?.frame(requestText(1));
    transport.sink?.ended?.();
    equal(connection.isClosed, false);
    await settled();
    equal(connection.isClosed, isFlushing);
    clock.advance(2000);
    deepEqual(log, ["closed: end of input"]);
    equal(clock.pending, 0);
  }
});

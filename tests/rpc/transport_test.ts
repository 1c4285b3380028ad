import { deepEqual, equal } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
// @ts-types="@types/ws"
import { WebSocket, WebSocketServer } from "ws";
import { Connection, type ConnectionOptions } from "../../src/rpc/connection.ts";
import { wsTransport } from "../../src/rpc/ws_transport.ts";
import { Collector, transportKinds } from "./transport_pairs.ts";

for (const [kind, makePair] of Object.entries(transportKinds)) {
  Deno.test(`${kind} transport delivers frames in order, both ways`, async () => {
    await using pair = await makePair();
    const [atServer, atClient] = [new Collector(1000), new Collector(1000)];
    pair.server.open(atServer);
    pair.client.open(atClient);
    const frames = Array.from({ length: 1000 }, (_, index) => `{"n":${index},"text":"ä€😀"}`);
    for (const frame of frames) {
      pair.client.send(frame);
      pair.server.send(frame);
    }
    deepEqual(await atServer.complete, frames);
    deepEqual(await atClient.complete, frames);
  });

  Deno.test(`${kind} transport carries a frame of 5 MB`, async () => {
    await using pair = await makePair();
    const atServer = new Collector(2);
    pair.server.open(atServer);
    pair.client.open(new Collector());
    const frame = "x".repeat(5_000_000);
    pair.client.send(frame);
    pair.client.send("after");
    deepEqual((await atServer.complete).map((text) => text.length), [5_000_000, 5]);
  });

  Deno.test(`${kind} transport keeps frames that come before open, and never delivers inside it`, async () => {
    await using pair = await makePair();
    pair.client.open(new Collector());
    pair.client.send("early");
    // An answer proves that the early frame has had time to arrive.
    const atServer = new Collector(2);
    pair.client.send("second");
    await Promise.resolve();
    pair.server.open(atServer);
    equal(atServer.frames.length, 0);
    deepEqual(await atServer.complete, ["early", "second"]);
  });

  Deno.test(`${kind} transport delivers what was sent before it closes, then says so once`, async () => {
    await using pair = await makePair();
    const [atServer, atClient] = [new Collector(100), new Collector()];
    pair.server.open(atServer);
    pair.client.open(atClient);
    for (let index = 0; index < 100; index++) pair.client.send(`${index}`);
    pair.client.close("done");
    pair.client.close("again");
    pair.client.send("ignored");
    equal(await atClient.closing.promise, "done");
    await atServer.closing.promise;
    equal(atServer.frames.length, 100);
    pair.server.close("the peer has gone");
    await Promise.resolve();
    deepEqual([atServer.closedCount, atClient.closedCount], [1, 1]);
  });

  Deno.test(`${kind} transport has nothing buffered once the peer has read all`, async () => {
    await using pair = await makePair();
    const [atServer, atClient] = [new Collector(1), new Collector(1)];
    pair.server.open(atServer);
    pair.client.open(atClient);
    pair.client.send("x".repeat(100_000));
    equal(pair.client.bufferedBytes >= 100_000, true);
    await atServer.complete;
    pair.server.send("read");
    await atClient.complete;
    equal(pair.client.bufferedBytes, 0);
  });

  Deno.test(`${kind} connection carries calls both ways at once`, async () => {
    await using pair = await makePair();
    const echo: Pick<ConnectionOptions, "request" | "notification"> = {
      request: ({ method, params }) => ({ method, params }),
      notification: () => {},
    };
    const server = new Connection({ ...echo, transport: pair.server });
    const client = new Connection({ ...echo, transport: pair.client });
    const calls = [client, server].flatMap((connection, side) =>
      Array.from(
        { length: 256 },
        (_, index) => connection.request(`m/${side}`, { index }),
      )
    );
    const expected = [0, 1].flatMap((side) =>
      Array.from({ length: 256 }, (_, index) => ({ method: `m/${side}`, params: { index } }))
    );
    deepEqual(await Promise.all(calls), expected);
    client.close("bye");
  });
}

Deno.test("a WebSocket that is closed while it is paused hears the peer close, and is gone", async () => {
  const listening = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  listening.on("connection", (peer) => peer.on("message", () => {}));
  await once(listening, "listening");
  const { port } = Object(listening.address());
  const stream = connect(port, "127.0.0.1");
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { createConnection: () => stream });
  await once(socket, "open");
  const transport = wsTransport(socket, { peer: "test", stream });
  transport.open(new Collector());
  transport.pause?.();
  // The package gives a socket up after 30 s.
  const closed = once(socket, "close", { signal: AbortSignal.timeout(10_000) });
  transport.close("done");
  equal((await closed)[0], 1000);
  listening.close();
  await once(listening, "close");
});

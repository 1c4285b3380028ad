/** What belongs to a connection and is made anew with the next one: watches; and a server that is too busy at first. */
import assert from "node:assert/strict";
import { type News, ReconnectingClient } from "../../src/client/reconnect.ts";
import { EXTENSIONS } from "../../src/protocol/extensions.ts";
import { Connection } from "../../src/rpc/connection.ts";
import type { IncomingRequest } from "../../src/rpc/incoming_request.ts";
import { rpcCodes, RpcError } from "../../src/rpc/jsonrpc.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { startFaultyWorld } from "./reconnect_world.ts";

Deno.test("a watch goes on over a new connection, and what it may have missed is reported as the path itself", async () => {
  await using world = await startFaultyWorld();
  const { client } = await world.connect();
  const { project } = world.server;
  const [kept, ended] = [`${project}/kept`, `${project}/ended`];
  await client.request("fs/watch", { watchId: "kept", path: `${project}/x/../kept` });
  await client.request("fs/watch", { watchId: "ended", path: ended });
  await client.request("fs/unwatch", { watchId: "ended" });
  const renewed = client.next("fs/changed");
  world.proxy.cutAll();
  assert.deepEqual(await renewed, { watchId: "kept", changedPaths: [kept] });
  const changed = client.next("fs/changed");
  await Deno.writeTextFile(ended, "1");
  await Deno.writeTextFile(kept, "1");
  assert.deepEqual(await changed, { watchId: "kept", changedPaths: [kept] });
  // It is a watch of this connection, which can be ended as before.
  await client.request("fs/unwatch", { watchId: "kept" });
  await client.request("fs/watch", { watchId: "kept", path: ended });
});

Deno.test("a watch that is refused after a lost connection is told as lost, and not asked for again", async () => {
  const server = new ScriptedServer();
  const { client, clock, news } = await server.client();
  await client.request("fs/watch", { watchId: "w", path: "/gone" });
  server.refuse("fs/watch", new RpcError(rpcCodes.invalidRequest, "not visible"));
  await server.cut(client, clock);
  assert.deepEqual(news, [{ type: "watchLost", watchId: "w", reason: "not visible" }]);
  await server.cut(client, clock);
  assert.deepEqual(server.calls.filter((method) => method === "fs/watch").length, 2);
  client.close();
});

Deno.test("a server that is too busy to give a thread or a watch back is asked again, and nothing is told as lost", async () => {
  const server = new ScriptedServer();
  const { client, clock, news } = await server.client();
  await client.request("thread/start", {});
  await client.request("fs/watch", { watchId: "w", path: "/w" });
  news.length = 0;
  const busy = new RpcError(rpcCodes.overloaded, "Server overloaded; retry later.");
  for (const method of ["thread/resume", "thread/resume", "fs/watch"]) server.refuse(method, busy);
  await server.cut(client, clock);
  const { length } = server.calls.filter((method) => method === "thread/resume");
  assert.deepEqual([length, client.state.type], [3, "connected"]);
  assert.deepEqual(news.map(({ type }) => type), ["gap"]);
  client.close();
});

/** A server in a few lines, which refuses what it is told to. */
class ScriptedServer {
  readonly calls: string[] = [];
  readonly #refusals: { readonly method: string; readonly error: RpcError }[] = [];
  #connection: Connection | undefined;

  /** The next request of the method is refused. */
  refuse(method: string, error: RpcError): void {
    this.#refusals.push({ method, error });
  }

  async client() {
    const clock = new FakeClock();
    const client = await ReconnectingClient.connect({
      connect: () => Promise.resolve(this.#accept()),
      client: {
        clientInfo: { name: "t", version: "1" },
        capabilities: { sessionExtensions: EXTENSIONS },
      },
      clock,
      random: () => 0,
      newKey: () => crypto.randomUUID(),
    });
    const news: News[] = [];
    client.onNews((one) => void news.push(one));
    return { client, clock, news };
  }

  /** Ends the connection, and waits until the client has come back. */
  async cut(client: ReconnectingClient, clock: FakeClock): Promise<void> {
    let isBack = false;
    const stop = client.onState(({ type }) => void (isBack = type === "connected"));
    this.#connection?.close("cut");
    while (!isBack) {
      // Everybody has a turn, then time goes on.
      await new Promise((resolve) => setTimeout(resolve, 0));
      clock.advance(60_000);
    }
    stop();
  }

  #accept() {
    const [clientEnd, serverEnd] = memoryTransportPair();
    this.#connection = new Connection({
      transport: serverEnd,
      request: (request) => this.#answer(request),
      notification: () => {},
    });
    return clientEnd;
  }

  #answer({ method, params }: IncomingRequest): unknown {
    this.calls.push(method);
    const index = this.#refusals.findIndex((refusal) => refusal.method === method);
    const [refusal] = index < 0 ? [] : this.#refusals.splice(index, 1);
    if (refusal) throw refusal.error;
    switch (method) {
      case "initialize":
        return { sessionExtensions: EXTENSIONS };
      case "thread/start":
      case "thread/resume":
        return { thread: { id: "t" }, logId: "l", seq: 0 };
      case "fs/watch":
        return { path: Object(params).path };
      default:
        return {};
    }
  }
}

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { Client, type ClientOptions } from "../../src/client/client.ts";
import { connectInProcess } from "../../src/client/in_process.ts";
import { Connection } from "../../src/rpc/connection.ts";
import type { IncomingRequest } from "../../src/rpc/incoming_request.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { transportKinds } from "../rpc/transport_pairs.ts";

const OPTIONS: ClientOptions = {
  clientInfo: { name: "test", version: "1" },
  capabilities: { experimentalApi: true },
};
const SERVER_INFO = {
  userAgent: "u",
  codexHome: "/h",
  platformFamily: "unix",
  platformOs: "linux",
};

/** The smallest server: a handshake, and what a test adds. */
class TinyServer {
  readonly received: string[] = [];
  connection: Connection | undefined;
  readonly #answer: (request: IncomingRequest) => unknown;

  constructor(answer: (request: IncomingRequest) => unknown = () => ({})) {
    this.#answer = answer;
  }

  accept(transport: Transport): void {
    this.connection = new Connection({
      transport,
      request: (request) => {
        this.received.push(`${request.method} ${JSON.stringify(request.params)}`);
        return request.method === "initialize" ? SERVER_INFO : this.#answer(request);
      },
      notification: ({ method }) => this.received.push(method),
    });
  }

  delta(text: string): void {
    const params = { threadId: "t", turnId: "u", itemId: "i", delta: text };
    this.connection?.notify({ method: "item/agentMessage/delta", params });
  }

  status(threadId: string): void {
    const params = { threadId, status: { type: "idle" } };
    this.connection?.notify({ method: "thread/status/changed", params });
  }
}

for (const [kind, makePair] of Object.entries(transportKinds)) {
  Deno.test(`Client shakes hands and calls over ${kind}`, async () => {
    await using pair = await makePair();
    const server = new TinyServer(() => ({ data: ["a"], nextCursor: null }));
    server.accept(pair.server);
    const client = await Client.connect(pair.client, OPTIONS);
    equal(client.serverInfo?.codexHome, "/h");
    const { data } = await client.request("thread/loaded/list", {});
    deepEqual(data, ["a"]);
    deepEqual(server.received, [
      'initialize {"clientInfo":{"name":"test","version":"1"},"capabilities":{"experimentalApi":true}}',
      "initialized",
      "thread/loaded/list {}",
    ]);
    client.close();
    match(await client.closed, /closed by the client/);
  });
}

Deno.test("Client.connect rejects and closes when the server refuses", async () => {
  const closed = Promise.withResolvers<string>();
  const server = {
    accept: (transport: Transport) =>
      void new Connection({
        transport,
        request: () => {
          throw new RpcError(-32600, "Not you");
        },
        notification: () => {},
        closed: closed.resolve,
      }),
  };
  await rejects(connectInProcess(server, OPTIONS), new RpcError(-32600, "Not you"));
  equal(await closed.promise, "not accepted by the server");
});

Deno.test("connectInProcess loads the server on use and lets a test look at the wire", async () => {
  const server = new TinyServer();
  const sent: string[] = [];
  const client = await connectInProcess(() => Promise.resolve(server), {
    ...OPTIONS,
    wrap: (transport) => ({
      open: (sink) => transport.open(sink),
      send: (text) => {
        sent.push(text);
        transport.send(text);
      },
      bufferedBytes: 0,
      close: (reason) => transport.close(reason),
      peer: "wrapped",
    }),
  });
  client.close();
  equal(sent.length, 2);
});

Deno.test("Client.next takes notifications of a method in order, also earlier ones", async () => {
  const server = new TinyServer();
  using client = await connectInProcess(server, OPTIONS);
  server.delta("a");
  server.status("t1");
  server.delta("b");
  server.delta("c");
  equal((await client.next("item/agentMessage/delta", ({ delta }) => delta === "b")).delta, "b");
  equal((await client.next("item/agentMessage/delta")).delta, "a");
  const next = client.next("thread/status/changed", ({ threadId }) => threadId === "t2");
  server.status("t2");
  equal((await next).threadId, "t2");
  equal((await client.next("item/agentMessage/delta")).delta, "c");
  equal((await client.next("thread/status/changed")).threadId, "t1");
});

Deno.test("Client.next rejects when the connection closes or its signal aborts", async () => {
  const server = new TinyServer();
  const client = await connectInProcess(server, OPTIONS);
  const stop = new AbortController();
  const aborted = client.next("turn/completed", undefined, { signal: stop.signal });
  const open = client.next("turn/completed");
  stop.abort(new Error("enough"));
  await rejects(aborted, /enough/);
  server.connection?.close("gone");
  await rejects(open, /Connection is closed: gone/);
  await rejects(client.next("turn/completed"), /gone/);
  equal(await client.closed, "gone");
});

Deno.test("Client.on calls each listener until it is removed, and then keeps for next", async () => {
  const server = new TinyServer();
  using client = await connectInProcess(server, OPTIONS);
  const seen: string[] = [];
  const stop = client.on("item/agentMessage/delta", ({ delta }) => seen.push(delta));
  server.delta("a");
  server.status("sync");
  await client.next("thread/status/changed");
  stop();
  server.delta("b");
  equal((await client.next("item/agentMessage/delta")).delta, "b");
  deepEqual(seen, ["a"]);
});

Deno.test("Client survives a listener that throws", async () => {
  const server = new TinyServer();
  const log: string[] = [];
  using client = await connectInProcess(server, { ...OPTIONS, log: (text) => log.push(text) });
  client.on("item/agentMessage/delta", () => {
    throw new Error("bad");
  });
  server.delta("a");
  server.connection?.sendText("nonsense");
  server.status("t");
  await client.next("thread/status/changed");
  equal(log[0], "Listener of item/agentMessage/delta failed: Error: bad");
  match(log[1] ?? "", /^Dropped a message: /);
});

Deno.test("Client.notifications gives what was kept, then what comes, in order, until the close", async () => {
  const server = new TinyServer();
  using client = await connectInProcess(server, OPTIONS);
  server.delta("a");
  server.status("t1");
  server.delta("b");
  await client.next("item/agentMessage/delta", ({ delta }) => delta === "b");
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { method, params } of client.notifications()) {
      seen.push(method === "item/agentMessage/delta" ? params.delta : method);
    }
  })();
  server.delta("c");
  server.connection?.close("end");
  await reading;
  deepEqual(seen, ["a", "thread/status/changed", "c"]);
});

Deno.test("Client answers requests of the server, and refuses those it has no handler for", async () => {
  const server = new TinyServer();
  using client = await connectInProcess(server, OPTIONS);
  client.onRequest("item/fileChange/requestApproval", (params, call) => {
    equal(call.id, "q1");
    equal(params.itemId, "i");
    return Promise.resolve({ decision: "accept" as const });
  });
  const asked = server.connection?.request("item/fileChange/requestApproval", { itemId: "i" }, {
    id: "q1",
  });
  deepEqual(await asked, { decision: "accept" });
  await rejects(
    server.connection?.request("item/commandExecution/requestApproval", {}) ?? Promise.resolve(),
    { code: -32601 },
  );
});

Deno.test("Client passes on refusals and ends its calls when the connection closes", async () => {
  const server = new TinyServer(({ method }) => {
    if (method === "thread/list") throw new RpcError(-32600, "no", { reason: "r" });
    return new Promise(() => {});
  });
  using client = await connectInProcess(server, OPTIONS);
  await rejects(
    client.request("thread/list", {}),
    new RpcError(-32600, "no", { reason: "r" }),
  );
  const open = client.request("thread/loaded/list", {});
  server.connection?.close("restart");
  await rejects(open, /Connection is closed: restart/);
});

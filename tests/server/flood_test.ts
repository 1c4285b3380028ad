/** Floods through real sockets by a client that does not read: others are served, and nothing is silently lost. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Socket } from "node:net";
import { Client } from "../../src/client/client.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { gate, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { SOURCE } from "../support/forms.ts";
import { frame, framesOf } from "./frames.ts";
import { ListenLab } from "./listen_lab.ts";

const COUNT = 20_000;
const INITIALIZE = {
  id: "initialize",
  method: "initialize",
  params: { clientInfo: { name: "flood", version: "1" }, capabilities: {} },
};

type Message = {
  readonly id?: string | number;
  readonly method?: string;
  readonly error?: { readonly code: number };
  readonly result?: unknown;
};

/** What comes back, until `isLast` or the end of the connection. */
async function messagesOf(
  socket: Socket,
  isLast: (message: Message) => boolean,
): Promise<Message[]> {
  const messages: Message[] = [];
  const decoder = new TextDecoder();
  for await (const { opcode, payload } of framesOf(socket)) {
    if (opcode !== 1) continue;
    const message: Message = JSON.parse(decoder.decode(payload));
    messages.push(message);
    if (isLast(message)) break;
  }
  return messages;
}

function request(id: string | number, method: string, params: unknown = {}): Uint8Array {
  return frame(0x81, JSON.stringify({ id, method, params }));
}

function flood(count: number): Uint8Array {
  return joined(Array.from({ length: count }, (_, id) => request(id, "thread/loaded/list")));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A socket that speaks JSON-RPC, introduced and not read from here on. */
async function introduced(lab: ListenLab): Promise<Socket> {
  const socket = await lab.upgrade();
  socket.on("error", () => {});
  socket.write(frame(0x81, JSON.stringify(INITIALIZE)));
  return socket;
}

for (const kind of ["loopback", "ws", "unix"] as const) {
  Deno.test(`${kind}: a flood that nobody reads is answered or cut off, and others are served`, async () => {
    await using server = await startServer();
    const closed = Promise.withResolvers<"closed">();
    const transports: Transport[] = [];
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => {
        transports.push(transport);
        const isFirst = transports.length === 1;
        server.server.accept(
          transport,
          isFirst ? { onClosed: () => closed.resolve("closed") } : {},
        );
      },
    });
    const socket = await introduced(lab);
    const other = await Client.connect(await lab.client(), {
      clientInfo: { name: "other", version: "1" },
    });
    socket.write(flood(COUNT));
    // None of these may be refused, which would reject.
    for (let index = 0; index < 20; index++) await other.request("thread/loaded/list", {});
    if (kind !== "unix") equal(await statusOf(lab.port, "/healthz"), 200);
    const [first] = transports;
    // The rest is kept in a form that takes little, where deltas would be merged.
    ok((first?.bufferedBytes ?? Infinity) < 1_000_000);
    let rest = COUNT;
    const messages = await messagesOf(socket, ({ id }) => typeof id === "number" && --rest === 0);
    const outcome = await Promise.race([closed.promise, Promise.resolve("open")]);
    const ids = messages.flatMap(({ id }) => typeof id === "number" ? [id] : []);
    equal(new Set(ids).size, ids.length);
    if (outcome === "open") equal(ids.length, COUNT);
    for (const { error } of messages) if (error) equal(error.code, -32001);
    await other.request("thread/loaded/list", {});
    other.close();
    socket.destroy();
  });
}

Deno.test("an interrupt passes the flood of its own client", async () => {
  await using server = await startServer({ responses: [[gate("answer"), say("Too late")]] });
  await using lab = await ListenLab.open("ws", {
    accept: (transport) => server.server.accept(transport),
  });
  const watcher = await server.connect();
  const { thread } = await watcher.request("thread/start", {});
  const threadId = thread.id;
  const { turn } = await watcher.request("turn/start", { threadId, input: text("work") });
  await server.model.reached("answer");
  const socket = await introduced(lab);
  const interrupts = [1, 2, 3].map((index) =>
    request(`interrupt ${index}`, "turn/interrupt", { threadId, turnId: turn.id })
  );
  socket.write(joined([flood(5000), ...interrupts]));
  const { turn: ended } = await watcher.next("turn/completed");
  equal(ended.status, "interrupted");
  const messages = await messagesOf(socket, ({ id }) => id === "interrupt 3");
  deepEqual(
    messages.filter(({ id }) => id === "interrupt 1").map(({ result }) => result),
    [{}],
  );
  socket.destroy();
});

Deno.test({
  name: "a process that is flooded and not read stays small",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const home = await Deno.makeTempDir({ prefix: "codex-flood-" });
    const [program = "", ...words] = SOURCE.command;
    const child = new Deno.Command(program, {
      args: [...words, "app-server", "--listen", "unix://own.sock"],
      cwd: home,
      env: { CODEX_HOME: home, RUST_LOG: "", LOG_FORMAT: "", ...SOURCE.env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const errors = child.stderr.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    let banner = "";
    while (!banner.includes("own.sock")) banner += (await errors.next()).value ?? "";
    const conn = await Deno.connect({ transport: "unix", path: `${home}/own.sock` });
    const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await writeAll(conn, new TextEncoder().encode(upgrade));
    await writeAll(conn, frame(0x81, JSON.stringify(INITIALIZE)));
    // With the first request it loads the agent.
    await writeAll(conn, request("warm", "thread/loaded/list"));
    await readUntil(conn, '"warm"');
    const before = residentMiB(child.pid);
    // When this has been written, the server has read it, but for what fits into the buffers of a socket.
    await writeAll(conn, flood(100_000));
    const growth = residentMiB(child.pid) - before;
    conn.close();
    child.kill("SIGKILL");
    while (!(await errors.next()).done);
    await child.status;
    await Deno.remove(home, { recursive: true });
    ok(growth < 64, `grew by ${growth} MiB`);
  },
});

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function statusOf(port: number, path: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  await answer.body?.cancel();
  return answer.status;
}

async function readUntil(conn: Deno.Conn, words: string): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let text = ""; !text.includes(words);) {
    const read = await conn.read(buffer);
    if (read === null) throw new Error(`The connection ended before ${words}`);
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
}

function residentMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

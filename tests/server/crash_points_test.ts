/** `kill -9` at each write of a session, one after the other: what was acknowledged is there, and all goes on. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { memoryTransportPair, type Transport } from "../../src/rpc/transport.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { call, gate, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { exists, rolloutRecords, runTurn } from "./turn_steps.ts";
import { type WritePoint, WritePoints } from "./write_points.ts";

const EXTENSIONS = ["numberedEvents", "idempotency"] as const;
const FILE_TEXT = "all of it";

/** What a client had been told when the server was killed. */
interface Known {
  /** Requests with their keys, in order; `result` once they were answered. */
  readonly requests: { method: string; params: Record<string, unknown>; result?: unknown }[];
  /** Texts of messages that were told as complete. */
  readonly messages: string[];
  /** Ids of commands that were told as complete. */
  readonly commands: string[];
  readonly turns: { id: string; status: string }[];
  /** A question that is open. */
  question: string | null;
  /** Null while a request about it is under way. */
  isArchived: boolean | null;
}

Deno.test("whichever write a kill -9 comes before or tears, nothing acknowledged is lost and all goes on", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex-crash-" }));
  const points = await session(root);
  try {
    // Every kind of write is among them; without the seams they would be passed over silently.
    const kinds = ["append to", "half an append", "create", "SQLite", "renameSync", "mkdirSync"];
    for (const kind of kinds) {
      assert.ok(points.some(({ name }) => name.includes(kind)), kind);
    }
    assert.ok(points.length > 60, `${points.length}`);
    for (const point of points) await assertGoesOn(root, point);
  } finally {
    for (const { copy } of points) if (await exists(copy)) await remove(copy);
    await remove(root);
  }
});

/** Turns with an approval and a steer, a file, a fork, and the way to the archive and back. */
async function session(root: string): Promise<WritePoint<Known>[]> {
  const known: Known = {
    requests: [],
    messages: [],
    commands: [],
    turns: [],
    question: null,
    isArchived: false,
  };
  const server = await startServer({
    home: root,
    config: "",
    responses: [
      [say("Let me see"), call("exec_command", { cmd: "echo made" }, "asked")],
      say("One"),
      [say("Half"), gate("steer"), say("Two")],
      say("Three"),
    ],
  });
  using points = new WritePoints(root, () => structuredClone(known));
  const client = await observed(server, known);
  client.onRequest("item/commandExecution/requestApproval", () => ({ decision: "accept" }));
  const { thread } = await client.request("thread/start", { idempotencyKey: "new" });
  const threadId = thread.id;
  const ended = client.next("turn/completed");
  await client.request("turn/start", { threadId, input: text("first"), idempotencyKey: "1" });
  await ended;
  const second = client.next("turn/completed");
  const start = { threadId, input: text("second"), idempotencyKey: "2" };
  const { turn } = await client.request("turn/start", start);
  await server.model.reached("steer");
  const steer = { threadId, input: text("third"), expectedTurnId: turn.id, idempotencyKey: "3" };
  await client.request("turn/steer", steer);
  server.model.release("steer");
  await second;
  await client.request("thread/name/set", { threadId, name: "named", idempotencyKey: "4" });
  await client.request("fs/writeFile", {
    path: `${server.project}/file`,
    dataBase64: btoa(FILE_TEXT),
    idempotencyKey: "5",
  });
  await client.request("thread/fork", { threadId, idempotencyKey: "6" });
  await client.request("thread/archive", { threadId, idempotencyKey: "7" });
  await client.request("thread/unarchive", { threadId, idempotencyKey: "8" });
  points.note("the end");
  points[Symbol.dispose]();
  client.close();
  await server.stop();
  return points.points;
}

/** A client whose knowledge is noted when the server hands a message over, and not when the client comes to read it. */
async function observed(server: TestServer, known: Known): Promise<Client> {
  const [clientEnd, serverEnd] = memoryTransportPair();
  const byId = new Map<unknown, Known["requests"][number]>();
  const overheard: Transport = {
    open: (sink) =>
      serverEnd.open({
        ...sink,
        frame: (frame) => {
          noteRequest(JSON.parse(frame), { known, byId });
          sink.frame(frame);
        },
      }),
    send: (frame) => {
      noteTold(JSON.parse(frame), { known, byId });
      serverEnd.send(frame);
    },
    get bufferedBytes() {
      return serverEnd.bufferedBytes;
    },
    tellsDrained: true,
    close: (reason, code) => serverEnd.close(reason, code),
    peer: serverEnd.peer,
  };
  server.server.accept(overheard);
  return await Client.connect(clientEnd, {
    clientInfo: { name: "t", version: "1" },
    capabilities: { experimentalApi: true, sessionExtensions: EXTENSIONS },
  });
}

interface Noting {
  readonly known: Known;
  readonly byId: Map<unknown, Known["requests"][number]>;
}

// deno-lint-ignore no-explicit-any -- Any message: what it is not about is passed over.
function noteRequest({ id, method, params }: any, { known, byId }: Noting): void {
  if (params?.idempotencyKey === undefined) return;
  const request = { method, params };
  byId.set(id, request);
  known.requests.push(request);
  if (method.endsWith("archive")) known.isArchived = null;
}

// deno-lint-ignore no-explicit-any -- See above.
function noteTold({ id, method, params, result }: any, { known, byId }: Noting): void {
  const request = method === undefined ? byId.get(id) : undefined;
  if (request) {
    request.result = result;
    if (request.method.endsWith("archive")) {
      known.isArchived = request.method === "thread/archive";
    }
    if (request.method === "turn/start") {
      known.turns.push({ id: result.turn.id, status: "interrupted" });
    }
  }
  if (method === "item/commandExecution/requestApproval") known.question = id;
  if (method === "serverRequest/resolved") known.question = null;
  if (method === "item/completed") {
    if (params.item.type === "agentMessage") known.messages.push(params.item.text);
    if (params.item.type === "commandExecution") known.commands.push(params.item.id);
  }
  if (method !== "turn/completed") return;
  const turn = known.turns.find((one) => one.id === params.turn.id);
  if (turn) turn.status = params.turn.status;
}

/** Starts a server on what the kill has left, at the same place. */
async function assertGoesOn(root: string, { name, copy, known }: WritePoint<Known>) {
  await remove(root);
  await Deno.rename(copy, root);
  await using server = await startServer({
    home: root,
    responses: Array.from({ length: 4 }, () => say("After")),
  });
  const frames: { method?: string; params?: { requestId?: string; cancelledBy?: string } }[] = [];
  const client = await server.connect({
    sessionExtensions: EXTENSIONS,
    onFrame: (frame) => void frames.push(JSON.parse(frame)),
  });
  try {
    const threadId = await assertOpens(client, known);
    if (threadId === null) return;
    const cancelled = frames.filter(({ params }) => params?.cancelledBy === "serverRestart");
    if (known.question !== null) {
      assert.deepEqual(cancelled.map(({ params }) => params?.requestId), [known.question]);
    }
    await assertRepeats(client, { known, threadId });
    assert.equal((await runTurn(client, threadId, "after")).status, "completed");
    assertModelKnows(server, known);
    await assertFile(server, known);
    // What was torn is cut, and not written on.
    const { thread } = await client.request("thread/read", { threadId });
    await rolloutRecords(thread.path);
  } catch (error) {
    throw new Error(`Killed at: ${name}`, { cause: error });
  }
}

/** The thread is where it should be and reads as it was told; null where none was ever acknowledged. */
async function assertOpens(client: Client, known: Known): Promise<string | null> {
  const [opening] = known.requests;
  if (opening === undefined) return null;
  const acknowledged: string | undefined = Object(opening.result).thread?.id;
  if (acknowledged === undefined) {
    await orUnknown(client.request("thread/start", { idempotencyKey: "new" }));
    return (await client.request("thread/start", {})).thread.id;
  }
  const threadId = acknowledged;
  const ids = async (archived: boolean) =>
    (await client.request("thread/list", { archived })).data.map(({ id }) => id);
  const isArchived = (await ids(true)).includes(threadId);
  if (known.isArchived !== null) assert.equal(isArchived, known.isArchived);
  assert.notEqual(isArchived && (await ids(false)).includes(threadId), true);
  if (isArchived) await client.request("thread/unarchive", { threadId });
  const { thread } = await client.request("thread/resume", { threadId });
  const isNamed = known.requests.some(({ method, result }) =>
    method === "thread/name/set" && result !== undefined
  );
  if (isNamed) assert.equal(thread.name, "named");
  assert.ok(thread.turns.every(({ status }) => status !== "inProgress"));
  for (const { id, status } of known.turns) {
    const found = thread.turns.find((turn) => turn.id === id);
    // A turn may have ended without anybody having been told.
    assert.ok(found && [status, "completed"].includes(found.status), `${id} ${found?.status}`);
  }
  const items = thread.turns.flatMap((turn) => turn.items);
  const messages = items.flatMap((item) => item.type === "agentMessage" ? [item.text] : []);
  for (const message of known.messages) assert.ok(messages.includes(message), message);
  for (const id of known.commands) assert.ok(items.some((item) => item.id === id), id);
  return threadId;
}

/** Requests come again under their keys: what was answered is answered the same, what was not happens once at most. */
async function assertRepeats(
  client: Client,
  { known, threadId }: { readonly known: Known; readonly threadId: string },
): Promise<void> {
  for (const { method, params, result } of known.requests) {
    if (params.threadId !== undefined && params.threadId !== threadId) continue;
    if (method === "turn/start") {
      const { turn: { id, status } } = Object(await client.call(method, params));
      if (result !== undefined) assert.equal(id, Object(result).turn.id);
      if (status === "inProgress") {
        await client.next("turn/completed", ({ turn }) => turn.id === id);
      }
    } else if (method === "turn/steer") {
      // The turn is over: where it did not happen, it cannot any more.
      const answer = await orRefused(client.call(method, params));
      if (result !== undefined) assert.deepEqual(answer, result);
    } else if (result !== undefined && method !== "thread/start") {
      const answer = Object(await client.call(method, params));
      if (method === "thread/fork") assert.equal(answer.thread.id, Object(result).thread.id);
    } else if (method === "fs/writeFile") {
      await orUnknown(client.call(method, params));
    }
  }
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  const said = read.thread.turns.flatMap(({ items }) =>
    items.flatMap((item) => item.type === "userMessage" ? [JSON.stringify(item.content)] : [])
  );
  for (const words of inputsOf(known)) {
    assert.equal(said.filter((one) => one.includes(`"${words}"`)).length, 1, `${words}: ${said}`);
  }
}

/** The texts that were acknowledged, or would be by now. */
function inputsOf({ requests }: Known): string[] {
  return requests.flatMap(({ method, params, result }) => {
    if (method !== "turn/start" && (method !== "turn/steer" || result === undefined)) return [];
    return [Object(params).input[0].text];
  });
}

/** The next request has all that was said, each thing once, and every call with its output. */
function assertModelKnows({ model }: TestServer, known: Known): void {
  const input = model.requests.at(-1)?.input ?? [];
  const all = JSON.stringify(input);
  for (const words of [...known.messages, ...inputsOf(known)]) {
    assert.equal(all.split(`"${words}"`).length, 2, words);
  }
  const idsOf = (type: string) =>
    input.flatMap((item) => item.type === type && "call_id" in item ? [item.call_id] : []);
  assert.deepEqual(idsOf("function_call").sort(), idsOf("function_call_output").sort());
}

async function assertFile({ project }: TestServer, { requests }: Known): Promise<void> {
  const isWritten = requests.some(({ method, result }) => method === "fs/writeFile" && result);
  if (isWritten) assert.equal(await Deno.readTextFile(`${project}/file`), FILE_TEXT);
}

/** Where the server ended between an effect and the note of it, it says so. */
async function orUnknown(request: Promise<unknown>): Promise<void> {
  await request.catch((error: unknown) => {
    assert.ok(error instanceof RpcError);
    assert.equal(Object(error.data).reason, "outcomeUnknown");
  });
}

async function orRefused(request: Promise<unknown>): Promise<unknown> {
  try {
    return await request;
  } catch (error) {
    assert.ok(error instanceof RpcError);
    return error.message;
  }
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true });
}

/** The session behind the interface, where what it asks for and what it is told cross on the way. */
import assert from "node:assert/strict";
import { Conversation } from "../../src/tui/conversation.ts";
import { Session } from "../../src/tui/session.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { type Answers, openedThread, startTalk, type Talk, THREAD_ID } from "./app_stand.ts";

const TURN = { id: "t1", status: "inProgress", items: [] };

interface World extends Talk, Disposable {
  readonly session: Session;
  readonly conversation: Conversation;
  tell(method: string, params: Readonly<Record<string, unknown>>): void;
  /** Resolves when the condition holds. */
  until(condition: () => boolean): Promise<void>;
}

async function start(answers: Answers = {}): Promise<World> {
  const talk = await startTalk({ answers: { "thread/unsubscribe": {}, ...answers } });
  const { client, server } = talk;
  const conversation = new Conversation({ clock: new FakeClock() });
  const session = new Session({ client, conversation, clock: new FakeClock(), wishes: {} });
  return {
    client,
    server,
    session,
    conversation,
    tell: (method, params) =>
      void server.notify({ method, params: { threadId: THREAD_ID, ...params } }),
    async until(condition) {
      const met = Promise.withResolvers<void>();
      const check = () => condition() && met.resolve();
      const stops = [session.onChange(check), conversation.onChange(check)];
      check();
      await met.promise;
      for (const stop of stops) stop();
    },
    [Symbol.dispose]() {
      session.close();
      client.close();
    },
  };
}

function draft(text: string) {
  return { text, images: [] };
}

/** The session after its turn was stopped while something was said into it; `answer` is what the server says of that. */
async function stoppedWhileSteering(answer: () => unknown, answers: Answers = {}): Promise<World> {
  const steered = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const world = await start({
    async "turn/steer"() {
      steered.resolve();
      await stopped.promise;
      return answer();
    },
    ...answers,
  });
  const { session, tell, until } = world;
  await session.open();
  tell("turn/started", { turn: TURN });
  await until(() => session.running !== null);
  const sent = session.submit(draft("one more thing"));
  await steered.promise;
  tell("turn/completed", { turn: { ...TURN, status: "interrupted" } });
  await until(() => session.running === null);
  stopped.resolve();
  await sent;
  return world;
}

Deno.test("what was said into a turn that is stopped before it hears it is sent once", async () => {
  let started = 0;
  using world = await stoppedWhileSteering(() => {
    throw new RpcError(-32600, "no active turn to steer");
  }, {
    "turn/start"() {
      started++;
      return { turn: TURN };
    },
  });
  assert.equal(started, 1);
  assert.deepEqual(world.session.queued, []);
});

Deno.test("what a stopped turn was told and had not taken up comes back, also when its answer comes late", async () => {
  using world = await stoppedWhileSteering(() => ({ turnId: TURN.id }));
  const { session } = world;
  assert.deepEqual(session.queued, [draft("one more thing")]);
  assert.deepEqual([...session.steered, ...session.sending], []);
});

Deno.test("a thread that is left takes along what its turn was told", async () => {
  using world = await start({ "turn/steer": { turnId: TURN.id } });
  const { session, tell, until } = world;
  await session.open();
  tell("turn/started", { turn: TURN });
  await until(() => session.running !== null);
  await session.submit(draft("one more thing"));
  assert.equal(session.steered.length, 1);
  await session.startNew();
  assert.deepEqual(session.steered, []);
});

Deno.test("a copy that is cut late does not take the place of the thread that is open by then", async () => {
  const [copy, other] = [
    "0199a213-81a0-7800-8aa1-bbab2a035a01",
    "0199a213-81a0-7800-8aa1-bbab2a035a02",
  ];
  const turns = ["first", "second"].map((text) => ({
    id: text,
    status: "completed",
    items: [{ type: "userMessage", id: text, content: [{ type: "text", text }] }],
  }));
  const cutting = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<void>();
  using world = await start({
    "thread/read": openedThread({ turns }),
    "thread/fork": openedThread({ id: copy, turns }),
    "thread/resume": openedThread({ id: other }),
    async "thread/rollback"() {
      cutting.resolve();
      await cut.promise;
      return openedThread({ id: copy, turns: turns.slice(0, 1) });
    },
  });
  const { session, conversation } = world;
  await session.open();
  const forked = session.fork(THREAD_ID, { beforeTurnId: "second" });
  await cutting.promise;
  await session.resume(other);
  cut.resolve();
  await forked;
  assert.equal(session.thread?.id, other);
  assert.deepEqual(conversation.blocks, []);
});

Deno.test("what is queued in a thread is sent in that thread alone, and is not lost with it", async () => {
  const sent: string[] = [];
  using world = await start({
    "thread/resume": openedThread({}),
    "turn/start"(params: unknown) {
      sent.push(Object(params).threadId);
      return { turn: TURN };
    },
  });
  const { session } = world;
  await session.open();
  world.tell("turn/started", { turn: TURN });
  await world.until(() => session.running !== null);
  session.queue(draft("for this one"));
  await session.startNew();
  assert.deepEqual(session.queued, []);
  assert.deepEqual(session.unsent.map(({ text }) => text), ["for this one"]);
  await session.resume(THREAD_ID);
  assert.deepEqual(session.queued.map(({ text }) => text), ["for this one"]);
  assert.deepEqual(sent, []);
});

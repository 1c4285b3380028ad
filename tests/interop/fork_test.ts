/**
 * Forks at a turn and rollbacks beside those of the real program: what is kept, what is refused and in which words,
 * and that each goes on with the other's files. Runs where `CODEX_PEER_120` or `CODEX_PEER_169` names the real program.
 */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import type { ThreadItem } from "../../src/protocol/item.ts";
import type { Turn } from "../../src/protocol/turn_types.ts";
import { type MockModel, startMockModel } from "../support/mock_model.ts";
import { say } from "../support/model_script.ts";
import { startServer, text } from "../support/server.ts";
import { makeHome, startReal } from "./real_home.ts";
import { realPrograms } from "./real_server.ts";

const programs = new Map(realPrograms().map((program) => [program.version, program]));
const QUESTIONS = ["first question", "second question", "third question"] as const;

/** A thread with three turns, and the ids of these. */
async function makeThread(client: Client, mock: MockModel) {
  const { thread } = await client.request("thread/start", { approvalPolicy: "never" });
  const ids: string[] = [];
  for (const words of QUESTIONS) ids.push(await runTurn(client, { thread, mock, words }));
  const [first = "", second = "", third = ""] = ids;
  return { threadId: thread.id, first, second, third };
}

async function runTurn(client: Client, { thread, mock, words }: {
  readonly thread: { readonly id: string };
  readonly mock: MockModel;
  readonly words: string;
}): Promise<string> {
  mock.push(say(`re: ${words}`));
  const { turn } = await client.request("turn/start", { threadId: thread.id, input: text(words) });
  const ended = await client.next("turn/completed", (event) => event.turn.id === turn.id);
  assert.equal(ended.turn.status, "completed", JSON.stringify(ended.turn.error));
  return turn.id;
}

/** What a request says: the texts of the turns that it answers, or why it was refused. */
async function saidOf(asked: Promise<{ readonly thread: { readonly turns: readonly Turn[] } }>) {
  try {
    return (await asked).thread.turns.map(({ items, status }) =>
      [status, ...items.map(textOf)].join(" | ")
    );
  } catch (error) {
    return Object(error).message;
  }
}

function textOf(item: ThreadItem): string {
  if (item.type === "agentMessage") return item.text;
  const [part] = item.type === "userMessage" ? item.content : [];
  return part?.type === "text" ? part.text : item.type;
}

/** Goes on with a thread and returns what the model was sent. */
async function inputOf(client: Client, { threadId, mock }: {
  readonly threadId: string;
  readonly mock: MockModel;
}): Promise<string> {
  await client.request("thread/resume", { threadId });
  const before = mock.requests.length;
  await runTurn(client, { thread: { id: threadId }, mock, words: "and now" });
  return JSON.stringify(mock.requests[before]?.body.input);
}

for (const name of ["0.120", "0.169"] as const) {
  const program = programs.get(name);

  Deno.test({
    name:
      `Codex ${name} goes on with our forks at a turn, and with threads that we have rolled back`,
    ignore: program === undefined,
    fn: async () => {
      if (!program) return;
      await using mock = await startMockModel();
      await using home = await makeHome(mock);
      let ids: readonly [string, string];
      {
        await using ours = await startServer({ home: home.path, baseUrl: mock.url });
        const client = await ours.connect();
        const { threadId, third } = await makeThread(client, mock);
        const { thread } = await client.request("thread/fork", { threadId, beforeTurnId: third });
        await client.request("thread/rollback", { threadId, numTurns: 1 });
        ids = [thread.id, threadId];
      }
      await using real = await startReal(program, home.path);
      for (const threadId of ids) {
        const read = real.client.request("thread/read", { threadId, includeTurns: true });
        assert.deepEqual(await saidOf(read), [
          "completed | first question | re: first question",
          "completed | second question | re: second question",
        ]);
        const input = await inputOf(real.client, { threadId, mock });
        assert.match(input, /first question.*re: second question.*and now/);
        assert.doesNotMatch(input, /third question/);
      }
    },
  });
}

const newer = programs.get("0.169");
Deno.test({
  name: "a fork at a turn keeps and refuses what Codex 0.169 does with the same thread",
  ignore: newer === undefined,
  fn: async () => {
    if (!newer) return;
    await using mock = await startMockModel();
    await using home = await makeHome(mock);
    await using ours = await startServer({ home: home.path, baseUrl: mock.url });
    const client = await ours.connect();
    const { threadId, first, second, third } = await makeThread(client, mock);
    await using real = await startReal(newer, home.path);
    const points = [
      { beforeTurnId: first },
      { beforeTurnId: second },
      { beforeTurnId: third },
      { lastTurnId: first },
      { lastTurnId: third },
      { beforeTurnId: "nope" },
      { lastTurnId: "nope" },
      { beforeTurnId: "" },
      { beforeTurnId: second, lastTurnId: first },
      { beforeTurnId: null, lastTurnId: null },
      { threadId: crypto.randomUUID(), beforeTurnId: "x", lastTurnId: "y" },
    ];
    for (const point of points) {
      const params = { threadId, ...point };
      assert.deepEqual(
        await saidOf(client.request("thread/fork", params)),
        await saidOf(real.client.request("thread/fork", params)),
        JSON.stringify(point),
      );
    }
  },
});

const older = programs.get("0.120");
Deno.test({
  name:
    "a rollback takes back and refuses what one of Codex 0.120 does, and each reads the other's",
  ignore: older === undefined,
  fn: async () => {
    if (!older) return;
    await using mock = await startMockModel();
    const outcomes: unknown[] = [];
    for (const isOurs of [true, false]) {
      await using home = await makeHome(mock);
      const start = (isOursNow: boolean) =>
        isOursNow
          ? startServer({ home: home.path, baseUrl: mock.url })
            .then(async (server) => ({ client: await server.connect(), stop: () => server.stop() }))
          : startReal(older, home.path);
      const one = await start(isOurs);
      const { threadId } = await makeThread(one.client, mock);
      const said: unknown[] = [];
      for (const numTurns of [0, 1, 1, 99, 1]) {
        said.push(await saidOf(one.client.request("thread/rollback", { threadId, numTurns })));
        if (numTurns === 99) {
          await runTurn(one.client, { thread: { id: threadId }, mock, words: "new" });
        }
        const read = one.client.request("thread/read", { threadId, includeTurns: true });
        said.push(await saidOf(read));
      }
      await runTurn(one.client, { thread: { id: threadId }, mock, words: "last" });
      const unknown = { threadId: "01a1fbe3-3c63-7563-a4d1-9b43cae14f22", numTurns: 1 };
      said.push(await saidOf(one.client.request("thread/rollback", unknown)));
      await one.stop();
      const other = await start(!isOurs);
      const read = other.client.request("thread/read", { threadId, includeTurns: true });
      said.push(await saidOf(read));
      const input = await inputOf(other.client, { threadId, mock });
      assert.match(input, /last.*re: last.*and now/);
      assert.doesNotMatch(input, /first question|second question|third question|re: new/);
      await other.stop();
      outcomes.push(said);
    }
    assert.deepEqual(outcomes[0], outcomes[1]);
  },
});

/**
 * Threads move between this program and the real one: each lists, reads and goes on with the other's files.
 * Runs where `CODEX_PEER_120` or `CODEX_PEER_169` names the real program.
 */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { type MockModel, startMockModel } from "../support/mock_model.ts";
import { call, custom, say, think } from "../support/model_script.ts";
import { startServer, text } from "../support/server.ts";
import { makeHome, startReal } from "./real_home.ts";
import { type RealProgram, realPrograms } from "./real_server.ts";

const NAMES: readonly RealProgram["version"][] = ["0.120", "0.169"];
const programs = new Map(realPrograms().map((program) => [program.version, program]));

const KEYED = { sessionExtensions: ["idempotency"] } as const;

const PATCH = `*** Begin Patch
*** Add File: notes.txt
+from the patch
*** End Patch`;

/** What a thread is made of: the words of the user and what each turn then shows. */
const SCRIPT = [
  { words: "first question", shows: ["userMessage", "reasoning", "agentMessage"] },
  { words: "run it", shows: ["userMessage", "commandExecution", "agentMessage"] },
  { words: "patch it", shows: ["userMessage", "fileChange", "agentMessage"] },
  // The command that was stopped is shown by some: it is written down when its process has ended.
  { words: "interrupt me", shows: ["userMessage"] },
] as const;
/** What the model must still know after all that. */
const REMEMBERED = [
  /first question/,
  /First answer/,
  /run it/,
  /echo from-the-/,
  /from-the-command/,
  /Ran it/,
  /patch it/,
  /Begin Patch/,
  /Patched it/,
  /interrupt me/,
  /sleep 1000/,
  /turn_aborted/,
];

/** Runs the four turns; the last one is interrupted while its command runs. */
async function makeThread(
  client: Client,
  options: { readonly mock: MockModel; readonly model: string | null },
): Promise<string> {
  options.mock.push(
    [think("Considering"), say("First answer")],
    call("exec_command", { cmd: "echo from-the-$(echo command)" }),
    say("Ran it"),
    custom("apply_patch", PATCH),
    say("Patched it"),
    call("exec_command", { cmd: "sleep 1000" }),
  );
  const { thread } = await client.request("thread/start", {
    model: options.model,
    sandbox: "danger-full-access",
    approvalPolicy: "never",
    persistExtendedHistory: true,
  });
  const threadId = thread.id;
  for (const { words } of SCRIPT) {
    // With a key, our rollout holds a receipt beside the input; the real programs must not mind.
    const idempotencyKey = words;
    const { turn } = await client.request("turn/start", {
      threadId,
      input: text(words),
      idempotencyKey,
    });
    const isLast = words === "interrupt me";
    if (isLast) {
      await client.next(
        "item/started",
        ({ item }) => item.type === "commandExecution" && item.command.includes("sleep"),
      );
      await client.request("turn/interrupt", { threadId, turnId: turn.id });
    }
    const ended = await client.next("turn/completed", (event) => event.turn.id === turn.id);
    assert.equal(ended.turn.status, isLast ? "interrupted" : "completed", words);
  }
  return threadId;
}

/** Lists, reads and goes on with the thread, and looks at what the model is then sent. */
async function checkThread(
  client: Client,
  options: {
    readonly mock: MockModel;
    readonly threadId: string;
    readonly showsCommands: boolean;
    /** The real programs offer all tools only to models that they know. */
    readonly model: string | null;
  },
): Promise<void> {
  const { mock, threadId, model } = options;
  const { data } = await client.request("thread/list", { modelProviders: [] });
  const listed = data.find(({ id }) => id === threadId);
  assert.equal(listed?.preview, "first question");

  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  checkTurns(thread.turns, options);
  const resumed = await client.request("thread/resume", {
    threadId,
    model,
    sandbox: "danger-full-access",
    approvalPolicy: "never",
    persistExtendedHistory: true,
  });
  checkTurns(resumed.thread.turns, options);

  const before = mock.requests.length;
  mock.push(
    [think("Once more"), call("exec_command", { cmd: "echo again" })],
    custom("apply_patch", PATCH.replace("notes", "more")),
    say("All of it"),
  );
  const { turn } = await client.request("turn/start", {
    threadId,
    input: text("what do you remember"),
    idempotencyKey: "memory",
  });
  const ended = await client.next("turn/completed", (event) => event.turn.id === turn.id);
  assert.equal(ended.turn.status, "completed", JSON.stringify(ended.turn.error));
  const input = JSON.stringify(mock.requests[before]?.body.input);
  for (const words of REMEMBERED) assert.match(input, words);
  checkPaired(mock.requests[before]?.body.input);
}

type Turns = Awaited<ReturnType<typeof readTurns>>;

async function readTurns(client: Client, threadId: string) {
  return (await client.request("thread/read", { threadId, includeTurns: true })).thread.turns;
}

/** `showsCommands`: Codex 0.169 leaves out commands that are written down as 0.120 does it, also its own. */
function checkTurns(turns: Turns, options: { readonly showsCommands: boolean }): void {
  const { showsCommands } = options;
  const shown = turns.slice(0, SCRIPT.length);
  assert.deepEqual(
    shown.map(({ items, status }) =>
      items.map(({ type }) => type).filter((type) =>
        type !== "commandExecution" || status !== "interrupted"
      )
    ),
    SCRIPT.map(({ shows }) => shows.filter((type) => showsCommands || type !== "commandExecution")),
  );
  assert.deepEqual(
    shown.map(({ status }) => status),
    ["completed", "completed", "completed", "interrupted"],
  );
  const items = shown.flatMap((turn) => turn.items);
  const [command] = items.flatMap((item) => item.type === "commandExecution" ? [item] : []);
  if (showsCommands) {
    assert.equal(command?.command, "/bin/bash -lc 'echo from-the-$(echo command)'");
    assert.equal(command?.status, "completed");
    assert.equal(command?.exitCode, 0);
    assert.equal(command?.aggregatedOutput, "from-the-command\n");
  }
  const [change] = items.flatMap((item) => item.type === "fileChange" ? item.changes : []);
  assert.match(change?.path ?? "", /\/notes\.txt$/);
  assert.equal(change?.kind.type, "add");
  const answers = items.flatMap((item) => item.type === "agentMessage" ? [item.text] : []);
  assert.deepEqual(answers, ["First answer", "Ran it", "Patched it"]);
}

/** The turn that the other program has added; `leavesOut`: what that one does not write down. */
function checkAdded(turns: Turns, options: { readonly leavesOut: readonly string[] }): void {
  const [added, ...others] = turns.slice(SCRIPT.length);
  assert.deepEqual(others, []);
  assert.equal(added?.status, "completed");
  const all = ["userMessage", "reasoning", "commandExecution", "fileChange", "agentMessage"];
  assert.deepEqual(
    added?.items.map(({ type }) => type),
    all.filter((type) => !options.leavesOut.includes(type)),
  );
  const answer = added?.items.at(-1);
  assert.equal(answer?.type === "agentMessage" ? answer.text : null, "All of it");
}

/** Every call has exactly one output: a provider refuses anything else. */
function checkPaired(input: unknown): void {
  assert.ok(Array.isArray(input));
  const ids = (suffix: string) =>
    input.filter(({ type }) => String(type).endsWith(suffix)).map(({ call_id }) => call_id).sort();
  assert.deepEqual(ids("_output"), ids("_call"));
  assert.equal(ids("_call").length, 3);
}

for (const name of NAMES) {
  const program = programs.get(name);

  Deno.test({
    name: `a thread of ours is listed, read and continued by Codex ${name}, and then by us again`,
    ignore: program === undefined,
    fn: async () => {
      if (!program) return;
      await using mock = await startMockModel();
      await using home = await makeHome(mock);
      let threadId: string;
      {
        await using ours = await startServer({ home: home.path, baseUrl: mock.url });
        threadId = await makeThread(await ours.connect(KEYED), { mock, model: null });
      }
      {
        await using real = await startReal(program, home.path);
        const showsCommands = name !== "0.169";
        const { model } = program;
        await checkThread(real.client, { mock, threadId, showsCommands, model });
      }
      await using again = await startServer({ home: home.path, baseUrl: mock.url });
      const turns = await readTurns(await again.connect(), threadId);
      checkTurns(turns, { showsCommands: true });
      checkAdded(turns, { leavesOut: name === "0.169" ? ["commandExecution"] : [] });
    },
  });

  Deno.test({
    name: `a thread of Codex ${name} is listed, read and continued by us, and then by it again`,
    ignore: program === undefined,
    fn: async () => {
      if (!program) return;
      await using mock = await startMockModel();
      await using home = await makeHome(mock);
      let threadId: string;
      {
        await using real = await startReal(program, home.path);
        threadId = await makeThread(real.client, { mock, model: program.model });
      }
      {
        await using ours = await startServer({ home: home.path, baseUrl: mock.url });
        const client = await ours.connect(KEYED);
        await checkThread(client, { mock, threadId, showsCommands: true, model: null });
      }
      await using again = await startReal(program, home.path);
      // Codex 0.169 looks for what others have added when it resumes a thread, not when it reads one.
      const { thread } = await again.client.request("thread/resume", { threadId });
      checkTurns(thread.turns, { showsCommands: true });
      checkAdded(thread.turns, { leavesOut: [] });
    },
  });
}

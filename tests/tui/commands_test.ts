import assert from "node:assert/strict";
import type { Block } from "../../src/tui/blocks.ts";
import {
  COMMANDS,
  commandsFor,
  findCommand,
  runCommand,
  suggestionFor,
} from "../../src/tui/commands.ts";
import { INIT_PROMPT, reviewTarget } from "../../src/tui/commands/work_commands.ts";
import { hasMethod } from "../../src/tui/server_methods.ts";
import type { SessionPort } from "../../src/tui/session_port.ts";
import { startServer } from "../support/server.ts";
import { connectTo, fakeClient, fakeContext, fakeSession, plainRows } from "./pane_world.ts";

const { client: NO_SERVER } = fakeClient({});

/** Runs a line such as `/model gpt high`, and tells what came of it. */
async function run(line: string, world: ReturnType<typeof fakeContext>): Promise<void> {
  const [name = "", ...args] = line.slice(1).split(" ");
  await runCommand(world.context, { name, args: args.join(" ") });
}

Deno.test("every command has a name of its own, a sentence about itself, and methods that exist somewhere", () => {
  const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  assert.equal(new Set(names).size, names.length);
  for (const { name, doc } of COMMANDS) {
    assert.match(name, /^[a-z]+$/);
    assert.match(doc, /^[a-z].*[^.]$/, name);
  }
  const wanted = "model approvals permissions new resume fork rename status diff review compact " +
    "init mention mcp copy clear clients logout quit exit ps stop files help skills archive cd";
  for (const name of wanted.split(" ")) assert.ok(names.includes(name), name);
});

Deno.test("commands that our server cannot carry out are not there", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const session = { has: (method: string) => hasMethod(client.serverInfo, method) };
  const names = commandsFor(session).map(({ name }) => name);
  const hidden = COMMANDS.map(({ name }) => name).filter((name) => !names.includes(name));
  assert.deepEqual(hidden.sort(), ["compact", "mcp", "review"]);
  assert.equal(findCommand(session, "review"), null);
  const world = fakeContext(fakeSession(client, session).session);
  await run("/review", world);
  assert.deepEqual(world.notices, [{ level: "warning", text: "This server cannot do /review" }]);
  client.close();
});

Deno.test("an unknown command is told, with what was probably meant", async () => {
  const world = fakeContext(fakeSession(NO_SERVER).session);
  for (const line of ["/modle", "/qiut", "/res", "/xyzzy"]) await run(line, world);
  assert.deepEqual(world.notices.map(({ text }) => text), [
    "There is no command /modle; did you mean /model?",
    "There is no command /qiut; did you mean /quit?",
    "There is no command /res; did you mean /resume?",
    "There is no command /xyzzy; /help lists them",
  ]);
  assert.equal(suggestionFor({ has: () => true }, "EXITT"), "exit");
});

Deno.test("commands that would meddle with a running turn wait for its end", async () => {
  const running = { turnId: "1", startedMs: 0 };
  const { session, asked } = fakeSession(NO_SERVER, { running });
  const world = fakeContext(session);
  for (const line of ["/fork", "/init", "/compact", "/rename x"]) await run(line, world);
  assert.deepEqual(asked, ["rename x"]);
  assert.equal(world.notices.filter(({ text }) => /has to wait/.test(text)).length, 3);
});

Deno.test("a command that fails says why", async () => {
  const world = fakeContext(fakeSession(NO_SERVER).session);
  await run("/ps", world);
  assert.deepEqual(world.notices, [{
    level: "error",
    text: "/ps: No such method: thread/backgroundTerminals/list",
  }]);
});

Deno.test("commands about sessions ask the session", async () => {
  const { session, asked } = fakeSession(NO_SERVER);
  const world = fakeContext(session);
  for (
    const line of ["/new", "/clear", "/fork", "/rename Boat works", "/rename", "/quit", "/EXIT"]
  ) {
    await run(line, world);
  }
  assert.deepEqual(asked, ["startNew", "startNew", "fork thread-1", "rename Boat works"]);
  assert.deepEqual(world.did, ["redraw", "setText /rename ", "quit", "quit"]);
});

Deno.test("what was meant for one session does not happen to another that is open by then", async () => {
  const other = { id: "thread-2", name: null, preview: "" };
  const opened: Partial<SessionPort>[] = [];
  const moveOn = () => {
    for (const session of opened) Object.assign(session, { thread: other });
  };
  const { client } = fakeClient({
    "thread/archive": moveOn,
    "fs/getMetadata": () => {
      moveOn();
      return { isFile: false, isDirectory: true };
    },
  });
  for (const line of ["/archive", "/cd /tmp"]) {
    const { session, asked } = fakeSession(client);
    opened.push(session);
    await run(line, fakeContext(session));
    assert.deepEqual(asked, [], line);
  }
});

Deno.test("/resume takes an id, a name or something unmistakable, else it says what is wrong", async () => {
  const id = "0199a213-81c0-7800-8aa1-bbab2a035a53";
  const thread = (name: string) => ({ id: `id of ${name}`, name });
  const { client } = fakeClient({
    "thread/list": ({ searchTerm }: { searchTerm: string }) => ({
      data: ["boat", "boat house", "harbour"].filter((name) => name.includes(searchTerm)).map(
        thread,
      ),
      nextCursor: null,
    }),
  });
  const { session, asked } = fakeSession(client);
  const world = fakeContext(session);
  for (const args of [id.toUpperCase(), "boat", "harb", "bo", "ship"]) {
    await run(`/resume ${args}`, world);
  }
  assert.deepEqual(asked, [`resume ${id}`, "resume id of boat", "resume id of harbour"]);
  assert.deepEqual(world.notices.map(({ text }) => text), [
    "/resume: Several sessions fit bo; choose with /resume alone",
    "/resume: There is no session called ship",
  ]);
});

Deno.test("/model takes a name and an effort, also of a model that is not listed", async () => {
  const model = {
    id: "big",
    model: "big-1",
    displayName: "Big",
    description: "",
    hidden: false,
    supportedReasoningEfforts: ["low", "high"].map((reasoningEffort) => ({
      reasoningEffort,
      description: "",
    })),
    defaultReasoningEffort: "low",
  };
  const { client } = fakeClient({ "model/list": () => ({ data: [model], nextCursor: null }) });
  const { session, asked } = fakeSession(client);
  const world = fakeContext(session);
  await run("/model big high", world);
  await run("/model llama", world);
  await run("/model BIG", world);
  world.host.press("enter");
  assert.deepEqual(asked, [
    'change {"model":"big-1","effort":"high"}',
    'change {"model":"llama","effort":null}',
    'change {"model":"big-1","effort":"low"}',
  ]);
  await run("/model", world);
  assert.match(world.host.text(80), /Big/);
});

Deno.test("/approvals and /permissions change what the agent may do from the next turn on", async () => {
  const { session, asked } = fakeSession(NO_SERVER);
  const world = fakeContext(session);
  for (const line of ["/approvals", "/permissions"]) {
    await run(line, world);
    world.host.press("home", "enter");
  }
  const change = 'change {"approvalPolicy":"on-request","sandbox":' +
    '{"type":"readOnly","networkAccess":false}}';
  assert.deepEqual(asked, [change, change]);
  assert.equal(world.notices[0]?.text, "From the next turn on: Read Only");
});

Deno.test("/status is a table of everything that is known", async () => {
  const { client } = fakeClient({
    "account/read": () => ({
      account: { type: "chatgpt", email: "a@b.org", planType: "pro" },
      requiresOpenaiAuth: true,
    }),
  });
  const tokens = {
    totalTokens: 60_000,
    inputTokens: 55_000,
    cachedInputTokens: 50_000,
    outputTokens: 5_000,
    reasoningOutputTokens: 1_000,
  };
  const usage = { total: tokens, last: tokens, modelContextWindow: 240_000 };
  const clients = [
    { clientId: "me", name: "codex-tui", version: "1" },
    { clientId: "other", name: "laptop", version: "1" },
  ];
  const world = fakeContext(fakeSession(client, { usage, clients }).session);
  await run("/status", world);
  assert.deepEqual(world.notices[0]?.text.split("\n"), [
    "Client       1.2.3",
    "Server       0.120.0 (Linux)",
    "Address      ws://box:4500",
    "Connection   connected",
    "Account      a@b.org (pro)",
    "Session      without a name",
    "Session id   thread-1",
    "Folder       /work/project",
    "Model        gpt-5.2-codex, effort medium",
    "Provider     openai",
    "Permissions  Auto",
    "Sandbox      workspace write",
    "Approvals    on-request",
    "Tokens       60.0k in all, 55.0k in (50.0k cached), 5.0k out",
    "Context      75% left of 240k",
    "Clients      codex-tui (this one), laptop",
  ]);
});

Deno.test("/status works before there is a thread", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const session = fakeSession(client, { thread: null, settings: null }).session;
  const world = fakeContext(session);
  await run("/status", world);
  assert.match(world.notices[0]?.text ?? "", /Account +API key\nSession +not begun yet$/);
  client.close();
});

Deno.test("/copy takes the last answer to the clipboard of the desk, else of the terminal", async () => {
  const base = { turnId: "1", revision: 1, isFinal: true };
  const blocks: Block[] = [
    { ...base, type: "message", id: "1", text: "first" },
    { ...base, type: "message", id: "2", text: "last" },
    { ...base, type: "message", id: "3", text: " " },
  ];
  const { session } = fakeSession(NO_SERVER);
  const world = fakeContext(session, {
    conversation: { blocks, generation: 0, notice: () => {} },
  });
  await run("/copy", world);
  assert.deepEqual(world.did, ["copyByTerminal last"]);
  const copied: string[] = [];
  const desk = {
    ...world.context.desk,
    copy: (text: string) => {
      copied.push(text);
      return Promise.resolve(true);
    },
  };
  await runCommand({ ...world.context, desk }, { name: "copy", args: "" });
  assert.deepEqual([copied, world.did], [["last"], ["copyByTerminal last"]]);
  const empty = fakeContext(session);
  await run("/copy", empty);
  assert.deepEqual(empty.notices[0]?.text, "There is no answer to copy yet");
});

Deno.test("/review asks for what it is about, or takes it from its words", async () => {
  assert.deepEqual(reviewTarget("branch main"), { type: "baseBranch", branch: "main" });
  assert.deepEqual(reviewTarget("commit abc123"), { type: "commit", sha: "abc123" });
  assert.deepEqual(reviewTarget("uncommitted"), { type: "uncommittedChanges" });
  assert.deepEqual(reviewTarget("look at errors"), {
    type: "custom",
    instructions: "look at errors",
  });
  assert.deepEqual([reviewTarget(""), reviewTarget("branch")], [null, null]);
  const { client, calls } = fakeClient({ "review/start": () => ({}) });
  const world = fakeContext(fakeSession(client).session);
  await run("/review", world);
  assert.deepEqual(plainRows(world.host.view, 40).slice(2, 4), [
    "❯   Changes that are not committed yet",
    "    Changes since another branch…",
  ]);
  world.host.press("enter");
  await run("/review", world);
  world.host.press("down", "enter");
  assert.deepEqual(world.did, ["setText /review branch "]);
  const target = { type: "uncommittedChanges" };
  assert.deepEqual(calls, [{ method: "review/start", params: { threadId: "thread-1", target } }]);
});

Deno.test("/compact, /mcp, /ps, /stop and /logout call the server", async () => {
  const terminal = { itemId: "i", processId: "7", command: "npm start", cwd: "/work" };
  const { client, calls } = fakeClient({
    "thread/compact/start": () => ({}),
    "mcpServerStatus/list": ({ cursor }: { cursor: string | null }) =>
      cursor === null
        ? {
          data: [{ name: "docs", authStatus: "oAuth", tools: { b: {}, a: {} } }],
          nextCursor: "1",
        }
        : { data: [{ name: "empty" }, 5], nextCursor: "1" },
    "thread/backgroundTerminals/list": () => ({ data: [terminal], nextCursor: null }),
    "thread/backgroundTerminals/clean": () => ({}),
    "thread/backgroundTerminals/terminate": ({ processId }: { processId: string }) => ({
      terminated: processId === "7",
    }),
    "account/logout": () => ({}),
  });
  const world = fakeContext(fakeSession(client).session);
  for (const line of ["/compact", "/mcp", "/ps", "/stop", "/stop 7", "/stop 8", "/logout"]) {
    await run(line, world);
  }
  assert.deepEqual(world.notices.map(({ level, text }) => `${level}: ${text}`), [
    "info: docs (oAuth)\n  a, b\nempty\n  no tools",
    "info: In the background (/stop NUMBER ends one, /stop all of them):\n7  npm start  (/work)",
    "info: All commands in the background are ended",
    "info: Ended: 7",
    "warning: There is no command 8 in the background",
    "info: Logged out: the server has forgotten its credentials",
  ]);
  assert.equal(calls.length, 8);
});

Deno.test("/init sends words of our own, /mention and /clients stay here", async () => {
  const clients = [{ clientId: "me", name: "codex-tui", version: "1" }];
  const { session, asked } = fakeSession(NO_SERVER, { clients });
  const world = fakeContext(session);
  for (const line of ["/init", "/mention", "/clients"]) await run(line, world);
  assert.deepEqual(asked, [`submit ${INIT_PROMPT}`]);
  assert.match(INIT_PROMPT, /AGENTS\.md/);
  assert.deepEqual(world.did, ["insert @"]);
  assert.equal(world.notices[0]?.text, "On this session:\ncodex-tui 1 (this one)");
});

Deno.test("/files opens the folder of the thread, or what is named", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  await Deno.writeTextFile(`${server.project}/a b.txt`, "content");
  const { session } = fakeSession(client, { settings: null });
  const world = fakeContext(session);
  await run(`/files ${server.project}`, world);
  await world.changes.until(() => world.host.text(80).includes("a b.txt"));
  world.host.press("ctrl+t");
  assert.deepEqual(world.did, [`insert "${server.project}/a b.txt" `]);
  await run(`/files ${server.project}/a b.txt`, world);
  await world.changes.until(() => world.host.text(80).includes("content"));
  world.host.press("esc");
  await run("/files /does/not/exist", world);
  assert.match(world.notices[0]?.text ?? "", /^\/files: No such file/);
  client.close();
});

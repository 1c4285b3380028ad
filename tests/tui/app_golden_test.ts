/** What the interface looks like at 40, 80 and 140 columns; `golden/` has it as text, `UPDATE_GOLDEN=1` writes it anew. */
import assert from "node:assert/strict";
import { call, custom, say, think } from "../support/mock_model.ts";
import type { Screen } from "../support/screen.ts";
import { answer, type AppWorld, enter, makeWorld, masked } from "./app_world.ts";

const WIDTHS = [40, 80, 140] as const;
/** A screen rests when nothing has come for this long; only for making the files. */
const REST_MS = 2_500;
const ASKED = "Please have the parser pass over empty lines, wherever they are in the file.";
const EARLIER = [
  { message: "Fix the parser, it fails on empty lines", cwd: "/work/parser", minutes: 200 },
  { message: "Why is the build so slow on the small machine?", cwd: "/work/site", minutes: 4_500 },
  { message: "日本語のファイル名を直して", cwd: "/work/names", minutes: 9_000 },
] as const;

const PATCH = `*** Begin Patch
*** Update File: src/parser.ts
@@
 export function parse(line: string): Entry | null {
-  return entryOf(line);
+  if (line.trim() === "") return null;
+  return entryOf(line);
 }
*** Add File: tests/parser_test.ts
+import { parse } from "../src/parser.ts";
+Deno.test("an empty line is nothing", () => assertEquals(parse(""), null));
*** End Patch`;
const PLAN = {
  explanation: "Tests first",
  plan: [
    { step: "Write a test that fails", status: "completed" },
    { step: "Have the parser pass over empty lines, wherever they are", status: "in_progress" },
    { step: "Clean up", status: "pending" },
  ],
};
const MESSAGE = `## Done

The parser passes over **empty lines** now, see \`src/parser.ts\`:

\`\`\`ts
if (line.trim() === "") return null;
\`\`\`

1. The test is in \`tests/parser_test.ts\`
2. Nothing else depended on it

| File | Lines |
|---|---|
| src/parser.ts | 120 |`;

/** Waits until the screen is as the file has it; or makes the file of what it is like, once it has come to rest. */
async function shows(screen: Screen, name: string, world: AppWorld): Promise<void> {
  const golden = new URL(`golden/screen_${name}_${screen.emulator.columns}.txt`, import.meta.url);
  if (Deno.env.get("UPDATE_GOLDEN")) {
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    await Deno.writeTextFile(golden, `${steady(screen.text(), world)}\n`);
  }
  const wanted = (await Deno.readTextFile(golden)).trimEnd();
  try {
    await screen.until((text) => steady(text, world) === wanted, { why: name });
  } catch {
    assert.equal(steady(screen.text(), world), wanted, name);
  }
}

/** Without what differs from machine to machine and from run to run. */
function steady(text: string, world: AppWorld): string {
  // Where a path is broken depends on its length.
  const path = new RegExp([...world.project].map(escape).join("(?:\\n *)?"), "g");
  return masked(text.replace(path, "~/project"), world)
    .replace(/ \((?:\d+[hms] ?)+\)$/gm, "")
    .replace(/offline for \d+s, reconnecting in \d+s/, "offline for 1s, reconnecting in 1s")
    .replace(/^ mock-model .*(?=○)/m, " mock-model  ")
    .replace(/^• Client [^]*?(?=^ +Address)/m, "")
    .replace(/^( +Session id).*(\n {10,}\S+)?$/m, "$1 <id>")
    .trimEnd();
}

function escape(character: string): string {
  return character.replace(/\W/, "\\$&");
}

async function project(world: AppWorld): Promise<void> {
  await Deno.mkdir(`${world.project}/src`);
  await Deno.mkdir(`${world.project}/tests`);
  const before =
    "export function parse(line: string): Entry | null {\n  return entryOf(line);\n}\n";
  await Deno.writeTextFile(`${world.project}/src/parser.ts`, before);
}

function script() {
  const cmd = "grep -n entryOf src/*.ts && wc -l src/parser.ts";
  return [
    [think("**Looking at the parser** first"), call("exec_command", { cmd, login: false })],
    [call("update_plan", PLAN)],
    custom("apply_patch", PATCH),
    say(MESSAGE),
  ];
}

/** Threads of an earlier time, as files. */
async function remember(world: AppWorld): Promise<void> {
  const folder = `${world.home}/sessions/2025/01/02`;
  await Deno.mkdir(folder, { recursive: true });
  for (const [index, { message, cwd, minutes }] of EARLIER.entries()) {
    const id = `0199a213-81a0-7800-8aa1-bbab2a035a5${index}`;
    const timestamp = "2025-01-02T03:04:05.000Z";
    const meta = { id, timestamp, cwd, originator: "codex", cli_version: "0.1", source: "cli" };
    const lines = [
      { timestamp, type: "session_meta", payload: meta },
      { timestamp, type: "event_msg", payload: { type: "user_message", message } },
    ];
    const file = `${folder}/rollout-2025-01-02T03-04-05-${id}.jsonl`;
    await Deno.writeTextFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const date = new Date(Date.now() - minutes * 60_000);
    await Deno.utime(file, date, date);
  }
}

for (const columns of WIDTHS) {
  Deno.test(`the first screen, lists and a patch look as they should at ${columns} columns`, async () => {
    await using world = await makeWorld({ responses: [custom("apply_patch", PATCH)] });
    await project(world);
    await using screen = await world.open([], { columns, rows: 24 });
    await shows(screen, "first", world);
    screen.type("/");
    await shows(screen, "slash", world);
    screen.press("ctrl+c");
    await screen.until("Ask for anything");
    enter(screen, "/model");
    await shows(screen, "models", world);
    screen.press("esc");
    await screen.until("Ask for anything");
    enter(screen, ASKED);
    await shows(screen, "approval_patch", world);
  });

  Deno.test(`a turn, its question and the status look as they should at ${columns} columns`, async () => {
    await using world = await makeWorld({ responses: script() });
    await project(world);
    await using screen = await world.open([], { columns, rows: 90 });
    enter(screen, ASKED);
    await shows(screen, "approval_command", world);
    await answer(screen, "Run this command?", "y");
    await answer(screen, "Make these changes?", "y");
    await shows(screen, "turn", world);
    enter(screen, "/status");
    await shows(screen, "status", world);
  });

  Deno.test(`the list of sessions looks as it should at ${columns} columns`, async () => {
    await using world = await makeWorld();
    await remember(world);
    await using screen = await world.start(["resume", "--all"], { columns, rows: 24 });
    await shows(screen, "sessions", world);
  });

  Deno.test(`a server that is gone looks as it should at ${columns} columns`, async () => {
    await using world = await makeWorld({ responses: [say("First answer")] });
    await using server = await world.serve("ws://127.0.0.1:0");
    await using screen = await world.start(["--remote", server.urls[0] ?? ""], {
      columns,
      rows: 24,
    });
    await screen.until("Ask for anything");
    enter(screen, "first");
    await screen.until(/^• First answer$/m);
    server.signal("SIGKILL");
    await server.ended();
    await screen.until("○ offline");
    enter(screen, "typed offline");
    await shows(screen, "offline", world);
  });
}

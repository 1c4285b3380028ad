/** What a thread with one of everything looks like; `golden/` has it as text. */
import assert from "node:assert/strict";
import { Conversation } from "../../src/tui/conversation.ts";
import { Transcript } from "../../src/tui/transcript.ts";
import { assertSafe, ManualClock, NO_COLOR, seen } from "./render_support.ts";

const MESSAGE = `Here is **the plan** for \`src/parser.ts\`, which reads the configuration:

1. Look at the *last* line
2. Fix it
   - with a test, see [the docs](https://example.com/docs)

\`\`\`ts
export function parseLine(line: string): Entry | null {
  return line === "" ? null : entryOf(line);
}
\`\`\`

| File | 行数 | Note |
|---|---|---|
| parser.ts | 120 | 漢字テスト 😀 |

> A word of warning about all of this

## Then

Done. これは日本語の長い文章です。折り返しを確認するために書かれています。`;

const DIFF = `@@ -10,4 +10,5 @@
 function parseLine(line) {
-  return line;
+  if (line === "") return null;
+  return entryOf(line);
 }
@@ -40 +41 @@
-old end
+new end
`;

const items = [
  {
    type: "userMessage",
    id: "u",
    content: [
      {
        type: "text",
        text: "Please fix the parser.\nIt fails on the last line of src/config.toml.",
      },
      { type: "image", url: "data:image/png;base64,AAAA" },
    ],
  },
  { type: "reasoning", id: "r", summary: ["**Looking at the parser** first of all"], content: [] },
  {
    type: "commandExecution",
    id: "c1",
    command: "/bin/bash -lc 'grep -rn parseLine src | head -20'",
    cwd: "/home/me/project",
    source: "unifiedExecStartup",
    status: "completed",
    aggregatedOutput: Array.from(
      { length: 9 },
      (_, i) => `src/parser.ts:${i + 10}:\tparseLine(${i})\n`,
    )
      .join(""),
    exitCode: 0,
    durationMs: 120,
  },
  { type: "agentMessage", id: "m", text: MESSAGE },
  {
    type: "fileChange",
    id: "f",
    status: "completed",
    changes: [
      {
        path: "/home/me/project/src/parser.ts",
        kind: { type: "update", move_path: null },
        diff: DIFF,
      },
      { path: "/home/me/project/tests/parser_test.ts", kind: { type: "add" }, diff: "one\ntwo\n" },
    ],
  },
  {
    type: "commandExecution",
    id: "c2",
    command: "/bin/bash -lc 'deno test -A'",
    cwd: "/home/me/project",
    source: "unifiedExecStartup",
    status: "failed",
    aggregatedOutput: "\u001b[31mFAILED\u001b[0m 1 of 12\n",
    exitCode: 1,
    durationMs: 75_000,
  },
  { type: "commandExecution", id: "c3", command: "rm -rf build", status: "declined" },
  { type: "webSearch", id: "w", query: "deno test filter", action: null },
  { type: "brandNewThing", id: "x", title: "something of a newer server" },
];

function draw(width: number): string {
  const clock = new ManualClock();
  const list = new Conversation({ clock });
  const turn = { items, error: null, startedAt: 1, completedAt: 2 };
  list.load([
    { ...turn, id: "t1", status: "completed", durationMs: 95_000 },
    { ...turn, id: "t2", status: "interrupted", durationMs: 12_000, items: [] },
    {
      ...turn,
      id: "t3",
      status: "failed",
      durationMs: 3_000,
      items: [],
      error: { message: "The model is overloaded", additionalDetails: null },
    },
    // deno-lint-ignore no-explicit-any -- A newer server sends items that this one does not know.
  ] as any[]);
  const news = (method: string, params: object) =>
    list.apply({ method, params: { turnId: "t4", ...params } });
  news("turn/plan/updated", {
    explanation: "Tests first",
    plan: [
      { step: "Write a test that fails", status: "completed" },
      { step: "Fix the parser, and everything that depends on it", status: "inProgress" },
      { step: "Clean up", status: "pending" },
    ],
  });
  const running = {
    type: "commandExecution",
    id: "c",
    command: "make -j2 all",
    status: "inProgress",
  };
  news("item/started", { item: { ...running, source: "userShell" } });
  news("item/commandExecution/outputDelta", { itemId: "c", delta: "cc a.c\ncc b.c\n" });
  news("error", { error: { message: "Reconnecting... 1/5" }, willRetry: true });
  list.notice("info", "The model is gpt-5 now");
  list.notice("error", "Not sent: the server said no");
  const options = { list, theme: NO_COLOR, clock, requestRender: () => {} };
  const transcript = new Transcript(options);
  transcript.setCwd("/home/me/project");
  clock.nowMs += 65_000;
  const lines = transcript.render(width);
  transcript.dispose();
  assertSafe(lines, width);
  return `${seen(lines)}\n`;
}

for (const width of [40, 80, 140]) {
  Deno.test(`a thread looks as it should at ${width} columns`, async () => {
    const golden = new URL(`golden/transcript_${width}.txt`, import.meta.url);
    assert.equal(draw(width), await Deno.readTextFile(golden));
  });
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { decideCommand } from "../../src/agent/command_policy/decide.ts";
import { createDemoClient } from "../../src/agent/model/demo.ts";
import { planDemoResponse, sampleOf } from "../../src/agent/model/demo_plan.ts";
import { type DemoAction, parseDemoRequest } from "../../src/agent/model/demo_request.ts";
import type { ModelEvent, ModelRequest, ToolSpec } from "../../src/agent/model/port.ts";
import type { ResponseItem } from "../../src/protocol/response_item.ts";
import { hastyClock, modelRequest, streamedText } from "../support/model_fixtures.ts";
import { manualClock } from "../support/scripted_model.ts";

function tool(name: string): ToolSpec {
  return { type: "function", name, description: "", parameters: {}, strict: false };
}

const APPLY_PATCH: ToolSpec = { type: "custom", name: "apply_patch", description: "", format: {} };
const TOOLS = [tool("exec_command"), tool("write_stdin"), tool("update_plan"), APPLY_PATCH];

const REQUESTS: readonly (readonly [string, readonly DemoAction[]])[] = [
  ["run `ls -la`", [{ type: "run", command: "ls -la" }]],
  ["Run: make test", [{ type: "run", command: "make test" }]],
  ["please execute the command 'echo hi'", [{ type: "run", command: "echo hi" }]],
  ["$ git status", [{ type: "run", command: "git status" }]],
  ["run `echo a then b`", [{ type: "run", command: "echo a then b" }]],
  ["write a file hello.txt with the text Hello", [{
    type: "write",
    path: "hello.txt",
    text: "Hello",
  }]],
  ["create notes.md saying remember the milk", [
    { type: "write", path: "notes.md", text: "remember the milk" },
  ]],
  ['Create a new file called "a b.txt" containing "x, y"', [
    { type: "write", path: "a b.txt", text: "x, y" },
  ]],
  ["make an empty file called x.txt", [{ type: "write", path: "x.txt", text: "" }]],
  ["in a.txt replace X with Y", [{ type: "replace", path: "a.txt", from: "X", to: "Y" }]],
  ["In `a.txt`, change `old text` to `new text`.", [
    { type: "replace", path: "a.txt", from: "old text", to: "new text" },
  ]],
  ["replace foo by bar in src/x.ts", [{
    type: "replace",
    path: "src/x.ts",
    from: "foo",
    to: "bar",
  }]],
  ["append 'the end' to a.txt", [{ type: "append", path: "a.txt", text: "the end" }]],
  ["add the line bye to a.txt", [{ type: "append", path: "a.txt", text: "bye" }]],
  ["delete the file a.txt", [{ type: "delete", path: "a.txt" }]],
  ["list the files", [{ type: "list", path: "." }]],
  ["list files in src", [{ type: "list", path: "src" }]],
  ["show me README.md", [{ type: "show", path: "README.md", explain: false }]],
  ["explain the file main.ts", [{ type: "show", path: "main.ts", explain: true }]],
  ["plan: look, change, test", [{ type: "plan", steps: ["look", "change", "test"] }]],
  ["make a plan", [
    { type: "plan", steps: ["Look at the files", "Make the change", "Check the result"] },
  ]],
  ["count slowly to 20", [{ type: "count", to: 20, slowly: true }]],
  ["count to 3", [{ type: "count", to: 3, slowly: false }]],
  ["write a file a.txt with the text hi, then run `cat a.txt` and then count to 2", [
    { type: "write", path: "a.txt", text: "hi" },
    { type: "run", command: "cat a.txt" },
    { type: "count", to: 2, slowly: false },
  ]],
  ["What is the meaning of life?", [{ type: "unknown", text: "What is the meaning of life?" }]],
  ["", [{ type: "unknown", text: "" }]],
];

for (const [text, expected] of REQUESTS) {
  Deno.test(`demo understands ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseDemoRequest(text), expected);
  });
}

/** Plays a turn: each call is answered by `run`, until the model has only text to say. */
function play(
  text: string,
  run: (name: string, input: string) => string,
  options: { readonly tools?: readonly ToolSpec[]; readonly history?: readonly ResponseItem[] } =
    {},
): { readonly calls: readonly (readonly [string, string])[]; readonly final: string } {
  const input: ResponseItem[] = [
    ...options.history ?? [],
    user("<environment_context>\n  <cwd>/x</cwd>\n</environment_context>"),
    user(text),
  ];
  const calls: (readonly [string, string])[] = [];
  for (let n = 0; n < 50; n++) {
    const tools = options.tools ?? TOOLS;
    const response = planDemoResponse(modelRequest({ input: [...input], tools }));
    const { call } = response;
    if (!call) return { calls, final: response.text };
    assert.notEqual(response.text, "");
    const callId = `c${n}`;
    const asked = call.kind === "custom" ? call.input : JSON.stringify(call.args);
    calls.push([call.name, asked]);
    const output = run(call.name, asked);
    if (call.kind === "custom") {
      input.push({ type: "custom_tool_call", call_id: callId, name: call.name, input: asked });
      input.push({ type: "custom_tool_call_output", call_id: callId, output });
    } else {
      input.push({ type: "function_call", call_id: callId, name: call.name, arguments: asked });
      input.push({ type: "function_call_output", call_id: callId, output });
    }
  }
  assert.fail("the turn never ended");
}

function user(text: string): ResponseItem {
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}

function ran(output: string, code = 0): string {
  return `Chunk ID: d1d746\nWall time: 0.0355 seconds\nProcess exited with code ${code}\n` +
    `Original token count: 3\nOutput:\n${output}`;
}

const PATCHED =
  "Exit code: 0\nWall time: 0 seconds\nOutput:\nSuccess. Updated the following files:\nM a.txt\n";

Deno.test("demo runs a command and reports what it printed", () => {
  const { calls, final } = play("run `make test`", () => ran("3 passed\n", 2));
  assert.deepEqual(calls, [["exec_command", '{"cmd":"make test"}']]);
  assert.match(final, /^I ran `make test` \(exit code 2\)\.\n\n```\n3 passed\n```/);
  assert.match(final, /not an AI/);
});

Deno.test("demo lists files without a command where that can be done", () => {
  const tools = TOOLS;
  const listed = play("list the files here", () => "Absolute path: /p\na.txt\nsrc/", { tools });
  assert.deepEqual(listed.calls, [["list_dir", '{"dir_path":".","limit":200,"depth":1}']]);
  assert.match(listed.final, /^These are the files in `\/p`:\n\n```\na\.txt\nsrc\/\n```/);
  const empty = play("list files in src", () => "Absolute path: /p/src", { tools });
  assert.match(empty.final, /^There is nothing in `\/p\/src`\./);
  const failed = play("list files in x", () => "failed to read directory: No such", { tools });
  assert.match(failed.final, /^I could not list `x`:\n\n```\nfailed to read directory: No such\n/);
  const command = play("list the files", () => ran("total 0\n"), { tools: [tool("shell")] });
  assert.deepEqual(command.calls, [["shell", '{"command":["bash","-lc","ls -la ."]}']]);
});

Deno.test("demo says what to do when a command is refused for want of a sandbox", async () => {
  const decision = await decideCommand({
    argv: ["ls"],
    cwd: "/",
    approvalPolicy: "never",
    enforcement: {
      enforced: false,
      reason: "The sandbox policy readOnly cannot be enforced: No sandbox works here (why)",
    },
    leave: "freely",
    escalated: false,
    justification: null,
    prefixRule: null,
    sessionApprovals: new Set(),
    rules: [],
  });
  assert.equal(decision.type, "refuse");
  const refusal = decision.type === "refuse" ? decision.message : assert.fail();
  const { final } = play("run `ls`", () => refusal);
  assert.match(final, /To let commands run here .* start again with `-s danger-full-access`;/);
  const declined = play("run `ls`", () => 'Rejected("rejected by user")');
  assert.doesNotMatch(declined.final, /danger-full-access/);
});

Deno.test("demo writes, changes and deletes files by patches", () => {
  const written = play("write a file hello.txt with the text Hello", () => PATCHED);
  assert.deepEqual(written.calls, [
    ["apply_patch", "*** Begin Patch\n*** Add File: hello.txt\n+Hello\n*** End Patch\n"],
  ]);
  assert.match(written.final, /^I wrote `hello\.txt`\./);
  const changed = play(
    "in a.txt replace two with 2",
    (name) => name === "apply_patch" ? PATCHED : ran("one\ntwo\nthree two\nfour\n"),
  );
  assert.deepEqual(changed.calls, [
    ["exec_command", '{"cmd":"cat a.txt"}'],
    [
      "apply_patch",
      "*** Begin Patch\n*** Update File: a.txt\n@@\n one\n-two\n-three two\n+2\n+three 2\n four\n*** End Patch\n",
    ],
  ]);
  assert.match(changed.final, /^I changed `a\.txt`\./);
  const deleted = play("delete a.txt", () => PATCHED);
  assert.deepEqual(deleted.calls, [
    ["apply_patch", "*** Begin Patch\n*** Delete File: a.txt\n*** End Patch\n"],
  ]);
});

Deno.test("demo appends to a file, and makes it where it is missing", () => {
  const appended = play(
    "append bye to a.txt",
    (name) => name === "apply_patch" ? PATCHED : ran("hello\n"),
  );
  assert.match(appended.calls[1]?.[1] ?? "", /@@\n hello\n\+bye\n/);
  const made = play(
    "append bye to a.txt",
    (name) => name === "apply_patch" ? PATCHED : ran("cat: a.txt: No such file\n", 1),
  );
  assert.match(made.calls[1]?.[1] ?? "", /Add File: a\.txt\n\+bye\n/);
});

Deno.test("demo changes files through the shell where there is no apply_patch", () => {
  const tools = [tool("shell")];
  const outputs = [ran("it's\n"), ran("")];
  const { calls } = play("in a.txt replace it with that", () => outputs.shift() ?? "", { tools });
  assert.deepEqual(calls, [
    ["shell", '{"command":["bash","-lc","cat a.txt"]}'],
    [
      "shell",
      JSON.stringify({
        command: ["bash", "-lc", "cat > a.txt <<'END_OF_FILE'\nthat's\nEND_OF_FILE"],
      }),
    ],
  ]);
  assert.match(play("run `ls`", () => "", { tools: [] }).final, /I was not given a shell/);
});

Deno.test("demo says when there is nothing to change, or the file is cut", () => {
  const nothing = play("in a.txt replace X with Y", () => ran("abc\n"));
  assert.match(nothing.final, /`a\.txt` does not contain "X"/);
  const missing = play("in a.txt replace X with Y", () => ran("No such file\n", 1));
  assert.match(missing.final, /^I could not read `a\.txt`/);
  const cut = play("in a.txt replace X with Y", () => ran("X\n…120 tokens truncated…\nX\n"));
  assert.match(cut.final, /too long for me to change/);
  assert.equal(cut.calls.length, 1);
});

Deno.test("demo goes through combined requests in order, and stops where it is refused", () => {
  const text = "run `a` then write a file f with the text x then run `b`";
  const all = play(text, (name) => name === "apply_patch" ? PATCHED : ran("out\n"));
  assert.deepEqual(all.calls.map(([name]) => name), [
    "exec_command",
    "apply_patch",
    "exec_command",
  ]);
  const refusal =
    'exec_command failed for `a`: CreateProcess { message: "Rejected(\\"rejected by user\\")" }';
  const refused = play(text, () => refusal);
  assert.equal(refused.calls.length, 1);
  assert.match(refused.final, /^That was not allowed, so I stopped there/);
});

Deno.test("demo waits for a command that outlives its call, but not for ever", () => {
  const running =
    "Chunk ID: 1\nWall time: 10 seconds\nProcess running with session ID 7\nOutput:\n";
  const outputs = [`${running}a\n`, `${running}b\n`, ran("c\n")];
  const done = play("run `slow`", () => outputs.shift() ?? "");
  const poll = '{"session_id":7,"chars":"","yield_time_ms":10000}';
  assert.deepEqual(done.calls.slice(1), [["write_stdin", poll], ["write_stdin", poll]]);
  assert.match(done.final, /exit code 0\)\.\n\n```\na\nb\nc\n```/);
  const endless = play("run `serve`", () => running);
  assert.equal(endless.calls.length, 7);
  assert.match(endless.final, /I started `serve`; it is still running/);
});

Deno.test("demo writes down plans, and reads tool output in JSON", () => {
  const plan = play("plan: look, do", () => "Plan updated");
  const steps = [{ step: "look", status: "pending" }, { step: "do", status: "pending" }];
  assert.deepEqual(plan.calls, [["update_plan", JSON.stringify({ plan: steps })]]);
  assert.match(plan.final, /1\. look\n2\. do/);
  const json = '{"output":"Success. Updated","metadata":{"exit_code":0,"duration_seconds":0.0}}';
  assert.match(play("delete a.txt", () => json).final, /^I deleted `a\.txt`/);
});

Deno.test("demo looks only at the last thing that a person said", () => {
  const history: ResponseItem[] = [
    user("run `old`"),
    { type: "function_call", call_id: "x", name: "exec_command", arguments: "{}" },
    { type: "function_call_output", call_id: "x", output: ran("old\n") },
  ];
  const { calls } = play("run `new`", () => ran("new\n"), { history });
  assert.deepEqual(calls, [["exec_command", '{"cmd":"new"}']]);
});

Deno.test("demo says what it is when it does not understand", () => {
  const { final, calls } = play("Write me a compiler", () => "");
  assert.match(final, /^I am the built-in demo model: a small set of fixed rules, not an AI\./);
  assert.equal(calls.length, 0);
});

Deno.test("demo follows an output schema", () => {
  const schema = {
    type: "object",
    properties: {
      title: { type: "string", maxLength: 5 },
      count: { type: "integer", minimum: 2 },
      kind: { enum: ["a", "b"] },
      tags: { type: "array", items: { type: "string" } },
    },
  };
  const input = [user("Hello world")];
  const { text } = planDemoResponse(modelRequest({ input, outputSchema: schema }));
  assert.deepEqual(JSON.parse(text), { title: "Hello", count: 2, kind: "a", tags: [] });
  assert.equal(sampleOf(true, "x"), null);
});

async function streamDemo(request: ModelRequest) {
  const events: ModelEvent[] = [];
  const { signal } = new AbortController();
  const model = createDemoClient({ clock: hastyClock() });
  const { usage } = await model.stream(request, {
    signal,
    onEvent: (event) => void events.push(event),
  });
  return { events, usage };
}

Deno.test("demo streams text in words, then the call, and is deterministic", async () => {
  const request = modelRequest({ input: [user("run `ls -la`")], tools: TOOLS });
  const { events, usage } = await streamDemo(request);
  assert.equal(streamedText(events), "I will run `ls -la`.");
  assert.deepEqual(events.at(-1), {
    type: "itemDone",
    item: {
      type: "function_call",
      id: "fc_demo_turn-1_1",
      call_id: "call_demo_turn-1_1",
      name: "exec_command",
      arguments: '{"cmd":"ls -la"}',
    },
  });
  assert.ok(usage && usage.totalTokens === usage.inputTokens + usage.outputTokens);
  assert.deepEqual((await streamDemo(request)).events, events);
});

Deno.test("demo counts slowly on the clock, and stops when interrupted", async () => {
  const clock = manualClock();
  const controller = new AbortController();
  const texts: string[] = [];
  const model = createDemoClient({ clock });
  const streaming = model.stream(modelRequest({ input: [user("count slowly to 20")] }), {
    signal: controller.signal,
    onEvent: (event) => void (event.type === "textDelta" && texts.push(event.delta)),
  });
  for (let n = 1; n <= 3; n++) {
    await clock.armed(250);
    assert.equal(texts.length, n - 1);
    clock.advance(250);
    await Promise.resolve();
  }
  await clock.armed(250);
  controller.abort(new Error("stop"));
  await assert.rejects(streaming, /^Error: stop$/);
  assert.deepEqual(texts, ["1", " 2", " 3"]);
  assert.deepEqual(clock.pending, []);
});

Deno.test("demo answers any text, and its deltas are the text", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
      const input = [user(text)];
      const { events } = await streamDemo(modelRequest({ input, tools: TOOLS }));
      const done = events.findLast((event) =>
        event.type === "itemDone" && event.item.type === "message"
      );
      const item = done?.type === "itemDone" && done.item.type === "message" ? done.item : null;
      assert.equal(streamedText(events), item?.content.map((part) => part.text).join(""));
    }),
    { numRuns: 50 },
  );
});

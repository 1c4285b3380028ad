import assert from "node:assert/strict";
import type { ResponseItem } from "../../src/protocol/response_item.ts";
import { projectContext } from "../../src/store/rollout_context.ts";
import { type RolloutItem, rolloutLine } from "../../src/store/rollout.ts";
import * as records from "../../src/store/rollout_items.ts";
import { readRollout, RecordParser } from "../../src/store/rollout_reader.ts";
import { assistantItem, sampleTurn, userItem } from "./sample_records.ts";

function context(items: readonly RolloutItem[]): ResponseItem[] {
  return projectContext(
    new RecordParser().parse(items.map((item) => rolloutLine(item, "T")).join("")),
  );
}

/** Texts of messages, and `type:call_id` of the rest. */
function check(items: readonly RolloutItem[], expected: readonly string[]): void {
  assert.deepEqual(
    context(items).map((item) => {
      if (item.type === "message") return item.content.map((part) => part.text).join("");
      return "call_id" in item ? `${item.type}:${item.call_id}` : item.type;
    }),
    expected,
  );
}

function call(callId: string): RolloutItem {
  return records.responseItem({
    type: "function_call",
    call_id: callId,
    name: "f",
    arguments: "{}",
  });
}

function output(callId: string): RolloutItem {
  return records.responseItem({ type: "function_call_output", call_id: callId, output: "o" });
}

function message(text: string): ResponseItem {
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}

const ENVIRONMENT = userItem("<environment_context>\n</environment_context>");

Deno.test("the context is the response items in order", () => {
  check([...sampleTurn("t1", "q1"), ...sampleTurn("t2", "q2")], ["q1", "re: q1", "q2", "re: q2"]);
});

Deno.test("a compaction replaces everything before it", () => {
  const compacted = records.compacted("sum", [message("kept")]);
  check([...sampleTurn("t1", "q1"), compacted, ...sampleTurn("t2", "q2")], [
    "kept",
    "q2",
    "re: q2",
  ]);
  const old = { type: "compacted", payload: { message: "sum" } };
  check([ENVIRONMENT, ...sampleTurn("t1", "q1"), old, ...sampleTurn("t2", "q2")], [
    "q1",
    "sum",
    "q2",
    "re: q2",
  ]);
});

Deno.test("a rollback removes whole user turns, and a compaction that was among them", () => {
  const two = [...sampleTurn("t1", "q1"), ...sampleTurn("t2", "q2")];
  check([...two, records.threadRolledBack(1), ...sampleTurn("t3", "q3")], [
    "q1",
    "re: q1",
    "q3",
    "re: q3",
  ]);
  check([...two, records.threadRolledBack(1), records.threadRolledBack(1)], []);
  check([...two, records.threadRolledBack(99), ...sampleTurn("t3", "q3")], ["q3", "re: q3"]);
  const compactTurn = [
    records.taskStarted({ turnId: "c", startedAt: 1, modelContextWindow: null }),
    records.compacted("sum", [message("kept")]),
    records.taskComplete({ turnId: "c", lastAgentMessage: null, completedAt: 2, durationMs: 1 }),
  ];
  check([...two, ...compactTurn], ["kept"]);
  check([...two, ...compactTurn, records.threadRolledBack(1)], ["q1", "re: q1"]);
});

Deno.test("without task_started a prompt opens a turn, and what the program wrote does not", () => {
  const items = [
    ENVIRONMENT,
    userItem("q1"),
    assistantItem("a1"),
    userItem("# AGENTS.md instructions for /x"),
    userItem("q2"),
    assistantItem("a2"),
    userItem("<turn_aborted>\nx"),
    records.threadRolledBack(1),
  ];
  check(items, [
    "<environment_context>\n</environment_context>",
    "q1",
    "a1",
    "# AGENTS.md instructions for /x",
  ]);
});

Deno.test("calls without an output get one right behind them, outputs without a call are dropped", () => {
  const custom = records.responseItem({
    type: "custom_tool_call",
    call_id: "c2",
    name: "apply_patch",
    input: "",
  });
  const shell = records.responseItem({
    type: "local_shell_call",
    call_id: "c3",
    action: { type: "exec", command: ["ls"] },
  });
  check([userItem("q"), call("c0"), call("c1"), output("c0"), custom, shell, output("zz")], [
    "q",
    "function_call:c0",
    "function_call:c1",
    "function_call_output:c1",
    "function_call_output:c0",
    "custom_tool_call:c2",
    "custom_tool_call_output:c2",
    "local_shell_call:c3",
    "function_call_output:c3",
  ]);
  assert.deepEqual(context([call("c1")])[1], {
    type: "function_call_output",
    call_id: "c1",
    output: "aborted",
  });
});

Deno.test("bookkeeping of other writers stays behind, what the model needs is kept", async () => {
  const path = new URL("./fixtures/items_0169.jsonl", import.meta.url).pathname;
  assert.deepEqual(projectContext(await readRollout(path)), [{
    type: "reasoning",
    id: "r1",
    summary: [{ type: "summary_text", text: "think" }],
    content: null,
    encrypted_content: "ENC",
  }]);
});

Deno.test("every item that the agent writes reads back as it was", () => {
  const items: ResponseItem[] = [
    {
      type: "message",
      role: "assistant",
      content: [{ type: "output_text", text: "a" }],
      phase: "final",
    },
    { type: "message", role: "user", content: [{ type: "input_image", image_url: "data:x" }] },
    { type: "function_call", id: "f", call_id: "c1", name: "f", arguments: "{broken" },
    { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "o" }] },
    {
      type: "local_shell_call",
      call_id: "c2",
      status: "completed",
      action: { type: "exec", command: ["ls"], working_directory: "/", timeout_ms: 5 },
    },
    { type: "function_call_output", call_id: "c2", output: "" },
    {
      type: "web_search_call",
      id: "w",
      status: "completed",
      action: { type: "search", query: "q" },
    },
  ];
  assert.deepEqual(context(items.map(records.responseItem)), items);
});

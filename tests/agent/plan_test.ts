import assert from "node:assert/strict";
import fc from "fast-check";
import { updatePlanTool } from "../../src/agent/tools/update_plan.ts";
import { RecordedTurn } from "./patch_scratch.ts";

async function plan(input: string): Promise<{ output: unknown; turn: RecordedTurn }> {
  const turn = new RecordedTurn();
  const call = { callId: "call_1", name: "update_plan", input };
  const { content } = await updatePlanTool().run(call, turn.context("/"));
  return { output: content, turn };
}

Deno.test("update_plan tells the turn the plan in the protocol's words", async () => {
  const steps = [
    { step: "look", status: "completed" },
    { step: "change", status: "in_progress" },
    { step: "check", status: "pending" },
  ];
  const { output, turn } = await plan(JSON.stringify({ explanation: "why", plan: steps }));
  assert.equal(output, "Plan updated");
  assert.deepEqual(turn.told, [{
    type: "plan",
    explanation: "why",
    plan: [
      { step: "look", status: "completed" },
      { step: "change", status: "inProgress" },
      { step: "check", status: "pending" },
    ],
  }]);
  const empty = await plan('{"plan":[],"explanation":null,"other":1}');
  assert.deepEqual(empty.turn.told, [{ type: "plan", explanation: null, plan: [] }]);
});

Deno.test("update_plan says what is wrong with its arguments", async () => {
  const cases: [string, string][] = [
    ["{}", "missing field `plan`"],
    ["null", "missing field `plan`"],
    ['{"plan":{}}', "invalid type for `plan`, expected a list of steps"],
    ['{"plan":[],"explanation":1}', "invalid type for `explanation`, expected a string"],
    ['{"plan":[{"status":"pending"}]}', "missing field `step`"],
    ['{"plan":[{"step":"a"}]}', "missing field `status`"],
    ['{"plan":["a"]}', "missing field `step`"],
    [
      '{"plan":[{"step":"a","status":"done"}]}',
      "unknown variant `done`, expected one of `pending`, `in_progress`, `completed`",
    ],
  ];
  for (const [input, problem] of cases) {
    const { output, turn } = await plan(input);
    assert.equal(output, `failed to parse function arguments: ${problem}`);
    assert.deepEqual(turn.told, []);
  }
});

Deno.test("update_plan answers any input with text", async () => {
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (input) => {
    assert.equal(typeof (await plan(input)).output, "string");
  }));
});

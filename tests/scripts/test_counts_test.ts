/** Tests of the closing line of the test command. */
import assert from "node:assert/strict";
import { countTests } from "../../scripts/test_counts.ts";

Deno.test("countTests reads the summary, coloured or not", () => {
  assert.deepEqual(countTests("ok | 3 passed (1 step) | 0 failed (13ms)\n", 0), {
    passed: 3,
    failed: 0,
  });
  const coloured =
    "\n\u001b[31mFAILED\u001b[0m | 5 passed | 2 failed | 1 ignored \u001b[38m(1s)\u001b[0m\n\n";
  assert.deepEqual(countTests(coloured, 1), { passed: 5, failed: 2 });
});

Deno.test("countTests takes the last summary when a test printed one of its own", () => {
  const output = "ok | 900 passed | 0 failed\nFAILED | 1 passed | 1 failed (2s)\n";
  assert.deepEqual(countTests(output, 1), { passed: 1, failed: 1 });
});

Deno.test("countTests counts a run without a summary as failed", () => {
  assert.deepEqual(countTests("error: Module not found\n", 1), { passed: 0, failed: 1 });
  assert.deepEqual(countTests("", 0), { passed: 0, failed: 1 });
});

Deno.test("countTests never reports success for an exit code that says failure", () => {
  assert.deepEqual(countTests("ok | 4 passed | 0 failed (1s)\n", 1), { passed: 4, failed: 1 });
});

/** Receipts in rollouts: found with their turn, whatever else the file holds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { RolloutWriter } from "../../src/store/rollout.ts";
import { taskStarted, userMessage } from "../../src/store/rollout_items.ts";
import { readRollout } from "../../src/store/rollout_reader.ts";
import { receiptsOf } from "../../src/store/rollout_receipts.ts";
import { withTempDir } from "./temp_dir.ts";

Deno.test("receipts come back with the turn that their input went to, in plain and in numbered files", () =>
  withTempDir(async (dir) => {
    const first = { timestamp: "2026-01-01T00:00:00Z", type: "session_meta", payload: {} };
    const numbered = { timestamp: first.timestamp, ordinal: 0, type: first.type, payload: {} };
    for (const head of [first, numbered]) {
      const path = join(dir, `${"ordinal" in head}.jsonl`);
      Deno.writeTextFileSync(path, `${JSON.stringify(head)}\n`);
      const writer = RolloutWriter.open(path);
      const turn = (turnId: string) =>
        taskStarted({ turnId, startedAt: 1, modelContextWindow: null });
      const said = (scope: string) => ({ ...userMessage("hi"), receipt: { scope, params: "p" } });
      writer.append([turn("one"), said("a")], 1000);
      writer.append([userMessage("no receipt")], 1500);
      writer.append([said("b")], 2000);
      writer.append([turn("two"), said("c")], 3000);
      writer.close();
      assert.deepEqual(receiptsOf(await readRollout(path)), [
        { scope: "a", params: "p", turnId: "one", atMs: 1000 },
        { scope: "b", params: "p", turnId: "one", atMs: 2000 },
        { scope: "c", params: "p", turnId: "two", atMs: 3000 },
      ]);
    }
  }));

Deno.test("any receipt is read or passed over", () => {
  const record = fc.record({
    index: fc.nat(),
    timestamp: fc.oneof(fc.string(), fc.constant("2026-01-01T00:00:00Z")),
    type: fc.oneof(fc.constant("event_msg"), fc.string()),
    payload: fc.oneof(
      fc.jsonValue(),
      fc.record({ type: fc.constant("task_started"), turn_id: fc.jsonValue() }),
    ),
    receipt: fc.oneof(
      fc.jsonValue(),
      fc.record({ scope: fc.oneof(fc.string(), fc.nat()), params: fc.string() }),
    ),
  });
  fc.assert(
    fc.property(fc.array(record), (records) => {
      for (const { scope, params, turnId, atMs } of receiptsOf(records)) {
        assert.ok(scope !== "" && params !== "" && Number.isFinite(atMs));
        assert.equal(typeof turnId, "string");
      }
    }),
  );
});

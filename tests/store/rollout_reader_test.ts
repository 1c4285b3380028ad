import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { CodexError } from "../../src/lib/errors.ts";
import { projectContext } from "../../src/store/rollout_context.ts";
import { readRolloutHead } from "../../src/store/rollout_head.ts";
import { rolloutLine } from "../../src/store/rollout.ts";
import { readRollout, RecordParser, streamRollout } from "../../src/store/rollout_reader.ts";
import { projectTurns } from "../../src/store/rollout_turns.ts";
import { withTempDir } from "./temp_dir.ts";

const FIXTURE = new URL("./fixtures/items_0169.jsonl", import.meta.url).pathname;
const NAME = "rollout-2026-11-20T10-00-00-01a1fbdf-0000-7000-8000-000000000001.jsonl";

function line(payload: unknown, type = "event_msg"): string {
  return rolloutLine({ type, payload }, "T");
}

async function payloadsOf(path: string): Promise<unknown[]> {
  return (await readRollout(path)).map((record) => record.payload);
}

Deno.test("readRollout skips what is broken and keeps the place of every record", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    Deno.writeTextFileSync(
      path,
      `${line(1)}{broken\n\n  \n[]\n"text"\n{"type":5}\n${line(2, "from_the_future")}${
        line(3)
      }{"timestamp":"T","type":"event_`,
    );
    assert.deepEqual(await readRollout(path), [
      { index: 0, timestamp: "T", type: "event_msg", payload: 1 },
      { index: 5, timestamp: "T", type: "from_the_future", payload: 2 },
      { index: 6, timestamp: "T", type: "event_msg", payload: 3 },
    ]);
  }));

Deno.test("readRollout reads past invalid UTF-8, a byte order mark, CRLF and a zero-filled tail", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    const text = new TextEncoder().encode(`\ufeff${line(1)}${line("xx").trimEnd()}\r\n${line(3)}`);
    const bytes = new Uint8Array(text.length + 4096);
    bytes.set(text);
    bytes[bytes.indexOf(0x78)] = 0xff;
    Deno.writeFileSync(path, bytes);
    assert.deepEqual(await payloadsOf(path), [1, "\ufffdx", 3]);
  }));

Deno.test("readRollout parses only the wanted types and keeps the index of the others", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    // Another order of members is no reason to lose a record.
    const reordered = `{"payload":3,"type":"event_msg"}\n`;
    Deno.writeTextFileSync(path, line(1) + line(2, "response_item") + reordered);
    const records = await readRollout(path, { types: new Set(["event_msg"]) });
    assert.deepEqual(records.map((record) => [record.index, record.payload]), [[0, 1], [2, 3]]);
  }));

Deno.test("streamRollout joins lines across chunks of any size", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    const lengths = [10, 1_048_576 - 60, 3_000_000, 0, 1_048_576, 5];
    Deno.writeTextFileSync(path, lengths.map((length) => line("é".repeat(length))).join(""));
    const found: number[] = [];
    for await (const batch of streamRollout(path)) {
      for (const { payload } of batch) {
        assert(typeof payload === "string" && !payload.includes("\ufffd"));
        found.push(payload.length);
      }
    }
    assert.deepEqual(found, lengths);
  }));

Deno.test("streamRollout stops when it is aborted, and says when there is no file", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    Deno.writeTextFileSync(path, line(1));
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(readRollout(path, { signal }), /enough/);
    await assert.rejects(
      readRollout(join(dir, "no.jsonl")),
      (error) => error instanceof CodexError && error.kind === "rolloutNotFound",
    );
  }));

Deno.test("a rollout that is torn at any byte reads as its whole lines, in every projection", () =>
  withTempDir(async (dir) => {
    const bytes = Deno.readFileSync(FIXTURE);
    const whole = await readRollout(FIXTURE);
    const path = join(dir, NAME);
    for (let length = 0; length <= bytes.length; length += 7) {
      Deno.writeFileSync(path, bytes.subarray(0, length));
      const records = await readRollout(path);
      assert.deepEqual(records, whole.slice(0, records.length));
      const lines = bytes.subarray(0, length).filter((byte) => byte === 0x0a).length;
      assert(records.length === lines || records.length === lines + 1);
      const turns = projectTurns(records).turns;
      assert(turns.every((turn) => turn.status !== "inProgress"));
      projectContext(records);
      readRolloutHead(path);
    }
  }));

Deno.test("no bytes make the reader or a projection throw", () =>
  withTempDir(async (dir) => {
    const path = join(dir, NAME);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        Deno.writeFileSync(path, bytes);
        const records = await readRollout(path);
        projectTurns(records);
        projectContext(records);
        assert.notEqual(readRolloutHead(path), null);
      }),
      { numRuns: 200 },
    );
  }));

Deno.test("no record, whatever its members, makes a projection throw", () => {
  const types = ["session_meta", "event_msg", "response_item", "compacted", "turn_context", "x"];
  const kinds = [
    "task_started",
    "task_complete",
    "turn_aborted",
    "user_message",
    "agent_message",
    "agent_reasoning",
    "exec_command_end",
    "patch_apply_end",
    "web_search_end",
    "item_completed",
    "thread_rolled_back",
    "context_compacted",
    "token_count",
    "error",
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
  ];
  const keys = ["turn_id", "call_id", "message", "text", "changes", "item", "num_turns", "content"];
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom("t1", "c1", 1, -1, 1e9));
  const payload = fc.record({
    type: fc.constantFrom(...kinds),
    rest: fc.dictionary(fc.constantFrom(...keys), value),
  }).map(({ type, rest }) => ({ ...rest, type }));
  const record = fc.record({
    type: fc.constantFrom(...types),
    payload: fc.oneof(payload, fc.jsonValue()),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 30 }), (items) => {
      const text = items.map((item) => rolloutLine(item, "T")).join("");
      const records = new RecordParser().parse(text);
      assert.equal(records.length, items.length);
      const replay = projectTurns(records);
      for (const turn of replay.turns) {
        const ids = turn.items.map((item) => item.id);
        assert.equal(new Set(ids).size, ids.length, "ids are unique in a turn");
      }
      const calls = new Map<string, number>();
      for (const item of projectContext(records)) {
        if ("call_id" in item) calls.set(item.call_id, (calls.get(item.call_id) ?? 0) + 1);
      }
      assert([...calls.values()].every((count) => count >= 2), "no call without output");
    }),
    { numRuns: 300 },
  );
});

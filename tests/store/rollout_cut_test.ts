import assert from "node:assert/strict";
import fc from "fast-check";
import { type RolloutItem, rolloutLine } from "../../src/store/rollout.ts";
import { projectContext } from "../../src/store/rollout_context.ts";
import { recordsBefore, recordsThrough } from "../../src/store/rollout_cut.ts";
import * as records from "../../src/store/rollout_items.ts";
import { RecordParser, type RolloutRecord } from "../../src/store/rollout_reader.ts";
import { projectTurns } from "../../src/store/rollout_turns.ts";
import { assistantItem, sampleMeta, sampleTurn, userItem } from "./sample_records.ts";

const META = sampleMeta("01a1fbe3-3c63-7563-a4d1-9b43cae14f22");

function parse(items: readonly RolloutItem[]): RolloutRecord[] {
  return new RecordParser().parse(items.map((item) => rolloutLine(item, "T")).join(""));
}

/** What is left: ids of turns, and what the model is told. */
function left(cut: readonly RolloutRecord[] | null): [string[], string[]] | null {
  if (!cut) return null;
  const texts = projectContext(cut).flatMap((item) =>
    item.type === "message" ? item.content.map(({ text }) => text ?? "") : []
  );
  return [projectTurns(cut).turns.map(({ id }) => id), texts];
}

/** A turn as old and foreign writers make it: nothing opens or ends it. */
function implicitTurn(prompt: string): RolloutItem[] {
  return [
    userItem(prompt),
    records.userMessage(prompt),
    assistantItem(`re: ${prompt}`),
    records.agentMessage(`re: ${prompt}`),
  ];
}

Deno.test("a rollout is cut before the start of a turn, and after its end", () => {
  const all = parse([META, ...sampleTurn("t1", "a"), ...sampleTurn("t2", "b")]);
  assert.deepEqual(recordsBefore(all, "t1"), all.slice(0, 1));
  assert.deepEqual(left(recordsBefore(all, "t2")), [["t1"], ["a", "re: a"]]);
  assert.deepEqual(left(recordsThrough(all, "t1")), [["t1"], ["a", "re: a"]]);
  assert.deepEqual(recordsThrough(all, "t2"), all);
  for (const unknown of ["t3", "", "session_meta"]) {
    assert.equal(recordsBefore(all, unknown), null);
    assert.equal(recordsThrough(all, unknown), null);
  }
});

Deno.test("what follows a turn before the next one begins belongs to it", () => {
  const late = records.tokenCount(null, null);
  const all = parse([META, ...sampleTurn("t1", "a"), late, ...sampleTurn("t2", "b")]);
  assert.equal(recordsThrough(all, "t1")?.length, recordsBefore(all, "t2")?.length);
  assert.equal(recordsThrough(all, "t1")?.at(-1)?.index, 7);
});

Deno.test("turns that were taken back cannot be cut at, and are not kept", () => {
  const all = parse([
    META,
    ...sampleTurn("t1", "a"),
    ...sampleTurn("t2", "b"),
    records.threadRolledBack(1),
    ...sampleTurn("t3", "c"),
  ]);
  assert.equal(recordsBefore(all, "t2"), null);
  assert.equal(recordsThrough(all, "t2"), null);
  assert.deepEqual(left(recordsBefore(all, "t3")), [["t1"], ["a", "re: a"]]);
  assert.deepEqual(left(recordsThrough(all, "t1")), [["t1"], ["a", "re: a"]]);
});

Deno.test("a turn that nothing opens begins with the model's copy of the user's words", () => {
  const all = parse([META, ...implicitTurn("a"), ...implicitTurn("b")]);
  const [first, second] = projectTurns(all).turns.map(({ id }) => id);
  assert.ok(first && second);
  assert.deepEqual(recordsBefore(all, first), all.slice(0, 1));
  assert.deepEqual(left(recordsBefore(all, second)), [[first], ["a", "re: a"]]);
  assert.deepEqual(left(recordsThrough(all, first)), [[first], ["a", "re: a"]]);
});

const anyRecords = fc.array(
  fc.oneof(
    fc.constant("explicit"),
    fc.constant("implicit"),
    fc.constant("unfinished"),
    fc.constant("compacted"),
    fc.integer({ min: 0, max: 4 }),
  ),
  { maxLength: 12 },
).map((kinds) =>
  parse([
    META,
    ...kinds.flatMap((kind, index): RolloutItem[] => {
      if (typeof kind === "number") return [records.threadRolledBack(kind)];
      if (kind === "compacted") return [records.compacted("sum", [])];
      if (kind === "implicit") return implicitTurn(`q${index}`);
      const turn = sampleTurn(`t${index}`, `q${index}`);
      return kind === "unfinished" ? turn.slice(0, 4) : turn;
    }),
  ])
);

Deno.test("whatever a rollout holds, a cut leaves the turns before it as they were", () => {
  fc.assert(fc.property(anyRecords, (all) => {
    const ids = projectTurns(all).turns.map(({ id }) => id);
    for (const [index, id] of ids.entries()) {
      for (const [cut, end] of [[recordsBefore, index], [recordsThrough, index + 1]] as const) {
        const kept = cut(all, id);
        assert.ok(kept);
        assert.deepEqual(kept, all.slice(0, kept.length));
        assert.deepEqual(projectTurns(kept).turns.map((turn) => turn.id), ids.slice(0, end));
      }
    }
  }));
});

import assert from "node:assert/strict";
import fc from "fast-check";
import type { ThreadItem } from "../../src/protocol/item.ts";
import {
  type RolloutItem,
  rolloutLine,
  rolloutPath,
  RolloutWriter,
} from "../../src/store/rollout.ts";
import * as records from "../../src/store/rollout_items.ts";
import { NumberedRecords, ordinalOf } from "../../src/store/rollout_numbered.ts";
import { readRollout } from "../../src/store/rollout_reader.ts";
import { projectTurns } from "../../src/store/rollout_turns.ts";
import { sampleMeta, sampleTurn, threadIdAt } from "./sample_records.ts";
import { withTempDir } from "./temp_dir.ts";

const AT = 1_795_168_800_123;
const THREAD = threadIdAt(AT);

/** A file as 0.169 begins it: every record has a number. */
function startNumbered(dir: string, items: readonly RolloutItem[]): string {
  const path = rolloutPath(dir, { threadId: THREAD, createdAtMs: AT });
  RolloutWriter.create(path).close();
  Deno.writeTextFileSync(path, items.map((item, index) => numberedLine(item, index)).join(""));
  return path;
}

function numberedLine(item: RolloutItem, ordinal: number): string {
  return rolloutLine(item, "T").replace('"T",', `"T","ordinal":${ordinal},`);
}

function append(path: string, ...batches: readonly (readonly RolloutItem[])[]): void {
  const writer = RolloutWriter.open(path);
  for (const batch of batches) writer.append(batch, AT);
  writer.close();
}

function ordinals(path: string): (number | null)[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map(ordinalOf);
}

async function turnsOf(path: string): Promise<unknown[]> {
  return projectTurns(await readRollout(path)).turns.map(({ id, status, items }) => {
    return { id, status, items: items.map(withoutId) };
  });
}

/** Ids of messages are counted in one form and written down in the other. */
function withoutId(item: ThreadItem): unknown {
  const { id, ...rest } = item;
  const isMessage = ["userMessage", "agentMessage", "reasoning"].includes(item.type);
  return { ...rest, clientId: null, id: isMessage ? "" : id };
}

/** A turn with every kind of record that shows an item. */
function richTurn(turnId: string): RolloutItem[][] {
  const command = {
    type: "commandExecution" as const,
    id: "c1",
    command: "ls",
    cwd: "/a project/with ü",
    processId: "5",
    source: "unifiedExecStartup" as const,
    status: "failed" as const,
    commandActions: [{ type: "listFiles" as const, command: "ls", path: null }],
    aggregatedOutput: "out",
    exitCode: 2,
    durationMs: 61_016,
  };
  const patch = {
    type: "fileChange" as const,
    id: "p1",
    changes: [{ path: "/b", kind: { type: "add" as const }, diff: "new\n" }],
    status: "completed" as const,
  };
  const search = { callId: "w1", query: "q", action: { type: "search", query: "q" } };
  return [
    [
      records.taskStarted({ turnId, startedAt: 1, modelContextWindow: null }),
      records.userMessage("look", { images: ["data:x"], localImages: ["/pic.png"] }),
    ],
    [
      records.responseItem({ type: "reasoning", id: "rs_1", summary: [] }),
      records.agentReasoning("one"),
      records.agentReasoning("two"),
    ],
    [records.execCommandEnd(command, { turnId, argv: ["ls"] })],
    [records.patchApplyEnd(patch, { turnId, stdout: "", stderr: "" })],
    [records.webSearchEnd(search), records.viewImageToolCall("v1", "/pic.png")],
    [
      records.responseItem({ type: "message", role: "assistant", id: "msg_1", content: [] }),
      records.agentMessage("done", "final_answer"),
    ],
    [records.taskComplete({ turnId, lastAgentMessage: "done", completedAt: 2, durationMs: 1000 })],
  ];
}

Deno.test("a numbered file is numbered on, and shows what a plain one would", () =>
  withTempDir(async (dir) => {
    const path = startNumbered(dir, [sampleMeta(THREAD), ...sampleTurn("t1", "hi")]);
    append(path, ...richTurn("t2"));
    const numbers = ordinals(path);
    assert.deepEqual(numbers, numbers.map((_, index) => index));
    const plain = `${dir}/plain.jsonl`;
    Deno.writeTextFileSync(
      plain,
      [sampleMeta(THREAD), ...sampleTurn("t1", "hi"), ...richTurn("t2").flat()]
        .map((item) => rolloutLine(item, "T")).join(""),
    );
    assert.deepEqual(await turnsOf(path), await turnsOf(plain));
    const text = Deno.readTextFileSync(path);
    assert.match(text, /"item":\{"type":"AgentMessage","id":"msg_1",/);
    assert.match(text, /"item":\{"type":"Reasoning","id":"rs_1","summary_text":\["one","two"\]/);
    assert.match(text, /"cwd":"file:\/\/\/a%20project\/with%20%C3%BC"/);
    assert.equal(text.match(new RegExp(`"thread_id":"${THREAD}"`, "g"))?.length, 7);
  }));

Deno.test("a command that ends after its turn is written under that turn", () =>
  withTempDir(async (dir) => {
    const path = startNumbered(dir, [sampleMeta(THREAD)]);
    const batches = richTurn("t1");
    const [late] = batches.splice(2, 1);
    append(path, ...batches, sampleTurn("t2", "next"), late ?? []);
    const [first, second] = await turnsOf(path);
    assert.match(JSON.stringify(first), /commandExecution/);
    assert.doesNotMatch(JSON.stringify(second), /commandExecution/);
  }));

Deno.test("the number goes on after a torn, broken or blank end", () =>
  withTempDir((dir) => {
    const first = numberedLine(sampleMeta(THREAD), 0);
    const second = numberedLine(records.agentReasoning("x"), 1);
    const cases = [
      { text: first + second, next: 2 },
      { text: first + second.slice(0, -1), next: 2 },
      { text: first + second.slice(0, -5), next: 1 },
      { text: `${first}${second}{"timest`, next: 2 },
      { text: `${first}${second}\n\n`, next: 2 },
      { text: `${first}{broken\n${second.slice(0, 20)}`, next: 1 },
    ];
    for (const [index, { text, next }] of cases.entries()) {
      const path = `${dir}/${index}.jsonl`;
      Deno.writeTextFileSync(path, text);
      append(path, [records.contextCompacted()]);
      assert.equal(ordinals(path).at(-1), next, text);
    }
  }));

Deno.test("a file without numbers stays without", () =>
  withTempDir((dir) => {
    const path = `${dir}/plain.jsonl`;
    Deno.writeTextFileSync(path, rolloutLine(sampleMeta(THREAD), "T"));
    append(path, ...richTurn("t1"));
    assert.deepEqual(new Set(ordinals(path)), new Set([null]));
    assert.doesNotMatch(Deno.readTextFileSync(path), /item_completed/);
  }));

Deno.test("NumberedRecords gives the same numbers again after a rewind", () => {
  const numbered = new NumberedRecords("/x", { lastOrdinal: 6 });
  const { next } = numbered;
  const numbers = () => numbered.number(sampleTurn("t", "hi"), AT).map(({ ordinal }) => ordinal);
  const first = numbers();
  numbered.rewind(next);
  assert.deepEqual(numbers(), first);
  assert.equal(first[0], 7);
});

Deno.test("ordinalOf reads any start of a line", () => {
  fc.assert(fc.property(fc.string(), fc.nat(), (text, ordinal) => {
    assert.ok(ordinalOf(text) === null || text.startsWith('{"timestamp":'));
    const line = numberedLine({ type: "x", payload: text }, ordinal);
    assert.equal(ordinalOf(line), ordinal);
    assert.equal(ordinalOf(rolloutLine({ type: "x", payload: line }, "T")), null);
  }));
});

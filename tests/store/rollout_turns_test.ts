import assert from "node:assert/strict";
import type { RolloutItem } from "../../src/store/rollout.ts";
import { rolloutLine } from "../../src/store/rollout.ts";
import * as records from "../../src/store/rollout_items.ts";
import { readRollout, RecordParser } from "../../src/store/rollout_reader.ts";
import {
  projectTurns,
  type ThreadReplay,
  TURN_RECORD_TYPES,
} from "../../src/store/rollout_turns.ts";
import { sampleMeta } from "./sample_records.ts";

function replay(items: readonly RolloutItem[]): ThreadReplay {
  return projectTurns(
    new RecordParser().parse(items.map((item) => rolloutLine(item, "T")).join("")),
  );
}

function event(type: string, fields: Record<string, unknown> = {}): RolloutItem {
  return { type: "event_msg", payload: { type, ...fields } };
}

function start(turnId: string): RolloutItem {
  return records.taskStarted({ turnId, startedAt: 100, modelContextWindow: null });
}

function end(turnId: string): RolloutItem {
  return records.taskComplete({
    turnId,
    lastAgentMessage: null,
    completedAt: 105,
    durationMs: 5000,
  });
}

function user(text: string): RolloutItem {
  return records.userMessage(text);
}

function agent(text: string): RolloutItem {
  return records.agentMessage(text);
}

function exec(callId: string, turnId: string, output = "out"): RolloutItem {
  return event("exec_command_end", {
    call_id: callId,
    turn_id: turnId,
    command: ["ls"],
    cwd: "/",
    aggregated_output: output,
    exit_code: 0,
    status: "completed",
  });
}

/** `id status: item item ...`, one line per turn; expectations are what 0.120 answers for the same file. */
function check(items: readonly RolloutItem[], expected: readonly string[]): void {
  const lines = replay(items).turns.map((turn) => {
    const shown = turn.items.map((item) => {
      if (item.type === "userMessage") {
        return `${item.id}=${
          item.content.map((part) => part.type === "text" ? part.text : part.type)
        }`;
      }
      return item.type === "agentMessage" ? `${item.id}=${item.text}` : `${item.id}:${item.type}`;
    });
    return `${turn.id} ${turn.status}: ${shown.join(" ")}`;
  });
  assert.deepEqual(lines, expected);
}

const FIRST = [start("t1"), user("q1"), agent("a1"), end("t1")];
const SECOND = [start("t2"), user("q2"), agent("a2"), end("t2")];
const THIRD = [start("t3"), user("q3"), agent("a3"), end("t3")];
const FIRST_LINE = "t1 completed: item-1=q1 item-2=a1";

Deno.test("a rollback drops the last turns, and ids go on after what is left", () => {
  check([...FIRST, ...SECOND, records.threadRolledBack(1), ...THIRD], [
    FIRST_LINE,
    "t3 completed: item-3=q3 item-4=a3",
  ]);
  check([...FIRST, records.threadRolledBack(99), ...THIRD], ["t3 completed: item-1=q3 item-2=a3"]);
  check([...FIRST, records.threadRolledBack(0)], [FIRST_LINE]);
  check(
    [start("t1"), user("q1"), exec("c1", "t1"), end("t1"), ...SECOND, records.threadRolledBack(1)],
    ["t1 completed: item-1=q1 c1:commandExecution"],
  );
  check(
    [...FIRST, start("c"), records.compacted("s", []), records.contextCompacted(), end("c")]
      .concat(records.threadRolledBack(1)),
    [FIRST_LINE],
  );
});

Deno.test("files without task_started get a turn per user message", () => {
  check([
    sampleMeta("x"),
    user("q1"),
    agent("a1"),
    user("q2"),
    agent("a2"),
    ...THIRD,
    agent("late"),
  ], [
    "rollout-1 completed: item-1=q1 item-2=a1",
    "rollout-3 completed: item-3=q2 item-4=a2",
    "t3 completed: item-5=q3 item-6=a3",
    "rollout-9 completed: item-7=late",
  ]);
  check([agent("hello"), user("q1")], [
    "rollout-0 completed: item-1=hello",
    "rollout-1 completed: item-2=q1",
  ]);
  check([user("q1"), records.compacted("s", []), records.contextCompacted(), user("q2")], [
    "rollout-0 completed: item-1=q1 item-2:contextCompaction",
    "rollout-3 completed: item-3=q2",
  ]);
});

Deno.test("a turn without an end reads as interrupted, with what it got done", () => {
  check([start("t1"), user("q1"), start("t2")], ["t1 interrupted: item-1=q1", "t2 interrupted: "]);
  check(
    [start("t1"), user("q1"), event("turn_aborted", { turn_id: "t1" }), user("q2"), start("t2")],
    ["t1 interrupted: item-1=q1 item-2=q2", "t2 interrupted: "],
  );
  check([start("t1"), event("turn_aborted", { reason: "replaced" })], ["t1 interrupted: "]);
});

Deno.test("times of a turn are those of its records", () => {
  const [first, second] = replay([...FIRST, start("t2")]).turns;
  assert.deepEqual([first?.startedAt, first?.completedAt, first?.durationMs], [100, 105, 5000]);
  assert.deepEqual([second?.startedAt, second?.completedAt], [100, null]);
});

Deno.test("late items join their turn, repeated ones replace the first, unknown turns drop them", () => {
  check([...FIRST, start("t2"), user("q2"), exec("late", "t1"), exec("lost", "zz"), end("t2")], [
    `${FIRST_LINE} late:commandExecution`,
    "t2 completed: item-3=q2",
  ]);
  const [turn] = replay([start("t1"), exec("c1", "t1", "a"), exec("c1", "t1", "b")]).turns;
  const outputs = turn?.items.map((item) =>
    item.type === "commandExecution" && item.aggregatedOutput
  );
  assert.deepEqual(outputs, ["b"]);
});

Deno.test("parts of reasoning make one item until something else comes", () => {
  const { turns } = replay([
    start("t1"),
    records.agentReasoning("r1"),
    records.agentReasoning("r2"),
    records.agentReasoningRaw("raw"),
    agent("m"),
    records.agentReasoning("r3"),
    agent(""),
  ]);
  assert.deepEqual(turns[0]?.items, [
    { type: "reasoning", id: "item-1", summary: ["r1", "r2"], content: ["raw"] },
    { type: "agentMessage", id: "item-2", text: "m", phase: null, memoryCitation: null },
    { type: "reasoning", id: "item-3", summary: ["r3"], content: [] },
  ]);
});

Deno.test("an error fails its turn, whether or not the turn ends", () => {
  const failure = records.errorEvent({
    message: "boom",
    codexErrorInfo: "usageLimitExceeded",
    additionalDetails: null,
  });
  check([start("t1"), user("q1"), failure, end("t1"), start("t2"), failure], [
    "t1 failed: item-1=q1",
    "t2 failed: ",
  ]);
  const { turns } = replay([start("t1"), failure]);
  assert.deepEqual(turns[0]?.error, {
    message: "boom",
    codexErrorInfo: "usageLimitExceeded",
    additionalDetails: null,
  });
  check(
    [start("t1"), event("error", { message: "m", codex_error_info: "thread_rollback_failed" })],
    [
      "t1 interrupted: ",
    ],
  );
  const infos = [null, "from_the_future", { http_connection_failed: { http_status_code: 502 } }];
  const read = infos.map((codex_error_info) =>
    replay([start("t"), event("error", { message: "m", codex_error_info })]).turns[0]?.error
      ?.codexErrorInfo
  );
  assert.deepEqual(read, [null, "other", { httpConnectionFailed: { httpStatusCode: 502 } }]);
});

Deno.test("user messages keep text, images and marks in upstream's order", () => {
  const { turns, preview } = replay([
    start("t1"),
    records.userMessage("q1", {
      images: ["data:image/png;base64,AAAA"],
      localImages: ["/x.png"],
      textElements: [{ byteRange: { start: 0, end: 2 }, placeholder: "[q]" }],
    }),
    user("   "),
  ]);
  const text_elements = [{ byteRange: { start: 0, end: 2 }, placeholder: "[q]" }];
  assert.deepEqual(turns[0]?.items.map((item) => item.type === "userMessage" && item.content), [
    [
      { type: "text", text: "q1", text_elements },
      { type: "image", url: "data:image/png;base64,AAAA" },
      { type: "localImage", path: "/x.png" },
    ],
    [],
  ]);
  assert.equal(preview, "q1");
});

Deno.test("the preview is what the person typed first", () => {
  assert.equal(replay(FIRST).preview, "q1");
  assert.equal(replay([start("t")]).preview, null);
  assert.equal(
    replay([records.userMessage("", { images: ["data:x"] }), user("q2")]).preview,
    "[Image]",
  );
  const fromEditor = "# Context from my IDE setup:\n\nfoo\n\n## My request for Codex:\nreal text\n";
  assert.equal(replay([user(fromEditor)]).preview, "real text");
  assert.equal(replay([user("x".repeat(10_000))]).preview?.length, 4096);
});

Deno.test("the first session_meta of a fork counts, and the last name", () => {
  const fork = replay([
    sampleMeta("fork", {
      forkedFromId: "source",
      gitInfo: { sha: "s", branch: "b", originUrl: null },
    }),
    sampleMeta("source"),
    ...FIRST,
    records.threadNameUpdated("fork", "one"),
    records.threadNameUpdated("fork", "two"),
  ]);
  assert.equal(fork.meta?.threadId, "fork");
  assert.equal(fork.meta.forkedFromId, "source");
  assert.deepEqual(fork.meta.gitInfo, { sha: "s", branch: "b", originUrl: null });
  assert.equal(fork.name, "two");
});

Deno.test("a minimal file of another writer reads as 0.169 reads it", async () => {
  const path = new URL("./fixtures/minimal.jsonl", import.meta.url).pathname;
  const { meta, turns } = projectTurns(await readRollout(path, { types: TURN_RECORD_TYPES }));
  assert.deepEqual(turns.map((turn) => [turn.id, turn.items.map((item) => item.id)]), [
    ["rollout-2", ["item-1", "item-2"]],
    ["rollout-6", ["item-3", "item-4"]],
  ]);
  assert.equal(meta?.source, "vscode");
  assert.equal(meta.modelProvider, null);
});

Deno.test("items that 0.169 records whole keep their ids", async () => {
  const path = new URL("./fixtures/items_0169.jsonl", import.meta.url).pathname;
  const replayed = projectTurns(await readRollout(path));
  assert.equal(replayed.meta?.threadSource, "user");
  assert.equal(replayed.preview, "hi");
  assert.deepEqual(replayed.lastContext, {
    cwd: "/project",
    model: "m1",
    approvalPolicy: "on-request",
    reasoningEffort: "high",
  });
  assert.equal(replayed.tokenUsage?.total.totalTokens, 150);
  assert.equal(replayed.tokenUsage.last.cachedInputTokens, 2);
  assert.deepEqual(replayed.turns, [{
    id: "t1",
    status: "completed",
    error: null,
    startedAt: 1795168800,
    completedAt: 1795168805,
    durationMs: 5000,
    items: [
      {
        type: "userMessage",
        id: "u1",
        clientId: "k1",
        content: [
          {
            type: "text",
            text: "hi",
            text_elements: [{ byteRange: { start: 0, end: 2 }, placeholder: null }],
          },
          { type: "localImage", path: "/a.png" },
          { type: "image", url: "data:x" },
          { type: "mention", name: "f", path: "/f" },
        ],
      },
      { type: "reasoning", id: "r1", summary: ["think"], content: ["raw"] },
      {
        type: "commandExecution",
        id: "c1",
        command: "/bin/bash -lc 'cat a'",
        cwd: "/project",
        processId: "7",
        source: "unifiedExecStartup",
        status: "completed",
        commandActions: [{ type: "read", command: "cat a", name: "a", path: "a" }],
        aggregatedOutput: "out\n",
        exitCode: 0,
        durationMs: 1016,
      },
      {
        type: "fileChange",
        id: "p1",
        changes: [{ path: "/project/b", kind: { type: "add" }, diff: "x\n" }],
        status: "completed",
      },
      {
        type: "agentMessage",
        id: "m1",
        text: "one two",
        phase: "final_answer",
        memoryCitation: null,
      },
    ],
  }]);
});

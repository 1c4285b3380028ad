import assert from "node:assert/strict";
import { failureLine, lineOf } from "../../scripts/demo/print.ts";
import { openStage } from "../../scripts/demo/stage.ts";
import { playStory } from "../../scripts/demo/story.ts";
import { Transcript } from "../../scripts/demo/transcript.ts";
import { SOURCE } from "../support/forms.ts";

const [PROGRAM = "", ...WORDS] = SOURCE.command;

Deno.test("the demo cuts its connection, comes back by number, and shows what was missed", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex-test-" }));
  const told: string[] = [];
  try {
    await using stage = await openStage([PROGRAM, ...WORDS], {
      root,
      env: { RUST_LOG: "", LOG_FORMAT: "", ...SOURCE.env },
    });
    await playStory(stage, (mark, text) => void told.push(`${mark} ${text}`));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
  const all = told.join("\n");
  const cut = /✂ .*\n↻ reconnecting in [\s\S]*nobody is connected.*; event (\d+) was the last one/;
  const [, last = ""] = cut.exec(all) ?? assert.fail(all);
  const replay = /events (\d+) to (\d+) were replayed\n {2}(step \d+ of 10\n)+/.exec(all);
  const [, first = "", until = ""] = replay ?? assert.fail(all);
  assert.equal(Number(first), Number(last) + 1);
  assert.ok(Number(until) >= Number(first));
  assert.match(all, /each of them once and in order, as the server has them$/);
});

Deno.test("the demo prints no control sequences of a model, a command or a server", () => {
  const evil = "no\u001b]52;c;ZXZpbA==\u0007\u001b[2J\u009b31m way\u202e\nmore";
  assert.equal(lineOf("›", evil, { isColored: false }), "› no way\n  more");
  assert.equal(lineOf("✓", evil, { isColored: true }), "\u001b[32m✓ no way\n  more\u001b[0m");
  assert.equal(failureLine(new Error(evil)), "The demo failed: no way\nmore");
});

const OPENED = { logId: "log", seq: 3 };

/** A piece of the output of a command, with its number. */
function piece(seq: number, delta: string, more: { seqFrom?: number; logId?: string } = {}) {
  const params = { logId: "log", seq, itemId: "c", delta, ...more };
  return { method: "item/commandExecution/outputDelta", params };
}

/** The end of that command. */
function ended(seq: number, aggregatedOutput: string) {
  const item = {
    type: "commandExecution" as const,
    id: "c",
    command: "ls",
    cwd: "/",
    processId: null,
    source: "agent" as const,
    status: "completed" as const,
    commandActions: [],
    aggregatedOutput,
    exitCode: 0,
    durationMs: 1,
  };
  return { item, event: { method: "item/completed", params: { logId: "log", seq, item } } };
}

Deno.test("a transcript takes merged pieces, and passes over what has no number", () => {
  const transcript = new Transcript();
  transcript.opened(OPENED);
  transcript.take({ method: "skills/changed", params: {} });
  transcript.take(piece(4, "a"));
  transcript.take(piece(7, "bcd", { seqFrom: 5 }));
  const { item, event } = ended(8, "abcd");
  transcript.take(event);
  transcript.compare([item]);
  assert.deepEqual([transcript.seq, transcript.outputOf("c")], [8, "abcd"]);
  assert.deepEqual(transcript.problems, []);
});

const WRONG = {
  "a hole": piece(5, "a"),
  "a repetition": piece(3, "a"),
  "an overlap": piece(5, "a", { seqFrom: 3 }),
  "another log": piece(4, "a", { logId: "other" }),
};
for (const [what, event] of Object.entries(WRONG)) {
  Deno.test(`a transcript finds ${what}`, () => {
    const transcript = new Transcript();
    transcript.opened(OPENED);
    transcript.take(event);
    assert.equal(transcript.problems.length, 1);
  });
}

Deno.test("a transcript finds pieces that are not the whole, and items that the server does not have", () => {
  const transcript = new Transcript();
  transcript.opened(OPENED);
  transcript.take(piece(4, "ab"));
  const { item, event } = ended(5, "abc");
  transcript.take(event);
  transcript.compare([item]);
  assert.match(transcript.problems.join(), /^The pieces of ls are ab, the whole is abc$/);
  transcript.compare([]);
  assert.match(transcript.problems[1] ?? "", /^The client has seen .*"ls".*, and the server has/);
});

Deno.test("a transcript needs a server that numbers its events", () => {
  const transcript = new Transcript();
  transcript.opened({});
  assert.equal(transcript.problems.length, 1);
});

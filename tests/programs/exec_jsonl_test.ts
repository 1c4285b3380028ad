/** Golden tests of `codex exec --json`: notifications in, lines out. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  initialJsonlState,
  type JsonlEvent,
  jsonlLine,
  reduceJsonl,
} from "../../src/programs/exec/jsonl_events.ts";
import type { ServerNotification } from "../../src/programs/exec/notification.ts";
import * as given from "./exec_notifications.ts";

function run(...notifications: ServerNotification[]): JsonlEvent[] {
  let state = initialJsonlState;
  return notifications.flatMap((notification) => {
    const step = reduceJsonl(state, notification);
    state = step.state;
    return step.events;
  });
}

Deno.test("reduceJsonl numbers items in the order in which they appear", () => {
  const events = run(
    given.turnStarted,
    given.completed(given.reasoning("rs", "**Plan** do it")),
    given.started(given.message("msg_1", "")),
    given.completed(given.message("msg_1", "I will look.")),
    given.started(given.command("c1")),
    given.started(given.patch("p1", "inProgress")),
    given.completed(given.patch("p1", "completed")),
    given.completed(given.command("c1", { exitCode: 4, output: "hello\n" })),
    given.tokenUsage,
    given.turnCompleted("completed"),
  );
  const command = { type: "command_execution", command: "/bin/bash -lc 'cat a.txt'" };
  const changes = [{ path: "/proj/ex.txt", kind: "add" }, { path: "/proj/a.txt", kind: "update" }];
  assert.deepEqual(events, [
    { type: "turn.started" },
    { type: "item.completed", item: { id: "item_0", type: "reasoning", text: "**Plan** do it" } },
    { type: "item.completed", item: { id: "item_1", type: "agent_message", text: "I will look." } },
    {
      type: "item.started",
      item: {
        id: "item_2",
        ...command,
        aggregated_output: "",
        exit_code: null,
        status: "in_progress",
      },
    },
    {
      type: "item.started",
      item: { id: "item_3", type: "file_change", changes, status: "in_progress" },
    },
    {
      type: "item.completed",
      item: { id: "item_3", type: "file_change", changes, status: "completed" },
    },
    {
      type: "item.completed",
      item: {
        id: "item_2",
        ...command,
        aggregated_output: "hello\n",
        exit_code: 4,
        status: "failed",
      },
    },
    {
      type: "turn.completed",
      usage: {
        input_tokens: 1000,
        cached_input_tokens: 200,
        cache_write_input_tokens: 0,
        output_tokens: 300,
        reasoning_output_tokens: 30,
      },
    },
  ]);
});

Deno.test("reduceJsonl keeps one todo list, completed at the end of the turn", () => {
  const events = run(
    given.plan(["completed", "one"], ["inProgress", "two"]),
    given.plan(["completed", "one"], ["completed", "two"]),
    given.turnCompleted("completed"),
  );
  const first = [{ text: "one", completed: true }, { text: "two", completed: false }];
  const second = [{ text: "one", completed: true }, { text: "two", completed: true }];
  assert.deepEqual(events.slice(0, 3), [
    { type: "item.started", item: { id: "item_0", type: "todo_list", items: first } },
    { type: "item.updated", item: { id: "item_0", type: "todo_list", items: second } },
    { type: "item.completed", item: { id: "item_0", type: "todo_list", items: second } },
  ]);
});

Deno.test("reduceJsonl says a failure as error and turn.failed", () => {
  assert.deepEqual(
    run(
      given.failure("Reconnecting... 1/5", { retry: true, details: "status 401" }),
      given.failure("bad thing", { retry: false }),
      given.turnCompleted("failed", given.turnError("bad thing")),
    ),
    [
      { type: "error", message: "Reconnecting... 1/5 (status 401)" },
      { type: "error", message: "bad thing" },
      { type: "turn.failed", error: { message: "bad thing" } },
    ],
  );
});

Deno.test("reduceJsonl falls silent when a turn is interrupted", () => {
  assert.deepEqual(run(given.turnCompleted("interrupted")), []);
});

Deno.test("reduceJsonl gives a web search one id, and leaves out empty reasoning", () => {
  const search = { type: "webSearch" as const, id: "ws_1", query: "deno", action: null };
  const events = run(
    given.completed(given.reasoning("rs")),
    given.started(search),
    given.completed(search),
  );
  const item = { id: "item_0", type: "web_search", query: "deno", action: { type: "other" } };
  assert.deepEqual(events, [{ type: "item.started", item }, { type: "item.completed", item }]);
  assert.equal(jsonlLine(events[0] ?? assert.fail()).match(/"id"/g)?.length, 1);
});

Deno.test("jsonlLine is one line of JSON without control characters, whatever the text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const line = jsonlLine({ type: "error", message: text });
    // deno-lint-ignore no-control-regex -- These are what must not be there.
    assert.ok(!/[\u0000-\u001f\u007f-\u009f]/.test(line.slice(0, -1)));
    assert.equal(JSON.parse(line).message, text);
  }));
});

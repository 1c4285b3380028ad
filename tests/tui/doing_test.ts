/** What the line above the composer says that the agent does. */
import assert from "node:assert/strict";
import { Conversation } from "../../src/tui/conversation.ts";
import { doingOf } from "../../src/tui/doing.ts";

function doing(item: Readonly<Record<string, unknown>>, method = "item/started"): string | null {
  const conversation = new Conversation({ clock: { now: () => 0, after: () => () => {} } });
  conversation.apply({ method, params: { turnId: "t", item: { id: "i", ...item } } });
  return doingOf(conversation.blocks);
}

Deno.test("each kind of work has words of its own, and what is over has none", () => {
  const command = { type: "commandExecution", command: "/bin/bash -lc 'make all'", cwd: "/" };
  assert.equal(doing(command), "Running make all");
  assert.equal(doing({ type: "fileChange", changes: [] }), "Changing files");
  assert.equal(doing({ type: "agentMessage", text: "Hm" }), "Writing");
  assert.equal(doing({ type: "reasoning", summary: ["**Weighing it** and so on"] }), "Weighing it");
  assert.equal(doing({ type: "reasoning", summary: ["So"] }), "Thinking");
  assert.equal(doing({ type: "webSearch", query: "deno" }), "Searching the web deno");
  assert.equal(doing({ type: "mcpToolCall", server: "docs", tool: "find" }), "Calling docs.find");
  assert.equal(doing({ type: "contextCompaction" }), "Compacting the context");
  assert.equal(doing({ type: "agentMessage", text: "Hm" }, "item/completed"), null);
  assert.equal(doingOf([]), null);
});

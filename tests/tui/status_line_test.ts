/** What the last line of the screen says where there is little room. */
import assert from "node:assert/strict";
import { stripTerminalSequences, visibleWidth } from "pi-tui";
import { renderStatusLine, type StatusFacts } from "../../src/tui/status_line.ts";
import { PLAIN_THEME } from "./pane_world.ts";

const FACTS: StatusFacts = {
  connection: { type: "connected" },
  remote: "wss://box.example.org:4500",
  latencyMs: 12,
  nowMs: 10_000,
  settings: {
    model: "mock-model",
    modelProvider: "mock",
    effort: null,
    cwd: "/home/me/projects/parser",
    approvalPolicy: "on-request",
    sandbox: { type: "dangerFullAccess" },
  },
  usage: null,
  clientCount: 1,
  home: null,
};

/** What stands left and right. */
function parts(width: number, facts: Partial<StatusFacts> = {}): string[] {
  const row = renderStatusLine({ ...FACTS, ...facts }, { width, theme: PLAIN_THEME });
  const text = stripTerminalSequences(row);
  assert.equal(visibleWidth(text), width);
  return text.trim().split(/ {2,}/);
}

Deno.test("the status line shortens where there is little room, and leaves out what matters least", () => {
  const address = "● wss://box.example.org:4500 12 ms";
  assert.deepEqual(parts(95), ["mock-model · /home/me/projects/parser · full access", address]);
  assert.deepEqual(parts(80), ["mock-model · /home/me/projects/parser", address]);
  assert.deepEqual(parts(60), ["mock-model · …/parser", address]);
  assert.deepEqual(parts(52), ["mock-model", address]);
  // The model is worth more than an address that does not change,
  assert.deepEqual(parts(40), ["mock-model · …/parser", "● 12 ms"]);
  assert.deepEqual(parts(40, { latencyMs: null }), ["mock-model · …/parser", "● remote"]);
  // and that nothing is heard is worth more than all else.
  const reconnecting = { type: "reconnecting", sinceMs: 7_000, nextMs: 12_000 } as const;
  assert.deepEqual(parts(40, { connection: { ...reconnecting, reason: "", code: null } }), [
    "○ offline for 3s, reconnecting in 2s",
  ]);
});

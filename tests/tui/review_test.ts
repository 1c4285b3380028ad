/** Reviews as the real servers tell of them: the turn ends under another id than it began with. */
import assert from "node:assert/strict";
import { blockOf } from "../../src/tui/item_block.ts";
import { startStand } from "./app_stand.ts";

const OUTER = "0199a213-81a0-7800-8aa1-bbab2a035a54";
const INNER = "0199a213-81a0-7800-8aa1-bbab2a035a55";

Deno.test("a review that ends under another id than it began with is over", async () => {
  await using stand = await startStand();
  const turn = { id: INNER, status: "inProgress", items: [] };
  stand.tell("turn/started", { turn });
  await stand.terminal.until("Esc interrupts");
  stand.tell("turn/completed", { turn: { ...turn, id: OUTER, status: "completed" } });
  assert.doesNotMatch(await stand.drawn(), /Esc interrupts/);
});

Deno.test("what a review found is shown once, as the message that follows its end", () => {
  const place = { id: "1", turnId: OUTER, isFinal: true, startedMs: 0 };
  const block = blockOf({ type: "exitedReviewMode", review: "A bug" }, place);
  assert.ok(block.type === "action");
  assert.equal(block.label, "Review ended");
  assert.equal(block.detail, "");
});

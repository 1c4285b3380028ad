/** How notices of the interface are broken into rows. */
import assert from "node:assert/strict";
import { renderNotice } from "../../src/tui/render/remarks.ts";
import { NO_COLOR, seen } from "./render_support.ts";

function notice(text: string, width: number): string[] {
  const context = {
    ...{ theme: NO_COLOR, width, isExpanded: false, nowMs: 0, cwd: null },
    highlight: () => null,
  };
  const block = { id: "n", type: "notice", turnId: null, revision: 1, isFinal: true } as const;
  return seen(renderNotice({ ...block, level: "info", text }, context)).split("\n");
}

Deno.test("the values of a table stay in their column where there is room for one", () => {
  const table =
    "Model    mock-model\nFolder   /home/somebody/projects/parser\nTokens   1 in, 2 out, 3 cached";
  assert.deepEqual(notice(table, 30), [
    "• Model    mock-model",
    "  Folder   /home/somebody/proj",
    "           ects/parser",
    "  Tokens   1 in, 2 out, 3",
    "           cached",
  ]);
  assert.deepEqual(notice("Tokens   1 in, 2 out, 3 cached", 22), [
    "• Tokens   1 in, 2",
    "  out, 3 cached",
  ]);
});

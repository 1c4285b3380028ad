/** What no block may do to a terminal, whatever is in it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { renderBlock } from "../../src/tui/render/block.ts";
import { cleanText, clip, wrapText } from "../../src/tui/render/wrap.ts";
import { createColoring } from "../../src/tui/render/lowlight.ts";
import { assertSafe, contextOf, DARK, nasty, nastyBlock, NO_COLOR } from "./render_support.ts";

const width = fc.integer({ min: 1, max: 200 });

Deno.test("no block draws anything but text and styles, or a line that is too wide", () => {
  const coloring = createColoring(DARK);
  const theme = fc.constantFrom(DARK, NO_COLOR);
  fc.assert(
    fc.property(nastyBlock, width, fc.boolean(), theme, (block, columns, isExpanded, look) => {
      const highlight = isExpanded ? coloring : () => null;
      const context = contextOf({ width: columns, isExpanded, theme: look, highlight, cwd: "/p" });
      assertSafe(renderBlock(block, context), columns);
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("drawing a block twice gives the same lines", () => {
  fc.assert(fc.property(nastyBlock, width, (block, columns) => {
    const context = contextOf({ width: columns });
    assert.deepEqual(renderBlock(block, context), renderBlock(block, context));
  }));
});

Deno.test("wrapping keeps every word, and clipping says that it has cut", () => {
  const words = fc.array(fc.constantFrom("a", "word", "界", "漢字", "😀", "e\u0301", "longer-one"));
  fc.assert(fc.property(words, fc.integer({ min: 2, max: 40 }), (pieces, columns) => {
    const text = pieces.join(" ");
    const lines = wrapText(text, columns);
    assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    const clipped = clip(text, columns);
    assertSafe([clipped], columns);
    assert.ok(clipped === text || clipped.endsWith("…"));
  }));
});

Deno.test("clean text is safe at any width", () => {
  fc.assert(fc.property(nasty, width, (text, columns) => {
    assertSafe(wrapText(cleanText(text), columns), columns);
  }));
});

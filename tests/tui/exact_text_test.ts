import assert from "node:assert/strict";
import fc from "fast-check";
import { visibleWidth } from "pi-tui";
import { exactRows, hasHidden, revealed } from "../../src/tui/pane/exact_text.ts";
import { assertSafe, NASTY } from "./pane_world.ts";

const PLAIN = { style: (text: string) => text, signStyle: (text: string) => text };

Deno.test("what a terminal would hide, reorder or act on is written out", () => {
  const cases: [string, string][] = [
    ["rm \u202efdp.txt", "rm \\u{202e}fdp.txt"],
    ["a\u001b[2Kb", "a\\u{1b}[2Kb"],
    ["a\rb", "a\\u{d}b"],
    ["curl\u00a0x", "curl\\u{a0}x"],
    ["a\u200bb", "a\\u{200b}b"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["half\ud800", "half\\u{d800}"],
    ["fill\u3164er", "fill\\u{3164}er"],
    ["❤\ufe0f", "❤\\u{fe0f}"],
    ["echo 漢字 👍🏽", "echo 漢字 👍🏽"],
  ];
  for (const [text, shown] of cases) {
    assert.equal(revealed(text), shown);
    assert.deepEqual(exactRows(text, { width: 80, ...PLAIN }), [shown]);
    assert.equal(hasHidden(text), text !== shown, text);
  }
});

Deno.test("rows are broken where the width ends, with every space and every character", () => {
  assert.deepEqual(exactRows("ab  cd   ef", { width: 4, ...PLAIN }), ["ab  ", "cd  ", " ef"]);
  assert.deepEqual(exactRows("漢字漢", { width: 3, ...PLAIN }), ["漢", "字", "漢"]);
  assert.deepEqual(exactRows("a\n\nb", { width: 4, ...PLAIN }), ["a", "", "b"]);
  assert.deepEqual(exactRows("", { width: 4, ...PLAIN }), [""]);
});

Deno.test("signs are told from the same letters in the text by their style", () => {
  const rows = exactRows("\\u{202e}\u202e", {
    width: 80,
    style: (text) => text,
    signStyle: (text) => `<${text}>`,
  });
  assert.deepEqual(rows, ["\\u{202e}<\\u{202e}>"]);
});

Deno.test("no row is too wide or unsafe, and nothing is left out", () => {
  const text = fc.array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })))
    .map((parts) => parts.join(""));
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 200 }), (nasty, width) => {
    const rows = exactRows(nasty, { width, ...PLAIN });
    assertSafe(rows, width);
    for (const row of rows) assert.ok(visibleWidth(row) <= width);
    // Wide enough that nothing has to stand for what has no room.
    const whole = exactRows(nasty, { width: 100_000, ...PLAIN });
    assert.equal(whole.length, nasty.split("\n").length);
    const letters = (shown: string) =>
      [...shown].filter((letter) => /[a-z0-9]/.test(letter)).length;
    assert.ok(letters(whole.join("\n")) >= letters(nasty));
  }));
});

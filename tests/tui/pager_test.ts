import assert from "node:assert/strict";
import fc from "fast-check";
import { fixedText, Pager } from "../../src/tui/pane/pager.ts";
import { cleanText, wrapText } from "../../src/tui/render/wrap.ts";
import { keyBytes } from "../support/keys.ts";
import { assertSafe, COLOR_THEME, NASTY, PLAIN_THEME, plainRows } from "./pane_world.ts";

function shown(lines: readonly string[], { rows = 6, theme = PLAIN_THEME, title = "Text" } = {}) {
  let isClosed = false;
  const pager = new Pager({
    theme,
    requestRender: () => {},
    maxRows: () => rows,
    title: () => title,
    text: fixedText(lines, {
      draw: (line, width) => wrapText(cleanText(line).replaceAll("\n", " "), width),
      status: "all",
    }),
    onClose: () => isClosed = true,
  });
  const press = (...keys: readonly string[]) => {
    for (const key of keys) pager.handleInput(keyBytes(key));
  };
  return { pager, press, isClosed: () => isClosed };
}

Deno.test("a pager shows a page, moves by keys of other pagers, and stays within the text", () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`);
  const { pager, press, isClosed } = shown(lines);
  assert.deepEqual(plainRows(pager, 40), [
    "Text                          all · 4/20",
    "line 1",
    "line 2",
    "line 3",
    "line 4",
    "Esc closes · ↑↓ Space b g G scroll",
  ]);
  const first = () => plainRows(pager, 40)[1];
  const steps: [string, string][] = [
    ["down", "line 2"],
    ["space", "line 5"],
    ["b", "line 2"],
    ["k", "line 1"],
    ["up", "line 1"],
    ["G", "line 17"],
    ["pagedown", "line 17"],
    ["pageup", "line 14"],
    ["g", "line 1"],
    ["j", "line 2"],
  ];
  for (const [key, expected] of steps) {
    press(key);
    assert.equal(first(), expected, key);
  }
  press("q");
  assert.equal(isClosed(), true);
});

Deno.test("the wheel turns the pages", () => {
  const { pager } = shown(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`));
  plainRows(pager, 40);
  const place = {
    x: 0,
    y: 1,
    screenX: 0,
    screenY: 1,
    width: 40,
    height: 6,
    button: "none",
  } as const;
  const event = { ...place, shift: false, alt: false, ctrl: false };
  assert.deepEqual(pager.handleMouse({ ...event, type: "wheel", wheelDelta: 3 }), {
    handled: true,
  });
  assert.equal(plainRows(pager, 40)[1], "line 4");
  assert.equal(pager.handleMouse({ ...event, type: "move" }), undefined);
});

Deno.test("a short text takes no more rows than it has", () => {
  assert.deepEqual(plainRows(shown(["one"]).pager, 80), [
    `Text${" ".repeat(73)}all`,
    "one",
    "Esc closes · ↑↓ Space b g G scroll",
  ]);
});

Deno.test("no text makes a pager too wide or unsafe", () => {
  const nasty = fc.array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })));
  const sizes = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40 }));
  fc.assert(fc.property(nasty, sizes, (lines, [width, rows]) => {
    const { pager, press } = shown(lines, { rows, theme: COLOR_THEME, title: lines.join("") });
    assertSafe(pager.render(width), width);
    press("end", "pageup");
    assertSafe(pager.render(width), width);
  }));
});

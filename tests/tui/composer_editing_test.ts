import assert from "node:assert/strict";
import { CURSOR_MARKER, setKittyProtocolActive } from "pi-tui";
import { ComposerBench } from "./composer_bench.ts";

const NEW_LINE_KEYS: Readonly<Record<string, string>> = {
  "Ctrl-J": "\n",
  "Alt-Enter": "\x1b\r",
  "Shift-Enter of the Kitty protocol": "\x1b[13;2u",
  "Alt-Enter of the Kitty protocol": "\x1b[13;3u",
  "Ctrl-J of the Kitty protocol": "\x1b[106;5u",
  "Shift-Enter of modifyOtherKeys": "\x1b[27;2;13~",
  "backslash and Enter": "\\\r",
};

for (const [name, keys] of Object.entries(NEW_LINE_KEYS)) {
  Deno.test(`${name} makes a new line, and Enter sends all of them`, async () => {
    await using bench = new ComposerBench();
    bench.type("one");
    bench.type(keys);
    bench.type("two\r");
    assert.deepEqual(bench.sent, ["one\ntwo"]);
    assert.equal(bench.composer.isEmpty, true);
  });
}

Deno.test("an empty composer shows its placeholder, and a hint in the lower rule", async () => {
  await using bench = new ComposerBench();
  assert.deepEqual(await bench.body(), ["›  Ask anything"]);
  bench.composer.setHint("Enter steers\x1b]52;c;AAAA\x07");
  assert.match(await bench.screen(), /── Enter steers ─+$/);
  bench.type("x");
  assert.deepEqual(await bench.body(), ["› x"]);
});

Deno.test("the cursor is told to the terminal where it stands, for input methods", async () => {
  await using bench = new ComposerBench();
  bench.type("漢字ab");
  bench.press("left");
  const line = bench.composer.render(20)[1] ?? "";
  assert.equal(line.includes(`漢字a${CURSOR_MARKER}\x1b[7mb\x1b[27m`), true, JSON.stringify(line));
  bench.composer.focused = false;
  assert.equal(bench.composer.render(20)[1]?.includes(CURSOR_MARKER), false);
});

Deno.test("keys of readline move, kill and yank", async () => {
  await using bench = new ComposerBench();
  bench.type("one two three");
  bench.press("ctrl+w", "ctrl+w");
  assert.equal(bench.composer.text, "one ");
  bench.press("ctrl+y");
  assert.equal(bench.composer.text, "one two three");
  bench.press("ctrl+a", "ctrl+k");
  assert.equal(bench.composer.text, "");
  bench.press("ctrl+y", "alt+y");
  assert.equal(bench.composer.text, "two three");
  bench.press("alt+b");
  bench.type("big ");
  bench.press("ctrl+e");
  bench.type("!");
  assert.equal(bench.composer.text, "two big three!");
  bench.press("home", "right", "alt+d");
  assert.equal(bench.composer.text, "t big three!");
  bench.press("end", "ctrl+u");
  assert.equal(bench.composer.text, "");
});

Deno.test("undo takes back words, not letters, and a paste as one", async () => {
  await using bench = new ComposerBench();
  bench.type("one two");
  bench.terminal.paste(" three four");
  assert.equal(bench.composer.text, "one two three four");
  for (const expected of ["one two", "one", ""]) {
    bench.type("\x1f");
    assert.equal(bench.composer.text, expected);
  }
});

Deno.test("characters of several code points are deleted and passed as one", async () => {
  await using bench = new ComposerBench();
  bench.type("a👨‍👩‍👧e\u0301🇩🇪");
  bench.press("left", "backspace");
  assert.equal(bench.composer.text, "a👨‍👩‍👧🇩🇪");
  bench.press("left", "delete");
  assert.equal(bench.composer.text, "a🇩🇪");
});

Deno.test("up and down go through the rows of a long line and keep their column", async () => {
  await using bench = new ComposerBench({ columns: 13 });
  bench.type("aaaa bbbb cc dddd eeee");
  assert.deepEqual(await bench.body(), ["› aaaa bbbb", "  cc dddd", "  eeee"]);
  bench.press("up");
  bench.type("X");
  assert.equal(bench.composer.text, "aaaa bbbb cc dXddd eeee");
  bench.press("up", "up");
  bench.type("Y");
  assert.equal(bench.composer.text, "Yaaaa bbbb cc dXddd eeee");
  bench.press("down", "down", "down");
  bench.type("Z");
  assert.equal(bench.composer.text, "Yaaaa bbbb cc dXddd eeeeZ");
});

Deno.test("a long prompt scrolls between its rules and says how much is hidden", async () => {
  await using bench = new ComposerBench({ rows: 12, columns: 30 });
  bench.terminal.paste(Array.from({ length: 9 }, (_, row) => `row ${row}`).join("\n"));
  const screen = await bench.screen();
  assert.match(screen, /^── ↑ 5 more ─/);
  assert.deepEqual(await bench.body(), ["  row 5", "  row 6", "  row 7", "  row 8"]);
  bench.press(...Array.from({ length: 8 }, () => "up"));
  assert.match(await bench.screen(), /row 0[^]*── ↓ 5 more ─/);
});

Deno.test("text keys of the Kitty protocol and of modifyOtherKeys are text", async () => {
  await using bench = new ComposerBench();
  setKittyProtocolActive(true);
  try {
    bench.type("\x1b[97u\x1b[98:66;2u\x1b[27;2;67~\x1b[233u\x1b[97;1:3u");
    assert.equal(bench.composer.text, "aBCé");
    bench.type("\x1b[127u\x1b[13u");
    assert.deepEqual(bench.sent, ["aBC"]);
  } finally {
    setKittyProtocolActive(false);
  }
});

Deno.test("Ctrl-C empties the composer, and what was there can be had again", async () => {
  await using bench = new ComposerBench();
  bench.type("precious");
  bench.press("ctrl+c");
  assert.equal(bench.composer.isEmpty, true);
  assert.deepEqual(bench.unused, []);
  bench.press("up");
  await bench.screen();
  assert.equal(bench.composer.text, "precious");
  bench.press("ctrl+c");
  bench.type("\x1f");
  assert.equal(bench.composer.text, "precious");
});

Deno.test("undo knows whether a text was a command for the shell", async () => {
  await using bench = new ComposerBench();
  bench.type("!ls");
  bench.press("ctrl+c");
  assert.equal(bench.composer.isEmpty, true);
  bench.type("\x1f");
  assert.equal(bench.composer.text, "!ls");
  bench.press("ctrl+u", "backspace");
  bench.type("\x1f\x1f");
  assert.equal(bench.composer.text, "!ls");
});

Deno.test("keys without a meaning here go to the application", async () => {
  await using bench = new ComposerBench();
  bench.press("ctrl+c", "ctrl+d", "tab", "esc", "ctrl+z", "ctrl+l", "pageup");
  const all = ["\x03", "\x04", "\t", "\x1b", "\x1a", "\x0c", "\x1b[5~"];
  assert.deepEqual(bench.unused, all);
  bench.unused.length = 0;
  bench.type("x");
  bench.press("ctrl+d", "esc", "ctrl+z");
  assert.deepEqual(bench.unused, ["\x1b", "\x1a"]);
  assert.equal(bench.composer.text, "x");
});

Deno.test("a click puts the cursor where it points", async () => {
  await using bench = new ComposerBench({ columns: 40 });
  bench.type("first line\nsecond");
  bench.composer.render(40);
  const place = {
    screenX: 0,
    screenY: 0,
    width: 40,
    height: 5,
    shift: false,
    alt: false,
    ctrl: false,
  };
  bench.composer.handleMouse({ type: "click", button: "left", x: 7, y: 1, ...place });
  bench.type("X");
  assert.equal(bench.composer.text, "firstX line\nsecond");
});

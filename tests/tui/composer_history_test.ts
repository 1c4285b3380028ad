import assert from "node:assert/strict";
import { CURSOR_MARKER } from "pi-tui";
import { ComposerBench } from "./composer_bench.ts";

const HISTORY = ["oldest", "two\nlines", "!make test", "newest", "two\nlines"];

Deno.test("up walks to older prompts of all sessions, down comes back to what was being written", async () => {
  await using bench = new ComposerBench({ history: HISTORY });
  bench.type("draft");
  bench.press("home", "up");
  const seen: string[] = [];
  await bench.screen();
  seen.push(bench.composer.text);
  for (const key of ["up", "up", "up", "up", "down", "down", "down", "down", "down"]) {
    bench.press(key);
    seen.push(bench.composer.text);
  }
  assert.deepEqual(seen, [
    ...["two\nlines", "newest", "!make test", "oldest", "oldest"],
    ...["!make test", "newest", "two\nlines", "draft", "draft"],
  ]);
  bench.type("X");
  assert.equal(bench.composer.text, "draftX");
});

Deno.test("the walk is over as soon as something is changed", async () => {
  await using bench = new ComposerBench({ history: HISTORY });
  bench.press("up");
  await bench.screen();
  bench.press("left", "up");
  bench.type("X");
  assert.equal(bench.composer.text, "two\nlines".replace("two", "twoX"));
  bench.press("end", "down", "down");
  assert.equal(bench.composer.text, "twoX\nlines");
});

Deno.test("keys that come at once are all counted", async () => {
  await using bench = new ComposerBench({ history: HISTORY });
  bench.type("\x1b[A\x1b[A\x1b[A");
  await bench.screen();
  assert.equal(bench.composer.text, "!make test");
});

Deno.test("a recalled command does not open its list", async () => {
  await using bench = new ComposerBench({ history: ["/model"] });
  bench.press("up");
  assert.deepEqual((await bench.body()).length, 1);
  bench.press("enter");
  assert.deepEqual(bench.done, [{ type: "slash", name: "model", args: "" }]);
});

Deno.test("a very long prompt comes back as one piece and is sent in full", async () => {
  const long = "word ".repeat(5000).trimEnd();
  await using bench = new ComposerBench({ history: [long] });
  bench.press("up");
  assert.deepEqual(await bench.body(), ["› [Pasted Content 24999 chars]"]);
  bench.press("enter");
  assert.deepEqual(bench.sent, [long]);
});

Deno.test("Ctrl-R finds prompts by what is in them, older and newer", async () => {
  await using bench = new ComposerBench({ history: ["git log", "other", "Git status", "cargo"] });
  bench.type("draft");
  bench.press("ctrl+r");
  bench.type("git");
  assert.deepEqual(await bench.body(), ["› Git status", "search prompts: git"]);
  bench.press("ctrl+r");
  assert.deepEqual(await bench.body(), ["› git log", "search prompts: git"]);
  bench.press("ctrl+r", "ctrl+s");
  assert.deepEqual(await bench.body(), ["› Git status", "search prompts: git"]);
  bench.press("enter");
  bench.type("!");
  assert.equal(bench.composer.text, "Git status!");
  assert.deepEqual(bench.done, []);
});

Deno.test("a search that is given up leaves what was there", async () => {
  await using bench = new ComposerBench({ history: ["git log"] });
  for (const key of ["esc", "ctrl+c", "ctrl+g"]) {
    bench.composer.setText("draft");
    bench.press("ctrl+r");
    bench.terminal.paste("git");
    bench.type("x");
    assert.deepEqual(await bench.body(), ["› draft", "no prompt has: gitx"]);
    bench.press("backspace");
    assert.equal(bench.composer.text, "git log");
    bench.press(key);
    assert.equal(bench.composer.text, "draft");
  }
  assert.deepEqual(bench.unused, []);
});

Deno.test("what is put in while a search goes on ends it, and stays", async () => {
  await using bench = new ComposerBench({ history: ["git log"] });
  bench.type("draft");
  bench.press("ctrl+r");
  bench.type("git");
  await bench.screen();
  bench.composer.insert(" @file");
  bench.press("esc");
  assert.equal(bench.composer.text, "git log @file");
  assert.deepEqual(bench.done, []);
});

Deno.test("the end of what is searched for is shown, with the cursor, in wide characters too", async () => {
  await using bench = new ComposerBench({ columns: 30 });
  bench.press("ctrl+r");
  bench.type("漢".repeat(30) + "字");
  const line = bench.composer.render(30).at(-1) ?? "";
  assert.match(line, /字/);
  assert.ok(line.includes(CURSOR_MARKER), JSON.stringify(line));
});

Deno.test("a key that moves takes what was found and moves in it", async () => {
  await using bench = new ComposerBench({ history: ["git log"] });
  bench.press("ctrl+r");
  bench.type("log");
  await bench.screen();
  bench.press("left");
  bench.type("X");
  assert.equal(bench.composer.text, "git loXg");
});

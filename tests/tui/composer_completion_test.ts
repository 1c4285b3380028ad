import assert from "node:assert/strict";
import { ComposerBench } from "./composer_bench.ts";

Deno.test("a slash lists the commands, and letters choose among them", async () => {
  await using bench = new ComposerBench();
  bench.type("/");
  assert.deepEqual(await bench.body(), [
    "› /",
    "› /model [NAME]   Choose the model",
    "  /new            Start a new thread",
    "  /rename <NAME>  Rename the thread",
  ]);
  bench.type("n");
  const [, first] = await bench.body();
  assert.equal(first, "› /new            Start a new thread");
  bench.press("enter");
  assert.deepEqual(bench.done, [{ type: "slash", name: "new", args: "" }]);
});

Deno.test("a command that needs an argument waits for it", async () => {
  await using bench = new ComposerBench();
  bench.type("/ren\r");
  assert.equal(bench.composer.text, "/rename ");
  assert.deepEqual(bench.done, []);
  bench.type("x\r");
  assert.deepEqual(bench.done, [{ type: "slash", name: "rename", args: "x" }]);
});

Deno.test("Tab completes a command and leaves room for its arguments", async () => {
  await using bench = new ComposerBench();
  bench.type("/m\tgpt-5\r");
  assert.deepEqual(bench.done, [{ type: "slash", name: "model", args: "gpt-5" }]);
});

Deno.test("an at sign asks the server for files and puts the path in its place", async () => {
  await using bench = new ComposerBench();
  bench.type("look at @");
  assert.deepEqual(await bench.body(), ["› look at @", "  type a part of a path"]);
  bench.type("ma");
  assert.deepEqual(await bench.body(), ["› look at @ma", "  searching files…"]);
  bench.files.find("m", ["wrong"]);
  bench.files.find("ma", ["src/main.ts", "docs/my manual.md"]);
  assert.deepEqual(await bench.body(), [
    "› look at @ma",
    "› src/main.ts",
    "  docs/my manual.md",
  ]);
  bench.press("down", "enter");
  bench.type("and @s");
  bench.files.find("s", ["src/"]);
  bench.press("tab");
  assert.equal(bench.composer.text, 'look at "docs/my manual.md" and src/ ');
  assert.deepEqual(bench.files.looked, ["m", "ma", "s"]);
  assert.equal(bench.files.stopped, 2);
  assert.deepEqual(bench.done, []);
});

Deno.test("Tab waits for the files that are looked for, and sends nothing half typed", async () => {
  await using bench = new ComposerBench();
  bench.type("look at @ma\t");
  assert.deepEqual(bench.done, []);
  bench.files.find("ma", ["src/main.ts"]);
  bench.press("tab");
  assert.equal(bench.composer.text, "look at src/main.ts ");
  bench.type("and @nobody");
  bench.files.find("nobody", []);
  bench.press("tab");
  assert.equal(bench.done.length, 1, "nothing is found, so nothing is waited for");
});

Deno.test("an address is no search for files, and quotes may hold spaces", async () => {
  await using bench = new ComposerBench();
  bench.type('me@example.org @"my ma');
  bench.files.find("my ma", ["my manual.md"]);
  bench.press("enter");
  assert.equal(bench.composer.text, 'me@example.org "my manual.md" ');
});

Deno.test("Escape closes the list until another word is begun", async () => {
  await using bench = new ComposerBench();
  bench.type("@a");
  bench.press("esc");
  bench.type("b");
  assert.equal((await bench.body()).length, 1);
  assert.deepEqual(bench.unused, []);
  bench.press("enter");
  assert.deepEqual(bench.sent, ["@ab"]);
  bench.type("@c");
  assert.equal((await bench.body()).length, 2);
});

Deno.test("nothing found leaves Enter to send what is written", async () => {
  await using bench = new ComposerBench();
  bench.type("@zz");
  bench.files.find("zz", []);
  assert.deepEqual(await bench.body(), ["› @zz", "  no files found"]);
  bench.press("enter");
  assert.deepEqual(bench.sent, ["@zz"]);
});

Deno.test("names of files cannot write to the terminal, and the end of a long one is shown", async () => {
  await using bench = new ComposerBench({ columns: 20 });
  bench.type("@a");
  bench.files.find("a", ["\x1b]52;c;AAAA\x07a/very/long/way/to/name.ts"]);
  assert.deepEqual(await bench.body(), ["› @a", "› …ng/way/to/name.ts"]);
  bench.press("tab");
  assert.equal(bench.composer.text, "a/very/long/way/to/name.ts ");
});

Deno.test("a name of a file is listed as it is put into the prompt", async () => {
  await using bench = new ComposerBench();
  bench.type("@a");
  bench.files.find("a", ["a\u{10f000}.ts"]);
  assert.deepEqual(await bench.body(), ["› @a", "› a.ts"]);
});

Deno.test("a long list scrolls with the choice and says where it is", async () => {
  const commands = Array.from({ length: 20 }, (_, at) => ({ name: `c${at}`, description: "" }));
  await using bench = new ComposerBench({ commands });
  bench.type("/");
  bench.press("up");
  const lines = await bench.body();
  assert.deepEqual(lines.slice(-2), ["› /c19", "  20/20"]);
  assert.equal(lines.length, 1 + 8);
});

Deno.test("what only resembles a command is completed, but not run in its place", async () => {
  await using bench = new ComposerBench();
  bench.type("/nw");
  assert.match((await bench.body())[1] ?? "", /^› \/new /);
  bench.press("enter");
  assert.deepEqual(bench.done, []);
  assert.equal(bench.composer.text, "/nw");
  bench.press("tab");
  assert.equal(bench.composer.text, "/new");
  bench.type("\x15/nw");
  bench.press("down");
  bench.press("enter");
  assert.deepEqual(bench.done, [{ type: "slash", name: "new", args: "" }]);
});

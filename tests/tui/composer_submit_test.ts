import assert from "node:assert/strict";
import { ComposerBench, playedImage } from "./composer_bench.ts";

Deno.test("what the application does not take stays, and is no history", async () => {
  await using bench = new ComposerBench();
  bench.takes = false;
  for (const text of ["a prompt", "/new", "!ls"]) {
    bench.composer.setText("");
    bench.type(text);
    bench.press("esc", "enter");
    assert.equal(bench.composer.text, text);
  }
  assert.deepEqual(bench.history.added, []);
});

Deno.test("what is sent is remembered with its thread and time", async () => {
  await using bench = new ComposerBench();
  bench.type("a prompt\r!ls -l\r");
  assert.deepEqual(bench.done, [
    { type: "send", draft: { text: "a prompt", images: [] } },
    { type: "shell", command: "ls -l" },
  ]);
  assert.deepEqual(bench.history.added, [
    { threadId: "thread-1", timeS: 5, text: "a prompt" },
    { threadId: "thread-1", timeS: 5, text: "!ls -l" },
  ]);
});

Deno.test("Tab queues a prompt, but neither commands nor nothing", async () => {
  await using bench = new ComposerBench();
  bench.press("tab");
  bench.type("later\t!ls\t");
  assert.deepEqual(bench.done, [{ type: "queue", draft: { text: "later", images: [] } }]);
  assert.equal(bench.composer.text, "!ls");
  assert.deepEqual(bench.unused, ["\t"]);
});

Deno.test("empty lines around a prompt are dropped, what indents it is not", async () => {
  await using bench = new ComposerBench();
  bench.terminal.paste("\n\n    indented\n\tmore\n\n");
  bench.press("enter");
  bench.type("   \r");
  assert.deepEqual(bench.sent, ["    indented\n\tmore"]);
});

Deno.test("an exclamation mark at the start begins a shell command, elsewhere it is text", async () => {
  await using bench = new ComposerBench();
  bench.type("!");
  assert.match(await bench.screen(), /\n! {2}a command for the shell\n── shell command ─/);
  bench.press("backspace");
  assert.match(await bench.screen(), /Ask anything/);
  bench.type("!");
  bench.press("esc");
  assert.equal(bench.composer.isEmpty, true);
  bench.type("wow!\r");
  bench.terminal.paste("!git status");
  assert.equal(bench.composer.text, "!git status");
  bench.press("enter");
  assert.deepEqual(bench.sent, ["wow!"]);
  assert.deepEqual(bench.done[1], { type: "shell", command: "git status" });
  assert.deepEqual(bench.unused, []);
});

Deno.test("an unknown command is not sent, a path and a command behind a space are", async () => {
  await using bench = new ComposerBench();
  bench.type("/nothing\r");
  assert.match(bench.notices.join(), /^error: There is no command \/nothing; type \/ to see/);
  assert.equal(bench.composer.text, "/nothing");
  bench.composer.setText("");
  bench.type("/usr/bin is what?\r /new\r");
  assert.deepEqual(bench.sent, ["/usr/bin is what?", " /new"]);
});

Deno.test("a command gets what follows its name, and may put text into the composer", async () => {
  await using bench = new ComposerBench();
  bench.composer.onSlash = (name, args) => {
    bench.done.push({ type: "slash", name, args });
    bench.composer.setText("left by the command");
  };
  bench.type("/rename  my thread \r");
  assert.deepEqual(bench.done, [{ type: "slash", name: "rename", args: "my thread" }]);
  assert.equal(bench.composer.text, "left by the command");
});

Deno.test("what is too long or too large is refused with what to do, and stays", async () => {
  await using bench = new ComposerBench();
  bench.terminal.paste("x".repeat((1 << 20) + 1));
  assert.match(
    bench.notices.pop() ?? "",
    /^error: The pasted text is too long .*name a file instead$/,
  );
  assert.equal(bench.composer.isEmpty, true);
  bench.terminal.paste("x".repeat(1 << 20));
  bench.type("y\r");
  assert.match(bench.notices.pop() ?? "", /^error: The prompt is too long \(1048577 of at most/);
  bench.composer.setText("");
  for (const name of ["a.png", "b.png"]) bench.composer.attach(playedImage(name, 8 << 20));
  bench.press("enter");
  assert.match(bench.notices.pop() ?? "", /^error: The images are too large together \(16\.0 of/);
  bench.press("backspace", "backspace", "enter");
  assert.equal(bench.done.length, 1);
});

Deno.test("the external editor gets the whole text and gives it back", async () => {
  const edited: string[] = [];
  await using bench = new ComposerBench({
    desk: {
      editorProblem: null,
      edit: (text, name) => {
        edited.push(name, text);
        return Promise.resolve(`${text.replace("[Image #1 a.png] ", "")} changed\n`);
      },
    },
  });
  bench.composer.attach(playedImage("a.png"));
  bench.composer.attach(playedImage("b.png"));
  bench.terminal.paste("z".repeat(1001));
  bench.press("ctrl+g");
  await bench.screen();
  assert.deepEqual(edited, ["prompt.md", `[Image #1 a.png] [Image #2 b.png] ${"z".repeat(1001)}`]);
  bench.press("enter");
  const text = `[Image #1 b.png] ${"z".repeat(1001)} changed`;
  assert.deepEqual(bench.done, [{ type: "send", draft: { text, images: [playedImage("b.png")] } }]);
});

Deno.test("without an editor the key says what to set", async () => {
  await using bench = new ComposerBench();
  bench.press("ctrl+g");
  assert.deepEqual(bench.notices, ["warning: No editor is set"]);
});

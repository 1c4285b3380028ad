import assert from "node:assert/strict";
import type { LocalImage } from "../../src/tui/ports.ts";
import { ComposerBench, playedImage } from "./composer_bench.ts";

Deno.test("a long paste is one piece that expands when it is sent", async () => {
  await using bench = new ComposerBench();
  const text = "a\tb\n".repeat(300);
  bench.type("see ");
  bench.terminal.paste(text);
  bench.type(" ok?");
  assert.deepEqual(await bench.body(), ["› see [Pasted Content 1200 chars] ok?"]);
  bench.press("enter");
  assert.deepEqual(bench.sent, [`see ${text} ok?`]);
});

Deno.test("pieces of the same length can be told apart and are deleted as one", async () => {
  await using bench = new ComposerBench({ columns: 80 });
  const texts = ["x", "y", "z"].map((letter) => letter.repeat(1001));
  for (const text of texts) bench.terminal.paste(text);
  const [row] = await bench.body();
  const label = "Pasted Content 1001 chars";
  assert.equal(row, `› [${label}][${label} #2]`);
  bench.press("left", "backspace");
  bench.press("enter");
  assert.deepEqual(bench.sent, [`${texts[0]}${texts[2]}`]);
});

Deno.test("undo and yank bring a piece back with what is in it", async () => {
  await using bench = new ComposerBench();
  const text = "p".repeat(2000);
  bench.terminal.paste(text);
  bench.press("backspace");
  bench.type("\x1f");
  assert.equal(bench.composer.text, text);
  bench.press("ctrl+u");
  bench.type("in between\r");
  bench.press("ctrl+y", "enter");
  assert.deepEqual(bench.sent, ["in between", text]);
});

Deno.test("a paste may come in parts, and its end may be cut in two", async () => {
  await using bench = new ComposerBench();
  const { composer } = bench;
  for (const part of ["\x1b[200~one\r", "\ntwo\x1b[2", "01~!", "\r"]) composer.handleInput(part);
  assert.deepEqual(bench.sent, ["one\ntwo!"]);
});

Deno.test("characters that come in halves are put together", async () => {
  await using bench = new ComposerBench();
  for (const half of "👍".split("")) bench.composer.handleInput(half);
  assert.equal(bench.composer.text, "👍");
  for (const key of ["\ud83d", "\x1b[D", "x"]) bench.composer.handleInput(key);
  assert.equal(bench.composer.text, "x👍");
});

Deno.test("a paste is without sequences, controls and marks that reorder, shown as it is sent", async () => {
  await using bench = new ComposerBench();
  bench.terminal.paste("a\x1b]52;c;AAAA\x07b\x1b[31mc\x9b2Jd\u202ee\x00f\u{10f000}g\x1b[106;5uh");
  assert.deepEqual(await bench.body(), ["› abcdefg", "  h"]);
  bench.press("enter");
  assert.deepEqual(bench.sent, ["abcdefg\nh"]);
});

Deno.test("a pasted path of an image becomes the image", async () => {
  const asked: string[] = [];
  await using bench = new ComposerBench({
    desk: {
      readImage: (path) => {
        asked.push(path);
        return Promise.resolve(playedImage(path));
      },
    },
  });
  bench.type("what is on ");
  bench.terminal.paste("'/tmp/my pic.png' /tmp/b\\ c.JPG");
  bench.type("?");
  assert.deepEqual(asked, ["/tmp/my pic.png", "/tmp/b c.JPG"]);
  await bench.screen();
  assert.deepEqual(await bench.body(), ["› what is on [Image #1 my pic.png] [Image #2 b c.JPG] ?"]);
  bench.press("ctrl+a", "alt+f", "alt+f", "alt+f", "delete", "delete", "enter");
  assert.deepEqual(bench.done, [{
    type: "send",
    draft: {
      text: "what is on [Image #1 b c.JPG] ?",
      images: [playedImage("/tmp/b c.JPG")],
    },
  }]);
});

Deno.test("a path that cannot be read stays as it was pasted, with the reason", async () => {
  await using bench = new ComposerBench();
  bench.terminal.paste("/nowhere/a.png");
  bench.type("?");
  await bench.screen();
  assert.equal(bench.composer.text, "/nowhere/a.png ?");
  assert.deepEqual(bench.notices, [
    "warning: Cannot read the image /nowhere/a.png; the path stays as text",
  ]);
});

Deno.test("a path that cannot be read is a path also in what comes back behind an earlier prompt", async () => {
  const { promise, reject } = Promise.withResolvers<LocalImage>();
  const desk = { readImage: () => promise };
  await using bench = new ComposerBench({ desk, history: ["earlier"] });
  bench.terminal.paste("/nowhere/a.png");
  bench.press("ctrl+r");
  bench.type("ear");
  await bench.screen();
  assert.equal(bench.composer.text, "earlier");
  reject(new Error("Gone"));
  await bench.screen();
  bench.press("esc", "enter");
  assert.deepEqual(bench.sent, ["/nowhere/a.png"]);
});

Deno.test("an image that is still read stays one when the prompt goes through the editor", async () => {
  const { promise, resolve } = Promise.withResolvers<LocalImage>();
  const desk = {
    readImage: () => promise,
    editorProblem: null,
    edit: (text: string) => Promise.resolve(`${text} edited`),
  };
  await using bench = new ComposerBench({ desk });
  bench.terminal.paste("/tmp/a.png");
  bench.composer.attach(playedImage("b.png"));
  bench.press("ctrl+g");
  await bench.screen();
  resolve(playedImage("a.png"));
  await bench.screen();
  bench.press("enter");
  const images = [playedImage("a.png"), playedImage("b.png")];
  const text = "[Image #1 a.png] [Image #2 b.png]  edited";
  assert.deepEqual(bench.done, [{ type: "send", draft: { text, images } }]);
});

for (const [key, type] of [["enter", "send"], ["tab", "queue"]] as const) {
  Deno.test(`${key} while an image is read sends with it, once it is there`, async () => {
    const { promise, resolve } = Promise.withResolvers<LocalImage>();
    await using bench = new ComposerBench({ desk: { readImage: () => promise } });
    bench.terminal.paste("file:///tmp/a%20b.webp");
    bench.press(key, key);
    assert.deepEqual(bench.done, []);
    resolve(playedImage("a b.webp"));
    await bench.screen();
    const draft = { text: "[Image #1 a b.webp]", images: [playedImage("a b.webp")] };
    assert.deepEqual(bench.done, [{ type, draft }]);
    assert.equal(bench.composer.isEmpty, true);
  });
}

Deno.test("what is changed while its image is read is not sent by itself, nor without the image", async () => {
  for (const isRead of [true, false]) {
    const { promise, resolve, reject } = Promise.withResolvers<LocalImage>();
    await using bench = new ComposerBench({ desk: { readImage: () => promise } });
    bench.terminal.paste("/tmp/a.png");
    bench.press("enter");
    if (isRead) bench.type("and");
    if (isRead) resolve(playedImage("a.png"));
    else reject(new Error("Cannot read it"));
    await bench.screen();
    assert.deepEqual(bench.done, []);
    assert.equal(bench.composer.isEmpty, false);
  }
});

Deno.test("Ctrl-V takes the image of the clipboard, or says that there is none", async () => {
  let image: LocalImage | null = playedImage("clipboard");
  await using bench = new ComposerBench({ desk: { clipboardImage: () => Promise.resolve(image) } });
  bench.press("ctrl+v");
  assert.deepEqual(await bench.body(), ["› [Image #1 clipboard]"]);
  image = null;
  bench.press("ctrl+v");
  await bench.screen();
  assert.deepEqual(bench.notices, ["info: There is no image in the clipboard"]);
});

Deno.test("a draft that was taken comes back with its images", async () => {
  await using bench = new ComposerBench();
  const images = [playedImage("a.png"), playedImage("b.png")];
  bench.composer.setDraft({ text: "compare [Image #1 a.png] with", images });
  assert.deepEqual(await bench.body(), ["› compare [Image #1 a.png] with", "  [Image #2 b.png]"]);
  bench.press("enter");
  assert.deepEqual(bench.done, [{
    type: "send",
    draft: { text: "compare [Image #1 a.png] with\n[Image #2 b.png]", images },
  }]);
});

Deno.test("a label is only shown: where it is typed it is text", async () => {
  await using bench = new ComposerBench();
  bench.composer.attach(playedImage("a.png"));
  bench.type("[Image #1 a.png]\r");
  assert.deepEqual(bench.done, [{
    type: "send",
    draft: { text: "[Image #1 a.png] [Image #1 a.png]", images: [playedImage("a.png")] },
  }]);
});

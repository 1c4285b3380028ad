/** Tests that a shell takes for one word what was made one. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { shellWord, shownShellWord } from "../../src/lib/shell_word.ts";

Deno.test("plain words stay as they are, others are quoted", () => {
  assert.equal(shellWord("/a/b-c.ts"), "/a/b-c.ts");
  assert.equal(shellWord("-x"), "'-x'");
  assert.equal(shellWord(""), "''");
  assert.equal(shellWord("it's $(me)"), "'it'\\''s $(me)'");
});

Deno.test("a shell gives back each word as it was", async () => {
  const words = fc.sample(fc.string({ unit: "grapheme" }), 200)
    .map((word) => word.replaceAll("\0", ""));
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`],
  }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});

Deno.test("a word that is shown does nothing to a terminal and has one line", () => {
  assert.equal(shownShellWord("\u001b]52;c;aGk=\u0007id\r\nrm -rf ~"), "'id rm -rf ~'");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // deno-lint-ignore no-control-regex -- None is to be left.
    assert.doesNotMatch(shownShellWord(text), /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
  }));
});

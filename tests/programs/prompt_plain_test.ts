/** Tests questions line by line with scripted lines, and the editor of a line that is not shown. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LineEditor } from "../../src/programs/prompt/line_editor.ts";
import { plainPrompt } from "../../src/programs/prompt/plain.ts";
import type { Prompt } from "../../src/programs/prompt.ts";

/** A prompt for which the lines have been typed already, and what it prints. */
function prompted(
  lines: readonly string[],
  isHidden = true,
): { readonly prompt: Prompt; readonly printed: () => string } {
  const rest = [...lines];
  let printed = "";
  const write = (text: string) => (printed += text) !== "";
  const read = (ask: string) => {
    write(ask);
    const line = rest.shift();
    return line === undefined ? Promise.reject(new Error("No more lines")) : Promise.resolve(line);
  };
  const source = { read, readHidden: read, isHidden };
  return { prompt: plainPrompt({ write }, source), printed: () => printed };
}

const CHOICES = {
  message: "Which?",
  choices: [{ value: "a", label: "Alpha" }, { value: "b", label: "Beta", hint: "second" }],
} as const;

Deno.test("choose answers for every number there is, and asks again after everything else", async () => {
  const wrong = fc.string().filter((text) => !["", "1", "2"].includes(text.trim()));
  await fc.assert(
    fc.asyncProperty(fc.array(wrong, { maxLength: 5 }), fc.constantFrom("", "1", "2"), async (
      others,
      last,
    ) => {
      const { prompt, printed } = prompted([...others, ` ${last} `]);
      assert.equal(await prompt.choose({ ...CHOICES }), last === "2" ? "b" : "a");
      assert.equal(printed().split("Type a number from 1 to 2").length - 1, others.length);
    }),
  );
});

Deno.test("choose prints the choices with their hints", async () => {
  const { prompt, printed } = prompted([""]);
  assert.equal(await prompt.choose({ ...CHOICES, initial: "b" }), "b");
  assert.equal(printed(), "Which?\n  1. Alpha\n  2. Beta (second)\n1-2 [2]: ");
});

Deno.test("secret warns where the text would be seen", async () => {
  const question = { message: "Key?", check: () => null };
  const seen = prompted([" key "], false);
  assert.equal(await seen.prompt.secret(question), "key");
  assert.match(seen.printed(), /^Key\?\n\(It will be visible on this terminal\)\n> $/);
  const hidden = prompted(["key"]);
  await hidden.prompt.secret(question);
  assert.equal(hidden.printed(), "Key?\n> ");
});

Deno.test("text checks what is taken by default as well", async () => {
  const { prompt, printed } = prompted(["", "long enough"]);
  const check = (text: string) => text.length > 3 ? null : "Too short";
  assert.equal(await prompt.text({ message: "Name?", initial: "Ada", check }), "long enough");
  assert.equal(printed(), "Name?\n[Ada]: Too short\n[Ada]: ");
});

/** What the editor makes of pieces of bytes. */
function edited(pieces: readonly (string | Uint8Array)[]): string | null {
  const editor = new LineEditor();
  for (const piece of pieces) {
    const outcome = editor.take(
      typeof piece === "string" ? new TextEncoder().encode(piece) : piece,
    );
    if (outcome.type === "line") return outcome.text;
    if (outcome.type === "cancelled") return null;
  }
  return assert.fail("no line");
}

Deno.test("the editor of a line knows backspace, Ctrl-U, arrow keys, Ctrl-C and Ctrl-D", () => {
  assert.equal(edited(["abc\u007f\u007fd\r"]), "ad");
  assert.equal(edited(["\u007fabc\u0015", "d\n"]), "d");
  assert.equal(edited(["a\u001b[Db\u001bOCc\u001b[1;5Ad\r"]), "abcd");
  assert.equal(edited(["a👍🏽é\u007f\r"]), "a👍🏽");
  assert.equal(edited(["abc\u0003"]), null);
  assert.equal(edited(["\u0004"]), null);
  assert.equal(edited(["one\rtwo\r"]), "one");
});

Deno.test("a line is the same however its bytes are cut, and never holds control characters", () => {
  const text = fc.string({ unit: "grapheme" }).filter((one) => !/[\p{Cc}]/u.test(one));
  fc.assert(fc.property(text, fc.array(fc.nat(20)), (line, cuts) => {
    const bytes = new TextEncoder().encode(`${line}\r`);
    const pieces: Uint8Array[] = [];
    let at = 0;
    for (const cut of cuts) pieces.push(bytes.subarray(at, at += cut));
    assert.equal(edited([...pieces, bytes.subarray(at)]), line);
  }));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const line = edited([bytes, "\r"]);
    // deno-lint-ignore no-control-regex -- None is to be left.
    assert.ok(line === null || !/[\u0000-\u001f\u007f]/.test(line));
  }));
});

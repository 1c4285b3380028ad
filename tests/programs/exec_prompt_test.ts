/** Tests of where the prompt of `codex exec` comes from. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodePrompt, joinPrompt, readPrompt } from "../../src/programs/exec/prompt.ts";

interface Given {
  readonly argument: string | null;
  readonly stdin: string | Uint8Array<ArrayBuffer> | "terminal";
  readonly isResume?: true;
}

async function read(given: Given) {
  const said: string[] = [];
  const isTerminal = given.stdin === "terminal";
  const result = await readPrompt({ isTerminal, readable: new Blob([given.stdin]).stream() }, {
    argument: given.argument,
    isResume: given.isResume ?? false,
    say: (line) => said.push(line),
  });
  return { ...result, said };
}

Deno.test("readPrompt appends piped input to the argument as a block", async () => {
  assert.deepEqual(await read({ argument: "do it", stdin: "one\ntwo" }), {
    type: "prompt",
    text: "do it\n\n<stdin>\none\ntwo\n</stdin>",
    said: ["Reading additional input from stdin..."],
  });
  assert.equal(joinPrompt("do it", "one\n"), "do it\n\n<stdin>\none\n</stdin>");
  assert.equal(joinPrompt("do it", " \n"), "do it");
});

Deno.test("readPrompt reads stdin without an argument or for a dash", async () => {
  assert.deepEqual(await read({ argument: null, stdin: "hi \n" }), {
    type: "prompt",
    text: "hi \n",
    said: ["Reading prompt from stdin..."],
  });
  assert.deepEqual(await read({ argument: "-", stdin: "hi" }), {
    type: "prompt",
    text: "hi",
    said: [],
  });
});

Deno.test("readPrompt leaves stdin alone on a terminal and when resuming", async () => {
  const prompt = { type: "prompt", text: "go", said: [] };
  assert.deepEqual(await read({ argument: "go", stdin: "terminal" }), prompt);
  assert.deepEqual(await read({ argument: "go", stdin: "extra", isResume: true }), prompt);
});

Deno.test("readPrompt says what is missing", async () => {
  const empty = await read({ argument: null, stdin: " \n" });
  assert.equal(empty.type === "failed" && empty.message, "No prompt provided via stdin.");
  const terminal = await read({ argument: null, stdin: "terminal" });
  assert.match(terminal.type === "failed" ? terminal.message : "", /^No prompt provided\. Either/);
});

Deno.test("decodePrompt knows byte order marks and names the first bad byte", () => {
  const utf16 = new Uint8Array([0xff, 0xfe, 0x68, 0, 0x69, 0]);
  assert.deepEqual(decodePrompt(utf16), { type: "prompt", text: "hi" });
  const result = decodePrompt(new TextEncoder().encode("é").slice(0, 1));
  assert.match(result.type === "failed" ? result.message : "", /\(invalid byte at offset 0\)/);
  const middle = decodePrompt(new Uint8Array([0x61, 0xff, 0x62]));
  assert.match(middle.type === "failed" ? middle.message : "", /\(invalid byte at offset 1\)/);
  const broken = decodePrompt(new Uint8Array([0x61, 0xe2, 0x82, 0x61]));
  assert.match(broken.type === "failed" ? broken.message : "", /\(invalid byte at offset 1\)/);
});

Deno.test("decodePrompt never throws", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const result = decodePrompt(bytes);
    assert.ok(result.type === "prompt" || result.message.length > 0);
  }));
});

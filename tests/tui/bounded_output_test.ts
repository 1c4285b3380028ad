/** What is kept of long outputs. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BoundedOutput } from "../../src/tui/bounded_output.ts";

const KEPT_MAX = 60_000;

Deno.test("a short output is kept as it is, in whatever pieces it came", () => {
  fc.assert(fc.property(fc.array(fc.string({ maxLength: 2_000 }), { maxLength: 10 }), (pieces) => {
    const output = new BoundedOutput();
    for (const piece of pieces) output.append(piece);
    assert.equal(output.text, pieces.join(""));
    assert.equal(output.omittedChars, 0);
  }));
});

Deno.test("of a long output the beginning and the end are kept, with the size of what is not", () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 5, maxLength: 20 });
  fc.assert(
    fc.property(pieces, (sizes) => {
      const whole = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size)).join("");
      const output = new BoundedOutput();
      let at = 0;
      for (const size of sizes) output.append(whole.slice(at, at += size));
      checkKept(output, whole);
      output.replace(whole);
      checkKept(output, whole);
      const again = new BoundedOutput();
      again.replace(whole);
      assert.equal(output.text, again.text);
    }),
    { numRuns: 30 },
  );
});

function checkKept({ text, omittedChars }: BoundedOutput, whole: string): void {
  assert.ok(text.length <= KEPT_MAX);
  const note = `\n… ${omittedChars} characters left out …\n`;
  const [head = "", tail = ""] = omittedChars === 0 ? [whole, ""] : text.split(note);
  assert.equal(head.length + tail.length + omittedChars, whole.length);
  assert.ok(whole.startsWith(head) && whole.endsWith(tail));
}

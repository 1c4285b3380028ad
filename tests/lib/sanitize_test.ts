/** Tests of the one function that stands between foreign text and a terminal. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { sanitizeLine, sanitizeText } from "../../src/lib/sanitize.ts";

Deno.test("sanitizeText keeps ordinary text, tabs and newlines", () => {
  const text = "a\tb\nGrüße, 漢字 👩‍💻\n";
  assert.equal(sanitizeText(text), text);
});

Deno.test("sanitizeText removes whole control sequences", () => {
  const cases: [string, string][] = [
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007x", "x"],
    ["\u001b]52;c;ZXZpbA==\u001b\\x", "x"],
    ["\u009b2Jx", "x"],
    ["\u001bPq#0\u001b\\x", "x"],
    ["\u001bcx", "x"],
    ["a\u0008b\u0000\u007fc", "abc"],
    ["one\r\ntwo\rthree", "one\ntwo\nthree"],
    ["safe\u202eevil", "safeevil"],
  ];
  for (const [input, expected] of cases) assert.equal(sanitizeText(input), expected);
});

Deno.test("sanitizeText survives sequences that never end", () => {
  assert.equal(sanitizeText("a\u001b]0;never ends"), "a");
  assert.equal(sanitizeText("a\u001b["), "a");
  assert.equal(sanitizeText("a\u001b"), "a");
});

Deno.test("sanitizeLine puts everything on one line", () => {
  assert.equal(sanitizeLine("a\r\n  b\u001b[1m c"), "a b c");
});

Deno.test("sanitizeText leaves no control character in any text, and is idempotent", () => {
  const hostile = fc.array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\u001b[", "\u001b]", "\u009b", "\u0007", "\u001b\\", "\r"),
    ),
  ).map((parts) => parts.join(""));
  fc.assert(fc.property(hostile, (text) => {
    const clean = sanitizeText(text);
    // deno-lint-ignore no-control-regex -- These are what must not be there.
    assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(clean));
    assert.equal(sanitizeText(clean), clean);
  }));
});

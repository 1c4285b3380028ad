import assert from "node:assert/strict";
import fc from "fast-check";
import { completionPlace, parseSlash } from "../../src/tui/composer/completion.ts";
import { imagePathsIn } from "../../src/tui/composer/image_paths.ts";
import { InputPieces } from "../../src/tui/composer/input_pieces.ts";

const PATHS: readonly (readonly [string, readonly string[] | null])[] = [
  ["/a/b.png", ["/a/b.png"]],
  [" ~/b.JPEG\n", ["~/b.JPEG"]],
  ["/with space/b c.gif", ["/with space/b c.gif"]],
  ["/with\\ space/b.gif", ["/with space/b.gif"]],
  ["'/a b.png' \"/c d.webp\"", ["/a b.png", "/c d.webp"]],
  ["/a.png /b.png", ["/a.png", "/b.png"]],
  ["file:///a%20b.png", ["/a b.png"]],
  ["C:\\pictures\\a b.png", ["C:\\pictures\\a b.png"]],
  ["logo.png", null],
  ["/a.png and more", null],
  ["/a.txt", null],
  ["see /a.png", null],
  ["https://example.org/a.png", null],
  ["'/a.png", null],
  ["", null],
];

Deno.test("what terminals write for dropped files is taken apart into paths", () => {
  for (const [pasted, expected] of PATHS) assert.deepEqual(imagePathsIn(pasted), expected, pasted);
});

Deno.test("any paste is paths of images or not, and never an error", () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom("/a.png", "'", '"', "\\", " ", "\n", "file://", "%zz"),
  );
  fc.assert(fc.property(fc.array(part).map((parts) => parts.join("")), (text) => {
    const paths = imagePathsIn(text);
    assert.equal(paths === null || (paths.length > 0 && paths.every((path) => path !== "")), true);
  }));
});

Deno.test("input is the same pieces however it is cut", () => {
  const part = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("漢👍", "\x1b[A", "x"));
  const whole = fc.array(fc.record({ text: part, isPaste: fc.boolean() }), { maxLength: 6 });
  fc.assert(fc.property(whole, fc.array(fc.nat({ max: 7 })), (parts, cuts) => {
    const text = (wanted: boolean) =>
      parts.filter(({ isPaste }) => isPaste === wanted).map(({ text }) => text).join("");
    const pieces = new InputPieces();
    const got = { key: "", paste: "" };
    for (const { text, isPaste } of parts) {
      // Marks of pastes come whole; what is between them comes in parts of any size.
      let rest = isPaste ? `${text}\x1b[201~` : text;
      const chunks = isPaste ? ["\x1b[200~"] : [];
      for (const cut of cuts) {
        if (cut === 0 || rest === "") continue;
        chunks.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }
      for (const chunk of [...chunks, rest]) {
        for (const { type, data } of pieces.push(chunk)) {
          if (type === "key") assert.equal(data.isWellFormed(), true);
          got[type] += data;
        }
      }
    }
    assert.deepEqual(got, { key: text(false), paste: text(true) });
  }));
});

Deno.test("a place to complete lies around the cursor", () => {
  const part = fc.oneof(fc.string(), fc.constantFrom("@", "/", '@"', " ", "\n"));
  fc.assert(fc.property(fc.array(part).map((parts) => parts.join("")), fc.nat(), (text, at) => {
    const cursor = at % (text.length + 1);
    const place = completionPlace({ text, cursor });
    if (place) {
      assert.equal(place.from <= cursor && cursor <= place.to && place.to <= text.length, true);
      assert.equal(text.slice(place.from, cursor).endsWith(place.query), true);
    }
    const slash = parseSlash(text);
    if (slash) assert.equal(text.startsWith(`/${slash.name}`), true);
  }));
});

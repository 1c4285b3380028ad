/** Messages while they grow. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PartReader } from "../../src/tui/render/markdown_parts.ts";
import { createColoring } from "../../src/tui/render/lowlight.ts";
import { renderMarkdown, StreamedMarkdown } from "../../src/tui/render/streamed_markdown.ts";
import { DARK, nasty, seen } from "./render_support.ts";

const look = { theme: DARK, style: null, highlight: createColoring(DARK) };

/** Long enough for rows to be kept, of words with and without markup. */
const paragraph = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.constantFrom("plain", "words", "of", "all", "lengths,", "more:", "I"),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "`code`",
        "**bold**",
        "*it*",
        "a*b",
        "www.x.y",
        "漢字",
        "1.",
        "- x",
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom("\n", "[l](http://x)", "_", "http://a.b", "**open", "`tick"),
    },
  ),
  { minLength: 100, maxLength: 500 },
).map((words) => `The ${words.join(" ")}`);

const message = fc.oneof(
  nasty,
  paragraph,
  fc.tuple(nasty, paragraph, nasty).map((texts) => texts.join("\n\n")),
);

function fresh(text: string, options: { width: number; isFinal: boolean }): readonly string[] {
  return new StreamedMarkdown(look, options.width).update(text, options).lines;
}

Deno.test("a message gives the same lines in whatever pieces it came", () => {
  const cuts = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(message, cuts, fc.integer({ min: 1, max: 120 }), (text, numbers, width) => {
      const streamed = new StreamedMarkdown(look, width);
      const ends = numbers.map((number) => number % (text.length + 1)).sort((a, b) => a - b);
      let last: string[] = [];
      for (const end of ends) {
        const piece = text.slice(0, end);
        const { lines, changedFrom } = streamed.update(piece);
        assert.deepEqual(lines, fresh(piece, { width, isFinal: false }));
        assert.deepEqual(lines.slice(0, changedFrom), last.slice(0, changedFrom));
        last = [...lines];
      }
      assert.deepEqual(
        streamed.update(text, { isFinal: true }).lines,
        renderMarkdown(text, { look, width }),
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("a text that turns out different is drawn anew", () => {
  const streamed = new StreamedMarkdown(look, 40);
  streamed.update("One\n\nTwo\n\nThr");
  assert.equal(seen(streamed.update("Other\n\ntext").lines), "Other\n\ntext");
});

function partsOf(text: string) {
  const reader = new PartReader();
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  const parts = lines.map((line) => reader.push(line)).filter((part) => part !== null);
  return [...parts, ...reader.tail(last)].map(({ kind, lines, hasGap }) =>
    `${hasGap ? "+" : ""}${kind}: ${lines.join("/")}`
  );
}

Deno.test("paragraphs, items of lists and code are parts of their own", () => {
  assert.deepEqual(
    partsOf("Hi\nthere\n\nSecond\n- a\n  more\n- b\n\n  of b\n\nEnd\n```ts\nx\n\ny\n```\nLast"),
    [
      "prose: Hi/there",
      "+prose: Second",
      "prose: - a/  more",
      "prose: - b//  of b",
      "+prose: End",
      "+code: x//y",
      "+prose: Last",
    ],
  );
});

Deno.test("code within an item, and a number in a sentence, end nothing", () => {
  assert.deepEqual(partsOf("- a\n  ```\n- no item\n\nno part\n  ```\n- b"), [
    "prose: - a/  ```/- no item//no part/  ```",
    "prose: - b",
  ]);
  assert.deepEqual(partsOf("Since\n2023. it is"), ["prose: Since/2023. it is"]);
});

Deno.test("the first ticks of the end of a code are not shown as code", () => {
  assert.deepEqual(partsOf("```\nx\n``"), ["+code: x"]);
});

Deno.test("a long paragraph with markup keeps its words", () => {
  const text = "This **one** has `code` and goes on for a while, as they do. ".repeat(60).trim();
  const lines = renderMarkdown(text, { look, width: 70 });
  assert.equal(seen(lines).replaceAll("\n", " "), text.replace(/[*`]/g, ""));
});

Deno.test("text that would keep a parser busy for ever, or overflow its stack, is shown as it is", () => {
  for (const text of ["> ".repeat(50_000), "- ".repeat(50_000), "_a ".repeat(30_000)]) {
    const lines = renderMarkdown(text, { look, width: 80 });
    assert.equal(seen(lines).replace(/\s/g, ""), text.replaceAll(" ", ""));
  }
  renderMarkdown(`text ${"~~a".repeat(30_000)}`, { look, width: 80 });
  renderMarkdown(" ".repeat(100_000), { look, width: 80 });
});

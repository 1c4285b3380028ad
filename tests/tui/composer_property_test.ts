import assert from "node:assert/strict";
import fc from "fast-check";
import { CURSOR_MARKER, visibleWidth } from "pi-tui";
import { cleanInput } from "../../src/tui/composer/clean_input.ts";
import { offsetAt, placeOf, RowLayout } from "../../src/tui/composer/rows.ts";
import { applyTextAction, type TextAction } from "../../src/tui/composer/text_actions.ts";
import { TextBuffer } from "../../src/tui/composer/text_buffer.ts";
import { ComposerBench, playedImage } from "./composer_bench.ts";

// deno-lint-ignore no-control-regex -- Styles are control sequences.
const STYLES = /\x1b\[[\d;]*m/g;

/** Text as it should not be: wide, joined, invisible, half, and with commands for terminals. */
const NASTY = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom(
    "漢字",
    "👨‍👩‍👧",
    "🇩🇪",
    "e\u0301",
    "\u200d",
    "\u0600",
    "\ud800",
    "\udc00",
    "\t",
    "\n",
    "\u202e",
  ),
  fc.constantFrom(
    "\x1b]52;c;AAAA\x07",
    "\x1b[2J",
    "\x9b31m",
    "\u{10f000}",
    "[Image #1 a.png]",
    "toString",
    "word ",
    "@a",
    "/m",
    "!",
  ),
);

const KEYS = fc.constantFrom(
  ...[
    "\r",
    "\n",
    "\t",
    "\x1b",
    "\x7f",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[H",
    "\x1b[F",
    "\x1b[3~",
  ],
  ...[
    "\x01",
    "\x03",
    "\x04",
    "\x05",
    "\x07",
    "\x0b",
    "\x0e",
    "\x10",
    "\x12",
    "\x13",
    "\x15",
    "\x16",
    "\x17",
    "\x19",
  ],
  ...[
    "\x1f",
    "\x1by",
    "\x1bb",
    "\x1bf",
    "\x1bd",
    "\x1b\x7f",
    "\x1b\r",
    "\x1b[13;2u",
    "\x1b[97u",
    "\x1b[1;5D",
    "\\",
  ],
);

type Step =
  | { readonly type: "type" | "paste" | "setText" | "find"; readonly text: string }
  | { readonly type: "key"; readonly text: string }
  | { readonly type: "attach"; readonly text: string };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: NASTY.map((text) => ({ type: "type" as const, text })) },
  { weight: 6, arbitrary: KEYS.map((text) => ({ type: "key" as const, text })) },
  { weight: 2, arbitrary: NASTY.map((text) => ({ type: "paste" as const, text })) },
  {
    weight: 1,
    arbitrary: NASTY.map((text) => ({ type: "paste" as const, text: text.repeat(200) })),
  },
  { weight: 1, arbitrary: NASTY.map((text) => ({ type: "setText" as const, text })) },
  { weight: 1, arbitrary: NASTY.map((text) => ({ type: "find" as const, text })) },
  { weight: 1, arbitrary: NASTY.map((text) => ({ type: "attach" as const, text })) },
);

function play(bench: ComposerBench, { type, text }: Step): void {
  const { composer, files } = bench;
  switch (type) {
    case "type":
    case "key":
      // Not through the buffer of a terminal: a component must stand whatever it is given.
      return composer.handleInput(text);
    case "paste":
      return composer.handleInput(`\x1b[200~${text}\x1b[201~`);
    case "setText":
      return composer.setText(text);
    case "attach":
      return composer.attach(playedImage(text));
    case "find":
      return files.find(files.looked.at(-1) ?? "", [text, `${text}/`]);
  }
}

Deno.test("whatever is typed and pasted, nothing throws, no line is too wide, and nothing commands the terminal", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { maxLength: 30 }),
      fc.integer({ min: 1, max: 200 }),
      fc.boolean(),
      async (steps, width, colors) => {
        await using bench = new ComposerBench({
          history: ["old", "!ls", "漢字\nx"],
          colors,
          rows: 12,
        });
        for (const step of steps) {
          play(bench, step);
          const lines = bench.composer.render(width);
          for (const line of lines) {
            assert.equal(
              visibleWidth(line) <= width,
              true,
              `${visibleWidth(line)}: ${JSON.stringify(line)}`,
            );
            const bare = line.replaceAll(CURSOR_MARKER, "").replaceAll(STYLES, "");
            assert.equal(cleanInput(bare), bare, JSON.stringify(line));
          }
          const { text } = bench.composer;
          assert.equal(cleanInput(text), text);
        }
        await bench.terminal.settled();
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("what is typed plainly is what is sent", async () => {
  const plain = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 5 }), async (lines) => {
      const typed = lines.map((line) =>
        cleanInput(line).replace(/[\n\t\\@]/g, "").replace(/^[!/]+/, "")
      ).join("\n");
      fc.pre(typed.trim() !== "" && !/^[!/\s]|\s$/.test(typed));
      await using bench = new ComposerBench();
      // As a terminal sends it: each code unit alone.
      for (const unit of typed.split("")) bench.composer.handleInput(unit);
      assert.equal(bench.composer.text, typed);
      bench.composer.handleInput("\r");
      assert.deepEqual(bench.sent, [typed]);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a buffer is a text with a cursor, and undo goes back to where it began", () => {
  const change = fc.oneof(
    fc.constantFrom<TextAction>(
      ...["left", "right", "wordLeft", "wordRight", "backspace", "delete"] as const,
      ...["killWordLeft", "killWordRight", "killToLineStart", "killToLineEnd"] as const,
      ...["yank", "yankPop"] as const,
    ).map((action) => (buffer: TextBuffer) => applyTextAction(buffer, action)),
    NASTY.map((text) => (buffer: TextBuffer) => {
      const { text: before, cursor } = buffer;
      const inserted = text.toWellFormed();
      buffer.insert(inserted, { isTyped: true });
      assert.equal(buffer.text, before.slice(0, cursor) + inserted + before.slice(cursor));
    }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const buffer = new TextBuffer();
      for (const one of changes) {
        one(buffer);
        assert.equal(buffer.cursor >= 0 && buffer.cursor <= buffer.text.length, true);
        assert.equal(buffer.text.isWellFormed(), true);
        assert.equal(buffer.text.slice(0, buffer.cursor).isWellFormed(), true);
      }
      for (let step = 0; step <= changes.length; step++) buffer.undo();
      assert.equal(buffer.text, "");
    }),
  );
});

Deno.test("every place of a text has a place on the screen, and back", () => {
  fc.assert(
    fc.property(NASTY, NASTY, fc.integer({ min: 1, max: 40 }), (a, b, width) => {
      const text = cleanInput(`${a} ${b}`.repeat(3));
      const rows = new RowLayout().rows(text, { width, labels: new Map() });
      for (const { cells } of rows) {
        assert.equal(cells.reduce((sum, cell) => sum + cell.width, 0) <= width, true);
        for (const cell of cells) assert.equal(cell.end > cell.at, true);
      }
      assert.equal(
        rows.map(({ cells }) => cells.length).reduce((x, y) => x + y),
        [...new Intl.Segmenter().segment(text)].filter(({ segment }) => segment !== "\n").length,
      );
      for (let offset = 0; offset <= text.length; offset++) {
        const place = placeOf(rows, offset);
        const back = offsetAt(rows, place);
        assert.equal(back >= 0 && back <= text.length, true);
        assert.deepEqual(placeOf(rows, back).row, place.row);
      }
    }),
    { examples: [["!ﬀꓐ㍘ꓐ ", "", 4]], numRuns: 500 },
  );
});

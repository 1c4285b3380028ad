import assert from "node:assert/strict";
import fc from "fast-check";
import { applyHunks } from "../../src/agent/tools/patch_match.ts";
import { type FilePatch, type Hunk, parsePatch } from "../../src/agent/tools/patch_parse.ts";

const MARKERS = { context: " ", delete: "-", add: "+" } as const;

function render(files: readonly FilePatch[]): string {
  const lines = ["*** Begin Patch"];
  for (const file of files) {
    if (file.type === "add") {
      lines.push(`*** Add File: ${file.path}`);
      lines.push(...file.content.split("\n").slice(0, -1).map((line) => `+${line}`));
    } else if (file.type === "delete") lines.push(`*** Delete File: ${file.path}`);
    else {
      lines.push(`*** Update File: ${file.path}`);
      if (file.moveTo !== null) lines.push(`*** Move to: ${file.moveTo}`);
      for (const hunk of file.hunks) lines.push(...renderHunk(hunk));
    }
  }
  return [...lines, "*** End Patch"].join("\n");
}

function renderHunk({ anchors, lines, isAtEnd }: Hunk): string[] {
  return [
    ...(anchors.length === 0 ? ["@@"] : anchors.map((anchor) => `@@ ${anchor}`)),
    ...lines.map(({ kind, text }) => MARKERS[kind] + text),
    ...(isAtEnd ? ["*** End of File"] : []),
  ];
}

const line = fc.oneof(
  fc.constantFrom("", "a", " b", "*** Add File: x", "*** End Patch", "@@", "+", "- c", "\t", "é🎉"),
  fc.string().map((text) => text.replace(/[\r\n]/g, "")),
);
/** What stands alone in a line of its own is trimmed, so it must not begin or end with spaces. */
const name = fc.stringMatching(/^[a-z][a-z/ ]{0,8}[a-z]$/);
const hunk: fc.Arbitrary<Hunk> = fc.record({
  anchors: fc.array(name, { maxLength: 2 }),
  lines: fc.array(
    fc.record({
      kind: fc.constantFrom("context" as const, "delete" as const, "add" as const),
      text: line,
    }),
    { minLength: 1, maxLength: 6 },
  ),
  isAtEnd: fc.boolean(),
});
const file: fc.Arbitrary<FilePatch> = fc.oneof(
  fc.record({
    type: fc.constant("add" as const),
    path: name,
    content: fc.array(line, { maxLength: 4 }).map((lines) =>
      lines.map((each) => `${each}\n`).join("")
    ),
  }),
  fc.record({ type: fc.constant("delete" as const), path: name }),
  fc.record({
    type: fc.constant("update" as const),
    path: name,
    moveTo: fc.option(name, { nil: null }),
    hunks: fc.array(hunk, { minLength: 1, maxLength: 3 }),
  }),
);

Deno.test("parsePatch reads back every patch that can be written", () => {
  fc.assert(fc.property(fc.array(file, { maxLength: 4 }), (files) => {
    // Cloned for plain prototypes, which the generator does not give.
    assert.deepEqual(parsePatch(render(files)), { ok: true, value: structuredClone(files) });
  }));
});

Deno.test("parsePatch answers any text with a value", () => {
  const piece = fc.oneof(
    line,
    fc.constantFrom(
      "*** Begin Patch",
      "*** End Patch",
      "*** Update File: a",
      "*** Move to: b",
      "*** End of File",
      "<<'EOF'",
      "EOF",
      "@@ x",
      "-x\r",
    ),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(piece).map((all) => all.join("\n"))), (text) => {
      const parsed = parsePatch(text);
      assert.ok(parsed.ok || parsed.message.startsWith("invalid "));
    }),
  );
  fc.assert(fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
    const parsed = parsePatch(["*** Begin Patch", ...pieces, "*** End Patch"].join("\n"));
    assert.ok(parsed.ok || /^invalid hunk at line \d+, ./.test(parsed.message));
  }));
});

Deno.test("applyHunks answers any hunks and any text with a value that ends in a line feed", () => {
  fc.assert(fc.property(fc.string(), fc.array(hunk, { maxLength: 3 }), (text, hunks) => {
    const applied = applyHunks(text, { hunks, path: "/f" });
    if (applied.ok) assert.ok(/^\ufeff?$|\n$/.test(applied.value));
    else assert.match(applied.message, /^Failed to find (?:context '|expected lines in \/f:\n)/);
  }));
});

/** An edit of one line of a file, as the model of what a patch does. */
interface Edit {
  readonly at: number;
  readonly replacement: readonly string[];
}

Deno.test("applyHunks does what a patch of unique lines says, with either line ending", () => {
  const scenario = fc.integer({ min: 1, max: 30 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      edits: fc.uniqueArray(
        fc.record({
          at: fc.nat(count - 1),
          replacement: fc.array(fc.constantFrom("new", "", "  x", "+y"), { maxLength: 3 }),
        }),
        { selector: (edit: Edit) => edit.at, maxLength: 5 },
      ),
      ending: fc.constantFrom("\n", "\r\n"),
      contextLines: fc.nat(3),
    })
  );
  fc.assert(fc.property(scenario, ({ count, edits, ending, contextLines }) => {
    const before = Array.from({ length: count }, (_, index) => `line ${index}`);
    const ordered = edits.toSorted((a, b) => a.at - b.at);
    const hunks = ordered.map(({ at, replacement }, index): Hunk => {
      const previous = ordered[index - 1]?.at ?? -1;
      const next = ordered[index + 1]?.at ?? count;
      const above = before.slice(Math.max(previous + 1, at - contextLines), at);
      // The lines below stay for the next hunk's context: hunks must not overlap.
      const below = before.slice(at + 1, next === count ? at + 1 + contextLines : at + 1);
      return {
        anchors: [],
        isAtEnd: false,
        lines: [
          ...above.map((text) => ({ kind: "context" as const, text })),
          { kind: "delete", text: `line ${at}` },
          ...replacement.map((text) => ({ kind: "add" as const, text })),
          ...below.map((text) => ({ kind: "context" as const, text })),
        ],
      };
    });
    const wanted = before.flatMap((text, index) =>
      ordered.find((edit) => edit.at === index)?.replacement ?? [text]
    );
    const text = (lines: readonly string[]) => lines.map((each) => each + ending).join("");
    const expected = { ok: true, value: text(wanted) };
    assert.deepEqual(applyHunks(text(before), { hunks, path: "/f" }), expected);
  }));
});

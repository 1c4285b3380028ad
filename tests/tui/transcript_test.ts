/** A document of many blocks that change. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Block, CommandBlock, MessageBlock } from "../../src/tui/blocks.ts";
import { CodeColors } from "../../src/tui/render/code_colors.ts";
import { createColoring } from "../../src/tui/render/lowlight.ts";
import { Transcript, type TranscriptOptions } from "../../src/tui/transcript.ts";
import { assertSafe, DARK, listOf, ManualClock, nastyBlock, seen } from "./render_support.ts";

function transcriptOf(blocks: Block[], options: Partial<TranscriptOptions> = {}) {
  const clock = new ManualClock();
  const list = listOf(blocks);
  const renders: number[] = [];
  const shifts: number[] = [];
  const transcript = new Transcript({
    list,
    theme: DARK,
    clock,
    requestRender: () => void renders.push(clock.nowMs),
    onShift: (lines) => void shifts.push(lines),
    ...options,
  });
  return { transcript, list, clock, renders, shifts };
}

/** Lets everything be drawn that waits for a pause. */
function drawAll(transcript: Transcript, clock: ManualClock, width: number): string[] {
  transcript.render(width);
  while (!transcript.isComplete) clock.pass(10);
  return transcript.render(width);
}

/** By the same clock: commands show how long they run. */
function assertAsNew(
  transcript: Transcript,
  { blocks, clock, width }: {
    readonly blocks: Block[];
    readonly clock: ManualClock;
    readonly width: number;
  },
): void {
  drawAll(transcript, clock, width);
  const fresh = transcriptOf(blocks, { clock });
  const expected = drawAll(fresh.transcript, clock, width);
  fresh.transcript.dispose();
  assert.deepEqual(transcript.render(width), expected);
}

function message(id: string, text: string, isFinal = true): MessageBlock {
  return { id, type: "message", turnId: "t", revision: 1, isFinal, text };
}

function command(id: string, changes: Partial<CommandBlock> = {}): CommandBlock {
  return {
    id,
    type: "command",
    turnId: "t",
    revision: 1,
    isFinal: false,
    command: "make",
    cwd: "/p",
    isOfUser: false,
    status: "inProgress",
    output: "",
    omittedChars: 0,
    exitCode: null,
    durationMs: null,
    startedMs: 1_000_000,
    ...changes,
  };
}

type Change =
  | { readonly type: "add" | "replace"; readonly at: number; readonly block: Block }
  | { readonly type: "grow"; readonly at: number; readonly text: string }
  | { readonly type: "remove" | "end"; readonly at: number }
  | { readonly type: "width"; readonly at: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ type: fc.constantFrom("add", "replace"), at: fc.nat(), block: nastyBlock }),
  fc.record({
    type: fc.constant("grow"),
    at: fc.nat(),
    text: fc.constantFrom("word ", "\n\n", "- x\n", "```ts\nlet a = 1;\n", "```\n", "**b** "),
  }),
  fc.record({ type: fc.constantFrom("remove", "end"), at: fc.nat() }),
  fc.record({ type: fc.constant("width"), at: fc.integer({ min: 1, max: 120 }) }),
);

function apply(blocks: Block[], step: Change): void {
  const index = step.at % Math.max(1, blocks.length);
  const block = blocks[index];
  if (step.type === "add") blocks.push(step.block);
  else if (block === undefined) return;
  else if (step.type === "replace") blocks[index] = step.block;
  else if (step.type === "remove") blocks.splice(index, 1);
  else {
    block.revision++;
    if (step.type === "end") block.isFinal = true;
    else if (step.type === "grow" && block.type === "message") block.text += step.text;
  }
}

Deno.test("whatever changes, the lines are those of a new transcript", () => {
  fc.assert(
    fc.property(
      fc.array(nastyBlock, { maxLength: 6 }),
      fc.array(change, { maxLength: 12 }),
      (blocks, changes) => {
        const { transcript, list, clock } = transcriptOf([...blocks]);
        let width = 80;
        transcript.render(width);
        for (const step of changes) {
          if (step.type === "width") width = step.at;
          else apply(list.blocks, step);
          assertAsNew(transcript, { blocks: list.blocks, clock, width });
          assertSafe(transcript.render(width), width);
        }
        transcript.dispose();
        assert.equal(clock.pending, 0);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("changes in what is not drawn yet come out as well", () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat(3), (changes, pauses) => {
      const { transcript, list, clock } = transcriptOf(many(900));
      let width = 80;
      for (const step of changes) {
        if (step.type === "width") width = step.at;
        else apply(list.blocks, step);
        transcript.render(width);
        for (let i = 0; i < pauses; i++) clock.pass(10);
      }
      assertAsNew(transcript, { blocks: list.blocks, clock, width });
    }),
    { numRuns: 40 },
  );
});

function many(count: number): MessageBlock[] {
  return Array.from({ length: count }, (_, i) => message(`m${i}`, `Block ${i}`));
}

Deno.test("of a long thread the end is there at once and the rest later, in its place", () => {
  const { transcript, clock, renders, list, shifts } = transcriptOf(many(1_000));
  const first = transcript.render(60);
  assert.equal(first.at(-1), "• Block 999");
  assert.equal(first.length, 2_000);
  assert.equal(first.slice(0, 1_000).join(""), "");
  const [atMiddle, place] = ["• Block 900", first.indexOf("• Block 900")];
  while (!transcript.isComplete) {
    clock.pass(10);
    const before = renders.length;
    // Blocks that come meanwhile go to the end.
    if (before === 2) list.blocks.push(message("new", "New one"));
    assert.equal(transcript.render(60).indexOf(atMiddle), place);
  }
  const lines = transcript.render(60).filter((line) => line !== "");
  assert.deepEqual(lines, [...many(1_000).map(({ text }) => `• ${text}`), "• New one"]);
  assert.deepEqual(shifts, []);
});

Deno.test("where the guess was wrong, lines move once, and who wants to know is told", () => {
  const blocks = many(600).map((block) => ({ ...block, text: "| a |\n|---|\n| 1 |" }));
  const { transcript, clock, shifts } = transcriptOf(blocks);
  const before = transcript.render(60).length;
  const after = drawAll(transcript, clock, 60).length;
  assert.equal(after, 600 * 6);
  assert.equal(shifts.reduce((sum, lines) => sum + lines, 0), after - before);
});

Deno.test("a loaded thread takes the place of another, even one that is not drawn yet", () => {
  const { transcript, list, clock } = transcriptOf(many(1_000));
  transcript.render(60);
  list.blocks = [message("x", "Other")];
  list.generation++;
  clock.pass(10);
  assert.deepEqual(transcript.render(60), ["", "• Other"]);
  assert.equal(transcript.isComplete, true);
});

Deno.test("the time of a running command changes no other line, and stops with the command", () => {
  const running = command("c");
  const blocks = [message("a", "One"), running, message("b", "Two")];
  const { transcript, clock, renders } = transcriptOf(blocks);
  const before = [...transcript.render(60)];
  clock.pass(1_000);
  assert.equal(renders.length, 1);
  const after = transcript.render(60);
  assert.deepEqual(
    after.map((line, i) => line === before[i] ? null : seen([line])).filter((line) =>
      line !== null
    ),
    ["• Running make (1s)"],
  );
  Object.assign(running, { status: "completed", isFinal: true, durationMs: 1_500, revision: 2 });
  assert.match(seen(transcript.render(60)), /• Ran make \(1s\)/);
  clock.pass(10_000);
  transcript.render(60);
  assert.equal(clock.pending, 0);
});

Deno.test("everything is shown whole when it is expanded, and folded again", () => {
  const output = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n");
  const done = command("c", { status: "completed", isFinal: true, exitCode: 0, output });
  const { transcript } = transcriptOf([done]);
  const folded = seen(transcript.render(60));
  assert.match(folded, /line 1\n {4}… \+25 lines, Ctrl-T shows them\n {4}line 27\n/);
  transcript.setExpanded(true);
  assert.match(seen(transcript.render(60)), /line 14\n {4}line 15\n/);
  transcript.setExpanded(false);
  assert.equal(seen(transcript.render(60)), folded);
});

Deno.test("what stays on the terminal in the end is the last thousand lines", () => {
  const { transcript } = transcriptOf(many(5_000));
  transcript.render(60);
  transcript.setFinal(true);
  const lines = transcript.render(60);
  assert.equal(lines.length, 1_001);
  assert.match(seen(lines.slice(0, 1)), /earlier messages/);
  assert.deepEqual(lines.slice(-3), ["• Block 4998", "", "• Block 4999"]);
  const short = transcriptOf(many(3));
  short.transcript.setFinal(true);
  assert.equal(short.transcript.render(60).length, 6);
});

Deno.test("a screen that cannot change what is far above gets the end only, for good", () => {
  const { transcript, list, clock } = transcriptOf(many(5_000), { history: "end" });
  const count = transcript.render(60).length;
  assert.equal(count, 1_001);
  assert.equal(clock.pending, 0);
  list.blocks.push(message("new", "New"));
  assert.equal(transcript.render(60).length, count + 2);
  assert.match(seen(transcript.render(60).slice(0, 1)), /earlier messages/);
});

Deno.test("code gets its colours when they are loaded, without another change", async () => {
  const loading = Promise.withResolvers<ReturnType<typeof createColoring>>();
  const ready = Promise.withResolvers<void>();
  let loads = 0;
  let transcript: Transcript | null = null;
  const options = { theme: DARK, onReady: () => ready.resolve() };
  const load = () => (loads++, loading.promise);
  const colors = new CodeColors({ ...options, load });
  const text = "```ts\nconst a = 1;\n```";
  ({ transcript } = transcriptOf([message("a", text), message("b", text)], { colors }));
  assert.equal(seen(transcript.render(60).slice(1, 2)), transcript.render(60)[1]);
  loading.resolve(createColoring(DARK));
  await ready.promise;
  transcript.recolor();
  assert.ok(transcript.render(60)[1]?.includes(DARK.code.keyword("const")));
  assert.equal(loads, 1);
});

Deno.test("colours that cannot be loaded leave code as it is", async () => {
  const failed = Promise.withResolvers<never>();
  const colors = new CodeColors({ theme: DARK, onReady: () => {}, load: () => failed.promise });
  failed.reject(new Error("no such file"));
  assert.equal(colors.highlight("a", "ts"), null);
  await failed.promise.catch(() => {});
  assert.equal(colors.highlight("a", "ts"), null);
});

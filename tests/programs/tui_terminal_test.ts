import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyboardProtocol } from "../../src/programs/tui/keyboard_protocol.ts";
import { ModeTracker } from "../../src/programs/tui/mode_tracker.ts";
import { OutputQueue } from "../../src/programs/tui/output_queue.ts";
import { Emulator, RESTORED } from "../support/emulator.ts";

const SWITCHES = [
  "\u001b[?1049h",
  "\u001b[?1049l",
  "\u001b[?7l",
  "\u001b[?7h",
  "\u001b[?1000h\u001b[?1002h\u001b[?1003h\u001b[?1004h\u001b[?1006h",
  "\u001b[?2004h",
  "\u001b[?2004l",
  "\u001b[?2031h",
  "\u001b[?2026h",
  "\u001b[?25l",
  "\u001b[>4;2m",
  "\u001b[22;2t",
  "some text",
  "漢字\r\n",
];

Deno.test("whatever was switched on, the restoration switches it off", async () => {
  const written = fc.array(fc.constantFrom(...SWITCHES), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(written, fc.nat(2), async (parts, levels) => {
      const emulator = new Emulator({ columns: 40, rows: 10, kind: "kitty" });
      const modes = new ModeTracker();
      // Renderers do so on the screen that they have entered.
      for (const part of [...parts, "\u001b[>5u".repeat(levels)]) {
        modes.observe(part);
        emulator.write(part);
      }
      emulator.write(modes.restoration());
      await emulator.parsed();
      assert.deepEqual(emulator.modes, RESTORED);
      emulator.dispose();
    }),
    { numRuns: 60 },
  );
});

Deno.test("a terminal that nothing was written to is left alone", () => {
  assert.equal(new ModeTracker().restoration(), "");
});

Deno.test("output leaves in its order, however little the terminal takes at a time", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 50 });
  const takes = fc.array(fc.nat(7), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(text), text, takes, async (texts, last, counts) => {
      const taken: number[] = [];
      let turn = 0;
      const queue = new OutputQueue({
        writeSync(bytes) {
          const count = counts[turn++ % counts.length] ?? 0;
          // Every fifth time at least one, so that it ends.
          const some = turn % 5 === 0 ? Math.max(1, count) : count;
          taken.push(...bytes.subarray(0, some));
          return Math.min(some, bytes.length);
        },
      }, { onGone: () => assert.fail("gone") });
      for (const one of texts) queue.write(one);
      assert.ok(queue.lastWords(last));
      queue.write("too late");
      await queue.flushed();
      assert.equal(new TextDecoder().decode(new Uint8Array(taken)), texts.join("") + last);
    }),
    { numRuns: 30 },
  );
});

Deno.test("a terminal that takes nothing is congested until it takes all, and the last words give up", async () => {
  let isTaking = false;
  let taken = "";
  const queue = new OutputQueue({
    writeSync(bytes) {
      if (!isTaking) return 0;
      taken += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  }, { onGone: () => assert.fail("gone") });
  let drained = 0;
  queue.onDrained(() => drained++);
  queue.write("x".repeat(40_000));
  assert.ok(queue.isCongested);
  isTaking = true;
  await queue.flushed();
  assert.equal(queue.isCongested, false);
  assert.equal(drained, 1);
  assert.equal(taken.length, 40_000);
  isTaking = false;
  queue.write("x");
  // Somebody who waits, before or after, is not to wait for ever: the end of the program is behind it.
  const waiting = queue.flushed();
  assert.equal(queue.lastWords("bye"), false);
  await Promise.all([waiting, queue.flushed()]);
  isTaking = true;
  assert.equal(queue.finish(), true);
  assert.ok(taken.endsWith("xbye"));
});

Deno.test("a terminal that is gone is told once", async () => {
  let gone = 0;
  const queue = new OutputQueue({
    writeSync() {
      throw new Error("Input/output error");
    },
  }, { onGone: () => gone++ });
  queue.write("a");
  queue.write("b");
  assert.ok(queue.lastWords("c"));
  await queue.flushed();
  assert.equal(gone, 1);
});

/** A negotiation with a terminal that answers so. */
function negotiate(answers: readonly string[]): { written: string; keyboard: KeyboardProtocol } {
  let written = "";
  const keyboard = new KeyboardProtocol((text) => written += text);
  keyboard.begin();
  for (const answer of answers) assert.ok(keyboard.take(answer), JSON.stringify(answer));
  keyboard.end();
  return { written, keyboard };
}

Deno.test("keys are told apart in the best way that the terminal has, and as before at the end", () => {
  const query = "\u001b[>5u\u001b[?u\u001b[c";
  assert.equal(negotiate(["\u001b[?5u", "\u001b[?62;4c"]).written, `${query}\u001b[<u`);
  assert.equal(
    negotiate(["\u001b[?0u", "\u001b[?1;2c"]).written,
    `${query}\u001b[>4;2m\u001b[>4;0m\u001b[<u`,
  );
  assert.equal(negotiate([]).written, `${query}\u001b[<u`);
  const { keyboard } = negotiate([]);
  // Nobody has asked: whatever it is, it is a key.
  assert.equal(keyboard.take("\u001b[?5u"), false);
});

Deno.test("no key is taken for an answer", () => {
  const keyboard = new KeyboardProtocol(() => {});
  keyboard.begin();
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // deno-lint-ignore no-control-regex -- What answers look like.
    fc.pre(!/^\u001b\[\?[\d;]*[cu]$/.test(text));
    assert.equal(keyboard.take(text), false);
  }));
  for (const key of ["a", "\u001b", "\r", "\u001b[A", "\u001b[97;5u", "\u001b[?", ""]) {
    assert.equal(keyboard.take(key), false);
  }
  keyboard.end();
});

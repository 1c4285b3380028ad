/** What tests of rendering share: nasty text, blocks made of it, a clock by hand, and what every line must keep. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { visibleWidth } from "pi-tui";
import type { Clock } from "../../src/lib/clock.ts";
import type { Block, BlockList } from "../../src/tui/blocks.ts";
import type { RenderContext } from "../../src/tui/render/context.ts";
import { createTheme } from "../../src/tui/theme.ts";

/** A clock that moves when told to. */
export class ManualClock implements Clock {
  nowMs = 1_000_000;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on, and calls back who waited for it. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }
}

export const DARK = createTheme({ colors: true, background: "dark" });
export const NO_COLOR = createTheme({ colors: false, background: "dark" });

/** A context with plain code. */
export function contextOf(changes: Partial<RenderContext> = {}): RenderContext {
  return {
    theme: DARK,
    width: 80,
    isExpanded: false,
    nowMs: 1_000_000,
    cwd: null,
    highlight: () => null,
    ...changes,
  };
}

/** A list of blocks that tests change by hand. */
export function listOf(blocks: Block[]): BlockList & { blocks: Block[]; generation: number } {
  return { blocks, generation: 1 };
}

const PIECES = [
  ...["\u001b[2J", "\u001b]52;c;AAAA\u0007", "\u001b]0;x", "\u009b31m", "\u001b[31mred\u001b[0m"],
  ...["\u0007", "\b", "\r", "\r\n", "\u202e", "\u2066", "\ufeff", "\u0000", "\u007f", "\u0085"],
  ...[
    "\t",
    "\n",
    "\n\n",
    "  \n",
    " ",
    "    ",
    "界",
    "漢字テスト",
    "😀",
    "👨‍👩‍👧",
    "🇩🇪",
    "e\u0301",
    "ำ",
  ],
  ...[
    "\ud800",
    "\udc00",
    "\u200d",
    "مرحبا",
    "क्षि",
    "word",
    "a longer piece of text ",
    "x".repeat(90),
  ],
  ...[
    "**",
    "*",
    "_",
    "`",
    "```",
    "```ts\n",
    "~~~\n",
    "# ",
    "> ",
    "- ",
    "1. ",
    "12) ",
    "| a | b |\n",
  ],
  ...[
    "|---|---|\n",
    "| 1 | 2 |\n",
    "[x](http://a.b/c)",
    "<b>",
    "&#27;[2J",
    "&lt;",
    "$a^2$",
    "\\(",
    "\\[",
  ],
  ...[
    "---\n",
    "===\n",
    "~~",
    "[ ] ",
    "https://example.com/q?a=b",
    "\\",
    "$$\n",
    "@@ -1,2 +3,4 @@\n",
    "+",
    "-",
  ],
];

/** Text with everything in it that breaks terminals, wrapping or markdown. */
export const nasty: fc.Arbitrary<string> = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const status = fc.constantFrom("inProgress", "completed", "failed", "declined");

/** Any block, full of nasty text. */
export const nastyBlock: fc.Arbitrary<Block> = fc.oneof(
  blockOf({ type: fc.constant("user"), text: nasty, images: fc.array(nasty, { maxLength: 2 }) }),
  blockOf({ type: fc.constant("message"), text: nasty }),
  blockOf({ type: fc.constant("reasoning"), parts: fc.array(nasty, { maxLength: 3 }) }),
  blockOf({
    type: fc.constant("command"),
    command: fc.oneof(nasty, nasty.map((text) => `bash -lc '${text}'`)),
    cwd: nasty,
    isOfUser: fc.boolean(),
    status,
    output: nasty,
    omittedChars: fc.nat(),
    exitCode: fc.option(fc.nat(255)),
    durationMs: fc.option(fc.nat(9_000_000)),
    startedMs: fc.option(fc.nat(1_000_000)),
  }),
  blockOf({
    type: fc.constant("changes"),
    status,
    changes: fc.array(
      fc.record({
        path: nasty,
        kind: fc.oneof(
          fc.record({ type: fc.constantFrom("add", "delete") }),
          fc.record({ type: fc.constant("update"), move_path: fc.option(nasty) }),
        ),
        diff: nasty,
      }),
      { maxLength: 3 },
    ),
  }),
  blockOf({
    type: fc.constant("plan"),
    explanation: fc.option(nasty),
    steps: fc.array(
      fc.record({ step: nasty, status: fc.constantFrom("pending", "inProgress", "completed") }),
      { maxLength: 3 },
    ),
  }),
  blockOf({ type: fc.constant("action"), label: nasty, detail: nasty }),
  blockOf({
    type: fc.constant("notice"),
    level: fc.constantFrom("info", "warning", "error"),
    text: nasty,
  }),
  blockOf({
    type: fc.constant("turnEnd"),
    status: fc.constantFrom("inProgress", "completed", "interrupted", "failed"),
    durationMs: fc.option(fc.nat(9_000_000)),
    error: fc.option(nasty),
  }),
);

function blockOf(members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Block>;
function blockOf(members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  return fc.record({
    id: fc.uuid(),
    turnId: fc.constant("t"),
    revision: fc.constant(1),
    isFinal: fc.boolean(),
    ...members,
  });
}

const OWN_STYLE =
  // deno-lint-ignore no-control-regex -- Control characters are what it is about.
  /\u001b\[[0-9;]*m/g;
const UNSAFE =
  // deno-lint-ignore no-control-regex -- See above.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

/** No line is too wide, and none has anything in it but text and styles of our own. */
export function assertSafe(lines: readonly string[], width: number): void {
  for (const line of lines) {
    const text = line.replace(OWN_STYLE, "");
    assert.doesNotMatch(text, UNSAFE, JSON.stringify(line));
    assert.ok(text.isWellFormed(), JSON.stringify(line));
    assert.ok(
      visibleWidth(line) <= width,
      `${visibleWidth(line)} > ${width}: ${JSON.stringify(line)}`,
    );
  }
}

/** The lines as people see them. */
export function seen(lines: readonly string[]): string {
  return lines.map((line) => line.replace(OWN_STYLE, "").trimEnd()).join("\n");
}

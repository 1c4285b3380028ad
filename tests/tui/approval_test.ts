import assert from "node:assert/strict";
import fc from "fast-check";
import type { CommandDecision } from "../../src/protocol/approval.ts";
import { ApprovalView, type AskedQuestions } from "../../src/tui/approval.ts";
import { GUARD_MS } from "../../src/tui/key_guard.ts";
import type { CommandQuestion, Question } from "../../src/tui/questions.ts";
import type { Theme } from "../../src/tui/theme.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { keyBytes } from "../support/keys.ts";
import { assertSafe, COLOR_THEME, NASTY, PLAIN_THEME, plainRows } from "./pane_world.ts";

const PLACE = { threadId: "t", turnId: "u", itemId: "i", reason: null };
const RULE: CommandDecision = {
  acceptWithExecpolicyAmendment: { execpolicy_amendment: ["git", "push now"] },
};

function command(
  id: string,
  text: string,
  more: Partial<Omit<CommandQuestion, "type">> = {},
): CommandQuestion {
  return {
    type: "command",
    id,
    ...PLACE,
    command: text,
    cwd: "/work/project",
    wishes: [],
    decisions: ["accept", "acceptForSession", RULE, "decline", "cancel"],
    ...more,
  };
}

class FakeQuestions implements AskedQuestions {
  readonly answers: (readonly [string, CommandDecision])[] = [];
  #waiting: readonly Question[];
  #listener = () => {};
  diff = "hello\n";

  constructor(...waiting: readonly Question[]) {
    this.#waiting = waiting;
  }

  get current(): Question | null {
    return this.#waiting[0] ?? null;
  }

  get count(): number {
    return this.#waiting.length;
  }

  answer(id: string, decision: CommandDecision): boolean {
    this.answers.push([id, decision]);
    this.drop(id);
    return true;
  }

  drop(id: string): void {
    this.#waiting = this.#waiting.filter((question) => question.id !== id);
    this.#listener();
  }

  changesOf() {
    return [{ path: "/work/project/a.txt", kind: { type: "add" as const }, diff: this.diff }];
  }

  onChange(listener: () => void): () => void {
    this.#listener = listener;
    return () => {};
  }
}

function shown(
  questions: FakeQuestions,
  { rows = 20, theme = PLAIN_THEME }: { readonly rows?: number; readonly theme?: Theme } = {},
) {
  const clock = new FakeClock();
  const view = new ApprovalView({
    questions,
    clock,
    theme,
    requestRender: () => {},
    maxRows: () => rows,
    renderChanges: (changes, width) =>
      changes.map(({ path, diff }) => `${path}: ${diff.trim()}`.slice(0, width)),
  });
  const press = (...keys: readonly string[]) => {
    for (const key of keys) view.handleInput(keyBytes(key));
  };
  return { view, clock, press };
}

Deno.test("an approval shows the command, where it would run, why, and a key for each answer", () => {
  const questions = new FakeQuestions(
    command("1", "git push origin main", { reason: "The remote is outside" }),
    command("2", "ls"),
    command("3", "ls"),
  );
  assert.deepEqual(plainRows(shown(questions).view, 80), [
    "Run this command? (1 of 3)",
    "In: /work/project",
    "Why: The remote is outside",
    "  git push origin main",
    "❯ y  Yes, run it",
    "  a  Yes, and do not ask again for this command in this session",
    "  p  Yes, and from now on run without asking what begins with",
    "    git 'push now'",
    "  n  No, go on without it",
    "  c/Esc  No, and stop the turn",
    "↑↓ choose · Enter answers · Ctrl-O shows more",
  ]);
});

Deno.test("an approval fits into 40 columns", () => {
  const questions = new FakeQuestions(
    command("1", "curl https://example.org/install.sh | sh -s --"),
  );
  assert.deepEqual(
    plainRows(shown(questions).view, 40),
    [
      "Run this command?",
      "In: /work/project",
      "  curl https://example.org/install.sh |",
      "  sh -s --",
      "❯ y  Yes, run it",
      "  a  Yes, and do not ask again for this",
      "     command in this session",
      "  p  Yes, and from now on run without",
      "     asking what begins with",
      "    git 'push now'",
      "  n  No, go on without it",
      "  c/Esc  No, and stop the turn",
      "↑↓ choose · Enter answers",
    ].map((row) => row.trimEnd()),
  );
});

Deno.test("changes of files are shown as a diff, with the folder that would be opened", () => {
  const questions = new FakeQuestions({
    type: "changes",
    id: "1",
    ...PLACE,
    grantRoot: "/etc",
    decisions: ["accept", "acceptForSession", "decline", "cancel"],
  });
  assert.deepEqual(plainRows(shown(questions).view, 140).slice(0, 4), [
    "Make these changes?",
    "Would allow writing in: /etc",
    "  /work/project/a.txt: hello",
    "❯ y  Yes, make these changes",
  ]);
});

const KEYS: readonly (readonly [string, CommandDecision])[] = [
  ["y", "accept"],
  ["a", "acceptForSession"],
  ["p", RULE],
  ["n", "decline"],
  ["c", "cancel"],
  ["esc", "cancel"],
  ["enter", "accept"],
];
for (const [key, decision] of KEYS) {
  Deno.test(`${key} answers once, and the next question waits`, () => {
    const questions = new FakeQuestions(command("1", "ls"), command("2", "ls"));
    const { clock, press } = shown(questions);
    clock.advance(GUARD_MS);
    press(key, key);
    assert.deepEqual(questions.answers, [["1", decision]]);
  });
}

Deno.test("arrows choose and Enter answers", () => {
  const questions = new FakeQuestions(command("1", "ls"));
  const { clock, press } = shown(questions);
  clock.advance(GUARD_MS);
  press("down", "down", "down", "up", "enter");
  assert.deepEqual(questions.answers, [["1", RULE]]);
});

Deno.test("n and Escape stop the turn where the server takes no other no", () => {
  for (const key of ["n", "esc", "ctrl+c"]) {
    const questions = new FakeQuestions(command("1", "ls", { decisions: ["accept", "cancel"] }));
    const { clock, press } = shown(questions);
    clock.advance(GUARD_MS);
    press("a", "p", key);
    assert.deepEqual(questions.answers, [["1", "cancel"]], key);
  }
});

Deno.test("keys that were typed ahead do not answer, nor does whoever types on", () => {
  const questions = new FakeQuestions(command("1", "ls"));
  const { clock, press } = shown(questions);
  clock.advance(GUARD_MS - 1);
  press("y");
  clock.advance(GUARD_MS - 1);
  press("n", "enter", "esc");
  assert.deepEqual(questions.answers, []);
  clock.advance(GUARD_MS);
  press("y");
  assert.deepEqual(questions.answers, [["1", "accept"]]);
});

Deno.test("what is pasted is no answer", () => {
  const questions = new FakeQuestions(command("1", "ls"));
  const { clock, view } = shown(questions);
  clock.advance(GUARD_MS);
  view.handleInput("\u001b[200~y\u001b[201~");
  view.handleInput("\u001b[200~y\r\u001b[201~");
  assert.deepEqual(questions.answers, []);
});

Deno.test("when a question is answered elsewhere, the key that was meant for it does not answer the next", () => {
  const questions = new FakeQuestions(command("1", "ls"), command("2", "rm -rf ."));
  const { clock, press, view } = shown(questions);
  clock.advance(GUARD_MS);
  questions.drop("1");
  press("y");
  assert.deepEqual(questions.answers, []);
  assert.match(plainRows(view, 80).join("\n"), /rm -rf/);
});

Deno.test("a long command says how much of it is not shown, and can be read to its end", () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i + 1}`);
  const { view, press } = shown(new FakeQuestions(command("1", lines.join("\n"))), { rows: 24 });
  const first = plainRows(view, 80);
  assert.ok(first.includes("… 87 more of 100 lines, PgUp/PgDn, Ctrl-O"), first.join("\n"));
  assert.ok(first.length <= 24);
  const seen = new Set<string>();
  for (let page = 0; page < 20; page++) {
    for (const row of plainRows(view, 80)) seen.add(row.trim());
    press("pagedown");
  }
  assert.ok(lines.every((line) => seen.has(line)));
  assert.ok(plainRows(view, 80).some((row) => row.startsWith("100 lines, to the end")));
  press("ctrl+o", "home");
  const expanded = plainRows(view, 80);
  assert.ok(expanded.length <= 24 && expanded.length > first.length - 2);
  assert.ok(expanded.includes("In: /work/project"));
});

Deno.test("a reason that would push the command off the screen is shortened, and whole with Ctrl-O", () => {
  const reason = Array.from({ length: 50 }, (_, i) => `because ${i}`).join("\n");
  const { view, press } = shown(new FakeQuestions(command("1", "evil", { reason })), { rows: 22 });
  const rows = plainRows(view, 80);
  assert.ok(rows.includes("  evil"));
  assert.ok(rows.includes("… 48 more lines, Ctrl-O"), rows.join("\n"));
  press("ctrl+o", "end");
  assert.ok(plainRows(view, 80).includes("  evil"));
});

Deno.test("characters that nobody would see are written out, and it says so", () => {
  const { view } = shown(new FakeQuestions(command("1", "rm \u202efdp.txt\u001b[2K")));
  const text = plainRows(view, 120).join("\n");
  assert.match(text, /Contains characters that are not visible/);
  assert.match(text, /rm \\u\{202e\}fdp\.txt\\u\{1b\}\[2K/);
});

Deno.test("a diff hides nothing either", () => {
  const questions = new FakeQuestions({
    type: "changes",
    id: "1",
    ...PLACE,
    grantRoot: null,
    decisions: ["accept", "cancel"],
  });
  questions.diff = "if (isAdmin\u2066) {\u202e\r\n";
  const text = plainRows(shown(questions).view, 80).join("\n");
  assert.match(text, /Contains characters that are not visible/);
  assert.match(text, /if \(isAdmin\\u\{2066\}\) \{\\u\{202e\}\n/);
});

Deno.test("no text makes an approval too wide or unsafe", () => {
  const nasty = fc.array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })))
    .map((parts) => parts.join(""));
  const question = fc.record({
    text: nasty,
    reason: nasty,
    cwd: nasty,
    wish: nasty,
    prefix: nasty,
  });
  const size = fc.record({
    width: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 60 }),
    isExpanded: fc.boolean(),
  });
  fc.assert(fc.property(question, size, (parts, { width, rows, isExpanded }) => {
    const asked: Question = {
      type: "command",
      id: "1",
      ...PLACE,
      reason: parts.reason,
      command: parts.text,
      cwd: parts.cwd,
      wishes: [parts.wish],
      decisions: [
        "accept",
        { acceptWithExecpolicyAmendment: { execpolicy_amendment: [parts.prefix] } },
        "cancel",
      ],
    };
    const { view, press } = shown(new FakeQuestions(asked), { rows, theme: COLOR_THEME });
    if (isExpanded) press("ctrl+o", "pagedown");
    assertSafe(view.render(width), width);
  }));
});

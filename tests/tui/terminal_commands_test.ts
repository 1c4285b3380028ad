import assert from "node:assert/strict";
import fc from "fast-check";
import {
  clipboardCommand,
  notificationCommand,
  titleCommand,
} from "../../src/tui/terminal_commands.ts";
import { backgroundFromEnv, terminalTraits } from "../../src/tui/terminal_traits.ts";

// deno-lint-ignore no-control-regex -- The begin and the end, and nothing like them between.
const PLAIN_COMMAND = /^\u001b\][09];([^\u0000-\u001f\u007f-\u009f]*)\u0007$/u;
// deno-lint-ignore no-control-regex -- See above.
const WRAPPED = /^\u001bPtmux;\u001b\u001b\][09];([^\u0000-\u001f\u007f-\u009f]*)\u0007\u001b\\$/u;
const PLAIN = { hasCommands: true, isTmux: false };

Deno.test("no text of others escapes from a title or a notification", () => {
  const nasty = fc.string({ unit: "binary", maxLength: 400 });
  fc.assert(fc.property(nasty, fc.boolean(), (text, isTmux) => {
    for (const command of [titleCommand, notificationCommand]) {
      const told = command(text, { hasCommands: true, isTmux });
      const inner = isTmux && command === notificationCommand ? WRAPPED : PLAIN_COMMAND;
      assert.match(told, inner);
      assert.ok(told.length < 600);
    }
  }));
});

Deno.test("a notification never becomes a command of some terminals", () => {
  assert.equal(notificationCommand("4;3;50", PLAIN), "\u001b]9; 4;3;50\u0007");
  assert.equal(notificationCommand("3 tests failed", PLAIN), "\u001b]9;3 tests failed\u0007");
});

Deno.test("tmux is asked to pass on what it would keep, and consoles get nothing they would print", () => {
  assert.equal(
    clipboardCommand("a", { hasCommands: true, isTmux: true }),
    "\u001b]52;c;YQ==\u0007\u001bPtmux;\u001b\u001b]52;c;YQ==\u0007\u001b\\",
  );
  const linux = terminalTraits({ TERM: "linux" });
  assert.equal(titleCommand("x", linux), "");
  assert.equal(notificationCommand("x", linux), "");
  assert.equal(clipboardCommand("x", linux), null);
  assert.equal(clipboardCommand("x".repeat(1_000_000), PLAIN), null);
});

Deno.test("the environment tells what a terminal can do", () => {
  const check = (
    env: Record<string, string>,
    expected: Partial<ReturnType<typeof terminalTraits>>,
  ) =>
    assert.deepEqual(
      { ...terminalTraits(env), ...expected },
      terminalTraits(env),
      JSON.stringify(env),
    );
  check({ TERM: "xterm-256color" }, { colors: 256, hasCommands: true });
  check({ TERM: "xterm" }, { colors: 16 });
  check({ TERM: "xterm", COLORTERM: "truecolor" }, { colors: 16_777_216 });
  check({ TERM: "xterm-direct" }, { colors: 16_777_216 });
  check({ TERM: "xterm-256color", COLORTERM: "truecolor", NO_COLOR: "1" }, { colors: 0 });
  check({ TERM: "xterm-256color", NO_COLOR: "" }, { colors: 256 });
  check({ TERM: "linux", COLORTERM: "truecolor" }, {
    colors: 16,
    hasCommands: false,
    hasAlternateScreen: false,
  });
  check({ TERM: "vt100" }, { colors: 0 });
  check({ TERM: "dumb" }, { colors: 0 });
  check({}, { colors: 0 });
  check({ TERM: "tmux-256color", TMUX: "/tmp/tmux-0/default,1,0" }, { isTmux: true, colors: 256 });
});

Deno.test("COLORFGBG tells the background, also with three parts and when it makes no sense", () => {
  const told = (value: string) => backgroundFromEnv({ COLORFGBG: value });
  assert.equal(told("15;0"), "dark");
  assert.equal(told("0;15"), "light");
  assert.equal(told("0;default;7"), "light");
  assert.equal(told("12;8"), "dark");
  assert.equal(told("default;default"), null);
  assert.equal(told(""), null);
  fc.assert(fc.property(fc.string(), (text) => void told(text)));
});

/** Tests questions on a real terminal, of each kind: what appears, what is answered, and that the terminal is left as it was. */
import assert from "node:assert/strict";
import { type Screen, type ScreenOptions, startScreen } from "../support/screen.ts";
import { SOURCE } from "../support/forms.ts";

const FIXTURE = new URL("../support/prompt_fixture.ts", import.meta.url).pathname;
const [DENO = ""] = SOURCE.command;
const COMMAND = [DENO, "run", "-A", "--no-check", "--quiet", "--no-prompt"];

const FULL = { TERM: "xterm-256color" };
const PLAIN = { TERM: "dumb" };
const KINDS = [["arrows", FULL], ["plain", PLAIN]] as const;

function ask(question: string, options: ScreenOptions = {}): Promise<Screen> {
  return startScreen(COMMAND, [FIXTURE, question], {
    ...options,
    env: { ...SOURCE.env, ...options.env },
  });
}

/** The answer, once the program has ended well. */
async function answered(screen: Screen): Promise<unknown> {
  const { code } = await screen.exit;
  assert.equal(code, 0, screen.scrollback());
  assert.deepEqual(screen.leftovers(), []);
  const text = screen.scrollback().replaceAll("\n", "");
  return JSON.parse(/answer: (.*)$/.exec(text)?.[1] ?? "null");
}

Deno.test("a choice is made with the arrow keys, at any width and without colours", async () => {
  for (
    const options of [
      { columns: 80 },
      { columns: 40 },
      { columns: 40, env: { NO_COLOR: "1" } },
    ]
  ) {
    await using screen = await ask("choose", options);
    const shown = await screen.until("Alpha");
    assert.match(shown, /Which one of {2}these\?/);
    assert.match(shown, /○ Alpha\n.* ● Beta \(the second\)\n.* ○ A label/);
    screen.press("down", "down");
    await screen.until(/● Alpha/);
    screen.press("up", "enter");
    assert.equal(await answered(screen), "c");
    // deno-lint-ignore no-control-regex -- What is searched for is one.
    assert.doesNotMatch(screen.raw, /\u001b\]|\u001b\[2J|\u202e/);
    // deno-lint-ignore no-control-regex -- As above.
    if ("env" in options) assert.doesNotMatch(screen.raw, /\u001b\[[0-9;]*3[0-9]m/);
  }
});

Deno.test("a choice on a plain terminal is the number of a line", async () => {
  await using screen = await ask("choose", { env: PLAIN });
  const shown = await screen.until(/1-3 \[2\]:$/);
  assert.match(
    shown,
    /^Which one of {2}these\?\n {2}1\. Alpha\n {2}2\. Beta \(the second\)\n {2}3\. A label/,
  );
  screen.type("4\n");
  await screen.until(/Type a number from 1 to 3\n1-3 \[2\]:$/);
  screen.type("1\n");
  assert.equal(await answered(screen), "a");
  assert.ok(!screen.raw.includes("\u001b"));
});

Deno.test("enter alone takes what is said to be the usual answer", async () => {
  for (const [, env] of KINDS) {
    for (
      const [question, usual] of [["choose", "b"], ["confirm", false], ["text", "Ada"]] as const
    ) {
      await using screen = await ask(question, { env });
      await screen.until(/\]:$|○ It is|Ada|○ Alpha/);
      screen.press("enter");
      assert.deepEqual(await answered(screen), usual);
    }
  }
});

Deno.test("yes and no are chosen like everything else", async () => {
  {
    await using screen = await ask("confirm");
    await screen.until("It is not");
    screen.press("up");
    await screen.until("● It is\n");
    screen.press("enter");
    assert.equal(await answered(screen), true);
  }
  await using screen = await ask("confirm", { env: PLAIN });
  await screen.until(/1-2 \[2\]:$/);
  screen.type("1\n");
  assert.equal(await answered(screen), true);
});

Deno.test("a secret appears nowhere, is asked for again when it is wrong, and may be pasted", async () => {
  for (const [, env] of KINDS) {
    await using screen = await ask("secret", { env, columns: 40 });
    await screen.until(env === PLAIN ? />$/ : "The secret");
    screen.type("no\n");
    await screen.until("Too short!");
    if (env === FULL) screen.press("ctrl+u");
    const secret = "sk-".padEnd(164, "0123456789");
    screen.type(` x\u007f${secret} \n`);
    assert.equal(await answered(screen), secret);
    const [before = ""] = screen.raw.split("answer:");
    assert.ok(!before.includes("sk-") && !before.includes("234"), before);
  }
});

Deno.test("two questions follow each other, with words between them", async () => {
  for (const [, env] of KINDS) {
    await using screen = await ask("twice", { env });
    await screen.until("one");
    screen.type(env === PLAIN ? "first\n" : " more\n");
    await screen.until(/Between the two[^]*two/);
    screen.press("enter");
    assert.deepEqual(await answered(screen), [env === PLAIN ? "first" : "one more", "two"]);
  }
});

Deno.test("what is typed after the answer is left for the next one who reads", async () => {
  for (const [, env] of KINDS) {
    await using screen = await ask("then", { env });
    await screen.until("It is not");
    screen.press("enter");
    await screen.until("yours");
    screen.type("typed later\n");
    assert.equal(await answered(screen), "typed later");
  }
});

Deno.test("Ctrl-C, Ctrl-D and Escape end the program with 130, without a word, and restore the terminal", async () => {
  for (const [, env] of KINDS) {
    for (const question of ["choose", "secret", "text"]) {
      for (const key of env === PLAIN ? ["ctrl+c", "ctrl+d"] : ["ctrl+c", "ctrl+d", "esc"]) {
        await using screen = await ask(question, { env });
        await screen.until(/Which one|The secret|The name/);
        await screen.until(env === PLAIN ? /[:>]$/ : /└/);
        screen.press(key);
        const { code } = await screen.exit;
        assert.equal(code, 130, `${key}: ${screen.scrollback()}`);
        assert.deepEqual(screen.leftovers(), []);
        assert.doesNotMatch(screen.scrollback(), /Error|answer/);
      }
    }
  }
});

Deno.test("a signal ends the program as the signal demands, and restores the terminal", async () => {
  for (const [, env] of KINDS) {
    for (const [signal, expected] of [["SIGTERM", 143], ["SIGHUP", 129]] as const) {
      await using screen = await ask("secret", { env });
      await screen.until(env === PLAIN ? />$/ : /└/);
      screen.signal(signal);
      const { code } = await screen.exit;
      assert.equal(code, expected, screen.scrollback());
      assert.deepEqual(screen.leftovers(), []);
    }
  }
});

Deno.test("a terminal that goes away ends the program", async () => {
  for (const [, env] of KINDS) {
    await using screen = await ask("choose", { env });
    await screen.until("Alpha");
    screen.hangUp();
    const { code } = await screen.exit;
    assert.ok(code === 129 || code === 130, String(code));
  }
});

Deno.test("without a terminal there is an error rather than a question", async () => {
  const { code, stdout, stderr } = await new Deno.Command(DENO, {
    args: [...COMMAND.slice(1), FIXTURE, "choose"],
    env: { ...SOURCE.env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert.deepEqual(
    [code, text.decode(stdout), text.decode(stderr)],
    [1, "", "Error: stdin is not a terminal\n"],
  );
});

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Screen } from "../support/screen.ts";
import { MODES, startFixture, startInShell } from "./screen_support.ts";

/** How a program ends, what a shell sees of it, and what has to be on the main screen then. */
const ENDS: readonly {
  readonly name: string;
  readonly end: (screen: Screen) => void;
  readonly code: number;
  readonly shows?: RegExp;
}[] = [
  {
    name: "a proper end",
    end: (screen) => screen.type("/stop bye\n"),
    code: 0,
    shows: /^hello\nbye$/,
  },
  { name: "Deno.exit", end: (screen) => screen.type("/exit 4\n"), code: 4 },
  { name: "an exception", end: (screen) => screen.type("/throw boom\n"), code: 1, shows: /boom/ },
  {
    name: "an unhandled rejection",
    end: (screen) => screen.type("/reject bang\n"),
    code: 1,
    shows: /bang/,
  },
  { name: "SIGTERM", end: (screen) => screen.signal("SIGTERM"), code: 143 },
  { name: "SIGHUP", end: (screen) => screen.signal("SIGHUP"), code: 129 },
  { name: "SIGINT", end: (screen) => screen.signal("SIGINT"), code: 130 },
];

for (const mode of MODES) {
  for (const kind of ["dark", "kitty"] as const) {
    for (const { name, end, code, shows } of ENDS) {
      Deno.test(`${name} restores the terminal (${mode}, ${kind})`, async () => {
        await using screen = await startFixture(mode, { kind });
        screen.type("hello\n");
        await screen.until(/^hello$/m);
        assert.notDeepEqual(
          screen.leftovers(),
          [],
          "a program that changes nothing proves nothing",
        );
        end(screen);
        assert.deepEqual(await screen.exit, { code, signal: null });
        assert.deepEqual(screen.leftovers(), []);
        if (shows) assert.match(screen.scrollback(), shows);
      });
    }
  }

  Deno.test(`a terminal that vanishes ends the program (${mode})`, async () => {
    await using screen = await startFixture(mode);
    screen.hangUp();
    assert.deepEqual(await screen.exit, { code: 129, signal: null });
  });

  Deno.test(`Ctrl-Z gives the terminal to the shell, and fg draws all anew (${mode})`, async () => {
    await using screen = await startInShell(mode);
    screen.type("hello\n");
    await screen.until(/^hello$/m);
    screen.press("ctrl+z");
    await screen.until(/Stopped[^]*prompt>$/);
    assert.equal(screen.modes.alternateScreen, false);
    assert.equal(screen.modes.mouse, false);
    assert.ok(screen.modes.cursorVisible);
    screen.type("fg\n");
    await screen.until(/^hello\n+ready\n>$/);
    screen.type("again\n");
    await screen.until(/^hello\nagain\n+ready\n>$/);
    await leave(screen);
    assert.match(screen.scrollback(), /hello\nagain\nbye\n/);
  });

  Deno.test(`kill -TSTP and kill -STOP from outside are survived (${mode})`, async () => {
    await using screen = await startInShell(mode);
    screen.type("/self\n");
    const pid = Number(/^pid (\d+)$/m.exec(await screen.until(/^pid \d+$/m))?.[1]);
    for (const signal of ["SIGTSTP", "SIGSTOP"] as const) {
      // A process that is stopped cannot take what the terminal still has to answer.
      await screen.until(() => screen.modes.modifyOtherKeys, { why: "the answer" });
      Deno.kill(pid, signal);
      // The other screen stays where nobody was asked, and the shell writes on it.
      await screen.until(/Stopped[^]*prompt>$/);
      screen.type("fg\n");
      await screen.until(/^pid \d+\n+ready\n>$/);
    }
    await leave(screen);
  });

  Deno.test(`another program has the terminal for itself, with every key (${mode})`, async () => {
    await using screen = await startFixture(mode);
    const settings = "stty -a | grep -Eo -- '-?(icanon|echo)\\b' | tr '\\n' ' '";
    screen.type(`/child ${settings}; echo asks; read a; read b; echo "[$a|$b]"; read c\n`);
    assert.match(await screen.until("asks"), /^icanon echo asks$/m);
    // The signals of the keyboard are for the other program, which takes no notice.
    screen.type("one\ntwo\n");
    await screen.until("[one|two]");
    screen.type("\n");
    await screen.until(/ready\n>$/);
    screen.type("back\n");
    await screen.until(/^back$/m);
    screen.type("/stop bye\n");
    await screen.exit;
    assert.deepEqual(screen.leftovers(), []);
  });
}

Deno.test("Ctrl-Z does nothing where nobody could make the program go on", async () => {
  await using screen = await startFixture("alternate");
  screen.press("ctrl+z");
  screen.type("hello\n");
  await screen.until(/^hello$/m);
});

Deno.test("a program on a terminal that takes nothing ends, and restores it when it takes again", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "end");
  const watcher = Deno.watchFs(folder);
  try {
    await using screen = await startFixture("alternate", { env: { END_FILE: file } });
    screen.stall();
    screen.type("/flood 4000000\n");
    for await (const event of watcher) if (event.paths.includes(file)) break;
    screen.flow();
    assert.deepEqual(await screen.exit, { code: 143, signal: null });
    assert.deepEqual(screen.leftovers(), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("answers that come late do not reach the shell", async () => {
  await using screen = await startFixture("alternate");
  // Asked right before the end.
  screen.type("/background\n/stop bye\n");
  await screen.exit;
  assert.doesNotMatch(screen.scrollback(), /rgb:|\^\[/);
  assert.deepEqual(screen.leftovers(), []);
});

/** Ends the program, then the shell. */
async function leave(screen: Screen): Promise<void> {
  screen.type("/stop bye\n");
  await screen.until(/^bye\nprompt>$/m);
  screen.type("exit\n");
  await screen.exit;
  assert.deepEqual(screen.leftovers(), []);
}

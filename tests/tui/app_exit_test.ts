/** Every way in which the interface ends or is laid aside; the terminal is as before afterwards. */
import assert from "node:assert/strict";
import { gate, say } from "../support/mock_model.ts";
import { startScreen } from "../support/screen.ts";
import { SOURCE } from "../support/forms.ts";
import { type AppWorld, ended, enter, makeWorld, READY } from "./app_world.ts";

const RESUME = /^To continue this session, run codex resume [\da-f-]{36}$/m;

Deno.test("Ctrl-C clears what is written, asks, and leaves at the second press; Ctrl-D leaves at once", async () => {
  await using world = await makeWorld();
  await using screen = await world.open();
  screen.type("half a thought");
  await screen.until(/^› half a thought$/m);
  screen.press("ctrl+c");
  await screen.until(READY);
  screen.press("ctrl+c");
  await screen.until("Ctrl-C again to quit");
  screen.press("ctrl+c");
  assert.deepEqual(await ended(screen), { code: 0, signal: null });
  assert.deepEqual(screen.leftovers(), []);
  // Nothing was said, so there is nothing to come back to.
  assert.equal(screen.scrollback(), "");

  await using other = await world.open();
  other.press("ctrl+d");
  assert.deepEqual(await ended(other), { code: 0, signal: null });
  assert.deepEqual(other.leftovers(), []);
});

Deno.test("Ctrl-C while a turn runs stops the turn, and again leaves", async () => {
  await using world = await makeWorld({ responses: [[say("So far"), gate("never")]] });
  await using screen = await world.open();
  enter(screen, "begin");
  await screen.until(/^• So far$/m);
  screen.press("ctrl+c");
  await screen.until(/^■ Interrupted/m);
  await screen.until("Ctrl-C again to quit");
  screen.press("ctrl+c");
  assert.equal((await ended(screen)).code, 0);
  assert.match(screen.scrollback(), /• So far\n+■ Interrupted[^]*To continue this session/);
});

for (
  const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const
) {
  Deno.test(`${signal} in the middle of a turn restores the terminal, and what was said can be continued`, async () => {
    await using world = await makeWorld({ responses: [[say("So far"), gate("never")]] });
    await using screen = await world.open();
    enter(screen, "begin");
    await screen.until(/^• So far$/m);
    screen.signal(signal);
    assert.deepEqual(await ended(screen), { code, signal: null });
    assert.deepEqual(screen.leftovers(), []);
    assert.match(screen.scrollback(), RESUME);
  });
}

Deno.test("a terminal that goes away ends it, and the server of its own with it", async () => {
  await using world = await makeWorld({ responses: [[say("So far"), gate("never")]] });
  await using screen = await world.open();
  enter(screen, "begin");
  await screen.until(/^• So far$/m);
  const request = await world.model.request(0);
  screen.hangUp();
  assert.deepEqual(await ended(screen), { code: 129, signal: null });
  assert.equal(await request.over, "cancelled");
});

Deno.test("Ctrl-Z gives the terminal back to the shell while the turn goes on, and fg shows all of it", async () => {
  await using world = await makeWorld({
    responses: [[say("So far. "), gate("more"), say("The end")]],
  });
  await using screen = await openInShell(world);
  enter(screen, "begin");
  await screen.until(/^• So far\.$/m);
  screen.press("ctrl+z");
  await screen.until(/Stopped[^]*prompt>$/);
  assert.equal(screen.modes.alternateScreen, false);
  assert.equal(screen.modes.bracketedPaste, true, "the shell has the terminal");
  enter(screen, "echo from the shell");
  await screen.until(/^from the shell\nprompt>$/m);
  enter(screen, "fg");
  await screen.until(/^› begin$/m);
  world.model.release("more");
  await screen.until(/^• The end$/m);
  screen.press("ctrl+d");
  await screen.until(/To continue this session, run codex resume [\da-f-]{36}\nprompt>$/);
  enter(screen, "exit");
  assert.equal((await ended(screen)).code, 0);
  assert.deepEqual(screen.leftovers(), []);
});

Deno.test("Ctrl-Z lays a client of a server elsewhere aside as well", async () => {
  await using world = await makeWorld({ responses: [say("The end")] });
  await using server = await world.serve("ws://127.0.0.1:0");
  await using screen = await openInShell(world, `--remote ${server.urls[0]}`);
  screen.press("ctrl+z");
  await screen.until(/Stopped[^]*prompt>$/);
  enter(screen, "fg");
  await screen.until(READY);
  enter(screen, "begin");
  await screen.until(/^• The end$/m);
});

/** From a shell that watches over its jobs. */
async function openInShell(world: AppWorld, words = "") {
  const screen = await startScreen(["/bin/bash"], ["--norc", "--noprofile", "-i"], {
    cwd: world.project,
    env: {
      ...world.env,
      HISTFILE: "",
      PS1: "prompt> ",
      APP: `${SOURCE.command.map((word) => `'${word}'`).join(" ")} ${words}`,
    },
  });
  await screen.until("prompt>");
  enter(screen, 'eval "$APP"');
  await screen.until(READY);
  return screen;
}

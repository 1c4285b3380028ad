/** The interface on a Linux console: sixteen colours, a small font, no alternate screen, no commands. */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import { ended, enter, makeWorld, READY } from "./app_world.ts";

/** What the kernel's own font has besides ASCII and the letters of Western Europe. */
const FONT = /^[\n -\u00ff•▲▼■│─└├→←↑↓√·►◄]*$/;

Deno.test("a Linux console gets signs and colours that it has, and no command that it would print", async () => {
  await using world = await makeWorld({ responses: [say("- a\n- b\n\n`code` **bold**")] });
  await using screen = await world.start([], {
    kind: "silent",
    env: { TERM: "linux", COLORTERM: "", NO_COLOR: "" },
  });
  await screen.until(READY);
  enter(screen, "hello");
  await screen.until(/^• .*bold$/ms);
  screen.type("/");
  await screen.until("/model");
  screen.press("ctrl+u", "ctrl+d");
  assert.equal((await ended(screen)).code, 0);
  const { raw } = screen;
  // deno-lint-ignore no-control-regex -- Modes are control sequences.
  assert.ok(!/\u001b\[\?(?:1049|1000|1004)h/.test(raw));
  // deno-lint-ignore no-control-regex -- Commands are control sequences.
  assert.deepEqual(raw.match(/\u001b\][^\u0007]*/g), null);
  // deno-lint-ignore no-control-regex -- As above.
  assert.deepEqual(raw.match(/\u001b\[[\d;]*[34]8;[25];[\d;]*m/g), null);
  assert.match(screen.scrollback(), FONT);
  assert.deepEqual(screen.leftovers(), []);
});

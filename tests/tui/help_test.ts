import assert from "node:assert/strict";
import { COMMANDS } from "../../src/tui/commands.ts";
import { showHelp, usageOf } from "../../src/tui/commands/help_view.ts";
import { actionOf, keysOf } from "../../src/tui/composer/keys.ts";
import { SHORTCUTS } from "../../src/tui/shortcuts.ts";
import { keyBytes } from "../support/keys.ts";
import { assertSafe, COLOR_THEME, fakeClient, fakeContext, fakeSession } from "./pane_world.ts";

const { client: NO_SERVER } = fakeClient({});

function help(theme = COLOR_THEME, maxRows = 400) {
  const world = fakeContext(fakeSession(NO_SERVER).session, { theme, maxRows: () => maxRows });
  showHelp(world.context, COMMANDS);
  return world.host;
}

Deno.test("help has every key and every command, at each width", () => {
  const host = help();
  for (const width of [30, 40, 80, 140]) {
    assertSafe(host.view.render(width), width);
    const text = host.text(width).replace(/\s+/g, " ");
    const entries = [
      ...SHORTCUTS.flatMap(({ shortcuts }) => shortcuts).map((
        { keys, doc },
      ) => [keys.join(", "), doc]),
      ...COMMANDS.map((command) => [usageOf(command), command.doc]),
    ];
    for (const [name = "", doc = ""] of entries) {
      assert.ok(text.includes(`${name} ${doc}`), `${name} at ${width}:\n${text}`);
    }
  }
  host.press("?");
  assert.equal(host.views.length, 0);
});

Deno.test("help is read page by page", () => {
  const host = help(COLOR_THEME, 10);
  assert.match(host.text(80), /^Keys and commands +· 8\/\d+\nMessages\n {2}Enter +sends/);
  host.press("pagedown", "pagedown");
  assert.doesNotMatch(host.text(80), /^Messages$/m);
  host.press("end");
  assert.match(host.text(80), /\/quit, \/exit +leave/);
  host.press("esc");
  assert.equal(host.views.length, 0);
});

Deno.test("keys are told as people write them, and mean what is said", () => {
  const told = SHORTCUTS.flatMap(({ shortcuts }) => shortcuts).flatMap(({ keys }) => keys);
  for (const key of ["Ctrl-R", "Alt-<", "Alt->", "Ctrl-_", "Shift-Enter", "Esc", "Ctrl--"]) {
    assert.ok(told.includes(key), key);
  }
  assert.equal(actionOf(keyBytes("ctrl+g")), "edit");
  assert.equal(actionOf(keyBytes("ctrl+x")), "edit");
  assert.deepEqual(keysOf("search"), ["ctrl+r"]);
});

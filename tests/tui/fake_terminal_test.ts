import assert from "node:assert/strict";
import { Input, Text, TuiMainScreen } from "pi-tui";
import { FrameTerminal } from "../../src/tui/frame_terminal.ts";
import { FakeTerminal } from "../support/terminal.ts";

Deno.test("the fake terminal shows what a renderer draws and delivers keys one by one", async () => {
  const terminal = new FakeTerminal({ columns: 40, rows: 10 });
  const tui = new TuiMainScreen(new FrameTerminal(terminal));
  const input = new Input();
  tui.addChild(new Text("漢字 👨‍👩‍👧 e\u0301", 0, 0));
  tui.addChild(input);
  tui.setFocus(input);
  tui.start();
  tui.renderNow();
  assert.match(await terminal.settled(), /^漢字 👨‍👩‍👧 e\u0301\n/);
  terminal.type("hello");
  terminal.press("left", "backspace");
  assert.match(await terminal.settled(), /helo/);
  terminal.paste("p");
  await terminal.until("helpo");
  assert.equal(terminal.cells(0)[5]?.char, "👨‍👩‍👧");
  assert.equal(terminal.cells(0)[8]?.char, "e\u0301");
  tui.stop();
  await terminal.settled();
  assert.equal(terminal.modes.bracketedPaste, false);
});

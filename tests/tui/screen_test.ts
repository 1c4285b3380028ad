import assert from "node:assert/strict";
import type { Component } from "pi-tui";
import { Screen } from "../../src/tui/terminal.ts";
import { FakeTerminal } from "../support/terminal.ts";
import { MODES } from "./screen_support.ts";

/** Lines as they are, wide or not. */
class Lines implements Component {
  constructor(readonly lines: string[]) {}

  render(): string[] {
    return this.lines;
  }

  invalidate(): void {}
}

const ENV = { TERM: "xterm-256color" };

for (const mode of MODES) {
  Deno.test(`a line that is too wide is cut, also where the library would give up (${mode})`, async () => {
    const terminal = new FakeTerminal({ columns: 20, rows: 5, kind: "silent" });
    const transcript = new Lines(["first"]);
    const screen = new Screen({ terminal, env: ENV, mode, transcript, pane: new Lines(["pane"]) });
    screen.start();
    transcript.lines.push("漢".repeat(15), "x".repeat(30));
    screen.renderNow();
    assert.match(await terminal.settled(), /^first\n漢{10}\nx{20}\n+pane$/);
    await screen.stop();
  });

  Deno.test(`frames wait for a terminal that does not keep up, and the newest is shown (${mode})`, async () => {
    const terminal = new FakeTerminal({ columns: 20, rows: 5, kind: "silent" });
    const transcript = new Lines(["one"]);
    const screen = new Screen({ terminal, env: ENV, mode, transcript, pane: new Lines(["pane"]) });
    screen.start();
    const writes = terminal.writes.length;
    terminal.isCongested = true;
    for (const line of ["two", "three"]) {
      transcript.lines.push(line);
      screen.renderNow();
    }
    assert.equal(terminal.writes.length, writes);
    terminal.isCongested = false;
    await terminal.until("three\n");
    await screen.stop();
    assert.equal(terminal.isStarted, false);
  });

  Deno.test(`the pane does not stay behind on the main screen (${mode})`, async () => {
    const terminal = new FakeTerminal({ columns: 20, rows: 5, kind: "silent" });
    const screen = new Screen({
      terminal,
      env: ENV,
      mode,
      transcript: new Lines(["one", "two"]),
      pane: new Lines(["pane"]),
    });
    screen.setTitle("title");
    screen.start();
    await screen.stop();
    await screen.stop();
    assert.equal(terminal.frame(), "one\ntwo");
    assert.deepEqual(terminal.emulator.cursor, { row: 2, column: 0 });
    assert.equal(terminal.emulator.title, "title");
  });

  Deno.test(`others have the terminal one after the other, and it is drawn anew after the last (${mode})`, async () => {
    const terminal = new FakeTerminal({ columns: 20, rows: 5, kind: "silent" });
    const stops: string[] = [];
    const suspend = () => {
      stops.push(terminal.isStarted ? "still drawing" : "stopped");
      return Promise.resolve();
    };
    const screen = new Screen({
      terminal,
      env: ENV,
      mode,
      transcript: new Lines(["one"]),
      pane: new Lines(["pane"]),
      suspend,
    });
    screen.start();
    const result = await screen.paused(async () => {
      await screen.paused(suspend);
      terminal.requestStop();
      terminal.goOn();
      return "done";
    });
    assert.equal(result, "done");
    terminal.requestStop();
    await terminal.until(() => terminal.isStarted && stops.length === 3);
    assert.deepEqual(stops, ["stopped", "stopped", "stopped"]);
    assert.match(await terminal.until("pane"), /^one\n+pane$/);
    assert.equal(terminal.modes.alternateScreen, mode === "alternate");
    await assert.rejects(screen.paused(() => Promise.reject(new Error("no editor"))), /no editor/);
    assert.ok(terminal.isStarted);
    await screen.stop();
  });

  Deno.test(`an end while others have the terminal is an end (${mode})`, async () => {
    const terminal = new FakeTerminal({ columns: 20, rows: 5, kind: "silent" });
    const [transcript, pane] = [new Lines(["one"]), new Lines(["pane"])];
    const screen = new Screen({ terminal, env: ENV, mode, transcript, pane });
    screen.start();
    await screen.paused(() => screen.stop());
    assert.equal(terminal.isStarted, false);
    await terminal.settled();
    assert.equal(terminal.modes.alternateScreen, false);
  });
}

/**
 * Reviews of the real servers in our interface. Runs where `CODEX_PEER_120` or `CODEX_PEER_169` names the real program.
 */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import { enter } from "../tui/app_world.ts";
import { makeRealWorld, testEachReal } from "./tui_world.ts";

testEachReal(
  "a review is chosen from its presets, is shown once, and is over at its end",
  async (program) => {
    await using world = await makeRealWorld(program, {
      responses: [say("Hello"), say("The boat leaks"), say("After it")],
    });
    await using screen = await world.meet([], { columns: 100, rows: 40 });
    enter(screen, "begin");
    await screen.until(/^• Hello$/m);
    await screen.until((text) => !text.includes("Esc interrupts"), { why: "the end of the turn" });
    enter(screen, "/review");
    await screen.until("Changes that are not committed yet");
    screen.press("down", "down");
    await screen.until(/^❯ +One commit/m);
    screen.press("end");
    await screen.until(/^❯ +In my own words/m);
    screen.press("enter");
    await screen.until(/^› \/review$/m);
    enter(screen, " look for leaks");
    await screen.until("The boat leaks");
    await screen.until((text) => !text.includes("Esc interrupts"), {
      why: "the end of the review",
    });
    assert.equal(screen.text().split("The boat leaks").length, 2);
    enter(screen, "go on");
    await screen.until(/^• After it$/m);
  },
);

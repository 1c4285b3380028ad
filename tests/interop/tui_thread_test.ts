/**
 * Our interface in front of the real servers: going on with threads, going back in them, and servers that go away.
 * Runs where `CODEX_PEER_120` or `CODEX_PEER_169` names the real program.
 */
import assert from "node:assert/strict";
import { call, custom, gate, say } from "../support/mock_model.ts";
import { faultProxy, NO_FAULT } from "../support/fault_proxy.ts";
import type { Screen } from "../support/screen.ts";
import { answer, ended, enter } from "../tui/app_world.ts";
import { makeRealWorld, type RealWorld, testEachReal } from "./tui_world.ts";

const PATCH = `*** Begin Patch
*** Add File: made.txt
+one
*** End Patch`;
/** What somebody sees who comes back: all of it, once. */
const TALK = new RegExp(
  [
    "^› first$",
    "• Ran echo hello$\n {2}└ hello$",
    "• Added made\\.txt \\(\\+1 -0\\)$\n +1 \\+one$",
    "• Answer to first$",
    "› second$",
    "• Answer to second$",
  ].join("\n\n"),
  "m",
);

function isIdle(text: string): boolean {
  return !text.includes("Esc interrupts");
}

/** Two turns, the first of them with a command and a patch; answers the id of the thread. */
async function talk(world: RealWorld, screen: Screen): Promise<string> {
  const command = call("exec_command", { cmd: "echo hello", login: false });
  world.model.push(command, custom("apply_patch", PATCH), say("Answer to first"));
  enter(screen, "first");
  await screen.until(/^• Answer to first$/m);
  await screen.until(isIdle, { why: "the end of the turn" });
  await next(world, screen, "second");
  enter(screen, "/status");
  const shown = await screen.until(/Session id +[\da-f-]{36}$/m);
  return /Session id +([\da-f-]{36})$/m.exec(shown)?.[1] ?? "";
}

async function next(world: RealWorld, screen: Screen, line: string): Promise<void> {
  world.model.push(say(`Answer to ${line}`));
  enter(screen, line);
  await screen.until(new RegExp(`^› ${line}\n\n• Answer to ${line}$`, "m"));
  await screen.until(isIdle, { why: "the end of the turn" });
}

testEachReal(
  "a thread is gone on with by its id, and with the last one, complete",
  async (program) => {
    await using world = await makeRealWorld(program);
    const threadId = await withScreen(world, ["-a", "never"], (screen) => talk(world, screen));
    for (
      const [words, line] of [[["resume", threadId], "third"], [
        ["resume", "--last"],
        "fourth",
      ]] as const
    ) {
      await withScreen(world, [...words, "-a", "never"], async (screen) => {
        await screen.until(TALK);
        await next(world, screen, line);
      });
    }
    const { text } = await world.model.request(world.model.requests.length - 1);
    assert.match(text, /Answer to first.*Answer to second.*Answer to third.*fourth/s);
  },
);

testEachReal(
  "Esc Esc goes back to before a message, in a fork, with the message to edit",
  async (program) => {
    await using world = await makeRealWorld(program);
    await using screen = await world.meet(["-a", "never"], { rows: 60 });
    const threadId = await talk(world, screen);
    screen.press("esc");
    await screen.until("Esc again to edit an earlier message");
    screen.press("esc");
    await screen.until(/Go back to before[^]*❯[^\n]*second[^]*first/);
    screen.press("enter");
    await screen.until(/^› first$[^]*^• Answer to first\n\n+[^]*\n› second$/m);
    assert.doesNotMatch(screen.text(), /Answer to second/);
    screen.type(" thought");
    await screen.until(/^› second thought$/m);
    world.model.push(say("Another answer"));
    screen.press("enter");
    await screen.until(/^› second thought\n\n• Another answer$/m);
    const { text } = await world.model.request(world.model.requests.length - 1);
    assert.match(text, /Answer to first.*second thought/s);
    assert.doesNotMatch(text, /Answer to second/);
    screen.press("ctrl+d");
    await ended(screen);
    assert.doesNotMatch(screen.scrollback(), new RegExp(`resume ${threadId}`));
    // The thread that was left is as it was.
    await withScreen(world, ["resume", threadId], async (before) => {
      await before.until(TALK);
      assert.doesNotMatch(before.text(), /second thought/);
    });
  },
);

testEachReal(
  "a server that is killed in the middle of a turn and comes back is waited for",
  async (program) => {
    await using world = await makeRealWorld(program);
    await using screen = await world.meet(["-a", "never"], { rows: 60 });
    await talk(world, screen);
    world.model.push([say("So far"), gate("never")]);
    enter(screen, "third");
    await screen.until(/^• So far$/m);
    world.server.signal("SIGKILL");
    await world.server.ended();
    await screen.until(/○ offline for \d+s, reconnecting/);
    enter(screen, "typed offline");
    await screen.until("↳ will be sent when connected: typed offline");
    world.model.push(say("Answer to it"));
    await using _again = await world.startAgain();
    await screen.until(/^› typed offline\n\n• Answer to it$/m);
    await screen.until((text) => /● ws:\S+/.test(text) && isIdle(text), { why: "the connection" });
    assert.match(screen.text(), TALK);
    assert.equal(screen.text().match(/^› typed offline$/gm)?.length, 1);
  },
);

testEachReal(
  "a line that is cut while a question waits: what the server still asks is asked again",
  async (program) => {
    const touch = call("exec_command", { cmd: "touch a", login: false });
    await using world = await makeRealWorld(program, { responses: [touch] });
    const port = Number(new URL(world.server.url).port);
    await using proxy = faultProxy(port, () => NO_FAULT);
    const words = ["-a", "untrusted", "--remote", `ws://127.0.0.1:${proxy.port}`];
    await using screen = await world.start(words, { rows: 60 });
    await screen.until("Ask for anything");
    enter(screen, "first");
    await screen.until("Run this command?");
    proxy.cutAll();
    await screen.until("Reconnected; the thread was loaded again");
    if (program.version === "0.120") {
      // Without a client it ends the turn, and asks nothing any more.
      await screen.until((text) => isIdle(text) && !text.includes("Run this command?"), {
        why: "the end of the question",
      });
    } else {
      world.model.push(say("Answer to first"));
      await answer(screen, "Run this command?", "y");
      await screen.until(/^• Ran touch a$[^]*^• Answer to first$/m);
    }
    await next(world, screen, "second");
  },
);

/** A screen that is left when all is done. */
async function withScreen<T>(
  world: RealWorld,
  words: readonly string[],
  use: (screen: Screen) => Promise<T>,
): Promise<T> {
  await using screen = await world.meet(words, { rows: 60 });
  const result = await use(screen);
  screen.press("ctrl+d");
  assert.equal((await ended(screen)).code, 0);
  return result;
}

/** Going on with earlier threads, and from earlier points of them. */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import type { Screen } from "../support/screen.ts";
import { type AppWorld, ended, enter, makeWorld } from "./app_world.ts";

/** Says a few things and leaves; answers the id of the thread. */
async function talk(
  world: AppWorld,
  lines: readonly string[],
  words: readonly string[] = [],
): Promise<string> {
  await using screen = await world.open(words);
  for (const line of lines) {
    if (!line.startsWith("/")) world.model.push(say(`Answer to ${line}`));
    enter(screen, line);
    await screen.until(
      line.startsWith("/") ? /^• The session is called/m : new RegExp(`^• Answer to ${line}$`, "m"),
    );
  }
  screen.press("ctrl+d");
  await ended(screen);
  return /codex resume ([\da-f-]{36})/.exec(screen.scrollback())?.[1] ?? "";
}

/** What was said, and nothing else. */
const TALK = /^› first\n\n• Answer to first\n\n› second\n\n• Answer to second$/m;

async function next(world: AppWorld, screen: Screen, line: string): Promise<void> {
  world.model.push(say(`Answer to ${line}`));
  enter(screen, line);
  await screen.until(new RegExp(`^› ${line}\n\n• Answer to ${line}$`, "m"));
}

Deno.test("resume goes on by id, by name, with the last one, and with a prompt", async () => {
  await using world = await makeWorld();
  const threadId = await talk(world, ["first", "/rename the birds", "second"]);
  for (
    const [words, line] of [
      [["resume", threadId], "by id"],
      [["resume", "the birds"], "by name"],
      [["resume", "--last"], "the last"],
    ] as const
  ) {
    await using screen = await world.open(words);
    await screen.until(TALK);
    await screen.until(() => screen.emulator.title === "the birds", { why: "the title" });
    await next(world, screen, line);
    screen.press("ctrl+d");
    await ended(screen);
    assert.match(screen.scrollback(), new RegExp(`codex resume ${threadId}$`, "m"));
  }
  world.model.push(say("Answer to a prompt"));
  await using screen = await world.open(["resume", "--last", "a prompt"], { rows: 40 });
  await screen.until(/^› the last\n\n• Answer to the last\n\n› a prompt\n\n• Answer to a prompt$/m);
});

Deno.test("fork goes on in another thread, and leaves the first as it is", async () => {
  await using world = await makeWorld();
  const threadId = await talk(world, ["first", "second"]);
  await using screen = await world.open(["fork", threadId]);
  await screen.until(TALK);
  await next(world, screen, "elsewhere");
  screen.press("ctrl+d");
  await ended(screen);
  assert.doesNotMatch(screen.scrollback(), new RegExp(threadId));
  await using before = await world.open(["resume", threadId]);
  await before.until(TALK);
  assert.doesNotMatch(before.text(), /elsewhere/);
});

Deno.test("threads are picked from a list that can be searched; Esc begins a new one", async () => {
  await using world = await makeWorld();
  await talk(world, ["about cats"]);
  await talk(world, ["about birds"]);
  await using screen = await world.start(["resume"]);
  await screen.until(/Continue a session[^]*about birds[^]*about cats/);
  screen.type("cats");
  await screen.until((text) => !text.includes("about birds") && text.includes("about cats"));
  screen.press("enter");
  await screen.until(/^› about cats\n\n• Answer to about cats$/m);
  enter(screen, "/resume");
  await screen.until(/Resume a session[^]*about birds/);
  screen.press("esc");
  await screen.until(/^› about cats\n\n• Answer to about cats$/m);
  enter(screen, "/new");
  await screen.until((text) => !text.includes("about cats"));
  await next(world, screen, "about fish");
});

Deno.test("Esc Esc goes back to before a message, in a fork, with the message to edit", async () => {
  await using world = await makeWorld();
  const threadId = await talk(world, ["first", "second"]);
  await using screen = await world.open(["resume", threadId]);
  await screen.until(TALK);
  screen.press("esc");
  await screen.until("Esc again to edit an earlier message");
  screen.press("esc");
  await screen.until(/Go back to before[^]*second[^]*first/);
  screen.press("enter");
  await screen.until(/^› first\n\n• Answer to first\n\n+[^]*\n› second$/m);
  assert.doesNotMatch(screen.text(), /Answer to second/);
  world.model.push(say("Another answer"));
  screen.type(" thought");
  screen.press("enter");
  await screen.until(/^› second thought\n\n• Another answer$/m);
  const { text } = await world.model.request(2);
  assert.match(text, /Answer to first.*second thought/s);
  assert.doesNotMatch(text, /Answer to second/);
  screen.press("ctrl+d");
  await ended(screen);
  assert.doesNotMatch(screen.scrollback(), new RegExp(threadId));
});

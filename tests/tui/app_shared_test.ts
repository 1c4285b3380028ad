/** Several interfaces on one thread, and what they show of each other. */
import assert from "node:assert/strict";
import { gate, say } from "../support/mock_model.ts";
import { answer, ended, enter, makeWorld, meetNamed } from "./app_world.ts";
import { call } from "../support/mock_model.ts";

Deno.test("two interfaces on one thread both show all of it, and how many they are", async () => {
  await using world = await makeWorld({
    responses: [
      [say("So far. "), gate("more"), say("The end")],
      call("exec_command", { cmd: "touch made", login: false }),
      say("Made"),
    ],
    title: "Two at once",
  });
  await using server = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = server.urls;
  const size = { columns: 120 };
  await using one = await world.open(["--remote", url], size);
  enter(one, "begin");
  await one.until(/^• So far\.$/m);
  // The second joins in the middle, of a turn that goes on when the first is gone.
  await using two = await world.open(["resume", "--last", "--remote", url], size);
  await two.until(/^› begin\n\n• So far\.$/m);
  await two.until("Esc interrupts");
  for (const screen of [one, two]) await screen.until("2 clients");
  world.model.release("more");
  for (const screen of [one, two]) {
    await screen.until(/^• The end$/m);
    await screen.until(() => screen.emulator.title === "Two at once", { why: "the title" });
  }
  enter(two, "make it");
  await one.until(/^› make it$/m);
  for (const screen of [one, two]) await screen.until("Run this command?");
  await answer(one, "Run this command?", "y");
  for (const screen of [one, two]) await screen.until(/^• Made$/m);
  await two.until(/^• Answered by codex-tui: .*touch made'?$/m);
  one.press("ctrl+d");
  assert.equal((await ended(one)).code, 0);
  await two.until((text) => !text.includes("2 clients"));
  const client = await meetNamed(url, "witness");
  const { data: [threadId = ""] } = await client.request("thread/loaded/list", {});
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  assert.deepEqual(thread.turns.map(({ status }) => status), ["completed", "completed"]);
  assert.equal(thread.name, "Two at once");
  client.close();
});

/** What a person sees when a server goes away, and that nothing is lost or said twice. */
import assert from "node:assert/strict";
import { gate, say } from "../support/mock_model.ts";
import { childOf, ended, enter, makeWorld, meetNamed } from "./app_world.ts";

const OFFLINE = /○ offline for \d+s, reconnecting (?:now|in \d+s)/;

Deno.test("a server that is killed and comes back: the wait is shown, and what was typed meanwhile is sent once", async () => {
  await using world = await makeWorld({ responses: [say("First answer")] });
  const killed = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = killed.urls;
  await using screen = await world.open(["--remote", url]);
  enter(screen, "first");
  await screen.until(/^• First answer$/m);
  killed.signal("SIGKILL");
  await killed.ended();
  await screen.until(OFFLINE);
  enter(screen, "typed offline");
  await screen.until("↳ will be sent when connected: typed offline");
  world.model.push(say("Second answer"));
  await using _next = await world.serve(url);
  await screen.until(/^› typed offline\n\n• Second answer$/m);
  await screen.until((text) => text.includes(`● ${url}`) && !text.includes("will be sent"));
  assert.match(screen.text(), /^› first\n\n• First answer$/m);
  assert.equal(world.model.requests.length, 2);
  assert.deepEqual(await said(url), ["first", "First answer", "typed offline", "Second answer"]);
});

Deno.test("a server that is killed in the middle of a turn: the turn ends as what the new server says of it", async () => {
  await using world = await makeWorld({ responses: [[say("So far"), gate("never")]] });
  const killed = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = killed.urls;
  await using screen = await world.open(["--remote", url]);
  enter(screen, "first");
  await screen.until(/^• So far$/m);
  killed.signal("SIGKILL");
  await killed.ended();
  await screen.until(OFFLINE);
  world.model.push(say("Second answer"));
  await using _next = await world.serve(url);
  await screen.until("Reconnected; the thread was loaded again");
  assert.doesNotMatch(screen.text(), /Esc interrupts/);
  enter(screen, "second");
  await screen.until(/^› second\n\n• Second answer$/m);
});

Deno.test("a server that is told to stop says so, and the interface ends with the code for it", async () => {
  await using world = await makeWorld({ responses: [say("First answer")] });
  await using server = await world.serve("ws://127.0.0.1:0");
  await using screen = await world.open(["--remote", server.urls[0] ?? ""]);
  enter(screen, "first");
  await screen.until(/^• First answer$/m);
  screen.type("not sent");
  await screen.until(/^› not sent$/m);
  server.signal("SIGTERM");
  assert.deepEqual(await ended(screen), { code: 69, signal: null });
  assert.deepEqual(screen.leftovers(), []);
  assert.match(screen.scrollback(), /Disconnected\. The server was told to stop or to restart/);
  assert.match(screen.scrollback(), /^Not sent: not sent$/m);
  assert.match(screen.scrollback(), /^To continue this session, run codex resume /m);
});

Deno.test("a server of its own that is killed is followed by another, which goes on with the thread", async () => {
  await using world = await makeWorld({ responses: [say("First answer")] });
  await using screen = await world.open();
  enter(screen, "first");
  await screen.until(/^• First answer$/m);
  Deno.kill(await childOf(screen), "SIGKILL");
  await screen.until("Reconnected; the thread was loaded again");
  world.model.push(say("Second answer"));
  enter(screen, "second");
  await screen.until(/^› second\n\n• Second answer$/m);
  assert.match(screen.text(), /^› first\n\n• First answer$/m);
  assert.match((await world.model.request(1)).text, /First answer/);
  screen.press("ctrl+d");
  assert.equal((await ended(screen)).code, 0);
});

/** What the server knows of its only thread. */
async function said(url: string): Promise<string[]> {
  const client = await meetNamed(url, "witness");
  const { data: [threadId = ""] } = await client.request("thread/loaded/list", {});
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  client.close();
  return thread.turns.flatMap(({ items }) =>
    items.map((item) =>
      item.type === "userMessage"
        ? item.content.map((part) => part.type === "text" ? part.text : "").join("")
        : item.type === "agentMessage"
        ? item.text
        : item.type
    )
  );
}

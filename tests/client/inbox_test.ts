/** Observers of every notification, on the inbox itself and on a client that comes back. */
import assert from "node:assert/strict";
import { type AnyNotification, NotificationInbox } from "../../src/client/inbox.ts";
import type { ReconnectingClient } from "../../src/client/reconnect.ts";
import { gate, say } from "../support/scripted_model.ts";
import { text } from "../support/server.ts";
import { startFaultyWorld } from "./reconnect_world.ts";

const always = { matches: () => true };

function note(method: string, value: number): AnyNotification {
  return { method, params: { value } };
}

Deno.test("an observer gets every notification in order, beside listeners and waiters", async () => {
  const inbox = new NotificationInbox();
  const seen: AnyNotification[] = [];
  const heard: unknown[] = [];
  inbox.deliver(note("a", 0));
  const remove = inbox.onAny((notification) => void seen.push(notification));
  inbox.on("a", (params: unknown) => void heard.push(params));
  const waiting = inbox.next("b", always);
  for (const each of [note("a", 1), note("b", 2), note("c", 3)]) inbox.deliver(each);
  assert.deepEqual(seen, [note("a", 1), note("b", 2), note("c", 3)]);
  assert.deepEqual(heard, [{ value: 1 }]);
  assert.deepEqual(await waiting, { value: 2 });
  remove();
  inbox.deliver(note("c", 4));
  assert.equal(seen.length, 3);
});

Deno.test("nothing is kept for later while somebody observes", async () => {
  const inbox = new NotificationInbox();
  inbox.deliver(note("a", 0));
  const remove = inbox.onAny(() => {});
  inbox.deliver(note("a", 1));
  remove();
  inbox.deliver(note("a", 2));
  assert.deepEqual(await inbox.next("a", always), { value: 0 });
  assert.deepEqual(await inbox.next("a", always), { value: 2 });
});

Deno.test("an observer of a client sees what its listeners see, over all connections", async () => {
  await using world = await startFaultyWorld({
    responses: [[say("Hello", { chunks: 9 }), gate("cut"), say("there")], say("Again")],
  });
  const { client, recording } = await world.connect();
  const from = recording.events.length;
  const seen: AnyNotification[] = [];
  const remove = client.onAny((notification) => void seen.push(notification));
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const ended = completed(client);
  await client.request("turn/start", { threadId, input: text("one") });
  await world.server.model.reached("cut");
  world.proxy.cutAll();
  world.server.model.release("cut");
  await ended;
  assert.ok(world.proxy.count > 1);
  assert.deepEqual(recording.gaps, []);
  assert.deepEqual(seen, recording.events.slice(from));
  remove();
  const { length } = seen;
  const again = completed(client);
  await client.request("turn/start", { threadId, input: text("two") });
  await again;
  assert.equal(seen.length, length);
});

/** Resolves with the end of the next turn; `next` would not, since listeners take everything. */
function completed(client: ReconnectingClient): Promise<void> {
  return new Promise((resolve) => {
    const remove = client.onAny(({ method }) => {
      if (method !== "turn/completed") return;
      remove();
      resolve();
    });
  });
}

/** What is over leaves no timer and no listener behind. */
import assert from "node:assert/strict";
import { suggestTitle } from "../../src/tui/title.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { openedThread, startStand, startTalk } from "./app_stand.ts";

Deno.test("an interface that ends while it waits for a second key leaves no timer behind", async () => {
  const clock = new FakeClock();
  await using stand = await startStand({ clock });
  stand.terminal.press("ctrl+c");
  await stand.terminal.until("Ctrl-C again to quit");
  stand.app.end({ type: "quit" });
  await stand.ended;
  assert.equal(clock.pending, 0);
});

Deno.test("a name that cannot be asked for leaves no listener and no thread behind", async () => {
  const left: unknown[] = [];
  const { client } = await startTalk({
    answers: {
      "thread/start": openedThread({ ephemeral: true }),
      "turn/start"() {
        throw new Error("no model");
      },
      "thread/unsubscribe"(params: unknown) {
        left.push(params);
        return {};
      },
    },
  });
  let listeners = 0;
  const counted = new Proxy(client, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...words: unknown[]) => {
        const result = Reflect.apply(member, target, words);
        if (typeof result !== "function") return result;
        listeners++;
        return () => {
          listeners--;
          result();
        };
      };
    },
  });
  const wanted = { prompt: "fix it", model: "mock-model", modelProvider: "mock" };
  assert.equal(await suggestTitle(counted, wanted), null);
  assert.equal(listeners, 0);
  assert.equal(left.length, 1);
  client.close();
});

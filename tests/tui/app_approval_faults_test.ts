/** Questions that wait while lines break, interfaces leave and servers die: none is lost, none is answered twice. */
import assert from "node:assert/strict";
import { startFaultyWorld } from "../client/reconnect_world.ts";
import { SOURCE } from "../support/forms.ts";
import { call as mockCall, say as mockSay } from "../support/mock_model.ts";
import { call, say } from "../support/scripted_model.ts";
import { startScreen } from "../support/screen.ts";
import { text } from "../support/server.ts";
import { answer, childOf, ended, enter, makeWorld, READY } from "./app_world.ts";

const NAMES = ["one.txt", "two.txt", "three.txt"];

Deno.test("questions outlive every break of the line, and answers given meanwhile count once", async () => {
  const calls = NAMES.map((name) => call("exec_command", { cmd: `echo x >> ${name}` }));
  await using world = await startFaultyWorld({
    responses: [say("Begun"), ...calls, say("All made")],
  });
  const { server, proxy } = world;
  // A thread that has begun is given no name, which would take an answer of the model.
  const other = await server.connect();
  const { thread } = await other.request("thread/start", {});
  const begun = other.next("turn/completed");
  await other.request("turn/start", { threadId: thread.id, input: text("begin") });
  await begun;
  other.close();
  await using screen = await startScreen(
    SOURCE.command,
    ["resume", thread.id, "--remote", `ws://127.0.0.1:${proxy.port}`],
    { rows: 40, env: { ...SOURCE.env, HOME: server.home, CODEX_HOME: server.home } },
  );
  await screen.until((shown) => shown.includes(READY) && shown.includes("Begun"));
  enter(screen, "make them");
  for (const name of NAMES) {
    const question = new RegExp(`^ .*echo x >> ${name.replace(".", "\\.")}'?$`, "m");
    await screen.until(question);
    proxy.cutAll();
    await answer(screen, question, "y");
  }
  await screen.until(/^• All made$/m);
  for (const name of NAMES) {
    assert.equal(await Deno.readTextFile(`${server.project}/${name}`), "x\n");
  }
});

Deno.test("a question waits for whoever comes next, and is answered by them", async () => {
  const touch = mockCall("exec_command", { cmd: "touch made", login: false });
  await using world = await makeWorld({ responses: [touch, mockSay("Made")] });
  await using server = await world.serve("ws://127.0.0.1:0");
  const remote = ["--remote", server.urls[0] ?? ""];
  await using first = await world.open(remote);
  enter(first, "make it");
  await first.until("Run this command?");
  first.signal("SIGHUP");
  assert.equal((await ended(first)).code, 129);
  await using second = await world.start(["resume", "--last", ...remote]);
  await answer(second, /^ .*touch made'?$/m, "y");
  await second.until(/^• Made$/m);
  assert.ok((await Deno.stat(`${world.project}/made`)).isFile);
});

Deno.test("a question of a server that dies goes away, and the person goes on", async () => {
  const touch = mockCall("exec_command", { cmd: "touch made", login: false });
  await using world = await makeWorld({ responses: [touch] });
  await using screen = await world.open();
  enter(screen, "make it");
  await screen.until("Run this command?");
  Deno.kill(await childOf(screen), "SIGKILL");
  await screen.until((text) => text.includes("Reconnected") && text.includes(READY));
  assert.doesNotMatch(screen.text(), /Run this command|Wants to run/);
  world.model.push(mockSay("Still here"));
  enter(screen, "go on");
  await screen.until(/^• Still here$/m);
  await assert.rejects(Deno.stat(`${world.project}/made`), Deno.errors.NotFound);
});

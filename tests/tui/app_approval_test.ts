/** Questions of the agent: one key for each answer, several in a row, and answers from elsewhere. */
import assert from "node:assert/strict";
import { call, custom, say } from "../support/mock_model.ts";
import { answer, enter, makeWorld, meetNamed, untilAnswerable } from "./app_world.ts";

const RUN = "Run this command?";
const PATCH = `*** Begin Patch
*** Update File: notes.txt
@@
 one
-two
+TWO
*** End Patch`;

function touch(name: string) {
  return call("exec_command", { cmd: `touch ${name}`, login: false }, `call_${name}`);
}

async function filesOf(folder: string): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return names.filter((name) => name !== ".git").sort();
}

Deno.test("commands are asked for: y runs one, n and Esc run none and stop the turn", async () => {
  await using world = await makeWorld({ responses: [touch("a"), touch("b"), touch("c")] });
  await using screen = await world.open();
  enter(screen, "do it");
  const shown = await untilAnswerable(screen, RUN);
  assert.match(shown, /^ .*touch a'?$/m);
  assert.match(shown, /^❯ y {2}Yes, run it$/m);
  assert.match(shown, /Waiting for your approval/);
  assert.match(shown, /^• Wants to run touch a$/m);
  assert.deepEqual(screen.emulator.notifications, ["An approval is wanted: touch a"]);
  await screen.until(() => screen.emulator.title === "! do it", { why: "the title" });
  screen.press("y");
  await screen.until(/^• Ran touch a$/m);
  await answer(screen, /^ .*touch b'?$/m, "n");
  await screen.until(/^• Declined touch b\n\n■ Interrupted/m);
  assert.deepEqual(await filesOf(world.project), ["a"]);
  enter(screen, "again");
  await answer(screen, /^ .*touch c'?$/m, "esc");
  await screen.until(/^• Declined touch c\n\n■ Interrupted/m);
  assert.doesNotMatch(screen.text(), /Run this command/);
  assert.deepEqual(await filesOf(world.project), ["a"]);
  assert.equal(world.model.requests.length, 3);
});

Deno.test("a rule is made with p, and what it covers is not asked for again", async () => {
  await using world = await makeWorld({ responses: [touch("a"), touch("a"), say("Both")] });
  await using screen = await world.open();
  enter(screen, "do it");
  const shown = await untilAnswerable(screen, RUN);
  assert.match(shown, /p {2}Yes, and from now on run without asking what begins with\n +touch a$/m);
  screen.press("p");
  await screen.until(/^• Both$/m);
  assert.equal(screen.emulator.notifications.length, 1);
  assert.match(await Deno.readTextFile(`${world.home}/rules/default.rules`), /touch/);
});

Deno.test("the diff of a patch is shown before it is made", async () => {
  await using world = await makeWorld({ responses: [custom("apply_patch", PATCH), say("Made")] });
  await Deno.writeTextFile(`${world.project}/notes.txt`, "one\ntwo\n");
  await using screen = await world.open();
  enter(screen, "patch it");
  const shown = await untilAnswerable(screen, "Make these changes?");
  assert.match(shown, /notes\.txt[^\n]*\n[^]*one\n[^\n]*- ?two\n[^\n]*\+ ?TWO\n/);
  assert.equal(await Deno.readTextFile(`${world.project}/notes.txt`), "one\ntwo\n");
  screen.press("y");
  await screen.until(/^• Made$/m);
  assert.equal(await Deno.readTextFile(`${world.project}/notes.txt`), "one\nTWO\n");
  assert.match(screen.text(), /notes\.txt[^]*\+ ?TWO[^]*Made/);
});

Deno.test("several questions wait for one another, and one that somebody else answers says by whom", async () => {
  await using world = await makeWorld({
    responses: [[touch("a"), touch("b"), touch("c")], say("All of them")],
  });
  await using server = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = server.urls;
  await using screen = await world.open(["--remote", url], { columns: 120 });
  const other = await meetNamed(url, "the-other-one");
  const { data: [threadId = ""] } = await other.request("thread/loaded/list", {});
  const asked = new Map<string, () => void>();
  other.onRequest("item/commandExecution/requestApproval", (params) => {
    const { promise, resolve } = Promise.withResolvers<{ decision: "accept" }>();
    asked.set(params.itemId, () => resolve({ decision: "accept" }));
    return promise;
  });
  enter(screen, "do it");
  await untilAnswerable(screen, `${RUN} (1 of 3)`);
  await other.request("thread/resume", { threadId });
  await screen.until("2 clients");
  screen.press("y");
  // They are asked side by side, in any order.
  const text = await untilAnswerable(screen, `${RUN} (1 of 2)`);
  const [, shown = ""] = /^ .*\/bash .*touch ([abc])'?$/m.exec(text) ?? [];
  asked.get(`call_${shown}`)?.();
  await screen.until(new RegExp(`^• Answered by the-other-one: .*touch ${shown}'?$`, "m"));
  await answer(screen, `${RUN}\n`, "y");
  await screen.until(/^• All of them$/m);
  assert.deepEqual(await filesOf(world.project), ["a", "b", "c"]);
  other.close();
});

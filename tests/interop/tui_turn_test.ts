/**
 * Our interface in front of the real servers: how it begins, a turn, questions, and what it offers there.
 * Runs where `CODEX_PEER_120` or `CODEX_PEER_169` names the real program.
 */
import assert from "node:assert/strict";
import { COMMANDS } from "../../src/tui/commands.ts";
import { hasMethod } from "../../src/tui/server_methods.ts";
import { call, custom, gate, say, think } from "../support/mock_model.ts";
import { answer, ended, enter, untilAnswerable } from "../tui/app_world.ts";
import { startRealServer } from "./real_server.ts";
import { makeRealWorld, testEachReal } from "./tui_world.ts";

/** The configuration of 0.169 does not take the word, its threads do. */
const ASKED = ["--ask-for-approval", "untrusted"];
/** Besides those that slash commands need. */
const ASKED_FOR = [
  ...["thread/loaded/list", "account/read", "account/rateLimits/read", "thread/name/set"],
  ...["fuzzyFileSearch/sessionStart", "thread/rollback", "thread/shellCommand"],
];
const MARKDOWN = "## Plan\n\nRun `echo`:\n\n```ts\nconst a = 1;\n```\n\n- first\n- **second**\n";
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

async function hasFile(folder: string, name: string): Promise<boolean> {
  return (await Array.fromAsync(Deno.readDir(folder))).some((entry) => entry.name === name);
}

testEachReal(
  "it begins, an answer streams in as markdown, and it says where it is",
  async (program) => {
    await using world = await makeRealWorld(program, {
      responses: [[think("**Looking around** first"), say(MARKDOWN), gate("more"), say("The end")]],
      title: "Saying hello",
    });
    await using screen = await world.meet([], { columns: 120, rows: 40 });
    await screen.until(
      (text) =>
        text.includes(`${program.model} · ${world.project} · full access`) &&
        / ● ws:\S+ \d+ ms$/m.test(text),
      { why: "the status line" },
    );
    enter(screen, "say hello");
    await screen.until(
      /^• Plan\n\n {2}Run echo:\n\n {4}const a = 1;\n\n {2}[-•] first\n {2}[-•] second$/m,
    );
    assert.match(screen.text(), /^› say hello$/m);
    assert.match(screen.text(), /Looking around/);
    assert.match(screen.text(), /Esc interrupts/);
    world.model.release("more");
    await screen.until(/^• The end$/m);
    await screen.until((text) => !text.includes("Esc interrupts"), { why: "the end of the turn" });
    await screen.until(/100% context left/);
    // A title that the model has made, stored with the server and told to all.
    await screen.until(() => screen.emulator.title === "Saying hello", { why: "the title" });
    screen.press("ctrl+d");
    assert.deepEqual(await ended(screen), { code: 0, signal: null });
    assert.deepEqual(screen.leftovers(), []);
  },
);

testEachReal("commands are asked for, run with y, and not with n", async (program) => {
  await using world = await makeRealWorld(program, {
    responses: [touch("a"), touch("b"), say("Another time")],
  });
  await using screen = await world.meet(ASKED, { rows: 40 });
  enter(screen, "do it");
  const shown = await untilAnswerable(screen, "Run this command?");
  assert.match(shown, /^ .*touch a'?$/m);
  assert.match(shown, /^❯ y {2}Yes, run it$/m);
  assert.match(shown, /p {2}Yes, and from now on run without asking what begins with\n +touch a$/m);
  screen.press("y");
  await screen.until(/^• Ran touch a$/m);
  assert.equal(await hasFile(world.project, "a"), true);
  await answer(screen, /^ .*touch b'?$/m, "n");
  await screen.until(/^• Declined touch b\n\n■ Interrupted/m);
  assert.equal(await hasFile(world.project, "b"), false);
  enter(screen, "not now");
  await screen.until(/^› not now\n\n• Another time$/m);
});

testEachReal("the diff of a patch is shown, and y writes it", async (program) => {
  await using world = await makeRealWorld(program, {
    responses: [custom("apply_patch", PATCH), say("Made")],
  });
  const file = `${world.project}/notes.txt`;
  await Deno.writeTextFile(file, "one\ntwo\n");
  await using screen = await world.meet(ASKED, { rows: 40 });
  enter(screen, "patch it");
  const shown = await untilAnswerable(screen, "Make these changes?");
  assert.match(shown, /notes\.txt[^\n]*\n[^]*one\n[^\n]*- ?two\n[^\n]*\+ ?TWO\n/);
  assert.equal(await Deno.readTextFile(file), "one\ntwo\n");
  screen.press("y");
  await screen.until(/^• Edited notes\.txt \(\+1 -1\)\n[^]*\+ ?TWO\n\n• Made$/m);
  assert.equal(await Deno.readTextFile(file), "one\nTWO\n");
});

testEachReal(
  "Esc stops a turn, Enter speaks into one, and the next one begins as ever",
  async (program) => {
    await using world = await makeRealWorld(program, {
      responses: [[say("So far"), gate("never")], [say("Again"), gate("steer")], say("With that")],
    });
    await using screen = await world.meet([], { rows: 40 });
    enter(screen, "begin");
    await screen.until(/^• So far$/m);
    screen.press("esc");
    await screen.until(/^• So far\n\n■ Interrupted/m);
    await screen.until((text) => !text.includes("Esc interrupts"), { why: "the end of the turn" });
    enter(screen, "once more");
    await screen.until(/^• Again$/m);
    enter(screen, "also this");
    await screen.until("↳ taken up next: also this");
    world.model.release("steer");
    await screen.until(/^• Again\n\n› also this\n\n• With that$/m);
    assert.match((await world.model.request(2)).text, /also this/);
  },
);

testEachReal("models are picked, files are found, and a shell command is run", async (program) => {
  await using world = await makeRealWorld(program, { responses: [say("Seen")] });
  await Deno.writeTextFile(`${world.project}/notes on birds.md`, "x");
  await using screen = await world.meet([], { rows: 40 });
  enter(screen, "/model");
  await screen.until(/^Model {2,}\d+$/m);
  await screen.until(new RegExp(`^❯ .*${program.model}`, "mi"));
  screen.type("no such model");
  await screen.until("Nothing fits");
  screen.press("esc");
  await screen.until("Type to search");
  screen.press("up", "enter");
  await screen.until(/^Reasoning effort of [^]*^❯/m);
  screen.type("high");
  await screen.until(/^❯ +high/m);
  screen.press("enter");
  const shown = await screen.until(/^• From the next turn on: \S+ with effort high$/m);
  const model = /turn on: (\S+) with/.exec(shown)?.[1] ?? "";
  assert.notEqual(model, program.model);
  screen.type("read @bir");
  await screen.until(/^› notes on birds\.md$/m);
  screen.press("tab");
  await screen.until(/^› read "notes on birds\.md"$/m);
  screen.press("enter");
  await screen.until(/^• Seen$/m);
  const { body } = await world.model.request(0);
  assert.deepEqual([body.model, Object(body.reasoning).effort], [model, "high"]);
  await screen.until((text) => !text.includes("Esc interrupts"), { why: "the end of the turn" });
  enter(screen, "!echo from the shell");
  await screen.until(/^• You ran echo from the shell\n {2}└ from the shell$/m);
});

testEachReal("changes are shown, and what they are is reviewed", async (program) => {
  const review = JSON.stringify({ findings: [], overall_explanation: "All is well" });
  await using world = await makeRealWorld(program, { responses: [say("Begun"), say(review)] });
  const init = new Deno.Command("git", { args: ["init", "-q"], cwd: world.project });
  assert.ok((await init.output()).success);
  await Deno.writeTextFile(`${world.project}/new.txt`, "one\n");
  await using screen = await world.meet([], { rows: 40 });
  enter(screen, "/diff");
  await screen.until(/^Changes · [^]*new\.txt[^]*^\+one$/m);
  screen.press("q");
  enter(screen, "begin");
  await screen.until(/^• Begun$/m);
  await screen.until((text) => !text.includes("Esc interrupts"), { why: "the end of the turn" });
  enter(screen, "/review uncommitted");
  await screen.until(/^• Reviewing[^]*^• Review ended$[^]*All is well/m);
});

testEachReal(
  "what the server cannot do is not offered, and all that is offered it can do",
  async (program) => {
    await using world = await makeRealWorld(program);
    const home = `${world.root}/real`;
    await using real = await startRealServer(program, { home, cwd: world.project });
    const known = await methodsOf(real.client.call("no/such/method", {}));
    const needed = [...COMMANDS.flatMap(({ needs = [] }) => needs), ...ASKED_FOR];
    assert.deepEqual(
      needed.filter((method) => hasMethod(real.client.serverInfo, method)),
      needed.filter((method) => known.has(method)),
    );
    await using screen = await world.meet();
    screen.type("/stop");
    const isOffered = known.has("thread/backgroundTerminals/terminate");
    if (isOffered) await screen.until("/stop [number]");
    else {
      screen.press("enter");
      await screen.until(/^■ There is no command \/stop/m);
    }
  },
);

/** The real programs say in their refusals what they know. */
async function methodsOf(refused: Promise<unknown>): Promise<ReadonlySet<string>> {
  const error = await refused.then(() => assert.fail("It is known"), (reason: Error) => reason);
  const [, list = ""] = error.message.split("expected one of ");
  const methods = [...list.matchAll(/`([^`]+)`/g)].map(([, method = ""]) => method);
  assert.ok(methods.length > 50, error.message);
  return new Set(methods);
}

/** A turn as a person sees it, and what can be said while it runs. */
import assert from "node:assert/strict";
import { call, gate, hang, say, think } from "../support/mock_model.ts";
import { ended, enter, makeWorld, READY } from "./app_world.ts";

const UNASKED = ["-c", 'approval_policy="never"'];
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

Deno.test("an answer streams in, a command shows what it prints while it runs, Esc stops all", async () => {
  const command = "echo one; read line < pipe; echo $line";
  await using world = await makeWorld({
    responses: [
      [
        think("**Looking around** first"),
        say("## Plan\n\nRun `echo`:\n\n"),
        gate("streamed"),
        call("exec_command", { cmd: command, login: false }),
      ],
      [say("Ready. "), hang()],
    ],
  });
  const fifo = new Deno.Command("mkfifo", { args: [`${world.project}/pipe`] });
  assert.ok((await fifo.output()).success);
  await using screen = await world.open(UNASKED);
  enter(screen, "begin");
  // Before the model has ended.
  await world.model.reached("streamed");
  await screen.until(/^• Plan\n\n {2}Run echo:$/m);
  assert.match(screen.text(), /^› begin$/m);
  assert.match(screen.text(), /Looking around/);
  world.model.release("streamed");
  // Before the command has ended.
  await screen.until(/^• Running echo one; read line < pipe; echo \$line.*\n {2}└ one$/m);
  assert.match(screen.text(), /Running echo one; .* \(\d+s · Esc interrupts\)$/m);
  await Deno.writeTextFile(`${world.project}/pipe`, "two\n");
  await screen.until(/^• Ran echo one; .*\n {2}└ one\n {4}two$/m);
  await screen.until(/^• Ready\.$/m);
  screen.press("esc");
  await screen.until(/^■ Interrupted/m);
  assert.equal(await (await world.model.request(1)).over, "cancelled");
  assert.doesNotMatch(screen.text(), /Esc interrupts/);
});

Deno.test("Enter speaks into a running turn, Tab keeps it for later, Alt-Up takes it back", async () => {
  await using world = await makeWorld({
    responses: [[say("So far"), gate("steer")], say("With that"), [gate("next"), say("And later")]],
  });
  await using screen = await world.open(UNASKED);
  enter(screen, "begin");
  await world.model.reached("steer");
  await screen.until(/^• So far$/m);
  screen.type("later");
  screen.press("tab");
  await screen.until("↳ queued, Alt-Up edits: later");
  await screen.until(READY);
  screen.press("alt+up");
  await screen.until(/^› later$/m);
  assert.doesNotMatch(screen.text(), /queued/);
  screen.type(" on");
  screen.press("tab");
  await screen.until("↳ queued, Alt-Up edits: later on");
  enter(screen, "also this");
  await screen.until(/↳ taken up next: also this\n.*↳ queued, Alt-Up edits: later on\n/);
  world.model.release("steer");
  await screen.until(/^• So far\n\n› also this\n\n• With that$/m);
  assert.doesNotMatch(screen.text(), /taken up next/);
  assert.match((await world.model.request(1)).text, /also this/);
  assert.doesNotMatch((await world.model.request(1)).text, /later on/);
  await world.model.reached("next");
  await screen.until((text) => /^› later on$/m.test(text) && !text.includes("queued"));
  world.model.release("next");
  await screen.until(/^• And later$/m);
  assert.match((await world.model.request(2)).text, /later on/);
  assert.equal(world.model.requests.length, 3);
});

Deno.test("! runs a command of the person, @ finds files of the server, /help lists what can be done", async () => {
  await using world = await makeWorld({ responses: [say("Seen")] });
  await Deno.writeTextFile(`${world.project}/notes on birds.md`, "x");
  await Deno.writeTextFile(`${world.project}/other.txt`, "x");
  await using screen = await world.open();
  enter(screen, "!ls *.txt");
  await screen.until(/ls \*\.txt\n {2}└ other\.txt$/m);
  assert.equal(world.model.requests.length, 0);
  screen.type("read @birds");
  await screen.until(/^.*notes on birds\.md.*$/m);
  screen.press("tab");
  await screen.until(/^› read @?"notes on birds\.md"/m);
  screen.press("enter");
  await screen.until(/^• Seen$/m);
  assert.match((await world.model.request(0)).text, /read @?\\"notes on birds\.md\\"/);
  // What the person ran is known to the model.
  assert.match((await world.model.request(0)).text, /other\.txt/);
  screen.type("/he");
  await screen.until(/help +list keys and commands/);
  screen.press("enter");
  await screen.until(/^Keys and commands/m);
  screen.press("end");
  await screen.until(/^ *\/quit.* +/m);
  screen.press("esc");
  await screen.until(READY);
  enter(screen, "/nonsense");
  await screen.until(/^■ There is no command \/nonsense/m);
});

Deno.test("a prompt and an image of the command line are sent at once, here on the main screen", async () => {
  await using world = await makeWorld({ responses: [say("A dot")] });
  await Deno.writeFile(`${world.project}/dot.png`, Uint8Array.fromBase64(PNG));
  await using screen = await world.open(["--no-alt-screen", "what is it?", "-i", "dot.png"]);
  assert.equal(screen.modes.alternateScreen, false);
  await screen.until(/^› what is it\?\n {2}\[.*\]\n\n• A dot$/m);
  assert.ok((await world.model.request(0)).text.includes(`"data:image/png;base64,${PNG}"`));
  screen.press("ctrl+d");
  assert.equal((await ended(screen)).code, 0);
  assert.deepEqual(screen.leftovers(), []);
  assert.match(
    screen.scrollback(),
    /› what is it\?\n.*\n\n• A dot\n+Token usage: 150\nTo continue/,
  );
});

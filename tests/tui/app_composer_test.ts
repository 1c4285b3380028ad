/** What a person does in the composer of the real program: search, paste, images, the editor, help. */
import assert from "node:assert/strict";
import { gate, hang, say } from "../support/mock_model.ts";
import type { Screen } from "../support/screen.ts";
import { type AppWorld, ended, enter, makeWorld, READY } from "./app_world.ts";

const UNASKED = ["-c", 'approval_policy="never"'];
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const STEERS = "Enter steers · Tab queues";

/** An editor that adds a line, and says on the terminal that it has it. */
async function editorOf(world: AppWorld, text: string): Promise<Readonly<Record<string, string>>> {
  const path = `${world.root}/editor`;
  const script = `#!/bin/sh\nprintf '%s' 'The editor has it'\nprintf '${text}' >> "$1"\n`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return { EDITOR: path };
}

async function untilEmpty(screen: Screen): Promise<void> {
  await screen.until(READY);
}

Deno.test("Ctrl-R finds what was sent in another session, and Esc gives it up", async () => {
  await using world = await makeWorld({ responses: [say("One"), say("Two")] });
  {
    await using screen = await world.open();
    enter(screen, "paint the old boat");
    await screen.until(/^• One$/m);
    screen.press("ctrl+d");
    await ended(screen);
  }
  await using screen = await world.open();
  screen.press("ctrl+r");
  screen.type("OLD");
  await screen.until(/^› paint the old boat$[^]*search prompts: OLD/m);
  screen.press("esc");
  await untilEmpty(screen);
  screen.press("ctrl+r");
  screen.type("boat");
  await screen.until(/^› paint the old boat$/m);
  screen.press("enter");
  screen.type(" red");
  screen.press("enter");
  await screen.until(/^• Two$/m);
  assert.match((await world.model.request(1)).text, /paint the old boat red/);
});

Deno.test("a long paste is a chip on the screen and whole for the model", async () => {
  await using world = await makeWorld({ responses: [say("Read")] });
  await using screen = await world.open();
  const text = Array.from({ length: 80 }, (_, i) => `line ${i} of a long log`).join("\n");
  screen.type("see ");
  screen.paste(text);
  await screen.until(`› see [Pasted Content ${text.length} chars]`);
  screen.press("enter");
  await screen.until(/^• Read$/m);
  const { text: asked } = await world.model.request(0);
  assert.ok(asked.includes(JSON.stringify(`see ${text}`).slice(1, -1)));
});

Deno.test("images that are pasted or dropped go to a server elsewhere as data, never as a path, and come back with Esc Esc", async () => {
  await using world = await makeWorld({ responses: [say("A dot"), say("The same dot")] });
  await using server = await world.serve("ws://127.0.0.1:0");
  const folder = `${world.root}/client only`;
  await Deno.mkdir(folder);
  await Deno.writeFile(`${folder}/my dot.png`, Uint8Array.fromBase64(PNG));
  await using screen = await world.open(["--remote", server.urls[0] ?? ""]);
  // As terminals write a file that is dropped on them.
  screen.paste(`'${folder}/my dot.png' `);
  await screen.until(/^› \[Image #1 my dot\.png\]/m);
  enter(screen, "what is it?");
  await screen.until(/^• A dot$/m);
  const { text } = await world.model.request(0);
  assert.ok(text.includes(`"data:image/png;base64,${PNG}"`));
  assert.ok(!text.includes("client only"));
  await untilEmpty(screen);
  screen.press("esc");
  await screen.until("Esc again to edit an earlier message");
  screen.press("esc");
  await screen.until("Go back to before");
  screen.press("enter");
  await screen.until(/This is a fork now[^]*^› \[Image #1 my dot\.png\] what is it\?/m);
  enter(screen, " Really");
  await screen.until(/^• The same dot$/m);
  const again = (await world.model.request(1)).text;
  assert.ok(again.includes(`"data:image/png;base64,${PNG}"`));
  assert.match(again, /what is it\? Really/);
  assert.doesNotMatch(again, /A dot/);
});

for (const key of ["ctrl+g", "ctrl+x"]) {
  Deno.test(`${key} lends the terminal to the editor and takes its text over`, async () => {
    await using world = await makeWorld({ responses: [say("Done")] });
    const env = await editorOf(world, "\\nand a second line");
    await using screen = await world.open([], { env });
    screen.type("a first line");
    screen.press(key);
    await screen.until(/^› a first line\n {2}and a second line$/m);
    await screen.untilRaw(/The editor has it/);
    screen.press("enter");
    await screen.until(/^• Done$/m);
    assert.match((await world.model.request(0)).text, /a first line\\nand a second line/);
  });
}

Deno.test("without an editor its key says what to set, and what is written stays", async () => {
  await using world = await makeWorld();
  await using screen = await world.open();
  screen.type("a thought");
  screen.press("ctrl+g");
  await screen.until("No editor is set; set VISUAL or EDITOR");
  assert.match(screen.text(), /^› a thought$/m);
});

Deno.test("while a turn runs its keys are told, and a command that has to wait stays where it was typed", async () => {
  await using world = await makeWorld({ responses: [[say("So far"), hang()]] });
  await using screen = await world.open(UNASKED);
  assert.ok(!screen.text().includes(STEERS));
  enter(screen, "begin");
  await screen.until(STEERS);
  enter(screen, "/fork");
  await screen.until("/fork has to wait until the turn has ended");
  await screen.until(/^› \/fork$/m);
  // The first closes the list of commands.
  screen.press("esc");
  await screen.until((text) => !text.includes("go on in a copy of this session"));
  screen.press("esc");
  await screen.until(/^■ Interrupted/m);
  assert.match(screen.text(), /^› \/fork$/m);
  assert.ok(!screen.text().includes(STEERS));
});

Deno.test("what a command refuses comes back to be corrected, as does a shell command that cannot run", async () => {
  await using world = await makeWorld();
  await using screen = await world.open();
  enter(screen, "/resume no such thing");
  await screen.until("There is no session called no such thing");
  await screen.until(/^› \/resume no such thing$/m);
  screen.press("ctrl+c");
  await untilEmpty(screen);
  enter(screen, "/cd nowhere");
  await screen.until(/^■ \/cd: No such file/m);
  await screen.until(/^› \/cd nowhere$/m);
});

Deno.test("keys that scroll belong to the view in front, and to the conversation without one", async () => {
  const lines = Array.from({ length: 60 }, (_, i) => `row ${i + 1}`).join("\n\n");
  await using world = await makeWorld({ responses: [[say(lines, { chunks: 1 }), gate("end")]] });
  await using screen = await world.open();
  enter(screen, "begin");
  await world.model.reached("end");
  world.model.release("end");
  await screen.until(/^ {2}row 60$/m);
  await screen.until((text) => !text.includes("Esc interrupts"));
  screen.press("?");
  await screen.until(/^Keys and commands +· \d+\/\d+$/m);
  assert.match(screen.text(), /^Messages$/m);
  screen.press("pagedown");
  await screen.until((text) => !/^Messages$/m.test(text));
  // The conversation has stayed where it was.
  assert.match(screen.text(), /row 60/);
  screen.press("end");
  await screen.until(/^ +\/quit, \/exit +leave/m);
  screen.press("home");
  await screen.until(/^Messages$/m);
  screen.press("esc");
  await untilEmpty(screen);
  screen.press("pageup");
  await screen.until((text) => !text.includes("row 60"));
  screen.press("pagedown");
  await screen.until("row 60");
});

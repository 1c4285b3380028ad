/** Slash commands in the real program, in front of our server, its own or one elsewhere. */
import assert from "node:assert/strict";
import { gate, say } from "../support/mock_model.ts";
import type { Screen } from "../support/screen.ts";
import { type AppWorld, ended, enter, makeWorld, meetNamed, READY } from "./app_world.ts";

const WIDE = { columns: 100, rows: 40 };

/** Leaves a view that is in front. */
async function close(screen: Screen): Promise<void> {
  screen.press("esc");
  await screen.until(READY);
}

async function git({ project }: AppWorld, ...args: readonly string[]): Promise<void> {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
  const { success } = await new Deno.Command("git", {
    args: [...identity, ...args],
    cwd: project,
    stdout: "null",
    stderr: "null",
  }).output();
  assert.ok(success, args.join(" "));
}

Deno.test("/help and /keys list what there is, and commands complete by their letters and aliases", async () => {
  await using world = await makeWorld();
  await using screen = await world.open([], WIDE);
  for (const name of ["/help", "/keys"]) {
    enter(screen, name);
    await screen.until(/^Keys and commands/m);
    await close(screen);
  }
  screen.type("/ex");
  await screen.until(/^› \/exit +the same as \/quit$/m);
  screen.press("enter");
  assert.equal((await ended(screen)).code, 0);
});

Deno.test("/diff shows changed and untracked files of the server's folder", async () => {
  await using world = await makeWorld();
  await Deno.remove(`${world.project}/.git`, { recursive: true });
  await git(world, "init", "-q");
  await Deno.writeTextFile(`${world.project}/kept.txt`, "one\n");
  await git(world, "add", "kept.txt");
  await git(world, "commit", "-q", "-m", "first");
  await using server = await world.serve("ws://127.0.0.1:0");
  await using screen = await world.open(["--remote", server.urls[0] ?? ""], WIDE);
  enter(screen, "/diff");
  await screen.until("Nothing has changed since the last commit");
  await Deno.writeTextFile(`${world.project}/kept.txt`, "one\ntwo\n");
  await Deno.writeTextFile(`${world.project}/new.txt`, "three\n");
  enter(screen, "/diff");
  await screen.until(/2 files \+2 -0/);
  assert.match(screen.text(), /^\+two$[^]*^new file mode[^]*^\+three$/m);
  await close(screen);
});

Deno.test("/status tells all that is known of server, thread and use", async () => {
  await using world = await makeWorld({ responses: [say("Hello")] });
  await using screen = await world.open([], WIDE);
  enter(screen, "begin");
  await screen.until(/^• Hello$/m);
  await screen.until("150 tokens");
  enter(screen, "/status");
  await screen.until(/Clients +codex-tui \(this one\)/);
  const expected = [
    /Client +\d+\.\d+\.\d+/,
    /Server +\d+\.\d+\.\d+ \(/,
    /Address +a server of its own/,
    /Connection +connected/,
    /Account +\S/,
    /Session +without a name/,
    /Session id +[\da-f-]{36}/,
    /Model +mock-model/,
    /Provider +mock/,
    /Permissions +full access, approvals untrusted/,
    /Sandbox +full access/,
    /Approvals +untrusted/,
    /Tokens +150 in all, 120 in \(20 cached\), 30 out/,
  ];
  for (const line of expected) assert.match(screen.text(), line);
  assert.ok(screen.text().includes(`Folder       ${world.project}`));
});

Deno.test("/approvals holds from the next turn on, and a new session keeps it", async () => {
  await using world = await makeWorld({ responses: [say("One"), say("Two")] });
  await using screen = await world.open([], WIDE);
  enter(screen, "/approvals");
  await screen.until("What the agent may do");
  screen.press("home");
  await screen.until(/^❯ +Read Only/m);
  screen.press("enter");
  await screen.until("From the next turn on: Read Only");
  enter(screen, "begin");
  await screen.until(/^• One$/m);
  assert.match((await world.model.request(0)).text, /read/i);
  enter(screen, "/new");
  await screen.until((text) => !text.includes("• One"));
  enter(screen, "again");
  await screen.until(/^• Two$/m);
  const [first, second] = world.model.requests.map(({ body }) => permissionsOf(body));
  assert.notEqual(first, "");
  assert.equal(second, first);
  assert.match(screen.text(), /mock-model .* read only/);
});

/** What the model is told about what it may do. */
function permissionsOf(body: unknown): string {
  return /<permissions>.*?<\/permissions>/s.exec(JSON.stringify(body))?.[0] ?? "";
}

Deno.test("/copy gives the last answer to the terminal where no program has a clipboard", async () => {
  await using world = await makeWorld({ responses: [say("**Hello**")] });
  await using screen = await world.open();
  enter(screen, "begin");
  await screen.until(/^• Hello$/m);
  enter(screen, "/copy");
  await screen.until("The last answer is in the clipboard");
  await screen.untilRaw(new RegExp(`\\u001b\\]52;c;${btoa("**Hello**")}\\u0007`));
});

Deno.test("sessions are renamed, resumed, forked and put away", async () => {
  await using world = await makeWorld({ responses: [say("One"), say("Two"), say("Three")] });
  await using screen = await world.open([], WIDE);
  enter(screen, "about boats");
  await screen.until(/^• One$/m);
  await screen.until(() => screen.emulator.title === "about boats", { why: "the first title" });
  enter(screen, "/rename Boats");
  await screen.until("The session is called Boats now");
  await screen.until(() => screen.emulator.title === "Boats", { why: "the new title" });
  enter(screen, "/clear");
  await screen.until((text) => !text.includes("about boats"));
  enter(screen, "about cats");
  await screen.until(/^• Two$/m);
  enter(screen, "/resume");
  await screen.until(/about cats[^]*Boats/);
  screen.type("boat");
  await screen.until((text) => /^❯ . Boats/m.test(text) && !/about cats +just now/.test(text));
  assert.match(screen.text(), /│ about boats$/m);
  screen.press("enter");
  await screen.until(/^› about boats\n\n• One$/m);
  enter(screen, "/fork");
  await screen.until("This is a fork of Boats");
  enter(screen, "/archive");
  await screen.until(/^• Put away, out of the list of sessions: /m);
  enter(screen, "/resume Boats");
  await screen.until(/^› about boats\n\n• One$/m);
});

Deno.test("a title that the model makes comes late, in the way of nobody, and not over a name of one's own", async () => {
  await using world = await makeWorld({
    responses: [say("One"), [gate("second"), say("Two")]],
    title: "All about boats",
  });
  await using screen = await world.open([], WIDE);
  enter(screen, "tell me about boats");
  await screen.until(/^• One$/m);
  await screen.until(() => screen.emulator.title === "All about boats", { why: "the title" });
  enter(screen, "/new");
  await screen.until((text) => !text.includes("tell me about boats"));
  enter(screen, "/rename Cats");
  await screen.until("The session is called Cats now");
  enter(screen, "about cats");
  await world.model.reached("second");
  world.model.release("second");
  await screen.until(/^• Two$/m);
  assert.equal(screen.emulator.title, "Cats");
  enter(screen, "/resume");
  await screen.until(/Cats[^]*All about boats/);
});

Deno.test("/files looks at a folder elsewhere, edits a file there, and asks when somebody else has changed it", async () => {
  await using world = await makeWorld();
  const path = `${world.project}/notes.txt`;
  await Deno.writeTextFile(path, "one\n");
  await Deno.writeFile(`${world.project}/data.bin`, new Uint8Array([1, 0, 2]));
  await Deno.symlink("nowhere", `${world.project}/lost`);
  const editor = `${world.root}/editor`;
  // The second time, somebody else writes while the editor is open.
  const script = `#!/bin/sh
[ -e ${world.root}/before ] && echo theirs >> ${path}
touch ${world.root}/before
echo mine >> "$1"
`;
  await Deno.writeTextFile(editor, script, { mode: 0o755 });
  await using server = await world.serve("ws://127.0.0.1:0");
  const size = { ...WIDE, env: { EDITOR: editor } };
  await using screen = await world.open(["--remote", server.urls[0] ?? ""], size);
  enter(screen, "/files");
  await screen.until(/^ +notes\.txt$/m);
  assert.match(screen.text(), /^ +lost +no file$/m);
  screen.type("data");
  await screen.until(/^❯ +data\.bin$/m);
  screen.press("enter");
  await screen.until(/binary/i);
  screen.press("esc");
  await screen.until(/^❯ +data\.bin$/m);
  screen.press("esc");
  await screen.until("Type to search");
  screen.type("notes");
  await screen.until(/^❯ +notes\.txt$/m);
  screen.press("enter");
  await screen.until(/^one$/m);
  screen.type("e");
  await screen.until(`Written: ${path}`);
  assert.equal(await Deno.readTextFile(path), "one\nmine\n");
  screen.press("esc");
  await screen.until("Type to search");
  await close(screen);
  enter(screen, "/files notes.txt");
  await screen.until(/^mine$/m);
  screen.type("e");
  await screen.until("Somebody has changed the file meanwhile");
  assert.equal(await Deno.readTextFile(path), "one\nmine\ntheirs\n");
  screen.press("down");
  await screen.until(/^❯ +Write mine/m);
  screen.press("enter");
  await screen.until((text) => text.split(`Written: ${path}`).length === 3, {
    why: "both notices",
  });
  assert.equal(await Deno.readTextFile(path), "one\nmine\nmine\n");
});

Deno.test("/clients lists who is on the session, /cd moves the agent, /init asks for a guide", async () => {
  await using world = await makeWorld({ responses: [say("Guided"), say("Moved")] });
  await Deno.mkdir(`${world.project}/sub`);
  await using server = await world.serve("ws://127.0.0.1:0");
  const url = server.urls[0] ?? "";
  await using screen = await world.open(["--remote", url], WIDE);
  enter(screen, "/init");
  await screen.until(/^• Guided$/m);
  assert.match((await world.model.request(0)).text, /AGENTS\.md/);
  const client = await meetNamed(url, "witness");
  const { data: [threadId = ""] } = await client.request("thread/loaded/list", {});
  await client.request("thread/resume", { threadId });
  await screen.until("2 clients");
  enter(screen, "/clients");
  await screen.until(/On this session:[^]*codex-tui .*\(this one\)/);
  assert.match(screen.text(), /witness 1$/m);
  client.close();
  enter(screen, "/cd sub");
  await screen.until(`the agent works in ${world.project}/sub`);
  enter(screen, "where?");
  await screen.until(/^• Moved$/m);
  assert.ok((await world.model.request(1)).text.includes(`<cwd>${world.project}/sub</cwd>`));
});

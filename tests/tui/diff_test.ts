import assert from "node:assert/strict";
import { join } from "node:path";
import { readDiff } from "../../src/tui/commands/git_diff.ts";
import { runCommand } from "../../src/tui/commands.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { connectTo, fakeContext, fakeSession, SETTINGS } from "./pane_world.ts";

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  const { success, stderr } = await new Deno.Command("git", {
    args: [...identity, ...args],
    cwd,
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** A repository with one commit, one change and one untracked file. */
async function changedRepository({ project }: TestServer): Promise<void> {
  await git(project, "init", "-q");
  await Deno.writeTextFile(join(project, "a.txt"), "one\ntwo\n");
  await git(project, "add", ".");
  await git(project, "commit", "-q", "-m", "first");
  await Deno.writeTextFile(join(project, "a.txt"), "one\n-- two\n");
  await Deno.mkdir(join(project, "sub"));
  await Deno.writeTextFile(join(project, "sub", "-new.txt"), "\u001b[31mred\u202e\n");
}

Deno.test("/diff shows what has changed since the last commit, untracked files of the whole repository included", async () => {
  await using server = await startServer();
  await changedRepository(server);
  const client = await connectTo(server);
  const cwd = join(server.project, "sub");
  const { session } = fakeSession(client, { settings: { ...SETTINGS, cwd } });
  const { context, host } = fakeContext(session, { maxRows: () => 40 });
  await runCommand(context, { name: "diff", args: "" });
  const rows = host.text(140).split("\n");
  assert.match(rows[0] ?? "", /^Changes · .*2 files \+2 -1$/);
  for (const row of ["-two", "+-- two", "+red"]) assert.ok(rows.includes(row), rows.join("\n"));
  assert.ok(rows.some((row) => row.includes("sub/-new.txt")));
  host.press("q");
  assert.equal(host.views.length, 0);
  client.close();
});

Deno.test("a repository without a commit is compared with nothing, and what is no repository is said", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const cwd = server.project;
  assert.equal(await readDiff({ client, cwd }), null);
  await git(cwd, "init", "-q");
  await Deno.writeTextFile(join(cwd, "staged.txt"), "staged\n");
  await git(cwd, "add", ".");
  const diff = await readDiff({ client, cwd });
  assert.match(diff?.text ?? "", /\+staged\n/);
  assert.equal(diff?.omitted, null);
  const { session } = fakeSession(client, { settings: { ...SETTINGS, cwd: server.home } });
  const { context, notices } = fakeContext(session);
  await runCommand(context, { name: "diff", args: "" });
  assert.deepEqual(notices, [{ level: "info", text: `${server.home} is in no git repository` }]);
  client.close();
});

Deno.test("a server that cannot run git says so, and not that there is no repository", async () => {
  const stderr = "bwrap: execvp codex-linux-sandbox: No such file or directory\n";
  const client: Parameters<typeof readDiff>[0]["client"] = {
    request: () => Promise.resolve({ exitCode: 1, stdout: "", stderr } as never),
  };
  await assert.rejects(readDiff({ client, cwd: "/work" }), /Git failed: bwrap: execvp/);
});

Deno.test("a look at the changes runs nothing that the repository names", async () => {
  await using server = await startServer();
  await changedRepository(server);
  const { project } = server;
  const trap = join(project, "trap.sh");
  const sprung = join(server.home, "sprung");
  await Deno.writeTextFile(trap, `#!/bin/sh\necho $0 >> ${sprung}\ncat "$1"\n`, { mode: 0o755 });
  await git(project, "config", "diff.external", trap);
  await git(project, "config", "core.fsmonitor", trap);
  await git(project, "config", "core.pager", trap);
  await git(project, "config", "diff.evil.textconv", trap);
  await Deno.writeTextFile(join(project, ".gitattributes"), "*.txt diff=evil\n");
  const client = await connectTo(server);
  const diff = await readDiff({ client, cwd: project });
  assert.match(diff?.text ?? "", /-two/);
  await assert.rejects(Deno.stat(sprung), Deno.errors.NotFound);
  client.close();
});

Deno.test("more untracked files than are shown are counted", async () => {
  await using server = await startServer();
  const cwd = server.project;
  await git(cwd, "init", "-q");
  for (let i = 0; i < 53; i++) await Deno.writeTextFile(join(cwd, `file${i}`), "x\n");
  const client = await connectTo(server);
  const diff = await readDiff({ client, cwd });
  assert.equal(diff?.text.match(/^diff --git/gm)?.length, 50);
  assert.equal(diff?.omitted, "3 more files that git does not track");
  client.close();
});

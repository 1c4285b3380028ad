import assert from "node:assert/strict";
import fc from "fast-check";
import { readGitInfo } from "../../src/agent/context/git_info.ts";
import { Scratch } from "./patch_scratch.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const OTHER = "f".repeat(40);
const NOTHING = { sha: null, branch: null, originUrl: null };

async function info(files: Record<string, string>, cwd = ""): Promise<unknown> {
  await using scratch = new Scratch();
  await scratch.write({ "x": "", ...files });
  return await readGitInfo(scratch.path(cwd));
}

Deno.test("readGitInfo reads a branch, its commit and the origin", async () => {
  const config =
    '[core]\n\tbare = false\n[remote "other"]\n\turl = no\n[remote "origin"]\n\turl = git@h:p.git\n' +
    '\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch "main"]\n\turl = no\n';
  const expected = { sha: SHA, branch: "feature/x", originUrl: "git@h:p.git" };
  const files = {
    ".git/HEAD": "ref: refs/heads/feature/x\n",
    ".git/config": config,
    "deep/er/x": "",
  };
  const loose = { ...files, ".git/refs/heads/feature/x": `${SHA}\n` };
  assert.deepEqual(await info(loose), expected);
  assert.deepEqual(await info(loose, "deep/er"), expected);
  const packed = {
    ...files,
    ".git/packed-refs":
      `# pack-refs with: peeled\n${OTHER} refs/heads/feature/xy\n${SHA} refs/heads/feature/x\n^${OTHER}\n`,
  };
  assert.deepEqual(await info(packed), expected);
  assert.deepEqual(
    await info({ ...packed, ".git/refs/heads/feature/x": `${OTHER}\n` }),
    { ...expected, sha: OTHER },
  );
});

Deno.test("readGitInfo reads a detached head, an unborn branch and no repository", async () => {
  assert.deepEqual(await info({ ".git/HEAD": `${SHA}\n` }), { ...NOTHING, sha: SHA });
  const unborn = { ".git/HEAD": "ref: refs/heads/main\n" };
  assert.deepEqual(await info(unborn), { ...NOTHING, branch: "main" });
  assert.equal(await info({}), null);
  assert.equal(await info({ ".git/config": "" }), null);
  assert.equal(await info({ ".git": "gitdir: nowhere\n" }), null);
});

Deno.test("readGitInfo follows linked worktrees and submodules", async () => {
  const files = {
    "main/.git/HEAD": "ref: refs/heads/main\n",
    "main/.git/refs/heads/main": OTHER,
    "main/.git/refs/heads/side": SHA,
    "main/.git/config": '[remote "origin"]\nurl=/srv/r\n',
    "main/.git/worktrees/w/HEAD": "ref: refs/heads/side\n",
    "main/.git/worktrees/w/commondir": "../..\n",
    "w/.git": "gitdir: ../main/.git/worktrees/w\n",
  };
  assert.deepEqual(await info(files, "w"), { sha: SHA, branch: "side", originUrl: "/srv/r" });
});

Deno.test("readGitInfo reads config values as git does, and leaves passwords out", async () => {
  const cases: [string, string | null][] = [
    ['[remote "origin"] url = a', "a"],
    ['[remote "origin"]\n URL = "a b" ; comment', "a b"],
    ['[remote "origin"]\nurl = a # comment', "a"],
    ['[remote "origin"]\nurl = a\\\nb', "ab"],
    ['[remote "origin"]\nurl = a\n[x]\n[remote "origin"]\nurl = b', "b"],
    ['[remote "Origin"]\nurl = a', null],
    ['[remote "origin"]\nurl =', null],
    ['[remote "origin"]\npushurl = a', null],
    ['[remote "origin"]\nurl = https://user:token@h/p', "https://h/p"],
    ['[remote "origin"]\nurl = https://token@h/p', "https://h/p"],
    ['[remote "origin"]\nurl = ssh://git@h/p', "ssh://git@h/p"],
    ['[remote "origin"]\nurl = ssh://git:pw@h/p', "ssh://git@h/p"],
  ];
  for (const [config, originUrl] of cases) {
    const found = await info({ ".git/HEAD": `${SHA}\n`, ".git/config": config });
    assert.deepEqual(found, { sha: SHA, branch: null, originUrl }, config);
  }
});

Deno.test("readGitInfo shows nothing of files that a hostile repository points at", async () => {
  assert.deepEqual(
    await info({ ".git/HEAD": "ref: refs/../../secret\n", "secret": SHA }),
    NOTHING,
  );
  assert.deepEqual(await info({ ".git/HEAD": "ref: ../secret\n", "secret": SHA }), NOTHING);
  assert.deepEqual(await info({ ".git/HEAD": "-----BEGIN KEY-----\n" }), NOTHING);
  await using scratch = new Scratch();
  await scratch.write({ ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/x": "" });
  await new Deno.Command("mkfifo", { args: [scratch.path(".git/refs/heads/main")] }).output();
  await new Deno.Command("mkfifo", { args: [scratch.path(".git/config")] }).output();
  await Deno.symlink("/dev/zero", scratch.path(".git/packed-refs"));
  assert.deepEqual(await readGitInfo(scratch.dir), { ...NOTHING, branch: "main" });
});

Deno.test("readGitInfo answers any content of the files", async () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom("ref: refs/heads/a", SHA, '[remote "origin"]', 'url="', "\\", "\n"))
      .map((parts) => parts.join("")),
  );
  await fc.assert(
    fc.asyncProperty(text, text, text, async (head, config, packed) => {
      const found = await info({
        ".git/HEAD": head,
        ".git/config": config,
        ".git/packed-refs": packed,
      });
      assert.ok(typeof found === "object" && found !== null && "sha" in found);
      assert.ok(found.sha === null || found.sha === SHA);
    }),
    { numRuns: 60 },
  );
});

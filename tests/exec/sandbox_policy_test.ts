import assert from "node:assert/strict";
import { join } from "node:path";
import { isWritablePath, writableRoots } from "../../src/exec/sandbox_policy.ts";
import type { SandboxPolicy } from "../../src/protocol/policy.ts";

const FULL: SandboxPolicy = { type: "dangerFullAccess" };
const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };

function workspace(options: Partial<Extract<SandboxPolicy, { type: "workspaceWrite" }>> = {}) {
  const policy: SandboxPolicy = {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: true,
    excludeSlashTmp: true,
    ...options,
  };
  return policy;
}

async function withTree(
  test: (places: { root: string; cwd: string; outside: string }) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    const cwd = join(root, "project");
    const outside = join(root, "outside");
    await Deno.mkdir(join(cwd, "src"), { recursive: true });
    await Deno.mkdir(outside);
    await test({ root, cwd, outside });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("writableRoots lists cwd, extra roots and temp folders", () => {
  const places = { cwd: "/w", tmpdir: "/var/tmp/me" };
  assert.deepEqual(writableRoots(FULL, places), ["/"]);
  assert.deepEqual(writableRoots(READ_ONLY, places), []);
  assert.deepEqual(writableRoots(workspace(), places), ["/w"]);
  const all = workspace({
    writableRoots: ["/more", "relative", "/w"],
    excludeSlashTmp: false,
    excludeTmpdirEnvVar: false,
  });
  assert.deepEqual(writableRoots(all, places), ["/w", "/more", "/tmp", "/var/tmp/me"]);
  assert.deepEqual(writableRoots(all, { cwd: "/w", tmpdir: null }), ["/w", "/more", "/tmp"]);
});

Deno.test("isWritablePath follows links, protects .git and .codex, and knows new files", async () => {
  await withTree(async ({ root, cwd, outside }) => {
    await Deno.symlink(outside, join(cwd, "escape"));
    await Deno.symlink(join(outside, "new"), join(cwd, "dangling"));
    await Deno.symlink("../outside/x", join(cwd, "relative"));
    await Deno.symlink("src", join(cwd, "inside"));
    await Deno.symlink("loop", join(cwd, "loop"));
    await Deno.symlink(cwd, join(root, "alias"));
    await Deno.symlink(".git", join(cwd, "g"));
    const cases: [string, boolean][] = [
      ["project/a.txt", true],
      ["project/src/deep/er/new.txt", true],
      ["project/inside/a.txt", true],
      ["project/src/../b.txt", true],
      ["alias/a.txt", true],
      ["project/x.git/a", true],
      ["project/.gitignore", true],
      ["project", false],
      ["project/../outside/a", false],
      ["project/escape/a.txt", false],
      ["project/escape", false],
      ["project/escape/../project2", false],
      ["project/dangling", false],
      ["project/relative", false],
      ["project/loop", false],
      ["project/loop/a", false],
      ["project2/a", false],
      ["outside/a", false],
      ["project/.git/hooks/pre-commit", false],
      ["project/.git", false],
      ["project/.GIT/config", false],
      ["project/sub/.git/config", false],
      ["project/g/config", false],
      ["project/.codex/config.toml", false],
      ["project/\0", false],
    ];
    for (const [path, expected] of cases) {
      const options = { policy: workspace(), cwd, tmpdir: null, protectedPaths: [] };
      assert.equal(isWritablePath(`${root}/${path}`, options), expected, path);
    }
    const viaAlias = {
      policy: workspace(),
      cwd: join(root, "alias"),
      tmpdir: null,
      protectedPaths: [],
    };
    assert.ok(isWritablePath(join(cwd, "a"), viaAlias), "a root that is a link");
    assert.ok(!isWritablePath("a.txt", viaAlias), "relative paths have no meaning here");
    const extra = {
      policy: workspace({ writableRoots: [outside] }),
      cwd,
      tmpdir: null,
      protectedPaths: [],
    };
    assert.ok(isWritablePath(join(cwd, "escape/a.txt"), extra));
    const readOnly = { policy: READ_ONLY, cwd, tmpdir: null, protectedPaths: [] };
    assert.ok(!isWritablePath(join(cwd, "a.txt"), readOnly));
    const full = { policy: FULL, cwd, tmpdir: null, protectedPaths: [] };
    assert.ok(isWritablePath(join(cwd, ".git/config"), full));
  });
});

Deno.test("isWritablePath refuses protected paths inside every writable root, however they are written", async () => {
  await withTree(async ({ root, cwd, outside }) => {
    await Deno.mkdir(join(cwd, "cache/v1"), { recursive: true });
    await Deno.writeTextFile(join(outside, "program"), "");
    await Deno.symlink(join(outside, "program"), join(cwd, "codex"));
    await Deno.symlink("cache", join(cwd, "way-in"));
    await Deno.symlink(cwd, join(root, "alias"));
    await Deno.symlink("nowhere", join(cwd, "dangling"));
    await Deno.symlink("round", join(cwd, "round"));
    const protectedPaths = [
      // Written through a link, one not there yet, one that is a link, and ones that lead nowhere.
      join(root, "alias/cache"),
      join(cwd, "later/runtime"),
      join(cwd, "codex"),
      join(cwd, "dangling"),
      join(cwd, "round"),
    ];
    const policy = workspace({ writableRoots: [outside] });
    const cases: [string, boolean][] = [
      ["project/cache", false],
      ["project/cache/v1/app/main.js", false],
      ["project/CACHE/v1/app/main.js", false],
      ["project/src/../cache/new", false],
      ["project/way-in/v1/app/main.js", false],
      ["alias/cache/new", false],
      ["project/later/runtime", false],
      ["project/later/runtime/v2/deno", false],
      ["project/later/other", true],
      ["project/codex", false],
      ["outside/program", false],
      ["outside/program2", true],
      ["project/nowhere", false],
      ["project/round", false],
      ["project/cache2/a", true],
      ["project/a", true],
    ];
    for (const [path, expected] of cases) {
      const options = { policy, cwd, tmpdir: null, protectedPaths };
      assert.equal(isWritablePath(`${root}/${path}`, options), expected, path);
    }
    const full = { policy: FULL, cwd, tmpdir: null, protectedPaths };
    assert.ok(isWritablePath(join(cwd, "cache/a"), full), "nothing is confined here");
  });
});

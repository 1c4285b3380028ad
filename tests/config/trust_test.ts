/** Tests how trust is looked up, with real directories. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { findProjectRoot as findContextRoot } from "../../src/agent/context/project_root.ts";
import {
  defaultPolicies,
  findProjectRoot,
  projectTrust,
  trustTarget,
} from "../../src/config/trust.ts";
import { Placeholders } from "../../src/exec/sandbox/launcher/placeholders.ts";

const markers = [".git"];

async function withTempDir(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("projectTrust of a directory is that of its project root, the nearest entry winning", async () => {
  await withTempDir(async (dir) => {
    const inner = join(dir, "repo", "a", "b");
    await Deno.mkdir(inner, { recursive: true });
    await Deno.mkdir(join(dir, "repo", ".git"));
    const trustOf = (projects: Record<string, "trusted" | "untrusted">, cwd = inner) =>
      projectTrust(projects, { cwd, markers });
    assert.equal(findProjectRoot(inner, markers), join(dir, "repo"));
    assert.equal(findProjectRoot(dir, [".no-such-marker"]), null);
    assert.equal(trustOf({ [join(dir, "repo")]: "trusted" }), "trusted");
    assert.equal(trustOf({ [inner]: "untrusted", [join(dir, "repo")]: "trusted" }), "untrusted");
    assert.equal(trustOf({ [dir]: "trusted" }), null, "a directory above the root says nothing");
    assert.equal(trustOf({ [join(dir, "repo", "a")]: "trusted" }), null);
    assert.equal(trustOf({}), null);
    assert.equal(trustOf({ [join(dir, "gone")]: "trusted" }, join(dir, "gone")), "trusted");
  });
});

Deno.test({
  name: "a folder that only keeps a place free for a sandbox makes no project",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withTempDir(async (dir) => {
      const inner = join(dir, "tmp", "work");
      const held = join(dir, "tmp", ".git");
      await Deno.mkdir(join(dir, ".git"));
      await Deno.mkdir(inner, { recursive: true });
      const kept = new Placeholders().keep(held);
      assert.ok(kept.type === "kept");
      assert.ok((await Deno.lstat(held)).isDirectory);
      assert.equal(findProjectRoot(inner, markers), dir);
      assert.equal(await findContextRoot(inner, markers), dir);
      await Deno.writeTextFile(join(held, "HEAD"), "");
      assert.equal(findProjectRoot(inner, markers), join(dir, "tmp"), "somebody has filled it");
      kept.release();
    });
  },
});

Deno.test("projectTrust does not reach through a link out of a trusted project", async () => {
  await withTempDir(async (dir) => {
    for (const name of ["good", "evil"]) {
      await Deno.mkdir(join(dir, name, ".git"), { recursive: true });
    }
    await Deno.symlink(join(dir, "evil"), join(dir, "good", "link"));
    await Deno.symlink(join(dir, "good"), join(dir, "alias"));
    const projects = { [join(dir, "good")]: "trusted" } as const;
    assert.equal(projectTrust(projects, { cwd: join(dir, "good", "link"), markers }), null);
    assert.equal(projectTrust(projects, { cwd: join(dir, "alias"), markers }), "trusted");
  });
});

Deno.test("projectTrust follows a worktree to its repository only when that knows the worktree", async () => {
  await withTempDir(async (dir) => {
    const main = join(dir, "main");
    const worktree = join(dir, "worktree");
    const gitDir = join(main, ".git", "worktrees", "w");
    await Deno.mkdir(gitDir, { recursive: true });
    await Deno.mkdir(worktree);
    await Deno.writeTextFile(join(worktree, ".git"), `gitdir: ${gitDir}\n`);
    const projects = { [main]: "trusted" } as const;
    const options = { cwd: worktree, markers };
    assert.equal(projectTrust(projects, options), null, "a claim alone is not enough");
    await Deno.writeTextFile(join(gitDir, "gitdir"), `${join(worktree, ".git")}\n`);
    assert.equal(projectTrust(projects, options), "trusted");
    assert.equal(trustTarget(worktree, markers), main);
    await Deno.writeTextFile(join(gitDir, "gitdir"), `${join(dir, "other", ".git")}\n`);
    assert.equal(projectTrust(projects, options), null, "the repository names another");
  });
});

Deno.test("defaultPolicies come from the config, then from trust", () => {
  const config = (trust: "trusted" | "untrusted" | null) => ({
    approvalPolicy: null,
    sandboxMode: null,
    trustedProjects: trust ? { "/p": trust } : {},
    projectRootMarkers: markers,
  });
  assert.deepEqual(defaultPolicies(config("trusted"), "/p"), {
    approvalPolicy: "on-request",
    sandboxMode: "workspace-write",
  });
  assert.deepEqual(defaultPolicies(config(null), "/p"), {
    approvalPolicy: "on-request",
    sandboxMode: "read-only",
  });
  assert.deepEqual(defaultPolicies(config("untrusted"), "/p"), {
    approvalPolicy: "untrusted",
    sandboxMode: "read-only",
  });
  const set = {
    ...config("trusted"),
    approvalPolicy: "never",
    sandboxMode: "danger-full-access",
  } as const;
  assert.deepEqual(defaultPolicies(set, "/p"), {
    approvalPolicy: "never",
    sandboxMode: "danger-full-access",
  });
});

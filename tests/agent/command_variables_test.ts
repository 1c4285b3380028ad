import assert from "node:assert/strict";
import { join } from "node:path";
import { commandPlace, commandVariables } from "../../src/agent/command_variables.ts";
import { Scratch } from "./patch_scratch.ts";

const MARKERS = [".git"];

function variablesOf(cwd: string, threadId: string | null = null) {
  const inherited = {
    CODEX_PROJECT_ROOT: "/stale",
    CODEX_WORKTREE_PATH: "/stale",
    CODEX_THREAD_ID: "stale",
  };
  return commandVariables(inherited, { place: commandPlace(cwd, MARKERS), threadId });
}

Deno.test("commands learn their thread, and the worktree and project that they run in", async () => {
  await using scratch = new Scratch();
  const tree = scratch.path("trees/feature");
  const gitFolder = scratch.path("main/.git/worktrees/feature");
  await scratch.write({
    "main/.git/HEAD": "ref: refs/heads/main\n",
    "main/.git/worktrees/feature/gitdir": `${join(tree, ".git")}\n`,
    "main/src/x": "",
    "trees/feature/.git": `gitdir: ${gitFolder}\n`,
    "trees/feature/deep/x": "",
  });
  assert.deepEqual(variablesOf(scratch.path("main/src"), "one"), {
    CODEX_PROJECT_ROOT: scratch.path("main"),
    CODEX_WORKTREE_PATH: scratch.path("main"),
    CODEX_THREAD_ID: "one",
  });
  assert.deepEqual(variablesOf(join(tree, "deep")), {
    CODEX_PROJECT_ROOT: scratch.path("main"),
    CODEX_WORKTREE_PATH: tree,
  });
});

Deno.test("outside of any repository the folder itself is the project, and there is no worktree", () => {
  assert.deepEqual(variablesOf("/dev"), { CODEX_PROJECT_ROOT: "/dev" });
});

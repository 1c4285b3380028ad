import assert from "node:assert/strict";
import { Judge } from "../../src/exec/filesystem/rules.ts";
import { fileRules } from "../../src/exec/filesystem_rules.ts";
import { type SandboxPlaces, sandboxSpec } from "../../src/exec/sandbox/spec.ts";
import type { SandboxPolicy } from "../../src/protocol/policy.ts";

const PLACES = {
  cwd: "/work/project",
  tmpdir: "/var/tmp/mine",
  protectedNames: [".git", ".codex", ".agents"],
  protectedPaths: ["/home/u/.codex", "/work/project/tools/codex"],
  hiddenPaths: ["/home/u/.codex/auth.json", "/work/project/secret"],
  proxySocket: null,
};
const WORKSPACE = {
  type: "workspaceWrite" as const,
  writableRoots: ["/home/u/.codex/memories"],
  networkAccess: false,
  excludeTmpdirEnvVar: false,
  excludeSlashTmp: false,
};

function judgeOf(policy: SandboxPolicy, places: SandboxPlaces = PLACES): Judge {
  const spec = sandboxSpec(policy, places);
  assert.ok(spec);
  return new Judge(fileRules(policy.type, spec));
}

function judge(changes: Partial<typeof PLACES> = {}): Judge {
  return judgeOf(WORKSPACE, { ...PLACES, ...changes });
}

Deno.test("readOnly reads everywhere but what is hidden, and writes nowhere", () => {
  const judge = judgeOf({ type: "readOnly", networkAccess: false });
  assert.ok(judge.mayRead("/etc/passwd"));
  assert.ok(!judge.mayRead("/home/u/.codex/auth.json"));
  for (const path of ["/work/project/a", "/tmp/a", "/"]) assert.ok(!judge.mayWrite(path), path);
});

Deno.test("workspaceWrite writes below its roots and not to what is protected in them", () => {
  const may = judge();
  for (
    const path of [
      "/work/project/a",
      "/work/project/deep/er/a",
      "/tmp/a",
      "/var/tmp/mine/a",
      "/home/u/.codex/memories/a",
      "/work/project/.gitignore",
      "/work/project/x.git/a",
    ]
  ) assert.ok(may.mayWrite(path), path);
  for (
    const path of [
      "/work/project",
      "/work/projects/a",
      "/work/a",
      "/etc/passwd",
      "/work/project/.git",
      "/work/project/.git/config",
      "/work/project/.GIT/config",
      "/work/project/sub/.git/hooks/x",
      "/work/project/.codex/config.toml",
      "/work/project/.agents/x",
      "/work/project/tools/codex",
      "/work/project/secret",
      "/work/project/secret/x",
      "/home/u/.codex/config.toml",
      "/home/u/.codex/memories",
      "/home/u/.codex/memories/.git/x",
      "/tmp/.git/x",
    ]
  ) assert.ok(!may.mayWrite(path), path);
});

Deno.test("a root may not be removed, nor what holds one or is protected; a nested repository may", () => {
  const may = judge({ protectedPaths: [], cwd: "/tmp/x/project" });
  for (const path of ["/tmp", "/tmp/x", "/tmp/x/project", "/tmp/x/project/.git", "/etc/passwd"]) {
    assert.ok(!may.mayRemove(path), path);
  }
  assert.ok(may.mayRemove("/tmp/x/project/vendor/lib/.git"));
  assert.ok(may.mayRemove("/tmp/y"));
  assert.deepEqual(may.keptBelow("/tmp/x/project").sort(), [
    "/tmp/x/project/.agents",
    "/tmp/x/project/.codex",
    "/tmp/x/project/.git",
  ]);
});

Deno.test("processes are not read, since our own has keys in its environment", () => {
  const may = judge();
  for (const path of ["/proc/1/environ", "/proc/4242", "/proc/4242/root/etc/passwd", "pipe:[1]"]) {
    assert.ok(!may.mayRead(path), path);
  }
  assert.ok(may.mayRead("/proc/cpuinfo"));
});

Deno.test("reading can be limited to some folders and the writable ones", () => {
  const access = { type: "restricted", readableRoots: ["/usr"] };
  const may = judgeOf({ ...WORKSPACE, readOnlyAccess: access });
  assert.ok(may.mayRead("/usr/lib/x"));
  assert.ok(may.mayRead("/work/project/x"));
  assert.ok(!may.mayRead("/etc/passwd"));
  assert.ok(!may.mayRead("/usrx"));
});

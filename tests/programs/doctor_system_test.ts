/** Tests what `codex doctor` finds about the system: kernel, terminal, programs, and a start of itself. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { readKernelFeatures } from "../../src/exec/kernel.ts";
import type { BackendName, Guarantees, Probe } from "../../src/exec/sandbox/backend.ts";
import { openSystemCalls, type SystemCalls } from "../../src/exec/system_calls.ts";
import { type Check, ok } from "../../src/programs/doctor/check.ts";
import { gitCheck, gitVersion } from "../../src/programs/doctor/git.ts";
import {
  kernelCheck,
  landlockCheck,
  namespacesCheck,
  seccompCheck,
  triedNamespaces,
} from "../../src/programs/doctor/kernel.ts";
import { openFilesCheck, openFilesFinding } from "../../src/programs/doctor/open_files.ts";
import { runChecks } from "../../src/programs/doctor/run_checks.ts";
import { sandboxCheck, sandboxFinding } from "../../src/programs/doctor/sandbox.ts";
import { selfStartCheck } from "../../src/programs/doctor/self_start.ts";
import { terminalCheck } from "../../src/programs/doctor/terminal.ts";
import { found, fromSource, impatientClock, inTempDir } from "./doctor_world.ts";

const isLinux = Deno.build.os === "linux";

/** A tree with some of the kernel's files. */
async function kernelFiles(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}

Deno.test({
  name: "openSystemCalls answers as the system does, and is null for systems it does not know",
  ignore: !isLinux,
  fn: async () => {
    assert.equal(openSystemCalls("plan9"), null);
    await inTempDir(async (folder) => {
      using system = openSystemCalls();
      assert.ok(system);
      assert.deepEqual([system.exists(folder), system.exists(`${folder}/no`)], [true, false]);
      assert.deepEqual([system.isWritable(folder), system.isWritable("/proc/sys")], [true, false]);
      assert.equal(system.readText(`${folder}/no`), null);
      assert.equal(system.readText(folder), null, "a folder is no text");
      const text = "ä line\n".repeat(20_000);
      await Deno.writeTextFile(`${folder}/ä`, text);
      // As many whole lines as fit into what is read at most.
      assert.equal(system.readText(`${folder}/ä`)?.slice(0, 56_000), text.slice(0, 56_000));
      await Deno.writeTextFile(`${folder}/empty`, "");
      assert.equal(system.readText(`${folder}/empty`), "");
      const limits = system.openFileLimits();
      const told = /Max open files +(\d+|unlimited) +(\d+|unlimited)/.exec(
        system.readText("/proc/self/limits") ?? "",
      );
      const number = (word = "") => word === "unlimited" ? Infinity : Number(word);
      assert.deepEqual(limits, { soft: number(told?.[1]), hard: number(told?.[2]) });
      assert.ok(Number.isInteger(system.landlockAbi()) && system.landlockAbi() >= 0);
    });
  },
});

Deno.test({
  name: "readKernelFeatures reads the kernel's files",
  ignore: !isLinux,
  fn: async () => {
    using system = openSystemCalls();
    assert.ok(system);
    const features = async (files: Readonly<Record<string, string>>, env = {}) => {
      let features;
      await inTempDir(async (root) => {
        await kernelFiles(root, files);
        features = { ...readKernelFeatures(system, { env, root }), landlockAbi: 0 };
      });
      return features;
    };
    const none = {
      userNamespaces: "off",
      landlockAbi: 0,
      hasSeccomp: false,
      container: null,
      cgroup: null,
    };
    assert.deepEqual(await features({}), none);
    const allowed = { "proc/sys/user/max_user_namespaces": "1234\n" };
    assert.deepEqual(
      await features({
        ...allowed,
        "proc/sys/kernel/seccomp/actions_avail": "kill_process errno allow\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu\n",
        ".dockerenv": "",
      }),
      { ...none, userNamespaces: "allowed", hasSeccomp: true, container: "Docker", cgroup: 2 },
    );
    const settings = [
      ["proc/sys/kernel/unprivileged_userns_clone", "0\n", "unprivilegedOff"],
      ["proc/sys/kernel/unprivileged_userns_clone", "1\n", "allowed"],
      ["proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "appArmor"],
      ["proc/sys/user/max_user_namespaces", "0\n", "off"],
    ];
    for (const [path = "", text = "", userNamespaces] of settings) {
      assert.deepEqual(await features({ ...allowed, [path]: text }), { ...none, userNamespaces });
    }
    assert.deepEqual(
      await features({ "proc/1/cgroup": "0::/kubepods/besteffort\n", "sys/fs/cgroup/memory": "" }),
      {
        ...none,
        container: "kubepods",
        cgroup: 1,
      },
    );
    assert.deepEqual(await features({}, { container: "lxc" }), { ...none, container: "lxc" });
    assert.deepEqual(await features({}, { KUBERNETES_SERVICE_HOST: "x" }), {
      ...none,
      container: "Kubernetes",
    });
  },
});

Deno.test("doctor kernel, landlock and seccomp say what there is, and what is missing", async () => {
  const checks = [kernelCheck, landlockCheck, seccompCheck, namespacesCheck];
  for (const check of checks) {
    const other = await found(check, { change: { os: "darwin" } });
    assert.deepEqual(other, ["ok: Not applicable on macOS"]);
    const blind = await found(check, { change: { os: "linux", system: null } });
    assert.match(blind.join("\n"), /^warning: Not checked: the C library cannot be opened/);
  }
  const bare: SystemCalls = {
    isWritable: () => true,
    exists: () => false,
    readText: () => null,
    landlockAbi: () => 0,
    openFileLimits: () => null,
    [Symbol.dispose]: () => undefined,
  };
  const rich: SystemCalls = {
    ...bare,
    landlockAbi: () => 6,
    readText: (path) => path.endsWith("actions_avail") ? "errno" : null,
  };
  const lines = (check: Check, system: SystemCalls) =>
    found(check, { change: { os: "linux", system } });
  assert.match((await lines(kernelCheck, bare)).join(), /^ok: Linux .*, no sign of a container/);
  assert.deepEqual(await lines(landlockCheck, rich), ["ok: Version 6 of its interface"]);
  assert.match((await lines(landlockCheck, bare)).join(), /^warning: The kernel does not offer/);
  assert.deepEqual(await lines(seccompCheck, rich), ["ok: System calls can be filtered"]);
  assert.match((await lines(seccompCheck, bare)).join(), /^warning: .* -> .*CONFIG_SECCOMP_FILTER/);
});

Deno.test("doctor user-namespaces believes a try more than the settings", async () => {
  const tried = async (argv: readonly string[], setting: "allowed" | "off" | "appArmor") => {
    const run: Check["run"] = (context) => triedNamespaces(argv, { setting, context });
    return (await found({ name: "try", run }, { clock: impatientClock(200) })).join("\n");
  };
  assert.match(await tried(["true"], "off"), /^ok: Can be made by this user/);
  const refused = ["sh", "-c", "echo 'unshare failed: Operation not permitted' >&2; exit 1"];
  assert.equal(
    await tried(refused, "appArmor"),
    "warning: Cannot be made by this user: unshare failed: Operation not permitted -> " +
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (as root)",
  );
  assert.match(await tried(refused, "allowed"), /-> In a container: start it with --security-opt/);
  assert.match(await tried(["codex-no-such-program"], "allowed"), /^ok: Allowed .* \(not tried/);
  assert.match(await tried(["codex-no-such-program"], "off"), /^warning: Not allowed .* -> sysctl/);
  assert.match(await tried(["sleep", "100"], "off"), /^warning: Not allowed/);
});

Deno.test("doctor sandbox says by what commands are confined, and what that cannot do", async () => {
  const [line = ""] = await found(sandboxCheck, {});
  assert.match(line, /^(ok: Commands are confined by |warning: Commands (are|cannot be) confined)/);
  const all: Guarantees = {
    writesConfined: true,
    metadataConfined: true,
    carvesOut: true,
    carvesOutMissing: true,
    hides: true,
    limitsReading: true,
    networkOff: true,
    networkProxy: true,
    processesApart: true,
  };
  const works = (name: BackendName, lacks: Partial<Guarantees> = {}): Probe => ({
    type: "works",
    backend: {
      name,
      guarantees: { ...all, ...lacks },
      confine: () => ({ type: "refused", reason: "" }),
    },
  });
  const broken: Probe = { type: "unusable", name: "launcher", reason: "No namespaces" };
  assert.deepEqual(sandboxFinding([works("launcher")]), ok("Commands are confined by launcher"));
  assert.deepEqual(
    sandboxFinding([works("launcher", { limitsReading: false }), works("landlock")]),
    ok("Commands are confined by launcher (landlock would work, too)"),
  );
  const none = sandboxFinding([broken]);
  assert.deepEqual([none.status, none.message], [
    "warning",
    "Commands cannot be confined, so read-only and workspace-write refuse them (launcher: No namespaces)",
  ]);
  const half = sandboxFinding([broken, works("landlock", { carvesOut: false })]);
  assert.equal(half.status, "warning");
  assert.match(half.message, /^Commands are confined by landlock, which is not enough: \.git, /);
});

Deno.test("doctor terminal warns of what a terminal lacks, and of nothing without one", async () => {
  const good = { TERM: "xterm-256color", LANG: "en_US.UTF-8" };
  const lines = (env: Record<string, string>, columns: number | null = 80) =>
    found(terminalCheck, { env, isTerminal: true, change: { columns: () => columns } });
  assert.deepEqual(await lines(good), ["ok: xterm-256color, 80 columns, locale en_US.UTF-8"]);
  assert.deepEqual(await lines({ ...good, TMUX: "x", SSH_TTY: "/dev/pts/1" }, null), [
    "ok: xterm-256color, locale en_US.UTF-8, in tmux, over SSH",
  ]);
  assert.match((await lines({ LANG: "C.UTF-8" })).join("\n"), /^warning: TERM is not set/);
  assert.match((await lines({ ...good, TERM: "dumb" })).join("\n"), /^warning: TERM says/);
  assert.match((await lines(good, 40)).join("\n"), /^warning: The terminal is only 40 columns/);
  assert.match(
    (await lines({ TERM: "xterm", LC_ALL: "C", LANG: "C.UTF-8" })).join("\n"),
    /^warning: The locale \(C\) is not UTF-8.* -> export LANG/,
  );
  assert.equal((await lines({}, 10)).length, 3);
  assert.deepEqual(await found(terminalCheck, { env: { STY: "x" } }), [
    "ok: Output is not a terminal, locale not set, in screen",
  ]);
});

async function withGit(script: string | null, mode = 0o755): Promise<string> {
  let lines = "";
  await inTempDir(async (folder) => {
    if (script !== null) {
      await Deno.writeTextFile(join(folder, "git"), `#!/bin/sh\n${script}\n`);
      await Deno.chmod(join(folder, "git"), mode);
    }
    const env = { PATH: folder, OPENAI_API_KEY: "sk-planted" };
    lines = (await found(gitCheck, { env, clock: impatientClock(5000) })).join("\n");
  });
  return lines;
}

Deno.test("doctor git finds its version, or says what is wrong with it", async () => {
  assert.equal(await withGit("echo git version 2.39.5 '(Apple Git-154)'"), "ok: Version 2.39.5");
  assert.match(await withGit(null), /^warning: There is no git in PATH -> Install Git/);
  assert.match(await withGit("echo broken >&2; exit 7"), /\(exit code 7\) and says: broken ->/);
  assert.match(await withGit("echo hello"), /^warning: .* says: hello ->/);
  assert.equal(
    await withGit("echo git version ${OPENAI_API_KEY:-1.2}"),
    "ok: Version 1.2",
    "no key is passed on",
  );
});

Deno.test("doctor git does not wait for a git that does not end", async () => {
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, "git"), "#!/bin/sh\nexec sleep 1000\n");
    await Deno.chmod(join(folder, "git"), 0o755);
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
    const lines = await found(gitCheck, { env, clock: impatientClock(300) });
    assert.match(lines.join("\n"), /^warning: `git --version` does not end/);
  });
});

Deno.test("processes can be ended by a program that gave up a permission", async () => {
  const path = (name: string) => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
  const script = `
import { Processes } from ${path("exec/process.ts")};
import { systemClock } from ${path("programs/host.ts")};
Deno.permissions.revokeSync({ name: "write" });
const processes = new Processes({ clock: systemClock() });
// The descendant ignores what ends its leader, so that the group has to be looked for.
const argv = ["sh", "-c", "(trap '' TERM; echo up; exec sleep 1000) & wait"];
const up = Promise.withResolvers();
const { process } = processes.start({ argv, cwd: "/", env: { PATH: ${
    JSON.stringify(Deno.env.get("PATH"))
  } }, stdin: "null", onOutput: up.resolve });
await up.promise;
await process.terminate();
console.log("ended");`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--quiet", script],
    cwd: new URL("../../", import.meta.url).pathname,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assert.deepEqual([text.decode(stdout), text.decode(stderr)], ["ended\n", ""]);
});

Deno.test("gitVersion reads a version and nothing else", () => {
  assert.equal(gitVersion("git version 2.39.5\n"), "2.39.5");
  assert.equal(gitVersion("git version 2.45.1.windows.1"), "2.45.1.windows.1");
  assert.equal(gitVersion("hub version 2"), null);
  fc.assert(fc.property(fc.string(), (text) => {
    assert.match(gitVersion(`git version ${text}`) ?? "1", /^\d+(\.\w+)*$/);
  }));
});

Deno.test("doctor open-files wants 1024", async () => {
  assert.match(
    (await found(openFilesCheck, {})).join("\n"),
    /^(ok|warning): At most .* open files/,
  );
  const finding = (soft: number, hard: number) => openFilesFinding({ soft, hard });
  assert.deepEqual(finding(1024, Infinity), ok("At most 1024 open files (hard limit unlimited)"));
  assert.equal(finding(1023, 4096).status, "warning");
  assert.equal(openFilesFinding(null).status, "warning");
});

Deno.test("doctor self-start starts a server and times its answer", async () => {
  await inTempDir(async (folder) => {
    const env = { CODEX_HOME: join(folder, "home") };
    const lines = await found(selfStartCheck, { env, cwd: folder });
    assert.match(lines.join("\n"), /^ok: The app-server answered `initialize` after \d+ ms$/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("doctor self-start is an error for whatever does not answer", async () => {
  const lines = async (...command: string[]) => {
    const packaging = { ...fromSource, command };
    return (await found(selfStartCheck, { packaging, clock: impatientClock(300) })).join("\n");
  };
  const byHand = (command: string) => ` -> Start it by hand and look at what it prints: ${command}`;
  assert.equal(
    await lines("/nonexistent/codex"),
    "error: The app-server cannot be started: No such file or directory (os error 2) " +
      `(/nonexistent/codex)${byHand("/nonexistent/codex app-server </dev/null")}`,
  );
  const dying = await lines("sh", "-c", "echo one >&2; echo last words >&2; exit 9");
  assert.match(dying, /^error: The app-server ended at once \(exit code 9\): last words ->/);
  assert.match(await lines("sleep"), /^error: The app-server ended at once \(exit code 1\)/);
  const silent = await lines(
    "sh",
    "-c",
    "echo waiting >&2; trap '' TERM HUP; cat >/dev/null; sleep 1000",
  );
  assert.match(silent, /^error: The app-server did not answer within 20 s: waiting ->/);
  assert.match(await lines("yes"), /^error: The app-server did not answer within 20 s/);
  const answer = 's/.*"id":\\([^,}]*\\).*/{"id":\\1,"error":{"code":-32600,"message":"Not you"}}/';
  const refusing = `read line; printf '%s\\n' "$line" | sed '${answer}'; cat >/dev/null`;
  const refused = await lines("sh", "-c", refusing);
  assert.match(refused, /^error: The app-server refused `initialize`: Not you ->/);
});

Deno.test("runChecks turns what a check throws into its line, and runs the others", async () => {
  const ran: string[] = [];
  const checks: readonly Check[] = [
    { name: "alone", isAlone: true, run: () => (ran.push("alone"), Promise.resolve(ok("after"))) },
    {
      name: "sync",
      run() {
        throw new Error("thrown\u001b[31m at once");
      },
    },
    { name: "async", run: () => Promise.reject(new Error("later secret")) },
    { name: "denied", run: () => Promise.reject(new Deno.errors.NotCapable("Requires all")) },
    { name: "endless", run: () => new Promise(() => undefined) },
    { name: "many", run: () => (ran.push("many"), Promise.resolve([ok("one"), ok("two")])) },
  ];
  const lines: string[] = [];
  const all: Check = {
    name: "all",
    async run(context) {
      const redact = (text: string) => text.replaceAll("secret", "[hidden]");
      for await (const { name, findings } of runChecks(checks, context, { redact })) {
        for (const { status, message } of findings) lines.push(`${name} ${status} ${message}`);
      }
      return [];
    },
  };
  await found(all, { clock: impatientClock(50) });
  assert.deepEqual(lines, [
    "alone ok after",
    "sync error Cannot be checked: thrown at once",
    "async error Cannot be checked: later [hidden]",
    "denied warning Cannot be checked without permissions that this program gave up: Requires all",
    "endless error No result after 45 s",
    "many ok one",
    "many ok two",
  ]);
  assert.deepEqual(ran, ["many", "alone"]);
});

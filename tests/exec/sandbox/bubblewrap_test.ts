import assert from "node:assert/strict";
import { join } from "node:path";
import { bubblewrapWords, probeBubblewrap } from "../../../src/exec/sandbox/bubblewrap.ts";
import { landlockAbi } from "../../../src/exec/sandbox/landlock_abi.ts";
import type { Plan } from "../../../src/exec/sandbox/launcher/plan.ts";
import { inScratch, runConfined, specFor } from "./confined_run.ts";

// Tried outside of any test: the C library stays open.
const probe = await probeBubblewrap();
const backend = probe.type === "works" ? probe.backend : null;

function bubblewrapTest(name: string, fn: (root: string) => Promise<void>): void {
  const why = probe.type === "works" ? "" : `, ignored: ${probe.reason}`;
  Deno.test({ name: `${name}${why}`, ignore: backend === null, fn: () => inScratch(fn) });
}

/** For what takes a Landlock that knows abstract sockets. */
function scopedTest(name: string, fn: (root: string) => Promise<void>): void {
  if (landlockAbi() >= 6) bubblewrapTest(name, fn);
  else Deno.test({ name: `${name}, ignored: old Landlock`, ignore: true, fn: () => {} });
}

function theBackend() {
  return backend ?? assert.fail();
}

const PLAN: Plan = {
  writesEverywhere: false,
  places: [
    { path: "/w", as: "writable" },
    { path: "/w/deep", as: "pinned" },
    { path: "/w/.git", as: "readOnly" },
    { path: "/w/secret", as: "hiddenFile" },
    { path: "/w/vault", as: "hiddenFolder" },
    {
      path: "/home",
      as: "veiled",
      entries: [
        { name: "skills", kind: "folder", target: null },
        { name: "link", kind: "link", target: "../elsewhere" },
      ],
    },
  ],
  readable: null,
  network: "none",
  input: null,
};

Deno.test("the words of bwrap mount each place after what it lies in", () => {
  const words = bubblewrapWords(PLAN, { cwd: "/w", env: { A: "1 2" } }).join(" ");
  assert.match(
    words,
    /^--die-with-parent --unshare-pid --unshare-ipc --unshare-net --cap-drop ALL /,
  );
  assert.ok(words.includes(
    "--ro-bind / / --dev /dev --bind /w /w --bind /w/deep /w/deep --ro-bind /w/.git /w/.git " +
      "--ro-bind /dev/null /w/secret --perms 0555 --tmpfs /w/vault --remount-ro /w/vault " +
      "--tmpfs /home --ro-bind-try /home/skills /home/skills --symlink ../elsewhere /home/link " +
      "--remount-ro /home --proc /proc " +
      "--remount-ro /proc",
  ));
  assert.match(words, /--chdir \/w --clearenv --setenv A 1 2 --json-status-fd \d+ --seccomp \d+$/);
});

Deno.test("the words of bwrap follow the network and a writable root folder", () => {
  const command = { cwd: "/", env: {} };
  assert.ok(!bubblewrapWords({ ...PLAN, network: "full" }, command).includes("--unshare-net"));
  assert.ok(bubblewrapWords({ ...PLAN, network: "proxy" }, command).includes("--unshare-net"));
  const everywhere = bubblewrapWords({
    ...PLAN,
    writesEverywhere: true,
    places: [{ path: "/dev", as: "readOnly" }],
  }, command).join(" ");
  assert.match(everywhere, /--bind \/ \/ --dev \/dev --proc \/proc/);
});

Deno.test("bubblewrap is unusable where it is not installed or does not work", async () => {
  const reasonOf = async (path: string) => {
    const found = await probeBubblewrap({ paths: [path] });
    return found.type === "unusable" ? found.reason : "works";
  };
  assert.equal(await reasonOf("/nonexistent/bwrap"), "It is not installed");
  if (Deno.build.os !== "linux") return;
  // Programs that end well without confining anything are found out.
  assert.match(await reasonOf("/bin/true"), /could not be set up/);
  assert.notEqual(await reasonOf("/bin/false"), "works");
});

bubblewrapTest("a command gets its own environment, and bwrap none of it", async (root) => {
  const env = { PATH: "/usr/bin:/bin", LD_PRELOAD: "/evil.so", ODD: "a=b\nc", EMPTY: "" };
  const command = { argv: ["env"], env };
  const confined = theBackend().confine({ ...command, cwd: root }, specFor({ cwd: root }));
  assert.ok(!("type" in confined));
  if (!("type" in confined)) {
    assert.deepEqual(confined.env, {});
    confined.release();
  }
  const { stdout, stderr } = await runConfined(theBackend(), {
    spec: specFor({ cwd: root }),
    command,
  });
  assert.match(stdout, /^ODD=a=b\nc$/m);
  assert.match(stdout, /^EMPTY=$/m);
  // The loader complains for the command alone.
  assert.equal(stderr.match(/evil\.so/g)?.length, 1);
});

bubblewrapTest("exit codes, signals and words arrive as they are", async (root) => {
  const run = (...argv: string[]) =>
    runConfined(theBackend(), { spec: specFor({ cwd: root }), command: { argv } });
  assert.equal((await run("sh", "-c", "exit 7")).code, 7);
  const words = ["a b", "", "--", "--bind", "$HOME", "\n", "ü"];
  const { stdout, code } = await run("printf", "%s|", ...words);
  assert.deepEqual([code, stdout], [0, `${words.join("|")}|`]);
  const killed = await run("sh", "-c", "kill -9 $$");
  assert.deepEqual([killed.code, killed.trouble], [137, null]);
  const pwd = await run("pwd");
  assert.equal(pwd.stdout, `${root}\n`);
  const open = await run("sh", "-c", "ls /proc/self/fd");
  assert.equal(open.stdout, "0\n1\n2\n3\n", "nothing but the listing itself is open");
});

bubblewrapTest(
  "a set-up that fails is told from a command that fails",
  async (root) => {
    await Deno.mkdir(join(root, "w"));
    const spec = specFor({ cwd: root, writable: [join(root, "w")] });
    const failed = await runConfined(theBackend(), {
      spec,
      command: { argv: ["echo", "ran"] },
      afterConfine: () => Deno.removeSync(join(root, "w")),
    });
    assert.equal(failed.stdout, "");
    assert.equal(failed.trouble?.at, "sandbox");
    assert.match(failed.stderr, /^bwrap: /);
    const wrong = await runConfined(theBackend(), {
      spec: specFor({ cwd: root }),
      command: { argv: ["false"] },
    });
    assert.deepEqual([wrong.code, wrong.trouble], [1, null]);
  },
);

bubblewrapTest("what it cannot do is refused", async (root) => {
  const confine = (spec: ReturnType<typeof specFor>, ...argv: string[]) =>
    theBackend().confine({ argv, cwd: root, env: { PATH: "/usr/bin:/bin" } }, spec);
  const limited = confine(specFor({ cwd: root, readable: ["/usr"] }), "true");
  assert.match("type" in limited ? limited.reason : "", /cannot limit reading/);
  await Deno.symlink("elsewhere", join(root, ".git"));
  const linked = confine(
    specFor({ cwd: root, writable: [root], readOnly: [join(root, ".git")] }),
    "true",
  );
  assert.match("type" in linked ? linked.reason : "", /is a symbolic link/);
  const missing = confine(specFor({ cwd: root }), "codex-no-such-program");
  assert.ok("type" in missing && missing.isProgramMissing);
});

bubblewrapTest("placeholders go with the last command that needs them", async (root) => {
  const readOnly = [join(root, ".codex")];
  const spec = specFor({ cwd: root, writable: [root], readOnly });
  const { stdout } = await runConfined(theBackend(), {
    spec,
    command: { argv: ["sh", "-c", "ls -A; mkdir .codex/x || echo refused; touch made"] },
  });
  assert.equal(stdout, ".codex\nrefused\n");
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["made"]);
});

scopedTest(
  "with the network shared, abstract sockets outside stay out of reach",
  async (root) => {
    const name = `codex-bubblewrap-${crypto.randomUUID()}`;
    const listen =
      `import socket; s = socket.socket(socket.AF_UNIX); s.bind("\\0${name}"); s.listen(); ` +
      'print("up", flush=True); s.accept()';
    const connect = `import socket; socket.socket(socket.AF_UNIX).connect("\\0${name}")`;
    const listener = new Deno.Command("/usr/bin/python3", { args: ["-c", listen], stdout: "piped" })
      .spawn();
    const up = listener.stdout.getReader();
    try {
      await up.read();
      const { code, stderr } = await runConfined(theBackend(), {
        spec: specFor({ cwd: root, network: { type: "full" } }),
        command: { argv: ["/usr/bin/python3", "-c", connect] },
      });
      assert.equal(code, 1);
      assert.match(stderr, /PermissionError/);
    } finally {
      listener.kill("SIGKILL");
      await up.cancel();
      await listener.status;
    }
  },
);

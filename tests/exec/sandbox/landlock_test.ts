import assert from "node:assert/strict";
import { join } from "node:path";
import { landlockRules, probeLandlock } from "../../../src/exec/sandbox/landlock.ts";
import { inScratch, runConfined, specFor } from "./confined_run.ts";

// Tried outside of any test: the C library stays open.
const probe = await probeLandlock();
const backend = probe.type === "works" ? probe.backend : null;

function landlockTest(name: string, fn: (root: string) => Promise<void>): void {
  const why = probe.type === "works" ? "" : `, ignored: ${probe.reason}`;
  Deno.test({ name: `${name}${why}`, ignore: backend === null, fn: () => inScratch(fn) });
}

function theBackend() {
  return backend ?? assert.fail();
}

function reasonOf(spec: ReturnType<typeof specFor>, ...argv: string[]): string {
  const command = { argv, cwd: spec.cwd, env: { PATH: "/usr/bin:/bin" } };
  const confined = theBackend().confine(command, spec);
  if ("type" in confined) return confined.reason;
  confined.release();
  return "";
}

const READS = 0x4;

landlockTest(
  "rules allow writing in the roots, and reading everywhere but at hidden files",
  async (root) => {
    await Deno.mkdir(join(root, "home/sub"), { recursive: true });
    await Deno.mkdir(join(root, "work"));
    for (const name of ["home/secret", "home/other", "work/file"]) {
      await Deno.writeTextFile(join(root, name), "");
    }
    const work = join(root, "work");
    const open = landlockRules(specFor({ cwd: work, writable: [work] }), 7);
    assert.ok(!open.some(({ access }) => access & READS), "reading is not limited without need");
    assert.deepEqual(open.map(({ path }) => path).filter((path) => !path.startsWith("/dev/")), [
      work,
    ]);

    const secret = join(root, "home/secret");
    const rules = landlockRules(specFor({ cwd: work, writable: [work], hidden: [secret] }), 7);
    const readable = rules.filter(({ access }) => access & READS).map(({ path }) => path);
    for (const path of ["home/other", "home/sub", "work"]) {
      assert.ok(
        readable.includes(join(root, path)),
      );
    }
    for (const path of ["/", "/var", "/var/tmp", root, join(root, "home"), secret]) {
      assert.ok(!readable.includes(path), path);
    }
    // Raw disks hold what is hidden as well.
    assert.ok(!readable.some((path) => path === "/dev" || path === "/dev/loop0"));
    assert.ok(readable.includes("/dev/null"));
    // Older kernels do not know the right to use devices.
    const dev = (abi: number) =>
      landlockRules(specFor({ cwd: work }), abi).find(({ path }) => path === "/dev/null")?.access;
    assert.deepEqual([(dev(4) ?? 0) & 0x8000, (dev(5) ?? 0) & 0x8000], [0, 0x8000]);
    // What is no folder gets no rights of folders.
    const file = landlockRules(specFor({ cwd: work, writable: [join(work, "file")] }), 7)[0];
    assert.equal((file?.access ?? 0) & 0x1ff8, 0);
  },
);

landlockTest("what it cannot do is refused by reason", async (root) => {
  await Deno.writeTextFile(join(root, "secret"), "");
  await Deno.mkdir(join(root, "real"));
  await Deno.symlink("real", join(root, "link"));
  const base = specFor({ cwd: root });
  assert.match(
    reasonOf({ ...base, writable: [root], hidden: [join(root, "secret")] }, "true"),
    /^Landlock cannot hide .*secret inside the writable folder/,
  );
  assert.match(reasonOf({ ...base, writable: ["/"] }, "true"), /cannot make \/ writable/);
  assert.match(reasonOf({ ...base, writable: [join(root, "link")] }, "true"), /symbolic link/);
  const network = { type: "proxy", socket: "/p" } as const;
  assert.match(reasonOf({ ...base, network }, "true"), /allowed domains/);
  assert.equal(reasonOf(base, "codex-no-such-program"), "No such file or directory (os error 2)");
  assert.equal(reasonOf(base, "true"), "");
});

landlockTest("exit codes, words and a program that is none arrive as they are", async (root) => {
  const run = (...argv: string[]) =>
    runConfined(theBackend(), { spec: specFor({ cwd: root }), command: { argv } });
  assert.equal((await run("sh", "-c", "exit 7")).code, 7);
  const words = ["a b", "", "--", "$HOME", "\n", "ü"];
  assert.equal((await run("printf", "%s|", ...words)).stdout, `${words.join("|")}|`);
  const killed = await run("sh", "-c", "kill -9 $$");
  assert.deepEqual([killed.signal, killed.trouble], ["SIGKILL", null]);
  await Deno.writeTextFile(join(root, "none"), "\x7fELF nonsense", { mode: 0o755 });
  const broken = await run(join(root, "none"));
  assert.equal(broken.trouble?.at, "program");
  assert.match(broken.trouble?.message ?? "", /^Cannot start .*none: /);
  const open = await run("sh", "-c", "ls /proc/self/fd");
  assert.equal(open.stdout, "0\n1\n2\n3\n", "nothing but the listing itself is open");
});

landlockTest("a set-up that fails is told from a command that fails", async (root) => {
  await Deno.mkdir(join(root, "w"));
  const spec = specFor({ cwd: root, writable: [join(root, "w")] });
  const failed = await runConfined(theBackend(), {
    spec,
    command: { argv: ["echo", "ran"] },
    afterConfine: () => {
      Deno.removeSync(join(root, "w"));
      // A link in its place is not followed.
      Deno.symlinkSync("/etc", join(root, "w"));
    },
  });
  assert.equal(failed.stdout, "");
  assert.equal(failed.trouble?.at, "sandbox");
  assert.match(failed.trouble?.message ?? "", /^The sandbox could not be set up: open .*\/w: /);
  const wrong = await runConfined(theBackend(), {
    spec: specFor({ cwd: root }),
    command: { argv: ["false"] },
  });
  assert.deepEqual([wrong.code, wrong.trouble], [1, null]);
});

landlockTest(
  "no socket can be opened but pairs, and with the network on no unix socket",
  async (root) => {
    const script = [
      "import socket",
      "for family in ('AF_UNIX', 'AF_INET', 'AF_INET6'):",
      "    try: socket.socket(getattr(socket, family)); print(family)",
      "    except OSError: pass",
      "socket.socketpair(); print('pair')",
    ].join("\n");
    const run = async (network: "none" | "full") =>
      (await runConfined(theBackend(), {
        spec: specFor({ cwd: root, network: { type: network } }),
        command: { argv: ["/usr/bin/python3", "-c", script] },
      })).stdout;
    assert.equal(await run("none"), "pair\n");
    assert.equal(await run("full"), "AF_INET\nAF_INET6\npair\n");
  },
);

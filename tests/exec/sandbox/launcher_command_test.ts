import assert from "node:assert/strict";
import type { ConfinedCommand } from "../../../src/exec/sandbox/backend.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import { launcher, PATH, run, sandboxTest, sh, specOf } from "./launcher_support.ts";

function confine(spec: SandboxSpec, argv: readonly string[]): ConfinedCommand {
  const confined = launcher().confine({ argv, cwd: spec.cwd, env: { PATH } }, spec);
  if ("type" in confined) throw new Error(confined.reason);
  return confined;
}

function start(confined: ConfinedCommand): Deno.ChildProcess {
  const [program = "", ...args] = confined.argv;
  return new Deno.Command(program, {
    args,
    cwd: confined.cwd,
    clearEnv: true,
    env: { ...confined.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Starts a script and waits for the first line that it prints. */
async function started(spec: SandboxSpec, script: string): Promise<{
  child: Deno.ChildProcess;
  confined: ConfinedCommand;
  /** Ends when nothing holds the output open any more. */
  rest: () => Promise<string>;
}> {
  const confined = confine(spec, ["/bin/sh", "-c", script]);
  const child = start(confined);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) text += (await reader.read()).value ?? assert.fail("No output");
  const rest = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += value;
    }
  };
  return { child, confined, rest };
}

for (const code of [0, 1, 7, 125, 126, 255]) {
  sandboxTest(`launcher passes on exit code ${code}`, {}, async (folder) => {
    const result = await sh(specOf({ cwd: folder }), `exit ${code}`);
    assert.deepEqual(result, { code, signal: null, stdout: "", stderr: "", trouble: null });
  });
}

for (const [signal, number] of [["TERM", 15], ["KILL", 9], ["SEGV", 11], ["HUP", 1]] as const) {
  sandboxTest(`launcher dies of SIG${signal} when the command does`, {}, async (folder) => {
    const result = await sh(specOf({ cwd: folder }), `kill -${signal} $$`);
    assert.equal(result.signal, `SIG${signal}`);
    assert.equal(result.code, 128 + number);
    assert.equal(result.trouble, null);
  });
}

sandboxTest("launcher passes signals to its group on to the command", {}, async (folder) => {
  const script = "trap 'echo caught; exit 5' TERM; echo ready; read line; exit 6";
  const { child, confined, rest } = await started(specOf({ cwd: folder }), script);
  Deno.kill(-child.pid, "SIGTERM");
  assert.equal((await child.status).code, 5);
  assert.match(await rest(), /caught/);
  await child.stdin.close().catch(() => undefined);
  confined.release();
});

sandboxTest("launcher never loses a signal that comes too early", {}, async (folder) => {
  for (let i = 0; i < 20; i++) {
    const confined = confine(specOf({ cwd: folder }), ["/bin/sh", "-c", "read line"]);
    const child = start(confined);
    Deno.kill(child.pid, "SIGTERM");
    assert.equal((await child.status).signal, "SIGTERM");
    await child.stdout.cancel();
    await child.stdin.close().catch(() => undefined);
    confined.release();
  }
});

const BACKGROUND = "setsid sh -c 'trap \"\" TERM HUP; echo up; sleep 1000' & ";

sandboxTest("SIGKILL to the group ends what left it", {}, async (folder) => {
  const { child, confined, rest } = await started(specOf({ cwd: folder }), `${BACKGROUND} wait`);
  Deno.kill(-child.pid, "SIGKILL");
  assert.equal((await child.status).signal, "SIGKILL");
  await rest();
  await child.stdin.close().catch(() => undefined);
  confined.release();
});

sandboxTest("SIGKILL to the launcher alone ends everything", {}, async (folder) => {
  const { child, confined, rest } = await started(specOf({ cwd: folder }), `${BACKGROUND} wait`);
  child.kill("SIGKILL");
  await child.status;
  await rest();
  await child.stdin.close().catch(() => undefined);
  confined.release();
});

sandboxTest("launcher reports the end when everything has ended", {}, async (folder) => {
  const spec = specOf({ cwd: folder, writable: [folder] });
  const { child, confined, rest } = await started(spec, `${BACKGROUND} read line; exit 3`);
  await child.stdin.close();
  assert.equal((await child.status).code, 3);
  assert.equal(await rest(), "up\n");
  confined.release();
});

sandboxTest("commands end with the server that started them", {}, async (folder) => {
  const main = new URL("./launcher_server_main.ts", import.meta.url).pathname;
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, folder],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  server.kill("SIGKILL");
  await server.status;
  // Whoever is left would hold the pipe open.
  while (!(await reader.read()).done);
});

sandboxTest("the command leads a session and a group of its own", {}, async (folder) => {
  const { stdout } = await sh(
    specOf({ cwd: folder }),
    'read -r pid name state ppid group session rest < /proc/self/stat; echo "$group $session"',
  );
  assert.equal(stdout, "2 2\n");
});

sandboxTest("signals are neither blocked nor changed", {}, async (folder) => {
  const { stdout } = await sh(specOf({ cwd: folder }), "grep -E 'SigBlk|SigPnd' /proc/self/status");
  assert.match(stdout, /SigPnd:\s+0+\nSigBlk:\s+0+\n/);
});

sandboxTest("environment, arguments and name are those that were asked for", {}, async (folder) => {
  const spec = specOf({ cwd: folder });
  const odd = ["two words", "", "new\nline", "ünï", "--", "$HOME"];
  const one = await run(spec, { argv: ["printf", "%s|", ...odd], env: { PATH } });
  assert.equal(one.stdout, odd.map((word) => `${word}|`).join(""));
  const two = await run(spec, { argv: ["env"], env: { PATH, "ODD_NAME": "a\nb" } });
  assert.deepEqual(two.stdout.split("\n").sort(), ["", "ODD_NAME=a", `PATH=${PATH}`, "b"]);
  const three = await run(spec, { argv: ["sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline"] });
  assert.match(three.stdout, /^sh -c tr/);
});

sandboxTest(
  "a program that cannot be executed is told apart from the sandbox",
  {},
  async (folder) => {
    const spec = specOf({ cwd: folder });
    await Deno.writeTextFile(`${folder}/no program`, "no program", { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/forbidden`, "", { mode: 0o644 });
    const one = await run(spec, { argv: ["./no program"] });
    assert.deepEqual(one.trouble, {
      at: "program",
      message: `Cannot start ${folder}/no program: Exec format error (os error 8)`,
      errno: 8,
    });
    const two = await run(spec, { argv: ["./forbidden"] });
    assert.equal(two.trouble?.at, "program");
    assert.equal(two.trouble?.errno, 13);
    assert.deepEqual(
      launcher().confine({ argv: ["no_such_program"], cwd: "/", env: { PATH } }, spec),
      {
        type: "refused",
        reason: "No such file or directory (os error 2)",
        isProgramMissing: true,
      },
    );
  },
);

sandboxTest("a command cannot look like a failed sandbox", {}, async (folder) => {
  const script =
    "echo 'The sandbox could not be set up' >&2; printf '00000001%016d' 0 >&3; exit 125";
  const result = await sh(specOf({ cwd: folder }), script);
  assert.match(result.stderr, /set up\n.*3: Bad file descriptor/);
  assert.deepEqual([result.code, result.trouble], [125, null]);
});

sandboxTest(
  "a failed set-up names the step and is never an exit of the command",
  {},
  async (folder) => {
    await Deno.mkdir(`${folder}/root`);
    const spec = specOf({ cwd: "/", writable: [`${folder}/root`] });
    const confined = confine(spec, ["/bin/echo", "never"]);
    // Between the decision and the start, somebody puts a link into the way.
    await Deno.rename(`${folder}/root`, `${folder}/other`);
    await Deno.symlink("/etc", `${folder}/root`);
    const child = start(confined);
    await child.stdin.close().catch(() => undefined);
    assert.equal((await child.status).code, 125);
    assert.equal(await new Response(child.stdout).text(), "");
    const trouble = confined.failure?.();
    assert.equal(trouble?.at, "sandbox");
    assert.match(
      trouble?.message ?? "",
      /^The sandbox could not be set up: \w+ .*root: .*os error \d+/,
    );
    confined.release();
    const refused = launcher().confine({ argv: ["true"], cwd: "/", env: { PATH } }, spec);
    assert("type" in refused);
    assert.match(refused.reason, /is a symbolic link/);
  },
);

sandboxTest("hundreds of commands leave nothing open behind", {}, async (folder) => {
  await Deno.mkdir(`${folder}/.git`);
  const protectedNames = [`${folder}/.git`, `${folder}/.codex`];
  const batch = (round: number) =>
    Promise.all(Array.from({ length: 30 }, (_, index) => {
      // Some share a launcher, some need one of their own.
      const writable = index % 3 === 0 ? [folder] : [];
      const cwd = folder;
      const hidden = index % 10 === 0 ? [`${folder}/secret${round}`] : [];
      return run(specOf({ cwd, writable, hidden, readOnly: protectedNames }), { argv: ["true"] });
    }));
  for (let round = 0; round < 10; round++) {
    await Deno.writeTextFile(`${folder}/secret${round}`, "");
  }
  await batch(0);
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = count();
  for (let round = 1; round < 10; round++) {
    for (const { code, trouble } of await batch(round)) {
      assert.deepEqual([code, trouble], [0, null]);
    }
  }
  // Launchers are kept for the next command, in bounded number.
  assert(count() <= before + 32, `${before} descriptors became ${count()}`);
  assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => name === ".codex"), []);
});

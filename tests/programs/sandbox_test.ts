/** `codex sandbox` as a process: what a command may do, what comes back, and what is said about it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Form, SOURCE, testEachForm } from "../support/forms.ts";
import { workingBackends } from "../exec/sandbox/test_sandbox.ts";

const WORKING = await workingBackends();
const ignore = WORKING.length === 0;

interface World {
  readonly project: string;
  readonly outside: string;
  run(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  start(...words: string[]): Deno.ChildProcess;
  /** With a file as standard input, opened for reading by a shell. */
  runOn(file: string, ...words: string[]): Promise<string>;
}

async function inWorld(test: (world: World) => Promise<void>, form: Form = SOURCE): Promise<void> {
  const root = await Deno.realPath(
    await Deno.makeTempDir({ dir: "/var/tmp", prefix: "codex-sb-" }),
  );
  const [project, outside] = [join(root, "project"), join(root, "outside")];
  try {
    for (const folder of [project, outside, join(root, "home")]) await Deno.mkdir(folder);
    await Deno.writeTextFile(join(root, "home/auth.json"), "secret");
    const startAs = ([program = "", ...args]: readonly string[]) =>
      new Deno.Command(program, {
        args,
        cwd: project,
        clearEnv: true,
        env: {
          PATH: Deno.env.get("PATH") ?? "",
          HOME: root,
          CODEX_HOME: join(root, "home"),
          OPENAI_API_KEY: "sk-secret",
          CODEX_TEST_PLAIN: "plain",
          NO_COLOR: "1",
          ...form.env,
        },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    const start = (...words: string[]) => startAs([...form.command, "sandbox", ...words]);
    const runOn = async (file: string, ...words: string[]) => {
      const onFile = ["sh", "-c", 'file=$1; shift; exec "$@" < "$file"', "sh", file];
      const child = startAs([...onFile, ...form.command, "sandbox", ...words]);
      await child.stdin.close();
      return new TextDecoder().decode((await child.output()).stdout);
    };
    const run = async (...words: string[]) => {
      const child = start(...words);
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("from stdin\n")).catch(() => undefined);
      await writer.close().catch(() => undefined);
      const { code, stdout, stderr } = await child.output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    };
    await test({ project, outside, run, start, runOn });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function made(folder: string): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

if (!ignore) {
  testEachForm(
    "codex sandbox holds a command to its policy, and gives back what it says",
    async (form) => {
      await inWorld(async ({ project, outside, run }) => {
        const touch = `touch here ../outside/there 2>/dev/null; echo $?; exit 7`;
        const reading = await run("--", "sh", "-c", touch);
        assert.deepEqual(reading, { code: 7, stdout: "1\n", stderr: "" });
        assert.deepEqual(await made(project), []);
        const writing = await run("--policy", "workspace-write", "--", "sh", "-c", touch);
        assert.deepEqual([writing.code, writing.stdout], [7, "1\n"]);
        assert.deepEqual([await made(project), await made(outside)], [["here"], []]);
        const free = await run("--policy", "danger-full-access", "sh", "-c", touch);
        assert.deepEqual([free.code, free.stdout], [7, "0\n"]);
        assert.deepEqual(await made(outside), ["there"]);
      }, form);
    },
  );
}

Deno.test({
  name: "the forms of upstream work: linux, landlock, --full-auto, and flags of the command",
  ignore,
  fn: async () => {
    await inWorld(async ({ project, run }) => {
      assert.equal((await run("linux", "--full-auto", "touch", "a")).code, 0);
      assert.equal((await run("landlock", "--full-auto", "--", "touch", "b")).code, 0);
      assert.notEqual((await run("linux", "touch", "c")).code, 0);
      assert.deepEqual(await made(project), ["a", "b"]);
      const { stdout } = await run("printf", "%s,", "--full-auto", "-h", "--", "--json");
      assert.equal(stdout, "--full-auto,-h,--,--json,");
    });
  },
});

Deno.test({
  name: "--add-dir, -C and --network widen just that",
  ignore,
  fn: async () => {
    await inWorld(async ({ project, outside, run }) => {
      assert.equal((await run("--add-dir", outside, "touch", join(outside, "x"))).code, 0);
      assert.equal((await run("-C", outside, "--full-auto", "touch", "y")).code, 0);
      assert.notEqual(
        (await run("-C", outside, "--full-auto", "touch", join(project, "z"))).code,
        0,
      );
      assert.deepEqual([await made(project), await made(outside)], [[], ["x", "y"]]);
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const connect = `exec 3<>/dev/tcp/127.0.0.1/${listener.addr.port}`;
      assert.notEqual((await run("bash", "-c", connect)).code, 0);
      assert.equal((await run("--network", "bash", "-c", connect)).code, 0);
    });
  },
});

Deno.test({
  name: "input, environment without keys, and what cannot be started",
  ignore,
  fn: async () => {
    await inWorld(async ({ run }) => {
      assert.equal((await run("cat")).stdout, "from stdin\n");
      const { stdout } = await run("printenv");
      assert.match(stdout, /^CODEX_TEST_PLAIN=plain$/m);
      assert.match(stdout, /^CODEX_SANDBOX_NETWORK_DISABLED=1$/m);
      assert.doesNotMatch(stdout, /sk-secret/);
      const secret = await run("sh", "-c", "cat ../home/auth.json");
      assert.doesNotMatch(secret.stdout, /secret/);
      const missing = await run("codex-no-such-program");
      assert.equal(missing.code, 127);
      assert.match(missing.stderr, /^Error: Cannot start codex-no-such-program: No such file/);
      const nothing = await run();
      assert.equal(nothing.code, 2);
      assert.match(nothing.stderr, /^No command specified/);
      assert.equal((await run("sh", "-c", "kill -9 $$")).code, 137);
    });
  },
});

Deno.test({
  name: "signals reach the command, and its answer comes back",
  ignore,
  fn: async () => {
    await inWorld(async ({ start }) => {
      const child = start(
        "sh",
        "-c",
        "trap 'echo caught; exit 5' TERM; echo up; while :; do sleep 0.1; done",
      );
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assert.equal((await reader.read()).value, "up\n");
      child.kill("SIGTERM");
      // bubblewrap ends with the signal, and the command with it.
      const isPassedOn = WORKING.includes("launcher");
      if (isPassedOn) assert.equal((await reader.read()).value, "caught\n");
      assert.equal((await child.status).code, isPassedOn ? 5 : 143);
      await reader.cancel();
      await child.stdin.close();
      await child.stderr.cancel();
    });
  },
});

Deno.test({
  name: "a file or folder as input is no way to what is outside",
  ignore,
  fn: async () => {
    await inWorld(async ({ outside, runOn }) => {
      const file = join(outside, "file");
      await Deno.writeTextFile(file, "content", { mode: 0o640 });
      assert.equal(await runOn(file, "cat"), "content");
      const attack = "echo escaped > /proc/self/fd/0; chmod 777 /proc/self/fd/0; " +
        "echo escaped > /proc/self/fd/0/new; ls /proc/self/fd/0/..; echo done";
      assert.match(await runOn(file, "--full-auto", "sh", "-c", attack), /done\n$/);
      assert.match(await runOn(outside, "--full-auto", "sh", "-c", attack), /^done\n$/);
      assert.equal(await Deno.readTextFile(file), "content");
      assert.equal((await Deno.stat(file)).mode! & 0o777, 0o640);
      assert.deepEqual(await made(outside), ["file"]);
      // Neither is a device: that of the machine could be changed by its owner.
      assert.match(await runOn("/dev/null", "readlink", "/proc/self/fd/0"), /^pipe:/);
      assert.equal(await runOn("/dev/zero", "sh", "-c", "head -c 3 | tr '\\0' x"), "xxx");
    });
  },
});

Deno.test({
  name: "--explain says what would hold, for people and as JSON, without running anything",
  ignore,
  fn: async () => {
    await inWorld(async ({ project, run }) => {
      const { code, stdout } = await run("--explain", "--policy", "workspace-write", "touch", "x");
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Policy: workspaceWrite\nConfined by: ${WORKING[0]}\n`));
      assert.ok(stdout.includes(`\n  ${project}/.git\n`));
      assert.match(stdout, /\nNetwork: none but unix sockets\n/);
      assert.match(stdout, /\n {2}seatbelt: does not work: It is for macOS\n/);
      const json = JSON.parse((await run("--explain", "--json", "touch", "x")).stdout);
      assert.deepEqual(json.policy, { type: "readOnly", networkAccess: false });
      assert.deepEqual(json.specification.writable, []);
      assert.deepEqual(json.command, ["touch", "x"]);
      assert.equal(json.backend, WORKING[0]);
      assert.equal(typeof json.steps, "string");
      assert.deepEqual(await made(project), []);
      const wrong = await run("--json", "true");
      assert.equal(wrong.code, 2);
    });
  },
});

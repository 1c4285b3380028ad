/** What a packed file hands on to its runtime unchanged, however it is called and whatever the environment holds. */
import assert from "node:assert/strict";
import {
  endOf,
  filesBelow,
  makeWorld,
  type StartOptions,
  testEachShell,
  World,
  writeExecutable,
} from "./packed_world.ts";
import { VERSION } from "../../src/lib/version.ts";

/** The kernel picks the shell of a script. */
const DIRECTLY = { name: "none", command: [], tools: "" };

/** Words that a careless script would take apart. */
const WORDS = [
  "",
  "a b",
  "*",
  "$HOME",
  "`id`",
  "\\",
  "'\"",
  "-e",
  "--",
  "line\nline",
  "ü ✓",
  "--version",
];

testEachShell(
  "words, input, folder, umask, exit code and open files pass unchanged",
  async (world) => {
    const report = `printf '[%s]' "$@"; echo; umask; pwd; read -r line; echo "$line"
    for fd in /proc/self/fd/*; do [ ! -e "$fd" ] || printf '%s ' "\${fd##*/}"; done; exit 42`;
    const cwd = `${world.root}/a folder`;
    await Deno.mkdir(cwd);
    const env = { STAND_IN: report };
    const prefix = ["/bin/sh", "-c", 'umask 0013; exec "$@"', "sh"];
    const outputs = [];
    // The first start, a later one, and one of the runtime itself.
    for (const file of [world.file, world.file, `${world.folder}/deno`]) {
      const isDirect = file !== world.file;
      const words = isDirect ? ["app/main.js", ...WORDS] : WORDS;
      const starter = isDirect ? new World(world.root, DIRECTLY, world.standIn) : world;
      const child = starter.spawn({ file, words, env, cwd, prefix, stdin: "piped" });
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("one line\n"));
      await writer.close();
      outputs.push(await endOf(child));
    }
    const [first, later, direct] = outputs;
    assert.deepEqual(first, direct);
    assert.deepEqual(later, direct);
    const words = WORDS.map((word) => `[${word}]`).join("");
    assert.ok(
      direct?.stdout.startsWith(`${words}\n0013\n${cwd}\none line\n0 1 `),
      direct?.stdout ?? "nothing",
    );
    assert.deepEqual([direct?.code, direct?.stderr], [42, ""]);
  },
);

testEachShell("signals reach the runtime, because it is the same process", async (world) => {
  const script = 'trap "echo got it; exit 7" TERM; echo up $$; while :; do read -r line; done';
  for (let round = 0; round < 2; round++) {
    const child = world.spawn({ env: { STAND_IN: script }, stdin: "piped" });
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), `up ${child.pid}\n`);
    child.kill("SIGTERM");
    // A shell runs a trap once its command is done.
    await child.stdin.close();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "got it\n");
    assert.equal((await child.status).code, 7);
    await reader.cancel();
    await child.stderr.cancel();
  }
  const ended = await world.run({ env: { STAND_IN: "kill -KILL $$" } });
  assert.equal(ended.signal, "SIGKILL");
});

testEachShell(
  "the environment passes unchanged but for what the program takes back",
  async (world) => {
    const env = {
      DENO_DIR: "/outer/deno",
      DENO_SERVE_ADDRESS: "tcp:0.0.0.0:80",
      CODEX_PACKED_VERIFIED: "1",
      CODEX_OUTER_DENO_DIR: "/planted",
      CODEX_PACKED_FILE: "/planted",
      DENO_NO_UPDATE_CHECK: "0",
      EMPTY: "",
      LC_ALL: "C",
      LINES: "a\nb",
      GZIP: "--keep",
      TAR_OPTIONS: "--show-omitted-dirs",
      STAND_IN: "exec /usr/bin/env -0",
    };
    const { PATH, TMPDIR } = { PATH: world.toolFolder, TMPDIR: `${world.root}/tmp` };
    const expected: Record<string, string> = {
      ...env,
      PATH,
      TMPDIR,
      HOME: world.home,
      CODEX_OUTER_DENO_DIR: "/outer/deno",
      CODEX_PACKED_FILE: world.file,
      CODEX_PACKED_DIR: world.folder,
      DENO_DIR: `${world.folder}/denodir`,
      DENO_NO_UPDATE_CHECK: "1",
    };
    for (const name of ["DENO_SERVE_ADDRESS", "CODEX_PACKED_VERIFIED"]) delete expected[name];
    for (let round = 0; round < 2; round++) {
      const { stdout } = await world.run({ env });
      const seen = Object.fromEntries(
        stdout.split("\0").filter((one) => one !== "").map((one) => {
          const at = one.indexOf("=");
          return [one.slice(0, at), one.slice(at + 1)] as const;
        }),
      );
      // Every shell sets some of these.
      for (const name of ["PWD", "OLDPWD", "SHLVL", "_"]) delete seen[name];
      assert.deepEqual(seen, expected);
    }
  },
);

/** Variables that could lead the script astray. */
const ASTRAY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "its own": {
    ...Object.fromEntries(
      ("at base dir expected file lines outside reasons said size status system target top uid us way " +
        "where why other").split(" ").map((name) => [`cx_${name}`, "1"]),
    ),
    ...Object.fromEntries(
      "count folder got lock made new place rest text try".split(" ").map((
        name,
      ) => [`cx_${name}`, "/x"]),
    ),
  },
  "those of shells": {
    IFS: "/ad",
    CDPATH: "/:/tmp",
    ENV: "/nonexistent/env",
    BASH_ENV: "/nonexistent/env",
    PS4: "x",
    POSIXLY_CORRECT: "1",
    OPTIND: "9",
    SHELLOPTS: "errexit:nounset:noglob",
    PWD: "/nonexistent",
    OLDPWD: "/",
  },
  "those of its tools": {
    GZIP: "-v",
    TAR_OPTIONS: "--verbose",
    QUOTING_STYLE: "c",
    TIME_STYLE: "+%s",
    BLOCK_SIZE: "1",
    LS_BLOCK_SIZE: "human-readable",
    LS_COLORS: "di=1",
    CLICOLOR_FORCE: "1",
  },
  "a language": { LC_ALL: "C.UTF-8", LANG: "de_DE.UTF-8", LANGUAGE: "de" },
};

testEachShell("variables of the caller do no harm", async (world) => {
  for (const [what, env] of Object.entries(ASTRAY)) {
    await Deno.remove(world.cache, { recursive: true }).catch(ignoreNotFound);
    for (const start of [{ env }, { env }]) {
      assert.deepEqual(await world.run(start), world.ran(), what);
    }
    const outside = { env: { ...env, HOME: null } };
    for (const start of [outside, outside]) {
      assert.deepEqual(await world.run(start), world.ranOutside(), what);
    }
  }
  const { stdout } = await world.run({
    env: { ...ASTRAY["its own"], STAND_IN: "exec /usr/bin/env" },
  });
  // What the main shell uses is gone, what only its subshells use is as the caller had it.
  assert.deepEqual(stdout.match(/^cx_.*=(?!\/x$).*/gm), null);
});

testEachShell("it is found however it is called", async (world) => {
  const strange = `${world.root}/it's "a" $HOME *`;
  await Deno.mkdir(strange);
  await writeExecutable(`${strange}/the codex`, world.standIn.bytes);
  await Deno.symlink(`${strange}/the codex`, `${world.root}/link`);
  const calls: readonly (StartOptions & { readonly seen: string })[] = [
    { file: "./codex", seen: world.file },
    { file: "home/../codex", seen: `${world.root}/home/../codex` },
    { file: "./the codex", cwd: strange, seen: `${strange}/the codex` },
    { file: `${strange}/the codex`, seen: `${strange}/the codex` },
    { file: `${world.root}/link`, seen: `${world.root}/link` },
    { file: "../codex", cwd: world.home, seen: `${world.home}/../codex` },
  ];
  for (const { seen, ...call } of calls) {
    await Deno.remove(world.cache, { recursive: true }).catch(ignoreNotFound);
    for (const start of [call, call]) {
      // Unlike ours, its way of starting a program leaves the path as it is.
      const ended = await world.run({ prefix: ["/usr/bin/env"], ...start });
      assert.deepEqual(ended, world.ran({ file: seen }), seen);
    }
  }
});

testEachShell("places with strange names work", async (world) => {
  for (const name of [`it's "a" $HOME *`, "line\nline", "-rf", "ü", "[a-z]?", " "]) {
    const home = `${world.root}/home/${name}`;
    await Deno.mkdir(home);
    const folder = `${home}/.cache/codex-runtime/${world.standIn.name}`;
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(await world.run({ env: { HOME: home } }), world.ran({ folder }), name);
    }
    assert.deepEqual((await filesBelow(`${home}/.cache`)).length, 10, name);
  }
  const names = [...Deno.readDirSync(world.root)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["bin", "codex", "home", "tmp"]);
});

Deno.test("it is found through PATH, also through a folder that is not absolute", async () => {
  await using world = await makeWorld(DIRECTLY);
  for (const [path, seen] of [[world.root, world.file], [".", `${world.root}/codex`]] as const) {
    const ended = await world.run({
      prefix: ["/usr/bin/env", "-u", "X"],
      file: "codex",
      env: { PATH: `${path}:${world.toolFolder}` },
    });
    assert.deepEqual(ended, world.ran({ file: seen }));
  }
});

testEachShell("--version is answered without anything", async (world) => {
  await Deno.chmod(world.root, 0o555);
  for (const word of ["--version", "-V"]) {
    const env = { HOME: null, TMPDIR: null, PATH: "/nonexistent" };
    assert.deepEqual(await world.run({ words: [word], env }), {
      code: 0,
      signal: null,
      stdout: `codex-cli ${VERSION}\n`,
      stderr: "",
    });
  }
  assert.deepEqual(await filesBelow(world.home), []);
});

testEachShell("--version is silent where nobody reads it", async (world) => {
  for (const ignore of ["", "trap '' PIPE;"]) {
    // A pipe for reading and writing, then the same for writing, then no reader any more.
    const script =
      `${ignore} mkfifo pipe; exec 3<>pipe 4>pipe 3>&-; rm pipe; "$@" >&4; echo "code $?"`;
    const prefix = ["/bin/sh", "-c", script, "sh"];
    const env = { PATH: "/usr/bin:/bin" };
    const { stdout, stderr } = await world.run({ words: ["--version"], prefix, env });
    assert.deepEqual([stdout, stderr], [ignore === "" ? "code 141\n" : "code 1\n", ""]);
  }
});

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

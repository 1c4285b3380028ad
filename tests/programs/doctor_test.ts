/** Tests `codex doctor` as a whole: what it prints, its exit code, and what it never prints. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../../src/lib/version.ts";
import { CHECKS } from "../../src/programs/doctor/checks.ts";
import { unshareCommand } from "../server/child_server.ts";
import { type Form, PACKED, SOURCE, testEachForm } from "../support/forms.ts";
import { doctor, fromSource, impatientClock, inTempDir, type World } from "./doctor_world.ts";

const DEMO = ["-c", "model_provider=demo"];

interface Report {
  readonly version: string;
  readonly form: string;
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly fix?: string;
  }[];
}

async function jsonOf(world: World): Promise<{ code: number; report: Report }> {
  const { code, stdout, stderr } = await doctor({
    ...world,
    words: ["--json", ...world.words ?? []],
  });
  assert.equal(stderr, "");
  return { code, report: JSON.parse(stdout) };
}

function statusOf(report: Report, name: string): readonly string[] {
  return report.checks.filter((one) => one.name === name).map((one) => one.status);
}

Deno.test("codex doctor finds no error on an empty home with the demo model", async () => {
  await inTempDir(async (folder) => {
    const { code, report } = await jsonOf({ words: DEMO, env: { HOME: folder }, cwd: folder });
    const errors = report.checks.filter(({ status }) => status === "error");
    assert.deepEqual(errors, []);
    assert.deepEqual(Object.keys(report), ["version", "form", "checks", "ok"]);
    assert.deepEqual([code, report.ok, report.version, report.form], [0, true, VERSION, "source"]);
    const names = new Set(report.checks.map(({ name }) => name));
    assert.deepEqual([...names], CHECKS.map(({ name }) => name));
    for (const { status, message, fix } of report.checks) {
      assert.notEqual(message, "");
      assert.equal(fix === undefined, status === "ok", message);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is written");
  });
});

Deno.test("codex doctor prints aligned lines, in colour only on a terminal without NO_COLOR", async () => {
  await inTempDir(async (folder) => {
    const world = {
      words: DEMO,
      env: { HOME: folder, TERM: "xterm", LANG: "C.UTF-8" },
      cwd: folder,
    };
    const { code, stdout } = await doctor(world);
    assert.equal(code, 0);
    const lines = stdout.split("\n").filter((line) => line !== "");
    const summary = lines.pop() ?? "";
    assert.match(summary, /^\d+ ok, \d+ warnings?, 0 errors$/);
    const columns = lines.filter((line) => !line.startsWith(" "))
      .map((line) => /^(ok|warning|error) +([a-z-]+ +)(?=\S)/.exec(line)?.[0].length);
    assert.equal(new Set(columns).size, 1, stdout);
    const poor = await doctor({ ...world, env: { HOME: folder }, isTerminal: true });
    assert.match(poor.stdout, /^ {10,}.*-> \S/m, "the line about the terminal says what to do");
    const escape = "\u001b[";
    assert.ok(!stdout.includes(escape));
    const colored = await doctor({ ...world, isTerminal: true });
    assert.ok(colored.stdout.includes(escape));
    const plain = await doctor({
      ...world,
      isTerminal: true,
      env: { ...world.env, NO_COLOR: "1" },
    });
    assert.ok(!plain.stdout.includes(escape));
  });
});

Deno.test("codex doctor works without a home folder and says so", async () => {
  const { code, report } = await jsonOf({ words: DEMO });
  assert.deepEqual([code, report.ok], [1, false]);
  const home = report.checks.find(({ name }) => name === "home");
  assert.match(home?.message ?? "", /^There is no home folder/);
  assert.deepEqual(statusOf(report, "home"), ["error"]);
  assert.deepEqual(statusOf(report, "config"), ["warning"]);
  assert.deepEqual(statusOf(report, "endpoint"), ["warning"]);
});

Deno.test("codex doctor goes on after a broken config, and every other check still reports", async () => {
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, "config.toml"), 'model = "x"\napproval_policy = 5\n');
    const { code, report } = await jsonOf({ env: { CODEX_HOME: folder } });
    assert.equal(code, 1);
    const config = report.checks.find(({ name }) => name === "config");
    assert.match(config?.message ?? "", /`approval_policy` at .*config\.toml:2$/);
    assert.equal(new Set(report.checks.map(({ name }) => name)).size, CHECKS.length);
  });
});

Deno.test("codex doctor shows no secret of environment, auth.json, config or a child", async () => {
  const secrets = {
    env: "sk-env-1234567890abcdef",
    own: "own-key-fedcba0987654321",
    stored: "sk-stored-abcdefghij",
    bearer: "bearer-token-value-77",
    header: "header-value-abc-88",
    query: "query-value-def-99",
    user: "address-user-11",
    password: "address-pass-22",
    proxy: "proxy-password-33",
    variable: "gsk_variablename44",
    other: "password-of-database-55",
  };
  const config = `model_provider = "mine"
[model_providers.mine]
name = "Mine"
base_url = "http://${secrets.user}:${secrets.password}@127.0.0.1:1/v1?key=${secrets.query}"
env_key = "PROVIDER"
experimental_bearer_token = "${secrets.bearer}"
http_headers = { "x-api-key" = "${secrets.header}" }
[model_providers.wrong]
name = "Wrong"
base_url = "http://127.0.0.1:1/v1"
env_key = "${secrets.variable}"
`;
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, "config.toml"), config);
    await Deno.writeTextFile(
      join(folder, "auth.json"),
      JSON.stringify({ OPENAI_API_KEY: secrets.stored }),
    );
    // The child prints all it has: its environment, and what it was not given.
    const script = `env >&2; echo '${Object.values(secrets).join(" ")}' >&2; exit 3`;
    const world: World = {
      env: {
        CODEX_HOME: folder,
        OPENAI_API_KEY: secrets.env,
        PROVIDER: secrets.own,
        DATABASE_PASSWORD: secrets.other,
        http_proxy: `http://me:${secrets.proxy}@127.0.0.1:1`,
        no_proxy: "nothing.invalid",
      },
      packaging: { ...fromSource, command: ["sh", "-c", script] },
    };
    for (const provider of ["mine", "wrong", "openai"]) {
      for (const mode of [["--json"], []]) {
        const words = [...mode, "-c", `model_provider=${provider}`];
        const { code, stdout, stderr } = await doctor({ ...world, words });
        assert.equal(code, 1);
        assert.match(stdout, /exit code 3/);
        for (const [name, secret] of Object.entries(secrets)) {
          assert.ok(!`${stdout}${stderr}`.includes(secret), `${name} in the report of ${provider}`);
        }
      }
    }
  });
});

Deno.test("codex doctor prints foreign text without control sequences", async () => {
  await inTempDir(async (folder) => {
    const script = "printf 'line one\\n\\033]0;title\\007bad\\033[31mred\\r\\n' >&2; exit 4";
    const packaging = { ...fromSource, command: ["sh", "-c", script] };
    const { stdout } = await doctor({
      words: DEMO,
      env: { CODEX_HOME: join(folder, "\u001b[31mhome") },
      packaging,
    });
    // deno-lint-ignore no-control-regex -- These are what must not be there.
    assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(stdout));
    assert.match(stdout, /exit code 4\): badred\n/);
  });
});

/** What `codex doctor --json` prints as a process of its own, which has given up the permission to write. */
async function child(words: readonly string[], options: {
  readonly env: Record<string, string>;
  readonly form?: Form;
  /** Words that start the rest in a changed world. */
  readonly prefix?: readonly string[];
  readonly user?: Pick<Deno.CommandOptions, "uid" | "gid" | "clearEnv" | "cwd">;
}): Promise<{ code: number; report: Report }> {
  const { env, form = SOURCE, prefix = [], user } = options;
  const [program = "", ...args] = [...prefix, ...form.command, "doctor", "--json", ...words];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...user,
    args,
    env: { NO_COLOR: "1", OPENAI_API_KEY: "", ...form.env, ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert.equal(text.decode(stderr), "");
  return { code, report: JSON.parse(text.decode(stdout)) };
}

testEachForm("codex doctor finds no error in a program that works", async (form) => {
  await inTempDir(async (folder) => {
    const { code, report } = await child(DEMO, { env: { CODEX_HOME: join(folder, "home") }, form });
    const bad = report.checks.filter(({ name, status, message }) =>
      status === "error" || /permission/i.test(message) ||
      name === "cache" && status !== "ok" && !/other version/.test(message)
    );
    assert.deepEqual([code, bad, report.form], [0, [], form.name]);
    for (const name of ["kernel", "self-start"]) assert.deepEqual(statusOf(report, name), ["ok"]);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is written");
  });
});

Deno.test({
  name: "codex doctor works for a user without a name, a home or a cache",
  // Only root can become somebody else.
  ignore: PACKED.isMissing || Deno.uid() !== 0,
  fn: async () => {
    await inTempDir(async (folder) => {
      await Deno.chmod(folder, 0o755);
      const file = join(folder, "codex");
      await Deno.copyFile(PACKED.command[0] ?? "", file);
      await Deno.chmod(file, 0o755);
      await Deno.mkdir(join(folder, "tmp"));
      await Deno.chmod(join(folder, "tmp"), 0o1777);
      await Deno.mkdir(join(folder, "closed/home"), { recursive: true });
      await Deno.chmod(join(folder, "closed"), 0o700);
      const env = { PATH: Deno.env.get("PATH") ?? "", TMPDIR: join(folder, "tmp") };
      const user = { uid: 54321, gid: 54321, clearEnv: true, cwd: folder };
      const form = { ...PACKED, command: [file], env };
      const homeless = await child(DEMO, { env, form, user });
      assert.equal(homeless.code, 1);
      assert.deepEqual(statusOf(homeless.report, "home"), ["error"]);
      assert.deepEqual(statusOf(homeless.report, "cache"), ["warning", "ok"], "verified at start");
      const closed = { ...env, CODEX_HOME: join(folder, "closed/home") };
      const { report } = await child(DEMO, { env: closed, form, user });
      const home = report.checks.find(({ name }) => name === "home");
      assert.match(home?.message ?? "", /lies in a folder that this user may not enter$/);
      const disk = report.checks.find(({ name }) => name === "disk");
      assert.match(disk?.message ?? "", / free at .*closed$/);
      assert.deepEqual(statusOf(report, "config"), ["error"]);
      const own = { ...env, CODEX_HOME: join(folder, "tmp/home") };
      const good = await child(DEMO, { env: own, form, user });
      assert.deepEqual([good.code, statusOf(good.report, "self-start")], [0, ["ok"]]);
    });
  },
});

Deno.test("codex doctor warns of a low limit of open files", async () => {
  await inTempDir(async (folder) => {
    const env = { CODEX_HOME: join(folder, "home") };
    const low = await child(DEMO, { env, prefix: ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"] });
    const line = low.report.checks.find(({ name }) => name === "open-files");
    assert.deepEqual([low.code, line?.status], [0, "warning"]);
    assert.match(line?.message ?? "", /^At most 256 open files/);
  });
});

Deno.test({
  name: "codex doctor works on a read-only file system, and says that the home is read-only",
  ignore: unshareCommand === null,
  fn: async () => {
    await inTempDir(async (folder) => {
      // Nothing but the mount differs: the folder is root's own, with all permissions.
      const mount = `mount --bind '${folder}' '${folder}' && mount -o remount,bind,ro '${folder}'`;
      const prefix = [...unshareCommand ?? [], "sh", "-c", `${mount} && exec "$@"`, "sh"];
      const { code, report } = await child(DEMO, { env: { CODEX_HOME: folder }, prefix });
      const home = report.checks.find(({ name }) => name === "home");
      assert.deepEqual([code, home?.status], [1, "error"]);
      assert.match(home?.message ?? "", /is read-only for user/);
      assert.deepEqual(statusOf(report, "self-start"), ["ok"], "initialize writes nothing");
      const absent = await child(DEMO, { env: { CODEX_HOME: join(folder, "new") }, prefix });
      const line = absent.report.checks.find(({ name }) => name === "home");
      assert.match(line?.message ?? "", /cannot be made: .* is read-only for user/);
    });
  },
});

Deno.test({
  name: "codex doctor without a network says so quickly",
  ignore: unshareCommand === null,
  fn: async () => {
    await inTempDir(async (folder) => {
      const prefix = [...unshareCommand ?? [], "--net"];
      const env = {
        CODEX_HOME: folder,
        https_proxy: "",
        HTTPS_PROXY: "",
        all_proxy: "",
        ALL_PROXY: "",
      };
      const { code, report } = await child([], { env, prefix });
      assert.equal(code, 1);
      const endpoint = report.checks.find(({ name }) => name === "endpoint");
      assert.equal(endpoint?.status, "error");
      assert.match(
        endpoint?.message ?? "",
        /^https:\/\/api\.openai\.com\/v1 cannot be reached: the name/,
      );
      assert.deepEqual(statusOf(report, "clock"), ["ok"]);
      assert.deepEqual(statusOf(report, "self-start"), ["ok"]);
    });
  },
});

Deno.test("codex doctor looks at the configuration that flags ask for", async () => {
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "config.toml"),
      '[profiles.p]\nmodel_provider = "demo"\n',
    );
    const env = { CODEX_HOME: folder };
    const packaging = { ...fromSource, command: ["false"] };
    const world = { env, packaging, clock: impatientClock(50) };
    const profile = await jsonOf({ ...world, words: ["--profile", "p"] });
    const config = profile.report.checks.find(({ name }) => name === "config");
    assert.match(config?.message ?? "", /provider demo, profile p$/);
    const oss = await jsonOf({ ...world, words: ["--oss", "--local-provider", "lmstudio"] });
    const credentials = oss.report.checks.find(({ name }) => name === "credentials");
    assert.equal(credentials?.message, "None needed for lmstudio");
  });
});

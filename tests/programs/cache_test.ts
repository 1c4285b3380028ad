/** Tests `codex cache`: what is said, what a first start stores, and that nobody sandboxed can write there. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { cleanCache, run as runCache } from "../../src/programs/cache.ts";
import { holdRuntime } from "../../src/programs/hold_runtime.ts";
import { takePackaging } from "../../src/programs/packaging.ts";
import { holdRuntime as lockRuntime } from "../../src/store/runtime_hold.ts";
import { type Form, PACKED, SOURCE, testEachForm } from "../support/forms.ts";
import { call, custom, say } from "../support/mock_model.ts";
import { manualClock } from "../support/scripted_model.ts";
import { startServer } from "../support/server.ts";
import { Recorder } from "../server/recorder.ts";
import { type Ended, jsonLines, makePlace, runCodex } from "./exec_process.ts";
import { runInFakeHost } from "./fake_host.ts";
import { SplitBundle } from "./split_bundle.ts";
import { exists } from "../support/exists.ts";

const ONE = "0.170.0-0123456789abcdef";
const TWO = "0.171.0-fedcba9876543210";

async function withTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_cache_" }));
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function makeVersion(base: string, name: string): Promise<string> {
  await Deno.mkdir(join(base, name), { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(join(base, name, "ready"), "");
  await Deno.writeTextFile(join(base, name, "deno"), "x".repeat(2_345_678));
  return join(base, name);
}

/** The folders of a real machine are not for a test to clean. */
function clean(...bases: readonly string[]) {
  const folders = bases.map((path) => ({ path, isPrivate: true }));
  return runInFakeHost(
    ["cache", "clean"],
    {},
    ({ host }) => Promise.resolve(cleanCache(host, folders)),
  );
}

Deno.test("cache clean says what it removed, what it kept and what it could not remove", async () => {
  await withTempDir(async (dir) => {
    const [base, tooLong] = [join(dir, "base"), join(dir, "x".repeat(300))];
    const held = await makeVersion(base, ONE);
    await makeVersion(base, TWO);
    {
      using _ = lockRuntime(held);
      const { code, stdout, stderr } = await clean(base, tooLong);
      assert.equal(code, 1);
      const [kept, removed, ...rest] = stdout.split("\n");
      assert.match(kept ?? "", /^Kept \/.*\/base\/0\.170\.0-\w+: .+ is running from it$/);
      assert.match(removed ?? "", /^Removed \/.*\/base\/0\.171\.0-\w+ \(2\.3 MB\)$/);
      assert.deepEqual(rest, [""]);
      assert.match(stderr, /^Error: Cannot remove \/.*x: .*too long.*\n$/);
    }
    assert.deepEqual(await clean(base), {
      code: 0,
      stdout: `Removed ${held} (2.3 MB)\nRemoved ${base}\n`,
      stderr: "",
    });
    assert.deepEqual(await clean(base), { code: 0, stdout: "Nothing to remove\n", stderr: "" });
  });
});

const OWN_USER = ["--user", "--map-user=54321"];
const canBeAnybody = await hasOwnUser();

Deno.test({
  name: `cache clean removes the version that it runs from [packed${
    PACKED.isMissing ? `, ignored: ${PACKED.reason}` : canBeAnybody ? "" : ", ignored: no unshare"
  }]`,
  ignore: PACKED.isMissing || !canBeAnybody,
  fn: async () => {
    await withTempDir(async (dir) => {
      const base = join(dir, "runtime");
      const first = await asOwnUser(PACKED, ["cache", "clean"], { dir, base });
      assert.match(
        first.stdout,
        /^Removed \/.*\/runtime\/\d\S+-[0-9a-f]{16} \(\d{2,3}\.\d MB\)\nRemoved \/.*\/runtime\n$/,
      );
      assert.deepEqual([first.code, first.stderr], [0, ""]);
      assert.ok(!await exists(base), "nothing comes back when the process ends");
    });
  },
});

/** A user that no machine has, so that the folders for temporary files are those of nobody else. */
async function asOwnUser(
  form: Form,
  words: readonly string[],
  { dir, base }: { readonly dir: string; readonly base: string },
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [...OWN_USER, ...form.command, ...words],
    env: { ...form.env, HOME: dir, XDG_CACHE_HOME: "", CODEX_RUNTIME_DIR: base },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function hasOwnUser(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("unshare", { args: [...OWN_USER, "id", "-u"] })
      .output();
    return new TextDecoder().decode(stdout) === "54321\n";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The bundle, with a code cache of its own. */
class PrimedBundle implements AsyncDisposable {
  readonly bundle: SplitBundle;
  readonly dir: string;

  private constructor(bundle: SplitBundle, dir: string) {
    this.bundle = bundle;
    this.dir = dir;
  }

  static async make(): Promise<PrimedBundle> {
    const dir = await Deno.makeTempDir({ prefix: "codex_prime_" });
    const primed = new PrimedBundle(await SplitBundle.build(), dir);
    const prime = await primed.run(["cache", "prime"]);
    assert.deepEqual(prime, { code: 0, stdout: "", stderr: "" });
    return primed;
  }

  get form(): Form {
    const env = { DENO_DIR: join(this.dir, "denodir") };
    return { ...SOURCE, command: this.bundle.command(), env };
  }

  async run(words: readonly string[]): Promise<Ended> {
    const [deno = "", ...args] = this.form.command;
    const { code, stdout, stderr } = await new Deno.Command(deno, {
      args: [...args, ...words],
      env: { ...this.form.env, CODEX_HOME: join(this.dir, "home") },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }

  /** The modules that V8's code is stored for: names of chunks, and of modules of the runtime. */
  stored(): ReadonlySet<string> {
    using db = new DatabaseSync(join(this.dir, "denodir/v8_code_cache_v2"), { readOnly: true });
    const rows = db.prepare("SELECT specifier FROM codecache").all();
    return new Set(rows.map(({ specifier }) => {
      const name = String(specifier);
      return name.startsWith("file:") ? name.slice(name.lastIndexOf("/") + 1) : name;
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bundle[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

Deno.test("cache prime stores the code of every chunk, and adds none of its own", async () => {
  await using primed = await PrimedBundle.make();
  const { bundle } = primed;
  const stored = primed.stored();
  const missing = [...bundle.chunks.keys()].filter((name) => !stored.has(name));
  assert.deepEqual(
    missing.map((name) => [name, bundle.sourcesOf([name])]),
    [],
    "src/programs/cache/prime.ts must import what is loaded lazily elsewhere",
  );
  const isPrime = (name: string) =>
    bundle.sourcesOf([name]).some((source) => source.endsWith("src/programs/cache/prime.ts"));
  const elsewhere = new Set(
    [...bundle.chunks.values()].flatMap((chunk) => isPrime(chunk.name) ? [] : chunk.lazyImports),
  );
  const prime = [...bundle.chunks.values()].find(({ name }) => isPrime(name));
  const own = prime?.lazyImports.filter((name) => name.endsWith(".js") && !elsewhere.has(name));
  assert.deepEqual(own, [], "src/programs/cache/prime.ts makes a chunk of what nobody else loads");
});

Deno.test("after cache prime a turn with a command and a patch has nothing left to compile", async () => {
  await using primed = await PrimedBundle.make();
  const before = primed.stored();
  const patch = "*** Begin Patch\n*** Add File: new.txt\n+one\n*** End Patch";
  await using place = await makePlace(
    [call("exec_command", { cmd: "echo hi", login: false })],
    custom("apply_patch", patch),
    say("Done"),
  );
  const words = ["exec", "--json", "-s", "danger-full-access", "go"];
  const { code, stderr } = await runCodex(place, words, { form: primed.form });
  assert.equal(code, 0, stderr);
  assert.ok(await exists(join(place.project, "new.txt")));
  assert.deepEqual([...primed.stored()].filter((name) => !before.has(name)), []);
});

Deno.test("cache prime forgets old versions, and only where it runs from", async () => {
  await withTempDir(async (dir) => {
    const runtimeDir = await makeVersion(dir, ONE);
    const old = await makeVersion(dir, TWO);
    const elsewhere = await makeVersion(join(dir, "elsewhere"), TWO);
    for (const version of [runtimeDir, old, elsewhere]) {
      await Deno.utime(join(version, "ready"), 0, 0);
    }
    const env = { CODEX_RUNTIME_DIR: dirname(elsewhere) };
    const outcome = await runInFakeHost(
      ["cache", "prime"],
      { env, packaging: { runtimeDir } },
      runCache,
    );
    assert.deepEqual(outcome, { code: 0, stdout: "", stderr: "" });
    assert.ok(!await exists(old));
    assert.ok(await exists(runtimeDir) && await exists(elsewhere));
  });
});

testEachForm(
  "no patch of a confined agent reaches the cache that codex runs from",
  async (form) => {
    const reject = async (env: Record<string, string>, path: string) => {
      const patch = `*** Begin Patch\n*** Add File: ${path}\n+evil\n*** End Patch`;
      await using place = await makePlace(custom("apply_patch", patch), say("Done"));
      const words = ["exec", "--json", "-s", "workspace-write", "-C", place.project, "go"];
      const absolute = Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value.replace("$HERE", place.project)]),
      );
      const { code, stdout, stderr } = await runCodex(place, words, { form, env: absolute });
      assert.equal(code, 0, stderr);
      const { body } = await place.model.request(1);
      const isWritten = await exists(join(place.project, path));
      assert.equal(
        isWritten,
        !/patch rejected: writing outside of the project/.test(JSON.stringify(body)),
      );
      assert.equal(jsonLines(stdout).at(-1)?.type, "turn.completed");
      return !isWritten;
    };
    // The folders need not be there yet. A packed program must find its own, so that one is not moved.
    assert.ok(await reject({ HOME: "$HERE" }, `.cache/codex-runtime/${ONE}/app/main.js`));
    assert.ok(await reject({ XDG_CACHE_HOME: "$HERE" }, `codex-runtime/${ONE}/deno`));
    assert.ok(await reject({ TMPDIR: "$HERE" }, `codex-runtime-${Deno.uid()}/${ONE}/deno`));
    assert.ok(!await reject({ TMPDIR: "$HERE" }, "codex-runtime.txt"));
  },
);

Deno.test("no patch of a confined agent reaches the file that codex was started from", async () => {
  const patch = (name: string) => `*** Begin Patch\n*** Add File: ${name}\n+evil\n*** End Patch`;
  await withTempDir(async (dir) => {
    const [file, link] = [join(dir, "project/bin/codex"), join(dir, "project/link")];
    await using server = await startServer({
      home: dir,
      config: "",
      protectedPaths: [link],
      responses: [
        [custom("apply_patch", patch("bin/codex")), custom("apply_patch", patch("link"))],
        [custom("apply_patch", patch("bin/codex2"))],
        say("Done"),
      ],
    });
    await Deno.mkdir(dirname(file));
    await Deno.writeTextFile(file, "good");
    await Deno.symlink("bin/codex", link);
    const client = await server.connect();
    const settings = { approvalPolicy: "never", sandbox: "workspace-write" } as const;
    const { thread } = await client.request("thread/start", settings);
    const recorder = new Recorder(client);
    await recorder.turn(thread.id, "work");
    const [, second, third] = server.model.requests;
    const refusals = JSON.stringify(second?.input).split("patch rejected: writing outside");
    assert.equal(refusals.length, 3);
    assert.match(JSON.stringify(third?.input), /Success.*bin\/codex2/);
    assert.equal(await Deno.readTextFile(file), "good");
    assert.equal(await Deno.readLink(link), "bin/codex");
  });
});

Deno.test("holdRuntime takes the lock after the first answer, and only in a packed program", async () => {
  await withTempDir(async (dir) => {
    const runtimeDir = await makeVersion(dir, ONE);
    const packaging = { ...takePackaging(), runtimeDir };
    const clock = manualClock();
    holdRuntime({ packaging: { ...packaging, runtimeDir: null }, clock });
    assert.deepEqual(clock.pending, []);
    const letGo = holdRuntime({ packaging, clock });
    using file = await Deno.open(join(runtimeDir, "ready"), { write: true });
    assert.ok(file.tryLockSync(true), "nothing is done while a client waits");
    file.unlockSync();
    clock.advance(1000);
    assert.ok(!file.tryLockSync(true));
    letGo();
    assert.ok(file.tryLockSync(true));
  });
});

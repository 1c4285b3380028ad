/** Tests where packed programs unpack, what counts as in use, and what is removed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import {
  cleanRuntimeCache,
  pruneRuntimeCache,
  type Removal,
  type RemovalOptions,
} from "../../src/store/runtime_cache.ts";
import { protectedRuntimePaths, runtimeFolders } from "../../src/store/runtime_folders.ts";
import { holdRuntime } from "../../src/store/runtime_hold.ts";
import { withTempDir } from "./temp_dir.ts";
import { exists } from "../support/exists.ts";

const UID = Deno.uid();
const ONE = "0.170.0-0123456789abcdef";
const TWO = "0.171.0-fedcba9876543210";
const DAY_MS = 24 * 60 * 60 * 1000;

/** A base folder below `dir` with what the script leaves there. */
async function makeBase(dir: string, ...versions: readonly string[]): Promise<string> {
  const base = join(await Deno.realPath(dir), "base");
  await Deno.mkdir(base, { mode: 0o700 });
  for (const name of versions) await makeVersion(base, name);
  return base;
}

async function makeVersion(base: string, name: string): Promise<string> {
  const version = join(base, name);
  await Deno.mkdir(join(version, "app"), { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(join(version, "app/main.js"), "x".repeat(1000), { mode: 0o400 });
  await Deno.writeTextFile(join(version, "ready"), "");
  return version;
}

function clean(base: string, options: Partial<RemovalOptions> = {}): readonly Removal[] {
  const all = { uid: UID, ownDir: null, nowMs: Date.now(), ...options };
  return cleanRuntimeCache([{ path: base, isPrivate: true }], all);
}

async function namesIn(dir: string): Promise<readonly string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(dir)) names.push(name);
  return names.sort();
}

/** Runs `test` while another process holds the version. */
async function whileHeld(version: string, test: (pid: number) => void): Promise<void> {
  const script = new URL("./runtime_hold_child.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", script, version],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    assert.equal((await reader.read()).value, "held\n");
    test(child.pid);
  } finally {
    await child.stdin.close();
    while (!(await reader.read()).done);
    await child.status;
  }
}

Deno.test("runtimeFolders follows the order of the script", () => {
  const folders = runtimeFolders({
    CODEX_RUNTIME_DIR: "/r",
    XDG_CACHE_HOME: "/x/",
    HOME: "/home/me",
    TMPDIR: "/private/tmp",
  }, 1000);
  assert.deepEqual(folders, [
    { path: "/r", isPrivate: true },
    { path: "/x/codex-runtime", isPrivate: true },
    { path: "/home/me/.cache/codex-runtime", isPrivate: true },
    { path: "/private/tmp/codex-runtime-1000", isPrivate: false },
    { path: "/tmp/codex-runtime-1000", isPrivate: false },
    { path: "/var/tmp/codex-runtime-1000", isPrivate: false },
    { path: "/dev/shm/codex-runtime-1000", isPrivate: false },
  ]);
});

Deno.test("runtimeFolders leaves out what is not set, relative or named twice", () => {
  const relative = { CODEX_RUNTIME_DIR: "r", XDG_CACHE_HOME: "", HOME: "me", TMPDIR: "t" };
  const shared = ["/tmp", "/var/tmp", "/dev/shm"].map((path) => `${path}/codex-runtime-0`);
  for (const env of [{}, relative, { TMPDIR: "/tmp" }, { TMPDIR: "" }]) {
    assert.deepEqual(runtimeFolders(env, 0).map(({ path }) => path), shared);
  }
  assert.deepEqual(runtimeFolders({ HOME: "/h", XDG_CACHE_HOME: "/h/.cache" }, null), [
    { path: "/h/.cache/codex-runtime", isPrivate: true },
  ]);
});

Deno.test("the script at the head of a packed file names the same folders", async () => {
  const script = await Deno.readTextFile(
    new URL("../../scripts/build/stub.sh", import.meta.url),
  );
  const lists = [...script.matchAll(/for cx_base in ([^;]*);/g)].map(([, list = ""]) => list);
  const [start = "", first = "", shared = ""] = lists;
  assert.equal(lists.length, 3);
  assert.equal(start, first);
  await fcAssert(async (env) => {
    const expand = `for base in ${start}; do echo "private $base"; done
      for base in ${shared}; do echo "shared $base/codex-runtime-7"; done`;
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", expand],
      env,
      clearEnv: true,
    }).output();
    const named = new TextDecoder().decode(stdout).trimEnd().split("\n")
      .map((line) => line.split(" "))
      .filter(([, path = ""]) => path.startsWith("/"))
      .map(([kind, path = ""]) => ({ path, isPrivate: kind === "private" }));
    const unique = named.filter((one, at) =>
      named.findIndex(({ path }) => path === one.path) === at
    );
    assert.deepEqual(runtimeFolders(env, 7), unique);
  });
});

async function fcAssert(check: (env: Record<string, string>) => Promise<void>): Promise<void> {
  const value = fc.constantFrom("", "/a", "/tmp", "relative", "/b/c");
  const env = fc.record({
    CODEX_RUNTIME_DIR: value,
    XDG_CACHE_HOME: value,
    HOME: value,
    TMPDIR: value,
  }, { requiredKeys: [] });
  await fc.assert(fc.asyncProperty(env, check), { numRuns: 40 });
}

Deno.test("runtimeFolders names plain absolute paths, each once", () => {
  fc.assert(fc.property(fc.dictionary(fc.constantFrom("HOME", "TMPDIR"), fc.string()), (env) => {
    const paths = runtimeFolders(env, 1).map(({ path }) => path);
    assert.equal(new Set(paths).size, paths.length);
    for (const path of paths) assert.match(path, /^\/(?!.*\/(\.\.?)?(\/|$))/s);
  }));
});

Deno.test("protectedRuntimePaths has the folders, the file and the version in use", () => {
  const folders = [{ path: "/a", isPrivate: true }, { path: "/b", isPrivate: false }];
  assert.deepEqual(protectedRuntimePaths(folders, { file: null, runtimeDir: null }), ["/a", "/b"]);
  const packed = { file: "/bin/codex", runtimeDir: "/a/v" };
  assert.deepEqual(protectedRuntimePaths(folders, packed), ["/a", "/b", "/bin/codex", "/a/v"]);
});

Deno.test("cleanRuntimeCache removes versions, leftovers and the folder, its own version last", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE, TWO);
    // A process id that cannot be.
    await Deno.mkdir(join(base, ".unpack-99999999-0/app"), { recursive: true });
    await Deno.mkdir(join(base, `.lock-${ONE}`));
    const removed = (name: string, bytes: number) => ({
      type: "removed",
      path: join(base, name),
      bytes,
    });
    assert.deepEqual(clean(base, { ownDir: join(base, ONE) }), [
      removed(`.lock-${ONE}`, 0),
      removed(".unpack-99999999-0", 0),
      removed(TWO, 1000),
      removed(ONE, 1000),
      { type: "removed", path: base, bytes: 0 },
    ]);
    assert.equal(await exists(base), false);
    assert.deepEqual(clean(base), [], "works when there is nothing");
  });
});

Deno.test("cleanRuntimeCache leaves alone what is not of the script, by whatever name", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE);
    const others = [
      "notes",
      "0.170.0",
      "0.170.0-012345",
      `${ONE}.bak`,
      ".unpack-",
      ".unpack-x-0",
      ".lock-",
      ".lock-mine",
      ".git",
    ];
    for (const name of others) await Deno.mkdir(join(base, name));
    await Deno.writeTextFile(join(base, TWO), "a file");
    assert.deepEqual(clean(base).map(({ type, path }) => [type, path]), [
      ["removed", join(base, ONE)],
    ]);
    assert.deepEqual(await namesIn(base), [...others, TWO].sort());
  });
});

Deno.test("cleanRuntimeCache never follows links", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE);
    const precious = join(dir, "precious");
    await makeVersion(precious, "inner");
    await Deno.symlink(precious, join(base, TWO));
    await Deno.symlink(precious, join(base, ONE, "app/link"));
    await Deno.remove(join(base, ONE, "ready"));
    await Deno.symlink(join(precious, "inner/ready"), join(base, ONE, "ready"));
    const reason = "it is a link, which is not followed";
    assert.deepEqual(clean(base).map(({ type, path }) => [type, path]), [
      ["kept", join(base, TWO)],
      ["removed", join(base, ONE)],
    ]);
    assert.ok(await exists(join(precious, "inner/app/main.js")));

    // Anybody may lay a link where everybody may write; a user may well have laid one at home.
    await makeVersion(base, ONE);
    const link = join(dir, "link");
    await Deno.symlink(base, link);
    const options = { uid: UID, ownDir: null, nowMs: Date.now() };
    assert.deepEqual(cleanRuntimeCache([{ path: link, isPrivate: false }], options), [
      { type: "kept", path: link, reason },
    ]);
    assert.ok(await exists(join(base, ONE)));
    const [, removed] = cleanRuntimeCache([{ path: link, isPrivate: true }], options);
    assert.equal(removed?.type, "removed");
    assert.equal(await exists(join(base, ONE)), false);
  });
});

Deno.test("cleanRuntimeCache touches nothing of another user", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE);
    const reason = "it belongs to another user";
    // To anybody but its owner, all of it is foreign.
    assert.deepEqual(clean(base, { uid: (UID ?? 0) + 1 }), [{ type: "kept", path: base, reason }]);
    assert.ok(await exists(join(base, ONE)));
    if (UID !== 0) return;
    await Deno.chown(join(base, ONE), 65534, 65534);
    assert.deepEqual(clean(base), [{ type: "kept", path: join(base, ONE), reason }]);
    assert.ok(await exists(join(base, ONE)));
  });
});

Deno.test("cleanRuntimeCache keeps a version that a process runs from, and says which", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE, TWO);
    await whileHeld(join(base, ONE), (pid) => {
      const [kept, removed] = clean(base);
      assert.ok(kept?.type === "kept" && kept.path === join(base, ONE));
      const who = Deno.build.os === "linux" ? `deno \\(process ${pid}\\)` : "another process";
      assert.match(kept.reason, new RegExp(`^${who} is running from it$`));
      assert.equal(removed?.path, join(base, TWO));
    });
    assert.deepEqual(await namesIn(base), [ONE]);
    assert.equal(clean(base)[0]?.type, "removed", "the process has ended, and its lock with it");
  });
});

Deno.test("holdRuntime shares its lock, and goes without one where there is none", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE);
    const version = join(base, ONE);
    {
      using one = holdRuntime(version);
      using two = holdRuntime(version);
      assert.ok(one && two);
      assert.equal(clean(base)[0]?.type, "kept");
    }
    using alone = await Deno.open(join(version, "ready"), { write: true });
    assert.ok(alone.tryLockSync(true), "both were given back");
    assert.equal(holdRuntime(version), null, "is being removed");
    assert.equal(holdRuntime(join(base, TWO)), null, "is not there");
  });
});

Deno.test("cleanRuntimeCache waits for no unpacking process but keeps its folder", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir);
    const unpacking = join(base, `.unpack-${Deno.pid}-0`);
    const lock = join(base, `.lock-${ONE}`);
    await Deno.mkdir(unpacking);
    await Deno.mkdir(lock);
    await Deno.writeTextFile(join(lock, "pid"), `${Deno.pid}\n`);
    const reason = `process ${Deno.pid} is unpacking there`;
    assert.deepEqual(clean(base), [
      { type: "kept", path: lock, reason },
      { type: "kept", path: unpacking, reason },
    ]);
    // So old that the number must belong to somebody else by now.
    const removals = clean(base, { nowMs: Date.now() + DAY_MS });
    assert.deepEqual(removals.map(({ type }) => type), ["removed", "removed", "removed"]);
  });
});

Deno.test("cleanRuntimeCache says what it could not remove, and goes on", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE);
    const tooLong = join(dir, "x".repeat(300));
    const removals = cleanRuntimeCache(
      [{ path: tooLong, isPrivate: true }, { path: base, isPrivate: true }],
      { uid: UID, ownDir: null, nowMs: Date.now() },
    );
    assert.deepEqual(removals.map(({ type, path }) => [type, path]), [
      ["failed", tooLong],
      ["removed", join(base, ONE)],
      ["removed", base],
    ]);
    // Root may remove everything.
    if (UID === 0) return;
    const locked = await makeBase(dir, ONE);
    await Deno.chmod(locked, 0o500);
    const [failed] = clean(locked);
    await Deno.chmod(locked, 0o700);
    assert.ok(failed?.type === "failed" && /denied/i.test(failed.reason));
  });
});

Deno.test("pruneRuntimeCache forgets versions after two weeks and leftovers after an hour", async () => {
  await withTempDir(async (dir) => {
    const base = await makeBase(dir, ONE, TWO);
    const old = await makeVersion(base, "0.1.0-aaaaaaaaaaaaaaaa");
    const oldInUse = await makeVersion(base, "0.1.0-bbbbbbbbbbbbbbbb");
    const now = Date.now();
    const age = async (path: string, days: number) => {
      const time = new Date(now - days * DAY_MS);
      await Deno.utime(path, time, time);
    };
    await age(join(old, "ready"), 14.1);
    await age(join(oldInUse, "ready"), 100);
    await age(join(base, TWO, "ready"), 13.9);
    await age(join(base, ONE, "ready"), 100);
    const fresh = `.unpack-${Deno.pid}-1`;
    for (const name of [".unpack-99999999-0", fresh, `.lock-${TWO}`, "other"]) {
      await Deno.mkdir(join(base, name));
    }
    for (const name of [".unpack-99999999-0", `.lock-${TWO}`, "other"]) {
      await age(join(base, name), 0.1);
    }
    using _ = holdRuntime(oldInUse);
    pruneRuntimeCache(join(base, ONE), { uid: UID, nowMs: now });
    assert.deepEqual(await namesIn(base), [fresh, "0.1.0-bbbbbbbbbbbbbbbb", ONE, TWO, "other"]);
    pruneRuntimeCache(join(dir, "gone", ONE), { uid: UID, nowMs: now });
  });
});

Deno.test("starting a packed program makes its version young again", async () => {
  await withTempDir(async (dir) => {
    const version = await makeVersion(dir, ONE);
    await Deno.utime(join(version, "ready"), 0, 0);
    // The line of the script.
    const touch = 'true 2>/dev/null >"$0/ready"';
    await new Deno.Command("sh", { args: ["-c", touch, version] }).output();
    const { mtime } = await Deno.stat(join(version, "ready"));
    assert.ok((mtime?.getTime() ?? 0) > Date.now() - DAY_MS);
  });
});

/** Attempts to make a packed file start a runtime that somebody else has put there, or a damaged one. */
import assert from "node:assert/strict";
import { ATTACKER, give, NOT_ROOT, plantVersion, VICTIM } from "./evil.ts";
import {
  type Ended,
  filesBelow,
  findProgram,
  modeOf,
  NO_MOUNTS,
  type StartOptions,
  testEachShell,
  withMounts,
  type World,
} from "./packed_world.ts";

/** Another user runs the file, and nothing in the world belongs to root but its top. */
const AS_VICTIM = as(VICTIM);

/** A user namespace of the victim, or why it cannot have one. */
const NAMESPACE = [...AS_VICTIM, findProgram("unshare") ?? "unshare", "--user", "--map-root-user"];
const NO_NAMESPACE = NOT_ROOT ?? whyNotRun([...NAMESPACE, "/bin/sh", "-c", ":"]);

testEachShell("what lies whole in the private cache is trusted", async (world) => {
  await plantVersion(world, world.folder);
  const { stdout } = await world.run();
  // So the other tests, which plant the same, could fail.
  assert.equal(stdout, "EVIL\n");
});

/** Changes to a planted version folder that is ours. */
const NOT_PRIVATE: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "others can read it": (folder) => Deno.chmod(folder, 0o755),
  "others can enter it": (folder) => Deno.chmod(folder, 0o711),
  "others can write it": (folder) => Deno.chmod(folder, 0o777),
  "the group can write it": (folder) => Deno.chmod(folder, 0o770),
  "it is a symbolic link": async (folder) => {
    await Deno.rename(folder, `${folder}-elsewhere`);
    await Deno.symlink(`${folder}-elsewhere`, folder);
  },
  "its runtime is a symbolic link": async (folder) => {
    await Deno.rename(`${folder}/deno`, `${folder}/elsewhere`);
    await Deno.symlink("elsewhere", `${folder}/deno`);
  },
};

testEachShell("a version folder that was not closed to others is replaced", async (world) => {
  for (const [what, change] of Object.entries(NOT_PRIVATE)) {
    await plantVersion(world, world.folder);
    await change(world.folder);
    assert.deepEqual(await world.run(), world.ran(), what);
    assert.equal(await modeOf(world.folder), "700", what);
    await assertNoEvil(world);
    await Deno.remove(world.cache, { recursive: true });
  }
});

/** Places for CODEX_RUNTIME_DIR that an attacker has a hand in; each returns the path to use. */
const PLACES: Readonly<Record<string, (world: World) => Promise<string>>> = {
  "the base folder is the attacker's": async (world) => {
    await plantVersion(world, `${world.root}/base/${world.standIn.name}`);
    await give(`${world.root}/base`, ATTACKER);
    return `${world.root}/base`;
  },
  "the base folder is the attacker's and open to all": async (world) => {
    const base = `${world.root}/base`;
    await plantVersion(world, `${base}/${world.standIn.name}`);
    await give(base, VICTIM);
    await Deno.chown(base, ATTACKER, ATTACKER);
    await Deno.chmod(base, 0o777);
    return base;
  },
  "the base folder is root's and open to all": async (world) => {
    await Deno.mkdir(`${world.root}/base`);
    await Deno.chmod(`${world.root}/base`, 0o1777);
    return `${world.root}/base`;
  },
  "all can write to the folder above": async (world) => await openFolder(world, 0o777),
  "a group can write to the folder above": async (world) => await openFolder(world, 0o775),
  "the attacker owns the folder above": async (world) => {
    const base = await openFolder(world, 0o755);
    await Deno.chown(`${base}/..`, ATTACKER, ATTACKER);
    return base;
  },
  "the attacker owns a folder far above": async (world) => {
    const base = await openFolder(world, 0o755);
    await Deno.mkdir(`${world.root}/far`);
    await Deno.rename(`${world.root}/open`, `${world.root}/far/open`);
    await Deno.chown(`${world.root}/far`, ATTACKER, ATTACKER);
    return base.replace("/open/", "/far/open/");
  },
  "the attacker's link leads to a folder with his content that the victim made": async (world) => {
    // As a clone of his repository would be.
    const clone = `${world.root}/open/clone`;
    await openFolder(world, 0o1777);
    await plantVersion(world, `${clone}/${world.standIn.name}`);
    await give(clone, VICTIM);
    await Deno.chmod(clone, 0o755);
    await Deno.mkdir(`${world.root}/his`);
    await Deno.rename(clone, `${world.root}/his/clone`);
    await Deno.chown(`${world.root}/his`, ATTACKER, ATTACKER);
    await Deno.symlink(`${world.root}/his/clone`, `${world.root}/link`);
    return `${world.root}/link`;
  },
  "the attacker's link leads to a folder in the victim's home": async (world) => {
    await plantVersion(world, `${world.home}/clone/${world.standIn.name}`);
    await Deno.mkdir(`${world.root}/his`);
    await Deno.symlink(`${world.home}/clone`, `${world.root}/his/link`);
    await give(`${world.root}/his`, ATTACKER);
    return `${world.root}/his/link`;
  },
  "the victim's link leads to one of the attacker, and that into the victim's home": async (
    world,
  ) => {
    await plantVersion(world, `${world.home}/clone/${world.standIn.name}`);
    await Deno.mkdir(`${world.root}/his`, { mode: 0o1777 });
    await Deno.symlink("../home/clone", `${world.root}/his/link`);
    await new Deno.Command("chown", { args: ["-h", `${ATTACKER}`, `${world.root}/his/link`] })
      .output();
    await Deno.symlink("../his/./link", `${world.home}/link`);
    return `${world.home}/link`;
  },
  "it does not exist and would be made in the attacker's folder": async (world) => {
    await openFolder(world, 0o777);
    await Deno.chown(`${world.root}/open`, ATTACKER, ATTACKER);
    return `${world.root}/open/new/base`;
  },
};

for (const [what, plant] of Object.entries(PLACES)) {
  testEachShell(`nothing is run or left where ${what}`, async (world) => {
    const base = await plant(world);
    await give(world.home, VICTIM);
    const before = await filesBelow(world.root);
    const start = { env: { CODEX_RUNTIME_DIR: base }, prefix: AS_VICTIM };
    for (const ended of [await world.run(start), await world.run(start)]) {
      assert.deepEqual(ended, world.ran());
    }
    await assertNoEvil(world);
    const isNew = (path: string) => !before.includes(path) && !path.startsWith("home/");
    assert.deepEqual((await filesBelow(world.root)).filter(isNew), []);
  }, { needs: NOT_ROOT });
}

testEachShell("folders that are safe are used", async (world) => {
  const sticky = await openFolder(world, 0o1777);
  const inner = `${world.home}/open/inner`;
  await Deno.mkdir(inner, { recursive: true });
  // Nobody gets to it through the private home.
  await Deno.chmod(`${world.home}/open`, 0o777);
  const real = `${world.root}/real`;
  await Deno.mkdir(real);
  await Deno.symlink("real", `${world.root}/second link`);
  await Deno.symlink("../second link/../second link", `${world.home}/link`);
  for (const path of [world.home, real, sticky]) await give(path, VICTIM);
  for (const base of [sticky, inner, `${world.home}/link`]) {
    const start = { env: { CODEX_RUNTIME_DIR: base }, prefix: AS_VICTIM };
    const folder = `${base}/${world.standIn.name}`;
    const first = await world.run(start);
    assert.deepEqual(first.stderr, "", base);
    assert.deepEqual(await world.run(start), world.ran({ folder }), base);
    assert.equal(await modeOf(`${await Deno.realPath(folder)}`), "700");
  }
}, { needs: NOT_ROOT });

testEachShell("a version folder of another user in a folder of ours is not used", async (world) => {
  await plantVersion(world, world.folder);
  await give(world.home, VICTIM);
  await give(world.folder, ATTACKER);
  // Only root can move it away.
  const folder = `${world.root}/tmp/codex-runtime-${VICTIM}/${world.standIn.name}`;
  await Deno.chmod(`${world.root}/tmp`, 0o1777);
  assert.deepEqual(
    await world.run({ prefix: AS_VICTIM }),
    world.ran({ folder, isVerified: true }),
  );
  await give(world.home, 0);
  await give(world.folder, ATTACKER);
  assert.deepEqual(await world.run(), world.ran());
  await assertNoEvil(world);
}, { needs: NOT_ROOT });

testEachShell("root leaves nothing in the HOME of another user", async (world) => {
  await plantVersion(world, world.folder);
  await give(world.home, ATTACKER);
  const before = await filesBelow(world.home);
  assert.deepEqual(await world.run(), world.ranOutside());
  assert.deepEqual(await filesBelow(world.home), before);
  await Deno.remove(`${world.home}/.cache`, { recursive: true });
  assert.deepEqual(await world.run(), world.ranOutside());
  assert.deepEqual(await filesBelow(world.home), []);
  await assertNoEvil(world);
}, { needs: NOT_ROOT });

testEachShell("in a user namespace, where root is nobody, the cache is used", async (world) => {
  await give(world.home, VICTIM);
  assert.deepEqual(await world.run({ prefix: NAMESPACE }), world.ran());
  assert.deepEqual(await world.run({ prefix: NAMESPACE }), world.ran());
}, { needs: NO_NAMESPACE });

testEachShell("a folder for temporary files that others prepared is not used", async (world) => {
  const name = `codex-runtime-${VICTIM}`;
  await plantVersion(world, `${world.root}/attackers/${world.standIn.name}`);
  await give(`${world.root}/attackers`, ATTACKER);
  await plantVersion(world, `${world.root}/victims/${world.standIn.name}`);
  await give(`${world.root}/victims`, VICTIM);
  await Deno.chmod(`${world.root}/victims`, 0o700);
  const prefix = [
    ...withMounts(`
      mount --rbind ${world.root} /mnt
      for folder in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
      cp -a /mnt/attackers /tmp/${name}
      ln -s /mnt/victims /var/tmp/${name}`),
    ...AS_VICTIM,
  ];
  const env = { HOME: null, TMPDIR: null, PATH: "/mnt/bin:/bin" };
  const folder = `/dev/shm/${name}/${world.standIn.name}`;
  assert.deepEqual(
    await world.run({ prefix, env, file: "/mnt/codex", cwd: "/" }),
    world.ran({ folder, file: "/mnt/codex", isVerified: true }),
  );
  await assertNoEvil(world);
  assert.deepEqual(await filesBelow(`${world.root}/victims/${world.standIn.name}/denodir`), []);
}, { needs: NOT_ROOT ?? NO_MOUNTS });

/** Changes to what was unpacked outside of the private cache. */
const CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "nothing": () => Promise.resolve(),
  "a byte of the runtime": (folder) => overwrite(`${folder}/deno`, "#!/bin/sh\necho EVIL; exit;"),
  "a byte of the program": (folder) => overwrite(`${folder}/app/main.js`, "e"),
  "a byte of the checksums": (folder) => overwrite(`${folder}/MANIFEST`, "0"),
  "an added file": (folder) => Deno.writeTextFile(`${folder}/app/added.js`, ""),
  "an added hidden file": (folder) => Deno.writeTextFile(`${folder}/app/.added`, ""),
  "a removed file": (folder) => Deno.remove(`${folder}/app/chunk.js`),
  "no checksums": (folder) => Deno.remove(`${folder}/MANIFEST`),
};

testEachShell("outside of the private cache every start verifies all", async (world) => {
  const folder = `${world.fallback}/${world.standIn.name}`;
  const start: StartOptions = { env: { HOME: null } };
  await world.run(start);
  const files = await filesBelow(folder);
  for (const [what, change] of Object.entries(CHANGES)) {
    const { ino } = await Deno.stat(folder);
    await change(folder);
    assert.deepEqual(await world.run(start), world.ranOutside(), what);
    assert.deepEqual(await filesBelow(folder), files, what);
    assert.equal((await Deno.stat(folder)).ino === ino, what === "nothing", what);
  }
});

testEachShell("outside of the private cache a planted version is replaced", async (world) => {
  const folder = `${world.fallback}/${world.standIn.name}`;
  await plantVersion(world, folder);
  // A code cache cannot be verified; the runtime is told to have none.
  await Deno.writeTextFile(`${folder}/denodir/v8_code_cache_v2`, "poison");
  const env = { HOME: null, DENO_DIR: `${folder}/denodir`, CODEX_PACKED_VERIFIED: "" };
  assert.deepEqual(await world.run({ env }), world.ranOutside());
  await assertNoEvil(world);
});

testEachShell("without a program for checksums it unpacks anew each time", async (world) => {
  await Deno.remove(`${world.toolFolder}/sha256sum`);
  const folder = `${world.fallback}/${world.standIn.name}`;
  await plantVersion(world, folder);
  for (let round = 0; round < 2; round++) {
    const { ino } = await Deno.stat(folder);
    assert.deepEqual(await world.run({ env: { HOME: null } }), world.ranOutside());
    assert.notEqual((await Deno.stat(folder)).ino, ino);
  }
  await assertNoEvil(world);
});

testEachShell("a file that was cut off runs nothing and leaves nothing", async (world) => {
  const { bytes, scriptLength } = world.standIn;
  const within = [0.03, 0.1, 0.3, 0.5, 0.7, 0.9].map((part) => Math.floor(scriptLength * part));
  for (const length of [100, ...within, scriptLength - 20, scriptLength - 8, scriptLength - 2]) {
    const ended = await runBytes(world, bytes.subarray(0, length));
    assert.deepEqual([ended.code > 0, ended.stdout], [true, ""], `${length} bytes`);
    assert.notEqual(ended.stderr, "");
    await assertUntouched(world);
  }
  const whole = [scriptLength - 1, scriptLength, scriptLength + 1, scriptLength + 300];
  for (const length of [...whole, bytes.length - 1]) {
    const ended = await runBytes(world, bytes.subarray(0, length));
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [
      126,
      "",
      `codex: ${world.file} is incomplete: ${length} of ${bytes.length} bytes; download it again\n`,
    ]);
    await assertUntouched(world);
  }
  const longer = await runBytes(world, new Uint8Array([...bytes, 10]));
  assert.equal(longer.code, 126);
  await assertUntouched(world);
});

testEachShell("a file with a wrong byte runs nothing and leaves nothing", async (world) => {
  const { bytes, scriptLength, runtimeLength } = world.standIn;
  const inRuntime = scriptLength + Math.floor(runtimeLength / 2);
  const offsets = [inRuntime, scriptLength + runtimeLength + 60, bytes.length - 2, scriptLength];
  for (const tool of ["sha256sum", "none"]) {
    await Deno.remove(`${world.toolFolder}/${tool}`).catch(ignoreNotFound);
    for (const offset of offsets) {
      const changed = new Uint8Array(bytes);
      changed[offset] = (changed[offset] ?? 0) ^ 0x10;
      const ended = await runBytes(world, changed);
      assert.deepEqual([ended.code, ended.stdout, ended.stderr], [
        126,
        "",
        `codex: ${world.file} is damaged: its checksum is wrong; download it again\n`,
      ], `offset ${offset}`);
      await assertUntouched(world);
    }
  }
});

async function runBytes(world: World, bytes: Uint8Array): Promise<Ended> {
  await Deno.writeFile(world.file, bytes);
  return await world.run({ words: ["word"], env: { STAND_IN_MARK: `${world.root}/started` } });
}

async function assertUntouched(world: World): Promise<void> {
  const left = (await filesBelow(world.root)).filter((path) => !path.startsWith("bin"));
  assert.deepEqual(left.filter((path) => path !== "home/.cache"), ["codex", "home", "tmp"]);
}

async function assertNoEvil(world: World): Promise<void> {
  await assert.rejects(Deno.stat(`${world.root}/evil`), Deno.errors.NotFound);
}

/** A complete folder of the victim below one of root with that mode; returns it. */
async function openFolder(world: World, mode: number): Promise<string> {
  const base = `${world.root}/open/base`;
  await plantVersion(world, `${base}/${world.standIn.name}`);
  await give(base, VICTIM);
  await Deno.chown(`${world.root}/open`, 0, ATTACKER);
  await Deno.chmod(`${world.root}/open`, mode);
  if ((mode & 0o1000) !== 0) await Deno.remove(base, { recursive: true });
  if ((mode & 0o1000) !== 0) await Deno.mkdir(base);
  return base;
}

async function overwrite(path: string, text: string): Promise<void> {
  await Deno.chmod(path, 0o700);
  using file = await Deno.open(path, { write: true });
  await file.write(new TextEncoder().encode(text));
  await Deno.chmod(path, 0o500);
}

function as(uid: number): readonly string[] {
  const setpriv = findProgram("setpriv") ?? "setpriv";
  return [setpriv, "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
}

function whyNotRun([program = "", ...args]: readonly string[]): string | null {
  try {
    const { success } = new Deno.Command(program, { args, stderr: "null" }).outputSync();
    return success ? null : "user namespaces are not allowed";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "no unshare here";
    throw error;
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

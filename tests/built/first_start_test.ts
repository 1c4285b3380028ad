/** Where a packed file unpacks itself to, what it does where it cannot, and that later starts find it. */
import assert from "node:assert/strict";
import {
  filesBelow,
  findProgram,
  modeOf,
  NO_MOUNTS,
  testEachShell,
  withMounts,
  type World,
  writeExecutable,
} from "./packed_world.ts";
import { makeStandIn } from "./stand_in.ts";

testEachShell("a first start unpacks into a private folder and primes it", async (world) => {
  assert.deepEqual(await world.run({ words: ["exec", "two words"] }), {
    ...world.ran({ words: ["exec", "two words"] }),
  });
  const modes: Record<string, string> = {};
  for (const path of ["", ...await filesBelow(world.folder)]) {
    modes[path] = await modeOf(`${world.folder}/${path}`);
  }
  assert.deepEqual(modes, {
    "": "700",
    "MANIFEST": "400",
    "app": "700",
    "app/chunk.js": "400",
    "app/main.js": "400",
    "deno": "500",
    "denodir": "700",
    "denodir/primed": "600",
    "ready": "600",
  });
  assert.deepEqual(await names(world.cache), [world.standIn.name]);
  assert.equal(await modeOf(world.cache), "700");
  assert.deepEqual(await names(`${world.root}/tmp`), []);
});

testEachShell("a later start reads no payload and runs one program, ls", async (world) => {
  await world.run();
  await damage(world);
  const log = `${world.root}/log`;
  for (const name of await names(world.toolFolder)) {
    const real = await toolCommand(world, name);
    await Deno.remove(`${world.toolFolder}/${name}`);
    const text = `#!/bin/sh\necho ${name} >>${log}\nexec ${real} "$@"\n`;
    await writeExecutable(`${world.toolFolder}/${name}`, text);
  }
  const before = await Deno.stat(`${world.folder}/ready`);
  await Deno.utime(`${world.folder}/ready`, 1, 1);
  assert.deepEqual(await world.run({ words: ["--version", "x"] }), {
    ...world.ran({ words: ["--version", "x"] }),
  });
  assert.equal(await Deno.readTextFile(log), "ls\n");
  const after = await Deno.stat(`${world.folder}/ready`);
  assert.ok(Number(after.mtime) >= Number(before.mtime), "the time of last use was not noted");
  assert.equal(await Deno.readTextFile(`${world.folder}/denodir/primed`), "primed\n");
});

testEachShell(
  "CODEX_RUNTIME_DIR comes before XDG_CACHE_HOME, and both before HOME",
  async (world) => {
    const mine = `${world.root}/mine`;
    const xdg = `${world.root}/xdg`;
    const env = { CODEX_RUNTIME_DIR: mine, XDG_CACHE_HOME: xdg };
    assert.deepEqual(
      await world.run({ env }),
      world.ran({ folder: `${mine}/${world.standIn.name}` }),
    );
    assert.deepEqual(
      await world.run({ env: { XDG_CACHE_HOME: xdg } }),
      world.ran({ folder: `${xdg}/codex-runtime/${world.standIn.name}` }),
    );
    assert.deepEqual(await world.run(), world.ran());
    // All three are there now.
    assert.deepEqual(
      await world.run({ env }),
      world.ran({ folder: `${mine}/${world.standIn.name}` }),
    );
  },
);

testEachShell("a CODEX_RUNTIME_DIR that is not absolute is told and not used", async (world) => {
  const ended = {
    ...world.ran(),
    stderr:
      "codex: CODEX_RUNTIME_DIR is not used, because it is not an absolute path: some/where\n",
  };
  const env = { CODEX_RUNTIME_DIR: "some/where", XDG_CACHE_HOME: "else/where", TMPDIR: "t" };
  assert.deepEqual(await world.run({ env }), ended);
  assert.deepEqual(await world.run({ env }), ended);
  assert.deepEqual(await names(world.root), ["bin", "codex", "home", "tmp"]);
});

testEachShell("a place that cannot be made leads to the next one", async (world) => {
  const env = { CODEX_RUNTIME_DIR: `${world.file}/below`, XDG_CACHE_HOME: "/proc/none" };
  assert.deepEqual(await world.run({ env }), world.ran());
});

testEachShell("without HOME it unpacks into the folder for temporary files", async (world) => {
  const env = { HOME: null };
  assert.deepEqual(await world.run({ env }), world.ranOutside());
  assert.equal(await modeOf(world.fallback), "700");
  assert.deepEqual(await filesBelow(`${world.fallback}/${world.standIn.name}/denodir`), []);
  await damage(world);
  // It is whole and need not be unpacked, but what is at fault with the file is told first.
  const { code, stderr } = await world.run({ env });
  assert.deepEqual([code, /incomplete/.test(stderr)], [126, true]);
});

const HOMES = {
  "is read-only": "mount -t tmpfs -o ro tmpfs HOME",
  "lies on a full disk": "mount -t tmpfs -o size=4k tmpfs HOME; echo full >HOME/file",
  "fills up in the middle": "mount -t tmpfs -o size=128k tmpfs HOME",
  "has no inodes left": "mount -t tmpfs -o nr_inodes=3 tmpfs HOME; mkdir -m 700 HOME/.cache",
  "is mounted noexec": "mount -t tmpfs -o noexec,size=9m tmpfs HOME",
};

for (const [what, script] of Object.entries(HOMES)) {
  testEachShell(`a HOME that ${what} is left as it was, and the next place used`, async (world) => {
    const list = `ls -AR ${world.home} >${world.root}`;
    const prefix = withMounts(`${script.replaceAll("HOME", world.home)}
      chmod 700 ${world.home} 2>/dev/null || :
      ${list}/before; status=0; "$@" || status=$?; ${list}/after; exit $status`);
    assert.deepEqual(await world.run({ prefix }), world.ranOutside());
    const [before, after] = await Promise.all(
      ["before", "after"].map((name) => Deno.readTextFile(`${world.root}/${name}`)),
    );
    // An empty folder for caches may be new.
    const added = after?.replace(/\.cache\n/, "").replace(/\n.*\.cache:\n/, "");
    assert.ok([before, added].includes(after) || added === before, `left behind:\n${after}`);
  }, { needs: NO_MOUNTS, packed: { ballast: 300_000 } });
}

testEachShell(
  "where no place will do, it names each with its reason and what to do",
  async (world) => {
    await Deno.mkdir(`${world.root}/full`);
    const uid = Deno.uid();
    const prefix = withMounts(`
    mount --rbind ${world.root} /mnt
    mount -t tmpfs -o size=128k,mode=700 tmpfs /mnt/full
    for folder in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o noexec,mode=1777 tmpfs $folder; done
    : >/tmp/file`);
    const env = {
      CODEX_RUNTIME_DIR: "/tmp/file/below",
      XDG_CACHE_HOME: "/mnt/full",
      HOME: "/tmp/home",
      PATH: "/mnt/bin",
      TMPDIR: "/tmp/",
    };
    const ended = await world.run({ prefix, env, file: "/mnt/codex", cwd: "/" });
    const noexec = "programs cannot run from there (mounted noexec)";
    assert.deepEqual([ended.code, ended.stdout], [126, ""]);
    assert.deepEqual(ended.stderr.trim().split("\n"), [
      "codex: cannot unpack its runtime:",
      "  /tmp/file/below: Not a directory",
      "  /mnt/full/codex-runtime: no space left",
      `  /tmp/home/.cache/codex-runtime: ${noexec}`,
      `  /tmp/codex-runtime-${uid}: ${noexec}`,
      `  /var/tmp/codex-runtime-${uid}: ${noexec}`,
      `  /dev/shm/codex-runtime-${uid}: ${noexec}`,
      "It needs 120 MB in a folder that only you can write and that programs may run from: " +
      "set CODEX_RUNTIME_DIR to one",
    ]);
  },
  { needs: NO_MOUNTS, packed: { ballast: 300_000 } },
);

testEachShell("an older version beside it stays and is not used", async (world) => {
  const older = await makeStandIn({ program: "older" });
  await writeExecutable(`${world.root}/older`, older.bytes);
  const first = await world.run({ file: `${world.root}/older` });
  assert.match(first.stdout, /^program older\n/);
  assert.deepEqual(await world.run(), world.ran());
  assert.deepEqual(await names(world.cache), [older.name, world.standIn.name].sort());
  assert.equal((await world.run({ file: `${world.root}/older` })).stdout, first.stdout);
});

/** What may be left of an unpacked folder by a crash of the machine, or by somebody who tidies up. */
const LOSSES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "the runtime is empty": (folder) => truncate(`${folder}/deno`, 0),
  "the runtime is cut off": (folder) => truncate(`${folder}/deno`, 100),
  "the runtime is missing": (folder) => Deno.remove(`${folder}/deno`),
  "the last file is empty": (folder) => truncate(`${folder}/MANIFEST`, 0),
  "everything but the marks is missing": async (folder) => {
    await Deno.remove(`${folder}/app`, { recursive: true });
    await Deno.remove(`${folder}/MANIFEST`);
  },
  "it was never finished": (folder) => Deno.remove(`${folder}/ready`),
};

testEachShell("it unpacks anew where a part was lost", async (world) => {
  await world.run();
  const files = await filesBelow(world.folder);
  for (const [what, lose] of Object.entries(LOSSES)) {
    await lose(world.folder);
    assert.deepEqual(await world.run(), world.ran(), what);
    assert.deepEqual(await filesBelow(world.folder), files, what);
    assert.deepEqual(await names(world.cache), [world.standIn.name], what);
  }
});

testEachShell("the size of the runtime is no other number that a listing has", async (world) => {
  await world.run();
  const { size } = await Deno.stat(`${world.folder}/deno`);
  // A folder has a link from each folder in it.
  const links = (await Deno.stat(world.cache)).nlink ?? 0;
  for (let index = links; index < size; index++) await Deno.mkdir(`${world.cache}/${index}`);
  await truncate(`${world.folder}/deno`, 0);
  assert.deepEqual(await world.run(), world.ran());
});

testEachShell("it says which program it would need to unpack", async (world) => {
  for (const tool of ["gzip", "tar", "tail"]) {
    await using bare = { [Symbol.asyncDispose]: () => Deno.rename(`${world.root}/x`, link) };
    const link = `${world.toolFolder}/${tool}`;
    await Deno.rename(link, `${world.root}/x`);
    const { code, stdout, stderr } = await world.run();
    assert.deepEqual([code, stdout, stderr], [
      126,
      "",
      `codex: unpacking needs ${tool}, which is not on this system\n`,
    ]);
    assert.ok(bare);
  }
  assert.deepEqual(await filesBelow(world.home), [".cache"]);
});

const otherTarget = Deno.build.arch === "x86_64"
  ? "aarch64-unknown-linux-gnu"
  : "x86_64-unknown-linux-gnu";

testEachShell("a file for another processor says so and runs nothing", async (world) => {
  const { code, stdout, stderr } = await world.run();
  assert.deepEqual([code, stdout], [126, ""]);
  assert.match(stderr, new RegExp(`^codex: this file is for ${otherTarget}, not for \\w+ \\w+\n$`));
  assert.deepEqual(await filesBelow(world.home), []);
}, { packed: { target: otherTarget } });

testEachShell("a system without the C library of the runtime is told so", async (world) => {
  const { code, stdout, stderr } = await world.run();
  assert.deepEqual([code, stdout, stderr], [
    126,
    "",
    "codex: the runtime needs the GNU C library (glibc), which is not on this system\n",
  ]);
  assert.deepEqual(await filesBelow(world.home), [".cache"]);
}, {
  packed: { runtime: executableWithoutLoader() },
  needs: Deno.build.os === "linux" ? null : "not on Linux",
});

/** The head of an executable that names a loader which does not exist. */
function executableWithoutLoader(): string {
  const bytes = new Uint8Array(176);
  const view = new DataView(bytes.buffer);
  const loader = "/nonexistent/ld.so\0";
  // 64 bits, little-endian, version 1.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, Deno.build.arch === "x86_64" ? 0x3e : 0x37, true);
  view.setUint32(20, 1, true);
  // One program header, right after this one, of the type that names a loader.
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 3, true);
  view.setBigUint64(72, 120n, true);
  view.setBigUint64(96, BigInt(loader.length), true);
  bytes.set(new TextEncoder().encode(loader), 120);
  return new TextDecoder("latin1").decode(bytes);
}

/** Cuts the payload off. */
async function damage(world: World): Promise<void> {
  await Deno.truncate(world.file, world.standIn.scriptLength + 10);
}

async function truncate(path: string, length: number): Promise<void> {
  await Deno.chmod(path, 0o700);
  await Deno.truncate(path, length);
  await Deno.chmod(path, 0o500);
}

async function toolCommand(world: World, name: string): Promise<string> {
  const path = await Deno.realPath(`${world.toolFolder}/${name}`);
  return world.shell.tools === "" ? findProgram(name) ?? path : `${path} ${name}`;
}

async function names(folder: string): Promise<readonly string[]> {
  const found = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

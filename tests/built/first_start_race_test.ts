/** Many first starts of a packed file at once, and first starts that are ended in the middle. */
import assert from "node:assert/strict";
import process from "node:process";
import {
  endOf,
  filesBelow,
  findProgram,
  testEachShell,
  type World,
  writeExecutable,
} from "./packed_world.ts";

/** Words that put a process into a group of its own, as a shell does with a job. */
const OWN_GROUP = [findProgram("setsid") ?? "setsid"];
const NO_GROUP = findProgram("setsid") === null ? "no setsid here" : null;

testEachShell("twelve first starts at once all work and leave one folder", async (world) => {
  const ended = await Promise.all(
    Array.from({ length: 12 }, (_, at) => world.run({ words: [`${at}`] })),
  );
  ended.forEach((one, at) => assert.deepEqual(one, world.ran({ words: [`${at}`] })));
  assert.deepEqual(await filesBelow(world.cache), await expectedFiles(world));
  assert.equal(await Deno.readTextFile(`${world.folder}/denodir/primed`), "primed\n");
});

testEachShell("six starts at once without a home all work and leave one folder", async (world) => {
  const start = { env: { HOME: null } };
  const ended = await Promise.all(Array.from({ length: 6 }, () => world.run(start)));
  for (const one of ended) assert.deepEqual(one, world.ranOutside());
  const names = (await filesBelow(world.fallback)).filter((path) => !path.includes("/"));
  assert.deepEqual(names, [world.standIn.name]);
});

testEachShell("a first start that was killed is not waited for", async (world) => {
  await using gate = await Gate.close(world);
  const killed = world.spawn({ prefix: OWN_GROUP });
  await gate.reached();
  process.kill(-killed.pid, "SIGKILL");
  assert.equal((await endOf(killed)).signal, "SIGKILL");
  await gate.open();
  // Whoever would wait has to call this.
  await writeExecutable(`${world.root}/sleep`, `#!/bin/sh\necho slept >>${world.root}/slept\n`);
  await Deno.rename(`${world.root}/sleep`, `${world.toolFolder}/sleep`);
  assert.deepEqual(await world.run(), world.ran());
  await assert.rejects(Deno.stat(`${world.root}/slept`), Deno.errors.NotFound);
  const names = (await filesBelow(world.cache)).filter((path) => !path.includes("/"));
  // `codex cache` knows the name and removes it.
  assert.deepEqual(names.map((name) => name.replace(/-\d+-\d+$/, "")), [
    ".unpack",
    world.standIn.name,
  ]);
}, { needs: NO_GROUP });

testEachShell("one whose starter alone was killed goes on and does no harm", async (world) => {
  await using gate = await Gate.close(world);
  const killed = world.spawn();
  await gate.reached();
  killed.kill("SIGKILL");
  await gate.letOthersPass();
  assert.deepEqual(await world.run(), world.ran());
  const { ino } = await Deno.stat(world.folder);
  await gate.open();
  // Its errors go where ours went, so this waits for the end of what is left of it.
  await endOf(killed);
  assert.equal((await Deno.stat(world.folder)).ino, ino);
  assert.deepEqual(await filesBelow(world.cache), await expectedFiles(world));
  assert.deepEqual(await world.run(), world.ran());
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  testEachShell(`a first start that gets ${signal} ends and cleans up`, async (world) => {
    await using gate = await Gate.close(world);
    const interrupted = world.spawn({ prefix: OWN_GROUP });
    await gate.reached();
    process.kill(-interrupted.pid, signal);
    const { code, stdout } = await endOf(interrupted);
    assert.deepEqual([code > 128, stdout], [true, ""]);
    assert.deepEqual(await filesBelow(`${world.root}/home`), [".cache"]);
    assert.deepEqual(await filesBelow(`${world.root}/tmp`), []);
  }, { needs: NO_GROUP });
}

/** Stops every unpacking until it is opened: a `gzip` that tells that it was reached, and waits. */
class Gate implements AsyncDisposable {
  readonly #link: string;
  readonly #real: string;
  #isOpen = false;

  private constructor(readonly world: World, real: string) {
    this.#link = `${world.toolFolder}/gzip`;
    this.#real = real;
  }

  static async close(world: World): Promise<Gate> {
    const gate = new Gate(world, await Deno.realPath(`${world.toolFolder}/gzip`));
    const applet = world.shell.tools === "" ? "" : "gzip";
    for (const name of ["reached", "opened"]) {
      await new Deno.Command("mkfifo", { args: [`${world.root}/${name}`] }).output();
    }
    await Deno.remove(gate.#link);
    await writeExecutable(
      gate.#link,
      `#!/bin/sh
echo reached >${world.root}/reached
read -r _ <${world.root}/opened
exec ${gate.#real} ${applet} "$@"
`,
    );
    return gate;
  }

  /** Waits until one is stopped. */
  async reached(): Promise<void> {
    assert.equal(await Deno.readTextFile(`${this.world.root}/reached`), "reached\n");
  }

  /** From now on nobody is stopped any more; who is already waits on. */
  async letOthersPass(): Promise<void> {
    await Deno.remove(this.#link);
    await Deno.symlink(this.#real, this.#link);
  }

  /** Nobody is stopped, and who waited goes on. */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#isOpen = true;
    await this.letOthersPass();
    // For reading as well: with nobody there it must not wait.
    using fifo = await Deno.open(`${this.world.root}/opened`, { read: true, write: true });
    await fifo.write(new TextEncoder().encode("open\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.open();
  }
}

async function expectedFiles(world: World): Promise<readonly string[]> {
  const inside = ["MANIFEST", "app", "app/chunk.js", "app/main.js", "deno", "denodir", "ready"];
  const primed = (await filesBelow(world.folder)).includes("denodir/primed");
  assert.ok(primed);
  const { name } = world.standIn;
  return [name, ...[...inside, "denodir/primed"].map((path) => `${name}/${path}`)].sort();
}

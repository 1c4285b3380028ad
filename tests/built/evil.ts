/** What an attacker could put where a packed file looks for its runtime; knows no test. */
import { encodeHex, sha256 } from "../../scripts/build/bytes.ts";
import { type World, writeExecutable } from "./packed_world.ts";

/** Why no second user can be played here, or null. */
export const NOT_ROOT: string | null = Deno.uid() === 0 ? null : "only root can play another user";

/** Two users of no account. */
export const VICTIM = 54_321;
/** The other one. */
export const ATTACKER = 54_322;

/** Plants a complete version folder, right in every respect but its content. */
export async function plantVersion(world: World, folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/app`, { recursive: true });
  await Deno.mkdir(`${folder}/denodir`);
  // Of the right size, and it leaves a mark whoever starts it.
  const runtime = `#!/bin/sh\necho EVIL\necho EVIL >>${world.root}/evil\nexit\n`.padEnd(
    world.standIn.runtimeSize,
    "#",
  );
  await writeExecutable(`${folder}/deno`, runtime);
  await Deno.chmod(`${folder}/deno`, 0o500);
  const lines = [`${await sumOf(runtime)}  deno\n`];
  for (const name of ["chunk.js", "main.js"]) {
    await Deno.writeTextFile(`${folder}/app/${name}`, "evil\n", { mode: 0o400 });
    lines.push(`${await sumOf("evil\n")}  app/${name}\n`);
  }
  await Deno.writeTextFile(`${folder}/MANIFEST`, lines.join(""), { mode: 0o400 });
  await Deno.writeTextFile(`${folder}/ready`, "");
  await Deno.chmod(folder, 0o700);
}

/** Gives a tree to another user. */
export async function give(path: string, uid: number): Promise<void> {
  await Deno.chown(path, uid, uid);
  if (!(await Deno.lstat(path)).isDirectory) return;
  for await (const { name, isSymlink } of Deno.readDir(path)) {
    if (!isSymlink) await give(`${path}/${name}`, uid);
  }
}

async function sumOf(text: string): Promise<string> {
  return encodeHex(await sha256(new TextEncoder().encode(text)));
}

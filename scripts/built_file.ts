/** `dist/codex` for the scripts that start it: built when it has to be; must not know how. */
import { build, type Built, ownTarget } from "./build.ts";

const ROOT = new URL("../", import.meta.url).pathname;
/** All that a build depends on, below the root. */
const INPUTS = ["main.ts", "src", "deno.json", "deno.lock", "scripts/build.ts", "scripts/build"];

/** Builds `dist/codex` in the form that this machine can make, whether it is old or not. */
export async function buildFile(): Promise<Built> {
  return await build({ out: `${ROOT}dist`, target: ownTarget(), name: "codex", form: null });
}

/** Builds the packed form, which every machine can make, into another folder. */
export async function buildPackedFile(out: string): Promise<Built> {
  return await build({ out, target: ownTarget(), name: "codex", form: "packed" });
}

/** The path of `dist/codex`; builds it first, after telling why, when it is missing or older than its sources. */
export async function freshFile(tell: (why: string) => void): Promise<string> {
  const path = `${ROOT}dist/codex`;
  const builtAt = await changedAt(path);
  if (builtAt !== null && builtAt >= await newestInput()) return path;
  tell(builtAt === null ? "there is no dist/codex yet" : "dist/codex is older than its sources");
  return (await buildFile()).path;
}

async function newestInput(): Promise<number> {
  const times = await Promise.all(INPUTS.map((name) => newestBelow(`${ROOT}${name}`)));
  return Math.max(...times);
}

/** Folders count as well: their time tells that a file was removed. */
async function newestBelow(path: string): Promise<number> {
  const times = [await changedAt(path) ?? 0];
  if ((await Deno.stat(path)).isDirectory) {
    for await (const { name } of Deno.readDir(path)) {
      times.push(await newestBelow(`${path}/${name}`));
    }
  }
  return Math.max(...times);
}

/** Unix milliseconds, or null where there is nothing. */
async function changedAt(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

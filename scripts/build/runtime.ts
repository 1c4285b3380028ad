/** Fetches the runtime of a target and packs it, once; must not know the program that runs on it. */
import { encodeHex, gzip, sha256 } from "./bytes.ts";
import { tarMember } from "./archive.ts";
import type { Runtime } from "./targets.ts";

/**
 * The first part of a payload: the runtime as `deno`, gzipped. Compressing takes seconds, so the result is
 * kept in `cache`, under the checksum of what is in it.
 */
export async function packedRuntime(runtime: Runtime, cache: string): Promise<Uint8Array> {
  const path = `${cache}/${runtime.sha256}.tar.gz`;
  const stored = await Deno.readFile(path).catch(nullIfNotFound);
  if (stored !== null) return stored;
  const packed = gzip(
    await tarMember({ name: "deno", mode: 0o500, bytes: await runtimeBytes(runtime) }),
  );
  await Deno.mkdir(cache, { recursive: true });
  await Deno.writeFile(`${path}.${Deno.pid}`, packed);
  await Deno.rename(`${path}.${Deno.pid}`, path);
  return packed;
}

/** The executable: this very process has it, or npm fetches it. */
async function runtimeBytes(runtime: Runtime): Promise<Uint8Array> {
  const own = await Deno.readFile(Deno.execPath());
  if (encodeHex(await sha256(own)) === runtime.sha256) return own;
  const fetched = await fetchWithNpm(`${runtime.package}@${runtime.version}`);
  const actual = encodeHex(await sha256(fetched));
  if (actual === runtime.sha256) return fetched;
  throw new Error(
    `The executable in ${runtime.package}@${runtime.version} has the SHA-256 ${actual}; ` +
      `${runtime.sha256} was expected`,
  );
}

/** npm knows the registry, proxy and credentials of this machine. */
async function fetchWithNpm(name: string): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "codex_runtime_" });
  try {
    const { stdout: text } = await run("npm", ["pack", "--silent", name], folder);
    const archive = new TextDecoder().decode(text).trim().split("\n").at(-1) ?? "";
    await run("tar", ["-xzf", archive, "package/deno"], folder);
    return await Deno.readFile(`${folder}/package/deno`);
  } catch (error) {
    throw new Error(`Cannot fetch the runtime ${name} with npm`, { cause: error });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<Deno.CommandOutput> {
  const output = await new Deno.Command(program, { args: [...args], cwd, stdin: "null" }).output();
  if (output.success) return output;
  throw new Error(`${program} failed: ${new TextDecoder().decode(output.stderr).trim()}`);
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}

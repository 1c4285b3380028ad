/**
 * `deno task build`: one executable, `dist/codex`, or `dist/codex-TARGET` with `--target`; must not run it.
 *
 * Two forms: compiled, where the runtime for that can be had, else packed (a script that unpacks itself).
 * `--form` asks for one of them.
 */
import { parseArgs } from "node:util";
import { type Bundle, bundle, sourceCommit } from "./build/bundle.ts";
import { encodeHex, sha256 } from "./build/bytes.ts";
import { canCompile, compile } from "./build/compiled.ts";
import { notices } from "./build/notices.ts";
import { packedFile } from "./build/packed.ts";
import { packedRuntime } from "./build/runtime.ts";
import { parseTarget, type Target, TARGET_NAMES, TARGETS } from "./build/targets.ts";

const DIST = new URL("../dist", import.meta.url).pathname;

/** The forms of a built file. */
export type BuiltForm = "packed" | "compiled";

/** What to build. */
export interface BuildOptions {
  /** A folder for the executable and `SHA256SUMS`. */
  readonly out: string;
  readonly target: Target;
  /** The name of the file in `out`. */
  readonly name: string;
  /** Null: whatever is at hand. */
  readonly form: BuiltForm | null;
}

/** A finished build. */
export interface Built {
  readonly path: string;
  readonly form: BuiltForm;
  readonly bytes: number;
  readonly commit: string;
}

/** Builds one executable. The same sources, runtime and form give the same bytes. */
export async function build(options: BuildOptions): Promise<Built> {
  const commit = await sourceCommit();
  const files = await bundle(commit);
  const form = options.form ?? (await canCompile(options.target) ? "compiled" : "packed");
  const path = `${options.out}/${options.name}`;
  await Deno.mkdir(options.out, { recursive: true });
  // Finished beside the old file, so that one that runs, or a build cut short, does no harm.
  const unfinished = `${path}.${Deno.pid}`;
  if (form === "compiled") await compile(files, { target: options.target, output: unfinished });
  else await Deno.writeFile(unfinished, await packed(files, options.target));
  await Deno.chmod(unfinished, 0o755);
  await Deno.rename(unfinished, path);
  await writeSums(options.out);
  return { path, form, bytes: (await Deno.stat(path)).size, commit };
}

async function packed(files: Bundle, target: Target): Promise<Uint8Array> {
  const runtime = await packedRuntime(TARGETS[target], `${DIST}/.runtimes`);
  const bundle = new Map([...files, ["NOTICES.txt", await notices()] as const]);
  return await packedFile({ target, bundle, runtime });
}

/** Writes the checksums of every executable in the folder. */
async function writeSums(folder: string): Promise<void> {
  const lines = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !/^codex(-[a-z0-9_-]+)?$/.test(name)) continue;
    lines.push(`${encodeHex(await sha256(await Deno.readFile(`${folder}/${name}`)))}  ${name}\n`);
  }
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.sort().join(""));
}

/** The platform of this machine. */
export function ownTarget(): Target {
  const target = parseTarget(Deno.build.target);
  if (target === null) throw new Error(`No runtime is known for ${Deno.build.target}`);
  return target;
}

function parseCommandLine(words: readonly string[]): readonly BuildOptions[] {
  const { values } = parseArgs({
    args: [...words],
    options: { target: { type: "string", multiple: true }, form: { type: "string" } },
  });
  const form = values.form ?? null;
  if (form !== null && form !== "packed" && form !== "compiled") {
    throw new Error(`--form is packed or compiled, not ${form}`);
  }
  if (!values.target) return [{ out: DIST, target: ownTarget(), name: "codex", form }];
  return values.target.map((text) => {
    const target = parseTarget(text);
    if (target === null) {
      throw new Error(`--target is one of ${TARGET_NAMES.join(", ")}, not ${text}`);
    }
    return { out: DIST, target, name: `codex-${target}`, form };
  });
}

async function main(): Promise<number> {
  try {
    for (const options of parseCommandLine(Deno.args)) {
      const { path, form, bytes, commit } = await build(options);
      const why = form === "compiled"
        ? ""
        : options.form
        ? ""
        : ", as there is no denort to compile with";
      console.log(
        `Built ${path}: ${form}${why}; ${
          (bytes / 1e6).toFixed(1)
        } MB, ${options.target}, commit ${commit}`,
      );
    }
    return 0;
  } catch (error) {
    console.error(`build: ${error instanceof Error ? error.message : error}`);
    if (error instanceof Error && error.cause instanceof Error) console.error(error.cause.message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());

/** Bundles the program into a tiny entry, one chunk per program and the workers; must not know how it is shipped. */
import { COMMIT_MARK } from "../../src/lib/version.ts";
import { nameByContent } from "./chunk_names.ts";
import { defer } from "./deferred.ts";

const ROOT = new URL("../../", import.meta.url);

/** The files of a bundle by name; `main.js` is the entry. */
export type Bundle = ReadonlyMap<string, string>;

const ENTRY = "main.js";

/**
 * Bundles `main.ts` and the workers. A single file of this size would start five times slower.
 * The same sources give the same files, wherever they lie.
 */
export async function bundle(commit: string): Promise<Bundle> {
  const folder = await Deno.makeTempDir({ prefix: "codex_bundle_" });
  try {
    await runBundler(folder);
    const names = [];
    for await (const { name } of Deno.readDir(folder)) names.push(name);
    const files = await Promise.all(
      names.sort().map(async (name) => {
        const text = await Deno.readTextFile(`${folder}/${name}`);
        const marked = text.replaceAll(COMMIT_MARK, commit);
        if (Object.hasOwn(WORKERS, name)) return [name, marked] as const;
        const deferred = defer(marked);
        return [name, name === ENTRY ? deferred : hideLazyImports(deferred)] as const;
      }),
    );
    return nameByContent(new Map(files));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Deno reads every module that a literal `import()` names before the first line runs, which costs a fifth of
 * the start, so chunks import each other by expressions. The entry does not: programs that may not read
 * files have their chunks from it.
 */
function hideLazyImports(text: string): string {
  return text.replaceAll(/\bimport\(("\.\/[\w-]+\.js")\)/g, "import((0,$1))");
}

/**
 * Workers start from files of their own: the bundler does not follow the addresses they are started with.
 * Each is one flat file, as a second entry beside `main.ts` would land in a folder below.
 */
export const WORKERS = {
  "file_search_worker.js": "src/exec/file_search/worker.ts",
  "file_worker.js": "src/exec/filesystem/worker.ts",
} as const;

async function runBundler(folder: string): Promise<void> {
  // One after the other: the first one ever on a machine installs the bundler, and is not safe from others meanwhile.
  for (const [name, source] of Object.entries(WORKERS)) {
    await denoBundle(["--output", `${folder}/${name}`, source]);
  }
  await denoBundle(["--outdir", folder, "--code-splitting", "main.ts"]);
}

async function denoBundle(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", ...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`deno bundle failed:\n${new TextDecoder().decode(stderr).trim()}`);
}

/** The commit of these sources, with `-dirty` for changes beyond it; `unknown` outside a repository. */
export async function sourceCommit(): Promise<string> {
  const [head, changes] = await Promise.all([
    git(["rev-parse", "HEAD"]),
    git(["status", "--porcelain"]),
  ]);
  if (head === null) return "unknown";
  return changes === "" ? head : `${head}-dirty`;
}

async function git(args: readonly string[]): Promise<string | null> {
  try {
    const output = await new Deno.Command("git", { args: [...args], cwd: ROOT }).output();
    return output.success ? new TextDecoder().decode(output.stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

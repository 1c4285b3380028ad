/** The split bundle that is shipped, built into a temp folder, and what its files load at once; knows no program. */
import { join } from "node:path";
import { defer } from "../../scripts/build/deferred.ts";
import { RUNTIME_FLAGS } from "../../src/programs/packaging.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** One file of a bundle. */
export interface Chunk {
  readonly name: string;
  readonly bytes: number;
  /** The chunks and built-in modules that load before it does. */
  readonly imports: readonly string[];
  /** The chunks that it may load later. */
  readonly lazyImports: readonly string[];
  /** The modules it is made of, as `src/lib/errors.ts` or `npm:zod/...`. */
  readonly sources: readonly string[];
}

/** A bundle on the disk. */
export class SplitBundle implements AsyncDisposable {
  readonly #dir: string;
  readonly chunks: ReadonlyMap<string, Chunk>;

  private constructor(dir: string, chunks: ReadonlyMap<string, Chunk>) {
    this.#dir = dir;
    this.chunks = chunks;
  }

  /** Bundles `main.ts` as the build does. */
  static async build(): Promise<SplitBundle> {
    const dir = await Deno.makeTempDir({ prefix: "codex_bundle_" });
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--outdir", dir, "--code-splitting", "--minify"],
        ...["--sourcemap=external", "main.ts"],
      ],
      cwd: ROOT,
      stdin: "null",
    }).output();
    if (!success) throw new Error(`The bundle was not built: ${new TextDecoder().decode(stderr)}`);
    const chunks = new Map<string, Chunk>();
    for await (const { name } of Deno.readDir(dir)) {
      if (!name.endsWith(".js")) continue;
      const path = join(dir, name);
      await Deno.writeTextFile(path, defer(await Deno.readTextFile(path)));
      chunks.set(name, await readChunk(dir, name));
    }
    return new SplitBundle(dir, chunks);
  }

  /** The words that start a program of the bundle, or of a copy of it. */
  command(dir = this.#dir): readonly string[] {
    return [Deno.execPath(), ...RUNTIME_FLAGS, join(dir, "main.js")];
  }

  /** The chunk that the entry loads with `import()` for a source such as `src/programs/login.ts`. */
  lazyChunk(source: string): string {
    const stem = source.slice(source.lastIndexOf("/") + 1).replace(/\.ts$/, "");
    const found = this.chunks.get("main.js")?.lazyImports.filter((name) =>
      name.startsWith(`${stem}-`) && this.sourcesOf(this.closure(name)).includes(source)
    );
    if (found?.[0] === undefined || found.length > 1) {
      throw new Error(`The entry loads ${found?.length ?? 0} chunks for ${source}`);
    }
    return found[0];
  }

  /** The chunks with all that load because of them, at once. */
  closure(...names: readonly string[]): ReadonlySet<string> {
    const closed = new Set<string>();
    const open = [...names];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (name.startsWith("node:") || closed.has(name)) continue;
      closed.add(name);
      open.push(...this.chunks.get(name)?.imports ?? []);
    }
    return closed;
  }

  bytesOf(names: Iterable<string>): number {
    return [...names].reduce((sum, name) => sum + (this.chunks.get(name)?.bytes ?? NaN), 0);
  }

  sourcesOf(names: Iterable<string>): readonly string[] {
    return [...names].flatMap((name) => this.chunks.get(name)?.sources ?? []);
  }

  /** A folder with those chunks only. */
  async copy(names: Iterable<string>): Promise<string> {
    const dir = await Deno.makeTempDir({ dir: this.#dir });
    for (const name of names) await Deno.copyFile(join(this.#dir, name), join(dir, name));
    return dir;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }
}

async function readChunk(dir: string, name: string): Promise<Chunk> {
  const text = await Deno.readTextFile(join(dir, name));
  const { sources } = JSON.parse(await Deno.readTextFile(join(dir, `${name}.map`)));
  return {
    name,
    bytes: new TextEncoder().encode(text).length,
    imports: namesIn(text, /(?:^|[;}\n])(?:import|export)(?:[\w$\s{},*]*?from\s*)?"([^"]+)"/g),
    lazyImports: namesIn(text, /\bimport\("([^"]+)"\)/g),
    sources: sources.map((path: string) => sourceName(new URL(path, `file://${dir}/`).pathname)),
  };
}

function namesIn(text: string, pattern: RegExp): readonly string[] {
  const names = [...text.matchAll(pattern)].map(([, name = ""]) => name);
  return [...new Set(names.map((name) => name.replace(/^\.\//, "")))];
}

function sourceName(path: string): string {
  if (path.startsWith(ROOT)) return path.slice(ROOT.length);
  return path.replace(/^.*\/npm\/[^/]+\//, "npm:");
}

/** Checks the import graph and the file form against `layers.ts`; knows nothing of what the files do. */
import { ALLOWED_IMPORTS, layerOf, LAZY_EDGES } from "./layers.ts";

/** One import between two files of the project, by project-relative path. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const MAX_FILE_LINES = 500;

/** The complaints about imports that the table of layers does not allow. */
export function checkLayers(edges: readonly Edge[]): string[] {
  return edges.filter((edge) => !isAllowed(edge)).map((edge) =>
    `${edge.from} imports ${edge.to}: layer ${layerOf(edge.from) ?? "none"} may not import layer ` +
    `${layerOf(edge.to) ?? "none"}${edge.typeOnly ? " (type)" : ""}`
  );
}

function isAllowed(edge: Edge): boolean {
  const from = layerOf(edge.from);
  const to = layerOf(edge.to);
  if (from === null || from === to) return true;
  if (to === null) return false;
  if (edge.typeOnly && to === "protocol") return true;
  if (ALLOWED_IMPORTS[from]?.includes(to)) return from !== "main" || to !== "programs" || edge.lazy;
  return edge.lazy && LAZY_EDGES.some((lazy) => lazy.from === edge.from && lazy.to === to);
}

/** The import cycles between files, each as one line; cycles of types only are fine. */
export function findCycles(edges: readonly Edge[]): string[] {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    if (!edge.typeOnly) next.set(edge.from, [...next.get(edge.from) ?? [], edge.to]);
  }
  const done = new Set<string>();
  const found: string[] = [];
  function visit(file: string, path: readonly string[]): void {
    const start = path.indexOf(file);
    if (start >= 0) found.push(`Import cycle: ${[...path.slice(start), file].join(" -> ")}`);
    if (start >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  }
  for (const file of next.keys()) visit(file, []);
  return found;
}

/** The complaints about the form of one file. */
export function checkFile(path: string, text: string): string[] {
  const complaints: string[] = [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!text.startsWith("/**")) complaints.push(`${path}: The first line is not a doc comment`);
  const lines = text.split("\n").length - 1;
  if (lines > MAX_FILE_LINES) {
    complaints.push(`${path}: ${lines} lines, the limit is ${MAX_FILE_LINES}`);
  }
  if (name === "index.ts") complaints.push(`${path}: Name the file after what is in it, not index`);
  if (!/^[a-z0-9_]+\.tsx?$/.test(name)) complaints.push(`${path}: The file name is not snake_case`);
  return complaints;
}

interface InfoModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** The edges between project files in the answer of `deno info --json`. */
export function edgesOf(modules: readonly InfoModule[], rootUrl: string): Edge[] {
  const edges: Edge[] = [];
  for (const module of modules) {
    const from = localPath(module.specifier, rootUrl);
    if (from === null) continue;
    for (const dependency of module.dependencies ?? []) {
      const code = dependency.code?.specifier;
      const to = localPath(code ?? dependency.type?.specifier ?? "", rootUrl);
      if (to === null) continue;
      edges.push({
        from,
        to,
        typeOnly: code === undefined,
        lazy: dependency.isDynamic === true,
      });
    }
  }
  return edges;
}

function localPath(specifier: string, rootUrl: string): string | null {
  return specifier.startsWith(rootUrl) ? specifier.slice(rootUrl.length) : null;
}

async function sourceFiles(root: URL, folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) files.push(...await sourceFiles(root, `${path}/`));
    else if (/\.tsx?$/.test(entry.name)) files.push(path);
  }
  return files.sort();
}

/** One `deno info` over a throw-away module that imports every file: also finds files that nothing imports. */
async function readGraph(root: URL, files: readonly string[]): Promise<InfoModule[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = files.map((file) => `import ${JSON.stringify(new URL(file, root).href)};\n`);
    await Deno.writeTextFile(entry, imports.join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", new URL("deno.json", root).pathname, entry],
    }).output();
    if (!success) throw new Error(`Cannot read the graph: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout)).modules;
  } finally {
    await Deno.remove(entry);
  }
}

async function main(): Promise<number> {
  const root = new URL("../", import.meta.url);
  const files = ["main.ts", ...await sourceFiles(root, "src/")];
  const modules = await readGraph(root, files);
  const edges = edgesOf(modules, root.href);
  const broken = modules.filter((module) => module.error !== undefined).map((module) =>
    `${localPath(module.specifier, root.href) ?? module.specifier}: ${module.error}`
  );
  const forms = await Promise.all(
    files.map(async (file) => checkFile(file, await Deno.readTextFile(new URL(file, root)))),
  );
  const complaints = [...broken, ...checkLayers(edges), ...findCycles(edges), ...forms.flat()];
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length === 0) {
    console.log(`Layers: ${files.length} files, ${edges.length} imports`);
  }
  return complaints.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());

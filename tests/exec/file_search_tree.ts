/** Trees of files for the tests of file searches, and what a walk finds in them. */
import { dirname, join } from "node:path";
import type { Folders } from "../../src/exec/file_search/folders.ts";
import type { GitHome } from "../../src/exec/file_search/ignore_scope.ts";
import { LinuxFolders } from "../../src/exec/file_search/linux_folders.ts";
import { PathIndex } from "../../src/exec/file_search/path_index.ts";
import { PortableFolders } from "../../src/exec/file_search/portable_folders.ts";
import { Walk } from "../../src/exec/file_search/walk.ts";
import { toBytes } from "../../src/exec/filesystem/byte_text.ts";
import { Libc } from "../../src/exec/filesystem/libc.ts";

/** A person without any configuration of git. */
export const NOBODYS_HOME: GitHome = { home: null, xdgConfigHome: null };

/** Runs `test` in a new folder with each way to read folders that works here. */
export async function withFolders(
  test: (folders: Folders, dir: string) => void | Promise<void>,
): Promise<void> {
  await withDir((dir) => test(new PortableFolders(), dir));
  if (Deno.build.os !== "linux") return;
  using libc = new Libc();
  await withDir((dir) => test(new LinuxFolders(libc), dir));
}

/** Runs `test` with a new folder. */
export async function withDir(test: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "file_search_test_" }));
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Writes files by their paths below `dir`; a path that ends with a slash is an empty folder. */
export function plant(
  dir: string,
  files: Readonly<Record<string, string>> | readonly string[],
): void {
  const entries = Array.isArray(files) ? files.map((path) => [path, ""]) : Object.entries(files);
  for (const [path, text] of entries) {
    const full = join(dir, path);
    Deno.mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (!path.endsWith("/")) Deno.writeTextFileSync(full, text);
  }
}

/** What a finished walk found. */
export interface Walked {
  readonly walk: Walk;
  readonly index: PathIndex;
  /** Sorted; folders end with a slash. */
  readonly paths: readonly string[];
}

/** Walks a root to its end. */
export function walked(
  root: string,
  options: {
    readonly folders: Folders;
    readonly gitHome?: GitHome;
    readonly entriesMax?: number;
    readonly nowMs?: number;
  },
): Walked {
  const index = new PathIndex();
  const { folders, gitHome = NOBODYS_HOME, entriesMax = 10_000, nowMs = Date.now() + 1000 } =
    options;
  const walk = new Walk(toBytes(root), index, { folders, gitHome, entriesMax, nowMs });
  while (walk.advance(7));
  index.seal();
  return { walk, index, paths: pathsOf(index) };
}

/** All paths of an index, sorted; folders end with a slash. */
export function pathsOf(index: PathIndex): string[] {
  const paths = Array.from({ length: index.count }, (_, entry) => {
    const bytes = index.bytes.slice(index.start(entry), index.end(entry));
    return new TextDecoder().decode(bytes) + (index.isFolder(entry) ? "/" : "");
  });
  return paths.sort();
}

/** An index of these paths, whose folders are added as needed. */
export function indexOf(paths: readonly string[]): PathIndex {
  const index = new PathIndex();
  const folders = new Map<string, number>();
  const folder = (path: string): number => {
    if (path === "") return -1;
    let entry = folders.get(path);
    if (entry === undefined) {
      const slash = path.lastIndexOf("/");
      const parent = folder(path.slice(0, Math.max(slash, 0)));
      folders.set(path, entry = index.add(parent, toBytes(path.slice(slash + 1)), true));
    }
    return entry;
  };
  for (const path of paths) {
    const slash = path.lastIndexOf("/");
    index.add(folder(path.slice(0, Math.max(slash, 0))), toBytes(path.slice(slash + 1)), false);
  }
  index.seal();
  return index;
}

/** Waits until the file system gives another time than before: some count in steps of milliseconds. */
export function waitForClockTick(): void {
  const file = Deno.makeTempFileSync({ prefix: "file_search_tick_" });
  const time = () => {
    Deno.writeTextFileSync(file, "");
    return Deno.statSync(file).mtime?.getTime();
  };
  try {
    for (const start = time(); time() === start;);
  } finally {
    Deno.removeSync(file);
  }
}

/** Where a packed program may unpack itself, as the script at its head decides; must not touch files. */
import { absolutePath } from "../lib/absolute_path.ts";

/** A folder that holds one subfolder for each unpacked version. */
export interface RuntimeFolder {
  readonly path: string;
  /** Nobody else can write there, so what was unpacked is trusted; elsewhere every start verifies it. */
  readonly isPrivate: boolean;
}

/**
 * Every folder that the script may use, in the order in which it tries them.
 * The same rule stands in `scripts/build/stub.sh`, which has no other way to know it.
 */
export function runtimeFolders(
  env: Readonly<Record<string, string>>,
  uid: number | null,
): readonly RuntimeFolder[] {
  const below = (folder: string | undefined, name: string) => folder ? `${folder}/${name}` : "";
  const cacheFolders = [
    env["CODEX_RUNTIME_DIR"] ?? "",
    below(env["XDG_CACHE_HOME"], "codex-runtime"),
    below(env["HOME"], ".cache/codex-runtime"),
  ];
  const temporaryFolders = [env["TMPDIR"] || "/tmp", "/tmp", "/var/tmp", "/dev/shm"];
  const folders = new Map<string, RuntimeFolder>();
  const add = (path: string, isPrivate: boolean) => {
    if (!path.startsWith("/")) return;
    const normal = absolutePath(path, "/");
    if (!folders.has(normal)) folders.set(normal, { path: normal, isPrivate });
  };
  for (const path of cacheFolders) add(path, true);
  if (uid !== null) {
    for (const path of temporaryFolders) add(`${path}/codex-runtime-${uid}`, false);
  }
  return [...folders.values()];
}

/** What no sandboxed write may reach: all those folders, and the file that people start. */
export function protectedRuntimePaths(
  folders: readonly RuntimeFolder[],
  packaging: { readonly file: string | null; readonly runtimeDir: string | null },
): readonly string[] {
  const own = [packaging.file, packaging.runtimeDir].filter((path) => path !== null);
  return [...folders.map(({ path }) => path), ...own];
}

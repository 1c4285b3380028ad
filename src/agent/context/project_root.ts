/** Finds the project that a directory belongs to; must not know what is read from it. */
import { dirname, join } from "node:path";
import { isPlaceholder } from "../../config/placeholder.ts";

/** The nearest directory at or above `cwd` that holds one of the markers, or null. */
export async function findProjectRoot(
  cwd: string,
  markers: readonly string[],
): Promise<string | null> {
  const names = markers.filter((marker) => marker !== "");
  for (let directory = cwd;; directory = dirname(directory)) {
    for (const name of names) {
      if (await exists(join(directory, name))) return directory;
    }
    if (dirname(directory) === directory) return null;
  }
}

/** What cannot be looked at counts as absent: nothing could be read from it either. */
async function exists(path: string): Promise<boolean> {
  try {
    return !isPlaceholder(path, await Deno.lstat(path));
  } catch (error) {
    if (error instanceof Error && !(error instanceof TypeError)) return false;
    throw error;
  }
}

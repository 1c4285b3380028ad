/** Tells the folders that sandboxes put where nothing may be made from those that mean something; must not know sandboxes. */

const STICKY = 0o1000;

/**
 * Whether a folder is an empty one that only keeps its place free while a command runs: see `Placeholders` in
 * `exec/sandbox/launcher/placeholders.ts`. A `.git` like that makes no project of the folder around it, which can be
 * the one for temporary files of the whole machine.
 */
export function isPlaceholder(
  path: string,
  { isDirectory, mode }: Pick<Deno.FileInfo, "isDirectory" | "mode">,
): boolean {
  if (!isDirectory || ((mode ?? 0) & STICKY) === 0) return false;
  try {
    return Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch {
    // Gone since, or not ours to look into.
    return true;
  }
}

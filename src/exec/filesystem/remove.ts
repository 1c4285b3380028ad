/** Removes files and trees; must not know who asks. */
import { toBytes } from "./byte_text.ts";
import type { Place } from "./disk.ts";
import type { GuardedDisk } from "./guarded_disk.ts";
import { errnos, isErrno, OsError } from "./os_error.ts";
import type { FileOperations } from "./requests.ts";
import type { Steps } from "./steps.ts";

/** Removes what is at a path; a link goes, not what it leads to. */
export function* remove(
  guard: GuardedDisk,
  { path, recursive, force }: FileOperations["remove"]["params"],
): Steps<null> {
  try {
    const { place, name } = guard.folderOf(toBytes(path));
    using _ = place;
    guard.assertRemovable(place, name);
    const { kind } = place.statChild(name, { follow: false });
    if (kind !== "folder") place.removeFile(name);
    else if (recursive) yield* removeTree(place, name);
    else place.removeFolder(name);
  } catch (error) {
    if (!force || !isErrno(error, errnos.ENOENT)) throw error;
  }
  return null;
}

/** A folder on the way down: its name in the one above it, and which one that was. */
interface Level {
  readonly name: string;
  readonly above: string;
}

/**
 * Goes down by handles and comes up through `..`, so that neither links nor deep trees lead astray; a folder that
 * was moved meanwhile is noticed, because the folder above it is another one then.
 */
function* removeTree(top: Place, name: string): Steps<void> {
  const levels: Level[] = [{ name, above: top.stat().identity }];
  let folder = top.child(name);
  try {
    while (true) {
      const below = removePortion(folder);
      yield;
      if (below.type === "folder") {
        const next = folder.child(below.name);
        levels.push({ name: below.name, above: folder.stat().identity });
        folder[Symbol.dispose]();
        folder = next;
      }
      if (below.type !== "empty") continue;
      const level = levels.pop();
      if (!level || levels.length === 0) return top.removeFolder(level?.name ?? name);
      const above = folder.parent();
      folder[Symbol.dispose]();
      folder = above;
      if (above.stat().identity !== level.above) {
        throw new OsError(errnos.ESTALE, "Stale file handle");
      }
      above.removeFolder(level.name);
    }
  } finally {
    folder[Symbol.dispose]();
  }
}

/** Removes entries of a folder until there is a folder among them, or for one portion. */
function removePortion(
  folder: Place,
):
  | { readonly type: "empty" }
  | { readonly type: "more" }
  | { readonly type: "folder"; readonly name: string } {
  for (const entries of folder.entries()) {
    for (const { name, kind } of entries) {
      const isFolder = kind === null
        ? folder.statChild(name, { follow: false }).kind === "folder"
        : kind === "folder";
      if (isFolder) return { type: "folder", name };
      removeIfThere(folder, name);
    }
    if (entries.length > 0) return { type: "more" };
  }
  return { type: "empty" };
}

function removeIfThere(folder: Place, name: string): void {
  try {
    folder.removeFile(name);
  } catch (error) {
    if (!isErrno(error, errnos.ENOENT)) throw error;
  }
}

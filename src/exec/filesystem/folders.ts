/** Looks at paths, lists and makes folders; must not know who asks. */
import { splitPath, toBytes, toText } from "./byte_text.ts";
import type { Entry, Kind, Place } from "./disk.ts";
import type { GuardedDisk } from "./guarded_disk.ts";
import { errnos, isErrno, OsError, unsuitable } from "./os_error.ts";
import type { FileInspection, FileMetadata, FileOperations } from "./requests.ts";
import type { Steps } from "./steps.ts";
import { withDisposed } from "../../lib/with_disposed.ts";

/** A longer list would not fit into a message. */
const LIST_CHARS_MAX = 48 * 1024 * 1024;

/** What the path leads to. */
export function getMetadata(guard: GuardedDisk, path: string): FileMetadata {
  const bytes = toBytes(path);
  const stat = guard.isConfined ? readableStat(guard, bytes) : guard.disk.stat(bytes, FOLLOW);
  const isSymlink = guard.disk.stat(bytes, { follow: false }).kind === "link";
  const { kind, createdAtMs, modifiedAtMs } = stat;
  return {
    isDirectory: kind === "folder",
    isFile: kind === "file",
    isSymlink,
    createdAtMs,
    modifiedAtMs,
  };
}

/** The same with what takes a handle to find out. */
export function inspect(guard: GuardedDisk, path: string): FileInspection {
  using place = guard.readable(toBytes(path));
  const { sizeBytes, identity } = place.stat();
  return { ...getMetadata(guard, path), sizeBytes, identity, realPath: toText(place.realPath()) };
}

const FOLLOW = { follow: true };

function readableStat(guard: GuardedDisk, path: string) {
  return withDisposed(guard.readable(path), (place) => place.stat());
}

/**
 * The names in a folder as the JSON text of an array. Links count as what they lead to; one that leads nowhere is
 * neither file nor folder. A name that is not UTF-8 is shown with U+FFFD.
 */
export function* readDirectory(guard: GuardedDisk, path: string): Steps<string> {
  using place = guard.readable(toBytes(path));
  if (place.stat().kind !== "folder") throw new OsError(errnos.ENOTDIR, "Not a directory");
  const parts: string[] = [];
  let chars = 0;
  for (const entries of place.entries()) {
    const part = entries.map((entry) => entryJson(place, entry)).join(",");
    if (part === "") continue;
    chars += part.length;
    if (chars > LIST_CHARS_MAX) {
      throw unsuitable(`\`${path}\` has more entries than fit into one message`);
    }
    parts.push(part);
    yield;
  }
  return `[${parts.join(",")}]`;
}

function entryJson(place: Place, entry: Entry): string {
  const kind = kindOf(place, entry);
  return `{"fileName":${JSON.stringify(toText(entry.name))},"isDirectory":${
    kind === "folder"
  },"isFile":${kind === "file"}}`;
}

function kindOf(place: Place, { name, kind }: Entry): Kind {
  if (kind !== null && kind !== "link") return kind;
  try {
    return place.statChild(name, FOLLOW).kind;
  } catch (error) {
    if (error instanceof OsError) return "other";
    throw error;
  }
}

/** Makes a folder, and with `recursive` what is missing above it. */
export function* createDirectory(
  guard: GuardedDisk,
  { path, recursive }: FileOperations["createDirectory"]["params"],
): Steps<null> {
  const bytes = toBytes(path);
  if (!recursive) {
    const { place, name } = guard.folderOf(bytes);
    using _ = place;
    // Only `/` has no name, and is there.
    makeFolder(guard, { place, name: name || "." });
    return null;
  }
  yield* makeFolders(guard, bytes);
  return null;
}

/** Makes a folder, unless it is there, and what is missing above it. */
export function* makeFolders(guard: GuardedDisk, path: string): Steps<void> {
  let { place, missing } = deepestFolder(guard, path);
  try {
    for (const name of missing) {
      makeFolder(guard, { place, name, mayExist: true });
      const next = place.child(name);
      place[Symbol.dispose]();
      place = next;
      yield;
    }
  } finally {
    place[Symbol.dispose]();
  }
}

/** The deepest folder on the way that exists, and the names below it that do not. */
function deepestFolder(
  guard: GuardedDisk,
  path: string,
): { place: Place; readonly missing: readonly string[] } {
  const missing: string[] = [];
  for (let folder = path;;) {
    try {
      const place = guard.disk.locate(folder);
      if (place.stat().kind === "folder") return { place, missing };
      place[Symbol.dispose]();
      throw missing.length === 0
        ? new OsError(errnos.EEXIST, "File exists")
        : new OsError(errnos.ENOTDIR, "Not a directory");
    } catch (error) {
      if (missing.length === 0 && isLoop(guard, path, error)) {
        throw new OsError(errnos.EEXIST, "File exists");
      }
      if (!isErrno(error, errnos.ENOENT)) throw error;
    }
    const parts = splitPath(folder);
    missing.unshift(parts.name);
    folder = parts.folder;
  }
}

/** Whether the path is itself a link that leads to itself: it exists, though it leads nowhere. */
function isLoop(guard: GuardedDisk, path: string, error: unknown): boolean {
  if (!isErrno(error, errnos.ELOOP)) return false;
  try {
    return guard.disk.stat(path, { follow: false }).kind === "link";
  } catch (another) {
    if (another instanceof OsError) return false;
    throw another;
  }
}

function makeFolder(guard: GuardedDisk, at: {
  readonly place: Place;
  readonly name: string;
  /** Somebody else may make the same folder at the same time. */
  readonly mayExist?: boolean;
}): void {
  const { place, name, mayExist } = at;
  guard.assertCreatable(place, name);
  try {
    place.makeFolder(name);
  } catch (error) {
    const isThere = mayExist && isErrno(error, errnos.EEXIST) &&
      place.statChild(name, { follow: false }).kind === "folder";
    if (!isThere) throw error;
  }
}

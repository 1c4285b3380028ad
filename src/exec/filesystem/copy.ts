/** Copies files, links and trees, also from one file system to another; must not know who asks. */
import { below, isWithin, toBytes, toText } from "./byte_text.ts";
import type { OpenFile, Place } from "./disk.ts";
import { makeFolders } from "./folders.ts";
import { type GuardedDisk, realPathOf } from "./guarded_disk.ts";
import { errnos, OsError, unsuitable } from "./os_error.ts";
import type { FileOperations } from "./requests.ts";
import type { Steps } from "./steps.ts";

const PIECE_BYTES = 1024 * 1024;
const BUFFER_BYTES = 512 * 1024;
/** For files that are probably empty. */
const SMALL_BUFFER_BYTES = 16 * 1024;
/** Set-uid and the like do not travel. */
const MODE_MASK = 0o777;

/** Copies what is at a path. Links are copied as links; a tree is merged into a folder that exists. */
export function* copy(
  guard: GuardedDisk,
  { source, destination, recursive }: FileOperations["copy"]["params"],
): Steps<null> {
  const from = guard.folderOf(toBytes(source));
  using folder = from.place;
  // The path of a folder may end in `..` only as `/`.
  using place = from.name === "" ? folder.child(".") : folder.child(from.name);
  const target = toBytes(destination);
  switch (place.stat().kind) {
    case "file":
      guard.assertReadable(place);
      yield* copyFile(guard, { place, target });
      return null;
    case "link":
      copyLink(guard, { target, text: folder.readLink(from.name) });
      return null;
    case "folder":
      if (!recursive) {
        throw unsuitable("fs/copy requires recursive: true when sourcePath is a directory");
      }
      yield* copyTree(guard, { place, target });
      return null;
    case "other":
      throw unsuitable("fs/copy only supports regular files, directories, and symlinks");
  }
}

/** A folder that is still to be copied. */
interface Pending {
  /** Where the folder was found, and which one it was. */
  readonly source: string;
  readonly identity: string;
  readonly target: string;
}

function* copyTree(guard: GuardedDisk, top: {
  readonly place: Place;
  readonly target: string;
}): Steps<void> {
  const source = top.place.realPath();
  if (isWithin(toBytes(realPathOf(guard.disk, toText(top.target))), source)) {
    throw unsuitable("fs/copy cannot copy a directory to itself or one of its descendants");
  }
  const pending: Pending[] = [
    { source, identity: top.place.stat().identity, target: top.target },
  ];
  for (let next = pending.pop(); next; next = pending.pop()) {
    yield* copyFolder(guard, next, (folder) => pending.push(folder));
  }
}

function* copyFolder(
  guard: GuardedDisk,
  pending: Pending,
  found: (folder: Pending) => void,
): Steps<void> {
  const { target, source } = pending;
  using folder = guard.readable(source);
  if (folder.stat().identity !== pending.identity) {
    throw new OsError(errnos.ESTALE, "Stale file handle");
  }
  // Upstream makes what is missing above the target of a folder, though not above that of a file.
  yield* makeFolders(guard, target);
  for (const entries of folder.entries()) {
    for (const { name } of entries) {
      using place = folder.child(name);
      const { kind, identity } = place.stat();
      if (kind === "file") {
        guard.assertReadable(place);
        yield* copyFile(guard, { place, target: below(target, name) });
      } else if (kind === "link") {
        copyLink(guard, { target: below(target, name), text: folder.readLink(name) });
      } else if (kind === "folder") {
        found({ source: below(source, name), identity, target: below(target, name) });
      }
      // Devices, sockets and FIFOs in a tree are left out (as upstream).
    }
    yield;
  }
}

function copyLink(
  guard: GuardedDisk,
  { target, text }: { readonly target: string; readonly text: string },
): void {
  const { place, name } = guard.folderOf(target);
  using folder = place;
  guard.assertCreatable(folder, name);
  folder.makeLink(name, text);
}

function* copyFile(
  guard: GuardedDisk,
  { place, target }: { readonly place: Place; readonly target: string },
): Steps<void> {
  using from = place.open("read");
  using writable = guard.writable(target);
  const to = writable.file;
  const { identity, mode } = from.stat();
  // Emptying the target first would lose the content.
  if (to.stat().identity === identity) return;
  try {
    to.truncate(0);
    const size = yield* copyContent(from, to);
    to.truncate(size);
    to.setMode(mode & MODE_MASK);
  } catch (error) {
    writable.undo();
    throw error;
  }
}

/** Copies what is not a hole; returns the size. */
function* copyContent(from: OpenFile, to: OpenFile): Steps<number> {
  const { sizeBytes } = from.stat();
  // Files of `/proc` claim to be empty.
  if (sizeBytes === 0) return yield* copyRange(from, to, { start: 0, end: Infinity });
  let position = 0;
  while (position < sizeBytes) {
    const extent = from.nextExtent(position);
    if (extent === null) break;
    position = yield* copyRange(from, to, extent);
    // Files of `/sys` claim to be longer than they are.
    if (position < extent.end) return position;
  }
  return sizeBytes;
}

/** Returns where it stopped, at the end of the range or of the file. */
function* copyRange(
  from: OpenFile,
  to: OpenFile,
  { start, end }: { readonly start: number; readonly end: number },
): Steps<number> {
  let position = start;
  let isDirect = end !== Infinity;
  let buffer: Uint8Array<ArrayBuffer> | null = null;
  while (position < end) {
    const wanted = Math.min(PIECE_BYTES, end - position);
    let count = isDirect ? from.copyTo(to, position, wanted) : null;
    if (count === null) {
      isDirect = false;
      buffer ??= new Uint8Array(end === Infinity ? SMALL_BUFFER_BYTES : BUFFER_BYTES);
      const piece = buffer.subarray(0, Math.min(wanted, buffer.length));
      count = from.read(piece, position);
      to.write(piece.subarray(0, count), position);
    }
    if (count === 0) break;
    position += count;
    yield;
  }
  return position;
}

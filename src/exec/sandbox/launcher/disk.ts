/** Looks at files without following links and without exceptions; must not know what is looked for. */
import { basename, dirname, join, resolve } from "node:path";
import { cString } from "../../c_library.ts";
import { libc, readKernelFile } from "../../ffi_libc.ts";
import { MountCounts } from "./mount_counts.ts";
import { type Mount, otherNames, parseMounts } from "./mount_table.ts";

/** What is at a path: `file` is everything that is neither folder nor link, sockets too. */
export type Kind = "folder" | "file" | "link" | "missing";

/** What the kernel says about a path. */
export interface Look {
  readonly kind: Kind;
  /** Names that the file has. */
  readonly links: number;
  /** Equal for two paths if and only if they are the same file. */
  readonly identity: string;
  /** The bit that keeps others from removing entries. */
  readonly isSticky: boolean;
}

/** Something in a folder; `target` is the text of a link. */
export interface Entry {
  readonly name: string;
  readonly kind: "folder" | "file" | "link";
  readonly target: string | null;
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
/** Offsets within `struct statx`, which is the same on every architecture. */
const FIELD = { links: 16, mode: 28, inode: 32, major: 136, minor: 140 } as const;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_ISVTX = 0o001000;

const MISSING: Look = { kind: "missing", links: 0, identity: "", isSticky: false };

// Reused: looking is synchronous, and several paths are looked at for every command.
const buffer = new Uint8Array(256);
const view = new DataView(buffer.buffer);

/** What is at the path itself; what cannot be seen is missing. */
export function lookAt(path: string): Look {
  return look(AT_FDCWD, { path, flags: AT_SYMLINK_NOFOLLOW });
}

/** What an open descriptor stands for. */
export function lookInto(descriptor: number): Look {
  return look(descriptor, { path: "", flags: AT_EMPTY_PATH });
}

function look(
  folder: number,
  { path, flags }: { readonly path: string; readonly flags: number },
): Look {
  const failed = libc().statx(folder, cString(path), flags, STATX_BASIC_STATS, buffer);
  if (failed !== 0) return MISSING;
  const mode = view.getUint16(FIELD.mode, true);
  const type = mode & S_IFMT;
  const device = `${view.getUint32(FIELD.major, true)}:${view.getUint32(FIELD.minor, true)}`;
  return {
    kind: type === S_IFDIR ? "folder" : type === S_IFLNK ? "link" : "file",
    links: view.getUint32(FIELD.links, true),
    identity: `${device}:${view.getBigUint64(FIELD.inode, true)}`,
    isSticky: (mode & S_ISVTX) !== 0,
  };
}

/** Where a path really is, free of links; null when nothing is there or it cannot be seen. */
export function resolvePath(path: string): string | null {
  // An exception takes 30 microseconds, and most of what is asked for is not there.
  if (lookAt(path).kind === "missing") return null;
  try {
    return Deno.realPathSync(path);
  } catch {
    // Missing, a loop, or not ours to see: there is nothing to resolve in any case.
    return null;
  }
}

/** Where a link leads, one step, also when nothing is there; null when that cannot be told. */
export function followLink(link: string): string | null {
  let text: string;
  try {
    text = Deno.readLinkSync(link);
  } catch {
    // It is no link any more.
    return null;
  }
  const target = resolve(dirname(link), text);
  const folder = resolvePath(dirname(target));
  return folder === null ? null : join(folder, basename(target));
}

/** What is directly in a folder, by name; nothing where it cannot be listed. */
export function listFolder(path: string): Entry[] {
  const entries: Entry[] = [];
  try {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(path)) {
      const target = isSymlink ? Deno.readLinkSync(join(path, name)) : null;
      entries.push({ name, kind: isSymlink ? "link" : isDirectory ? "folder" : "file", target });
    }
  } catch {
    // Not ours to look into, or it changes this moment: what is not listed cannot be seen.
  }
  return entries.sort((one, other) => one.name < other.name ? -1 : 1);
}

/** Other paths that show the same file, because what it is in is mounted there too. */
export function mountedNames(path: string): string[] {
  return mountedNamesFinder()(path);
}

/** The same for several paths, which reads the table of mounts once at most. */
export function mountedNamesFinder(): (path: string) => string[] {
  let mounts: readonly Mount[] | null = null;
  return (path) => {
    const { identity } = lookAt(path);
    // Of what is mounted but once, as nearly everything is, there are no other names.
    if ((counts ??= new MountCounts(readMounts)).of(deviceOf(identity)) === 1) return [];
    mounts ??= readMounts();
    return otherNames(path, mounts).filter((name) => lookAt(name).identity === identity);
  };
}

let counts: MountCounts | null = null;

function readMounts(): readonly Mount[] {
  return parseMounts(readKernelFile("/proc/self/mountinfo"));
}

function deviceOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(":"));
}

/** What packed programs have left on the disk, and its removal; must not know how a program is unpacked. */
import { dirname, join } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { osCode } from "./home_file.ts";
import { lockOwner } from "./rollout_lock.ts";
import type { RuntimeFolder } from "./runtime_folders.ts";
import { READY_FILE } from "./runtime_hold.ts";

/** What became of one folder. */
export type Removal =
  | { readonly type: "removed"; readonly path: string; readonly bytes: number }
  | { readonly type: "kept"; readonly path: string; readonly reason: string }
  | { readonly type: "failed"; readonly path: string; readonly reason: string };

/** Who asks for it. */
export interface RemovalOptions {
  /** The user of this process; null where the system has no such numbers. */
  readonly uid: number | null;
  /** The version that this process runs from, if it was unpacked at all. */
  readonly ownDir: string | null;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** A version that nobody has started for so long is forgotten. */
const UNUSED_MS = 14 * 24 * 60 * 60 * 1000;
/** Unpacking takes seconds, so what is older belongs to a process that was killed. */
const LEFTOVER_MS = 60 * 60 * 1000;

/** `VERSION-ID` of the script: strict, because the folder may be one that the user named and uses otherwise. */
export const VERSION_NAME = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*-[0-9a-f]{16}$/;
/** What the script unpacks into; left behind by one that was killed. */
export const UNPACK_NAME = /^\.unpack-(\d+)-[0-9a-z]+$/;
const LOCK_PREFIX = ".lock-";

/**
 * Removes every version and leftover that belongs to the user and that no other process uses, and then the
 * folders that have become empty. The version of this very process comes last: its code is loaded by then.
 */
export function cleanRuntimeCache(
  folders: readonly RuntimeFolder[],
  options: RemovalOptions,
): readonly Removal[] {
  const done: Removal[] = [];
  const bases = new Map<string, RuntimeFolder>();
  for (const folder of folders) {
    const base = openBase(folder, options);
    if (typeof base === "string") bases.set(base, folder);
    else if (base) done.push(base);
  }
  const entries = [...bases.keys()].flatMap((base) => listEntries(base, { ...options, done }));
  const ownDir = options.ownDir === null ? null : realPathOf(options.ownDir);
  const isOwn = ({ path }: Entry) => path === ownDir;
  for (const entry of entries.filter((entry) => !isOwn(entry))) done.push(remove(entry, options));
  for (const entry of entries.filter(isOwn)) done.push(remove(entry, options));
  for (const base of bases.keys()) {
    if (removeEmpty(base)) done.push({ type: "removed", path: base, bytes: 0 });
  }
  return done;
}

/** Removes, beside the version of this process, what has been unused for long. Says nothing, tries again next time. */
export function pruneRuntimeCache(
  runtimeDir: string,
  options: Omit<RemovalOptions, "ownDir">,
): void {
  const { nowMs } = options;
  const ownDir = realPathOf(runtimeDir);
  for (const entry of listEntries(dirname(ownDir), { ...options, done: [] })) {
    const ageMs = nowMs - lastUseMs(entry);
    if (entry.path === ownDir || ageMs < (entry.isVersion ? UNUSED_MS : LEFTOVER_MS)) continue;
    remove(entry, { ...options, ownDir });
  }
}

/** A folder that the script has made: a version, or what is left of an unpacking. */
interface Entry {
  readonly path: string;
  readonly isVersion: boolean;
  readonly mtimeMs: number;
}

/** The real path of a folder that may be cleaned, why it may not, or null when there is none. */
function openBase(
  { path, isPrivate }: RuntimeFolder,
  options: RemovalOptions,
): string | Removal | null {
  try {
    // In a folder that everybody may write to, a link could have been laid by anybody.
    if (!isPrivate && Deno.lstatSync(path).isSymlink) {
      return { type: "kept", path, reason: "it is a link, which is not followed" };
    }
    const real = Deno.realPathSync(path);
    const stat = Deno.lstatSync(real);
    if (!stat.isDirectory) return { type: "kept", path, reason: "it is not a folder" };
    return isForeign(stat, options) ? { type: "kept", path, reason: FOREIGN } : real;
  } catch (error) {
    const code = osCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    return { type: "failed", path, reason: messageOf(error) };
  }
}

const FOREIGN = "it belongs to another user";

function isForeign(stat: Deno.FileInfo, { uid }: Pick<RemovalOptions, "uid">): boolean {
  return uid !== null && stat.uid !== uid;
}

/** What the script has made in a folder; what may not be touched goes to `done`, anything else is ignored. */
function listEntries(
  base: string,
  options: Pick<RemovalOptions, "uid"> & { readonly done: Removal[] },
): Entry[] {
  const { done } = options;
  const entries: Entry[] = [];
  try {
    for (const { name } of Deno.readDirSync(base)) {
      const isVersion = VERSION_NAME.test(name);
      const isLock = name.startsWith(LOCK_PREFIX) &&
        VERSION_NAME.test(name.slice(LOCK_PREFIX.length));
      if (!isVersion && !isLock && !UNPACK_NAME.test(name)) continue;
      const path = join(base, name);
      const stat = Deno.lstatSync(path);
      const reason = stat.isSymlink ? "it is a link, which is not followed" : FOREIGN;
      if (stat.isSymlink || isForeign(stat, options)) done.push({ type: "kept", path, reason });
      else if (stat.isDirectory) {
        entries.push({ path, isVersion, mtimeMs: stat.mtime?.getTime() ?? 0 });
      }
    }
  } catch (error) {
    done.push({ type: "failed", path: base, reason: messageOf(error) });
  }
  return entries.sort((one, other) => one.path < other.path ? -1 : 1);
}

function remove(entry: Entry, options: RemovalOptions): Removal {
  const { path, isVersion } = entry;
  let lock: Deno.FsFile | null = null;
  try {
    if (isVersion) {
      lock = openReady(path);
      // Held until all is gone, so that a process that starts meanwhile cannot believe that it holds the version.
      if (lock && !lock.tryLockSync(true)) {
        const owner = lockOwner(lock) ?? "another process";
        return { type: "kept", path, reason: `${owner} is running from it` };
      }
    } else {
      const owner = unpackingProcess(entry, options);
      if (owner) return { type: "kept", path, reason: `${owner} is unpacking there` };
    }
    const bytes = sizeOf(path);
    removeTree(path);
    return { type: "removed", path, bytes };
  } catch (error) {
    return { type: "failed", path, reason: messageOf(error) };
  } finally {
    lock?.close();
  }
}

/** The file whose lock says that a version is in use; null when there is none, and so nobody who could hold it. */
function openReady(versionDir: string): Deno.FsFile | null {
  const path = join(versionDir, READY_FILE);
  try {
    return Deno.lstatSync(path).isFile ? Deno.openSync(path, { read: true, write: true }) : null;
  } catch (error) {
    if (osCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** The process that a leftover may still belong to, or null. Process ids are used again, so age counts as well. */
function unpackingProcess({ path, mtimeMs }: Entry, { nowMs }: RemovalOptions): string | null {
  if (nowMs - mtimeMs > LEFTOVER_MS) return null;
  const pid = UNPACK_NAME.exec(path.slice(path.lastIndexOf("/") + 1))?.[1] ??
    readIfPresent(join(path, "pid"))?.trim();
  if (pid === undefined) return null;
  const isGone = Deno.build.os === "linux" && !isPresent(`/proc/${pid}`);
  return isGone ? null : `process ${pid}`;
}

/** Out of the way in one step, so that no start finds half of it; then away. */
function removeTree(path: string): void {
  const doomed = join(dirname(path), `.unpack-${Deno.pid}-old${removeCount++}`);
  Deno.renameSync(path, doomed);
  Deno.removeSync(doomed, { recursive: true });
}

let removeCount = 0;

function removeEmpty(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    // Something else is in it, or it is a mount point: nothing of ours is left there that could be removed.
    return false;
  }
}

/** When somebody last started a version, or touched a leftover. */
function lastUseMs({ path, isVersion, mtimeMs }: Entry): number {
  if (!isVersion) return mtimeMs;
  try {
    return Deno.lstatSync(join(path, READY_FILE)).mtime?.getTime() ?? mtimeMs;
  } catch {
    // Without that file nobody starts from it, and the folder itself says how old it is.
    return mtimeMs;
  }
}

/** Bytes of all files below a folder; links count for nothing. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) bytes += sizeOf(path);
    else if (isFile) bytes += Deno.lstatSync(path).size;
  }
  return bytes;
}

/** The path that the system knows a folder by; the one it was started with may lead through links. */
function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    // Removed under this process: then it is the same as none of those that are there.
    return path;
  }
}

function isPresent(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    // Hidden counts as gone: `hidepid` hides the processes of others only, and a leftover is our own.
    return false;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Not written yet, or gone already: then nobody says that it is his.
    return undefined;
  }
}

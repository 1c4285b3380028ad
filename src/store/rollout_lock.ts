/** One writer per rollout: an advisory lock on the file itself, which dies with its owner; must not know what is written. */
import { CodexError } from "../lib/errors.ts";
import { osCode, toHomeError } from "./home_file.ts";

/** Takes the lock or throws `threadLocked`, which names the owner where the system tells it. */
export function lockRollout(file: Deno.FsFile, path: string): void {
  if (tryLock(file, path)) return;
  const owner = lockOwner(file) ?? "another process";
  throw new CodexError(
    "threadLocked",
    `This thread is in use by ${owner}: it can be read but not continued here until that one lets it go (${path})`,
  );
}

function tryLock(file: Deno.FsFile, path: string): boolean {
  try {
    return file.tryLockSync(true);
  } catch (error) {
    const code = osCode(error);
    if (code === "ENOLCK" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS") {
      // Without a lock two writers could interleave and lose what was acknowledged, so this refuses.
      const hint = "its file system has no locks; set CODEX_HOME to a folder on a local disk";
      throw new CodexError("io", `Cannot lock ${path}: ${hint}`, { cause: error });
    }
    throw toHomeError(error, `lock ${path}`);
  }
}

/** Who holds a lock on the file: "codex (process 123)" from the kernel's table of locks; null where there is none. */
export function lockOwner(file: Deno.FsFile): string | null {
  if (Deno.build.os !== "linux") return null;
  try {
    const { dev, ino } = file.statSync();
    const table = Deno.readTextFileSync("/proc/locks");
    const pid = ownerPid(table, { device: deviceName(dev), inode: String(ino) });
    if (pid === null) return null;
    const name = Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
    return `${name} (process ${pid})`;
  } catch {
    // The table may be hidden, or the owner may have ended meanwhile: the refusal stands without a name.
    return null;
  }
}

/**
 * The owner of the `FLOCK` entry of a file in the text of `/proc/locks`.
 * Some file systems show another device there than `stat` does, so the inode alone counts when it is unique.
 */
export function ownerPid(
  table: string,
  file: { readonly device: string; readonly inode: string },
): number | null {
  const sameInode = new Set<number>();
  for (const line of table.split("\n")) {
    const match = /^\d+: FLOCK +\S+ +\S+ (\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (!match || match[3] !== file.inode) continue;
    const pid = Number(match[1]);
    if (pid === 0) continue;
    if (match[2] === file.device) return pid;
    sameInode.add(pid);
  }
  const [only] = sameInode;
  return sameInode.size === 1 && only !== undefined ? only : null;
}

/** `major:minor` in hexadecimal, two digits at least, as in `/proc/locks`. */
function deviceName(dev: number): string {
  const value = BigInt(dev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn);
  return `${hexByte(major)}:${hexByte(minor)}`;
}

function hexByte(value: bigint): string {
  return value.toString(16).padStart(2, "0");
}

/**
 * The file system through names, for systems without the calls of `linux_disk.ts`; must not know any policy.
 *
 * What was opened is compared with what was looked at, so a swapped file is noticed. Between the look at a folder
 * and the making or removing of a name in it, another process can still swap that folder: `isRaceFree` is false.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { below, toBytes, toText } from "./byte_text.ts";
import type { Disk, Entry, Kind, OpenFile, Place, Stat } from "./disk.ts";
import { errnos, OsError } from "./os_error.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = fs.constants;
const ENTRIES_PER_PORTION = 100;
const FILE_MODE = 0o666;

/** The C library's words, for the codes that tests and clients meet. */
const TEXTS: Readonly<Record<string, string>> = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  EIO: "Input/output error",
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  EXDEV: "Cross-device link",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EINVAL: "Invalid argument",
  ENOSPC: "No space left on device",
  EROFS: "Read-only file system",
  ENAMETOOLONG: "File name too long",
  ENOTEMPTY: "Directory not empty",
  ELOOP: "Too many levels of symbolic links",
  EDQUOT: "Disk quota exceeded",
};

/** The disk of any machine. */
export class PortableDisk implements Disk {
  readonly isRaceFree = false;

  locate(path: string): Place {
    return system(() => new PortablePlace(toBytes(fs.realpathSync(toText(path)))));
  }

  stat(path: string, options: { readonly follow: boolean }): Stat {
    return statPath(path, options);
  }
}

class PortablePlace implements Place {
  readonly #path: string;
  readonly #identity: string;

  constructor(path: string) {
    this.#path = path;
    this.#identity = statPath(path, { follow: false }).identity;
  }

  [Symbol.dispose](): void {
    // There is no handle.
  }

  realPath(): string {
    return this.#path;
  }

  stat(): Stat {
    return this.#same(statPath(this.#path, { follow: false }));
  }

  open(access: "read" | "write"): OpenFile {
    const flags = (access === "read" ? O_RDONLY : O_WRONLY) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const file = new PortableFile(system(() => fs.openSync(toText(this.#path), flags)));
    try {
      this.#same(file.stat());
      return file;
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  child(name: string): Place {
    return new PortablePlace(this.#checked(name));
  }

  parent(): Place {
    return new PortablePlace(dirname(this.#path));
  }

  statChild(name: string, options: { readonly follow: boolean }): Stat {
    return statPath(this.#checked(name), options);
  }

  readLink(name: string): string {
    const path = this.#checked(name);
    return system(() => toBytes(fs.readlinkSync(toText(path))));
  }

  createFile(name: string): OpenFile {
    const path = this.#checked(name);
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    return new PortableFile(system(() => fs.openSync(toText(path), flags, FILE_MODE)));
  }

  makeFolder(name: string): void {
    const path = this.#checked(name);
    system(() => fs.mkdirSync(toText(path)));
  }

  makeLink(name: string, target: string): void {
    const path = this.#checked(name);
    system(() => fs.symlinkSync(toText(target), toText(path)));
  }

  removeFile(name: string): void {
    const path = this.#checked(name);
    system(() => fs.unlinkSync(toText(path)));
  }

  removeFolder(name: string): void {
    const path = this.#checked(name);
    system(() => fs.rmdirSync(toText(path)));
  }

  *entries(): Generator<readonly Entry[], void, void> {
    const all = system(() => fs.readdirSync(toText(this.#path), { withFileTypes: true }));
    for (let start = 0; start < all.length; start += ENTRIES_PER_PORTION) {
      yield all.slice(start, start + ENTRIES_PER_PORTION).map((entry) => ({
        name: toBytes(entry.name),
        kind: kindOf(entry),
      }));
    }
  }

  /** The path of a name, after a look whether this is still the folder that was found. */
  #checked(name: string): string {
    this.stat();
    return below(this.#path, name);
  }

  #same(stat: Stat): Stat {
    if (stat.identity === this.#identity) return stat;
    throw new OsError(errnos.ESTALE, "Stale file handle");
  }
}

class PortableFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }

  stat(): Stat {
    return system(() => statOf(fs.fstatSync(this.#fd, { bigint: true })));
  }

  read(buffer: Uint8Array<ArrayBuffer>, position: number): number {
    return system(() => {
      let count = 0;
      while (count < buffer.length) {
        const rest = buffer.length - count;
        const size = fs.readSync(this.#fd, buffer, count, rest, position + count);
        if (size === 0) break;
        count += size;
      }
      return count;
    });
  }

  write(bytes: Uint8Array<ArrayBuffer>, position: number): void {
    system(() => {
      for (let count = 0; count < bytes.length;) {
        count += fs.writeSync(this.#fd, bytes, count, bytes.length - count, position + count);
      }
    });
  }

  truncate(sizeBytes: number): void {
    system(() => fs.ftruncateSync(this.#fd, sizeBytes));
  }

  reserve(): void {
    // Writing tells.
  }

  setMode(mode: number): void {
    system(() => fs.fchmodSync(this.#fd, mode));
  }

  /** Holes cannot be told from content here. */
  nextExtent(position: number): { readonly start: number; readonly end: number } | null {
    const { sizeBytes } = this.stat();
    return position < sizeBytes ? { start: position, end: sizeBytes } : null;
  }

  copyTo(): null {
    return null;
  }
}

function statPath(path: string, { follow }: { readonly follow: boolean }): Stat {
  const text = toText(path);
  return system(() =>
    statOf(
      follow ? fs.statSync(text, { bigint: true }) : fs.lstatSync(text, { bigint: true }),
    )
  );
}

function statOf(stats: fs.BigIntStats): Stat {
  return {
    kind: kindOf(stats),
    sizeBytes: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    linkCount: Number(stats.nlink),
    identity: `${stats.dev}:${stats.ino}`,
    createdAtMs: Math.max(0, Number(stats.birthtimeMs)),
    modifiedAtMs: Number(stats.mtimeMs),
  };
}

function kindOf(
  entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean },
): Kind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "other";
}

/** Runs a call of the runtime; its failure becomes an `OsError`. */
function system<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toOsError(error);
  }
}

function toOsError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof OsError) return error;
  // Some calls of the runtime say it in the C library's words, others by code and number.
  const [, text, number] = /^(.*?) \(os error (\d+)\)/.exec(error.message) ?? [];
  if (text !== undefined) return new OsError(Number(number), text);
  if (!("code" in error) || !("errno" in error)) return error;
  const { code, errno } = error;
  if (typeof code !== "string" || typeof errno !== "number") return error;
  return new OsError(Math.abs(errno), TEXTS[code] ?? code);
}

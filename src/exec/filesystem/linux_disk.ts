/** The file system through descriptors, by system calls that follow no name twice; must not know any policy. */
import { eachEntry } from "../c_library.ts";
import { cString, latin1 } from "./byte_text.ts";
import type { Disk, Entry, Kind, OpenFile, Place, Stat } from "./disk.ts";
import type { Libc } from "./libc.ts";
import { errnos, isErrno } from "./os_error.ts";

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const RESOLVE_NO_MAGICLINKS = 2n;
const STATX_ALL = 0xfff;
const STATX_BTIME = 0x800;
const FALLOC_FL_KEEP_SIZE = 1;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const ENXIO = 6;

const IS_ARM = Deno.build.arch === "aarch64";
const O_WRONLY = 0o1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const O_DIRECTORY = IS_ARM ? 0o40000 : 0o200000;
const O_NOFOLLOW = IS_ARM ? 0o100000 : 0o400000;
/** Neither a FIFO without a peer nor a terminal may hold up or take over the thread. */
const O_CALM = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

const PATH_BYTES_MAX = 4096;
/** About a hundred entries: what is done with them is one step. */
const ENTRIES_BYTES = 4 * 1024;
const NO_PATH = cString("");
const FILE_MODE = 0o666;
const FOLDER_MODE = 0o777;

/** The disk of this machine. */
export class LinuxDisk implements Disk {
  readonly isRaceFree = true;
  readonly #libc: Libc;
  /** `struct open_how` of openat2, or null where the kernel does not have that call. */
  readonly #how: Uint8Array<ArrayBuffer> | null;

  /** Links of `/proc` that lead past all names, such as `/proc/self/root`, are refused on demand. */
  constructor(libc: Libc, options: { readonly refuseMagicLinks: boolean }) {
    this.#libc = libc;
    const resolve = options.refuseMagicLinks ? RESOLVE_NO_MAGICLINKS : 0n;
    const how = new Uint8Array(
      new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, resolve]).buffer,
    );
    this.#how = hasOpenat2(libc, how) ? how : null;
  }

  /** Whether the kernel itself refuses the magic links; else only the real path of what was opened tells. */
  get refusesMagicLinks(): boolean {
    return this.#how !== null;
  }

  locate(path: string): Place {
    const libc = this.#libc;
    const name = cString(path);
    const fd = this.#how
      ? libc.checkSize(openat2(libc, name, this.#how))
      : libc.check(libc.calls.openat(AT_FDCWD, name, O_PATH | O_CLOEXEC, 0));
    return new LinuxPlace(libc, fd);
  }

  stat(path: string, options: { readonly follow: boolean }): Stat {
    return statAt(this.#libc, AT_FDCWD, {
      name: cString(path),
      flags: options.follow ? 0 : AT_SYMLINK_NOFOLLOW,
    });
  }
}

function openat2(libc: Libc, path: Uint8Array<ArrayBuffer>, how: Uint8Array<ArrayBuffer>): bigint {
  return libc.calls.openat2(libc.numbers.openat2, AT_FDCWD, path, how, BigInt(how.length));
}

/** Old kernels lack it, and old container runtimes forbid it. */
function hasOpenat2(libc: Libc, how: Uint8Array<ArrayBuffer>): boolean {
  const fd = openat2(libc, cString("/"), how);
  if (fd < 0n) return false;
  libc.calls.close(Number(fd));
  return true;
}

class Descriptor {
  protected readonly libc: Libc;
  readonly fd: number;

  constructor(libc: Libc, fd: number) {
    this.libc = libc;
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    this.libc.calls.close(this.fd);
  }

  stat(): Stat {
    return statAt(this.libc, this.fd, { name: NO_PATH, flags: AT_EMPTY_PATH });
  }

  protected reopen(flags: number): number {
    const { libc } = this;
    return libc.check(libc.calls.openat(AT_FDCWD, this.link(), flags | O_CALM, 0));
  }

  protected link(): Uint8Array<ArrayBuffer> {
    return cString(`/proc/self/fd/${this.fd}`);
  }
}

class LinuxPlace extends Descriptor implements Place {
  realPath(): string {
    return readLinkAt(this.libc, AT_FDCWD, this.link());
  }

  open(access: "read" | "write"): OpenFile {
    return new LinuxFile(this.libc, this.reopen(access === "read" ? 0 : O_WRONLY));
  }

  child(name: string): Place {
    return new LinuxPlace(this.libc, this.#open(name, O_PATH | O_NOFOLLOW));
  }

  parent(): Place {
    return new LinuxPlace(this.libc, this.#open("..", O_PATH | O_DIRECTORY));
  }

  statChild(name: string, options: { readonly follow: boolean }): Stat {
    return statAt(this.libc, this.fd, {
      name: cString(name),
      flags: options.follow ? 0 : AT_SYMLINK_NOFOLLOW,
    });
  }

  readLink(name: string): string {
    return readLinkAt(this.libc, this.fd, cString(name));
  }

  createFile(name: string): OpenFile {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    return new LinuxFile(this.libc, this.#open(name, flags));
  }

  makeFolder(name: string): void {
    this.libc.check(this.libc.calls.mkdirat(this.fd, cString(name), FOLDER_MODE));
  }

  makeLink(name: string, target: string): void {
    this.libc.check(this.libc.calls.symlinkat(cString(target), this.fd, cString(name)));
  }

  removeFile(name: string): void {
    this.libc.check(this.libc.calls.unlinkat(this.fd, cString(name), 0));
  }

  removeFolder(name: string): void {
    this.libc.check(this.libc.calls.unlinkat(this.fd, cString(name), AT_REMOVEDIR));
  }

  *entries(): Generator<readonly Entry[], void, void> {
    const { libc } = this;
    const fd = this.#open(".", O_DIRECTORY);
    try {
      const buffer = new Uint8Array(ENTRIES_BYTES);
      while (true) {
        const size = libc.checkSize(
          libc.calls.getdents64(libc.numbers.getdents64, fd, buffer, BigInt(buffer.length)),
        );
        if (size === 0) return;
        yield parseEntries(buffer, size);
      }
    } finally {
      libc.calls.close(fd);
    }
  }

  #open(name: string, flags: number): number {
    const { libc } = this;
    return libc.check(libc.calls.openat(this.fd, cString(name), flags | O_CLOEXEC, FILE_MODE));
  }
}

class LinuxFile extends Descriptor implements OpenFile {
  read(buffer: Uint8Array<ArrayBuffer>, position: number): number {
    const { libc, fd } = this;
    let count = 0;
    while (count < buffer.length) {
      const rest = buffer.subarray(count);
      const size = libc.calls.pread(fd, rest, BigInt(rest.length), BigInt(position + count));
      if (size === 0n) break;
      count += libc.checkSize(size);
    }
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>, position: number): void {
    const { libc, fd } = this;
    for (let count = 0; count < bytes.length;) {
      const rest = bytes.subarray(count);
      const size = libc.calls.pwrite(fd, rest, BigInt(rest.length), BigInt(position + count));
      count += libc.checkSize(size);
    }
  }

  truncate(sizeBytes: number): void {
    this.libc.check(this.libc.calls.ftruncate(this.fd, BigInt(sizeBytes)));
  }

  reserve(sizeBytes: number): void {
    const { libc } = this;
    const result = libc.calls.fallocate(this.fd, FALLOC_FL_KEEP_SIZE, 0n, BigInt(sizeBytes));
    if (result === 0) return;
    const error = libc.failure();
    if (!isErrno(error, errnos.EOPNOTSUPP, errnos.ENOSYS, errnos.EINVAL)) throw error;
  }

  setMode(mode: number): void {
    this.libc.check(this.libc.calls.fchmod(this.fd, mode));
  }

  nextExtent(position: number): { readonly start: number; readonly end: number } | null {
    const { libc, fd } = this;
    const start = libc.calls.lseek(fd, BigInt(position), SEEK_DATA);
    if (start < 0n) {
      if (libc.errno() === ENXIO) return null;
      throw libc.failure();
    }
    return {
      start: Number(start),
      end: libc.checkSize(libc.calls.lseek(fd, start, SEEK_HOLE)),
    };
  }

  copyTo(target: OpenFile, position: number, sizeBytes: number): number | null {
    if (!(target instanceof LinuxFile)) return null;
    const { libc, fd } = this;
    const from = new Uint8Array(new BigInt64Array([BigInt(position)]).buffer);
    const to = from.slice();
    const size = libc.calls.copyFileRange(
      libc.numbers.copyFileRange,
      fd,
      from,
      target.fd,
      to,
      BigInt(sizeBytes),
      0,
    );
    if (size >= 0n) return Number(size);
    const error = libc.failure();
    // Another file system, one that cannot, or a kernel without the call.
    if (isErrno(error, errnos.EXDEV, errnos.EINVAL, errnos.ENOSYS, errnos.EOPNOTSUPP)) return null;
    throw error;
  }
}

function readLinkAt(libc: Libc, fd: number, name: Uint8Array<ArrayBuffer>): string {
  const buffer = new Uint8Array(PATH_BYTES_MAX);
  const size = libc.calls.readlinkat(fd, name, buffer, BigInt(buffer.length));
  return latin1(buffer.subarray(0, libc.checkSize(size)));
}

/** `struct statx` is the same on all architectures, unlike `struct stat`. */
function statAt(
  libc: Libc,
  fd: number,
  at: { readonly name: Uint8Array<ArrayBuffer>; readonly flags: number },
): Stat {
  const buffer = new Uint8Array(256);
  libc.check(libc.calls.statx(fd, at.name, at.flags, STATX_ALL, buffer));
  const view = new DataView(buffer.buffer);
  const mode = view.getUint16(28, true);
  const hasBirth = (view.getUint32(0, true) & STATX_BTIME) !== 0;
  return {
    kind: kindOfMode(mode),
    sizeBytes: Number(view.getBigUint64(40, true)),
    mode: mode & 0o7777,
    linkCount: view.getUint32(16, true),
    identity: `${view.getUint32(136, true)}:${view.getUint32(140, true)}:${
      view.getBigUint64(32, true)
    }`,
    createdAtMs: hasBirth ? milliseconds(view, 80) : 0,
    modifiedAtMs: milliseconds(view, 112),
  };
}

function milliseconds(view: DataView, offset: number): number {
  const seconds = Number(view.getBigInt64(offset, true));
  return seconds * 1000 + Math.floor(view.getUint32(offset + 8, true) / 1e6);
}

function kindOfMode(mode: number): Kind {
  switch (mode & 0o170000) {
    case 0o100000:
      return "file";
    case 0o040000:
      return "folder";
    case 0o120000:
      return "link";
    default:
      return "other";
  }
}

function parseEntries(bytes: Uint8Array, size: number): Entry[] {
  const entries: Entry[] = [];
  const found = (start: number, end: number, type: number) => {
    const name = latin1(bytes.subarray(start, end));
    if (name !== "." && name !== "..") entries.push({ name, kind: kindOfType(type) });
  };
  eachEntry(bytes, { size, found });
  return entries;
}

function kindOfType(type: number): Kind | null {
  if (type === 0) return null;
  return type === 8 ? "file" : type === 4 ? "folder" : type === 10 ? "link" : "other";
}

/** Failures of system calls in the words of upstream; must not know which call failed. */
import { CodexError } from "../../lib/errors.ts";

/** The error numbers that decisions depend on. Those above 34 differ between Linux and others. */
export const errnos = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: Deno.build.os === "linux" ? 38 : 78,
  ENOTEMPTY: Deno.build.os === "linux" ? 39 : 66,
  ELOOP: Deno.build.os === "linux" ? 40 : 62,
  EOPNOTSUPP: Deno.build.os === "linux" ? 95 : 102,
  ESTALE: Deno.build.os === "linux" ? 116 : 70,
  EDQUOT: Deno.build.os === "linux" ? 122 : 69,
};

/** What upstream, which brings a C library of its own to Linux, calls differently from the one found here. */
const UPSTREAM_TEXTS: Readonly<Record<number, string>> = Deno.build.os === "linux"
  ? {
    5: "I/O error",
    16: "Resource busy",
    24: "No file descriptors available",
    25: "Not a tty",
    29: "Invalid seek",
    36: "Filename too long",
    40: "Symbolic link loop",
    75: "Value too large for data type",
    95: "Not supported",
    122: "Quota exceeded",
  }
  : {};

/** A system call failed. `message` is what clients of Codex match on: `Is a directory (os error 21)`. */
export class OsError extends CodexError {
  readonly errno: number;
  constructor(errno: number, text: string) {
    const isFull = errno === errnos.ENOSPC || errno === errnos.EDQUOT;
    super(isFull ? "diskFull" : "io", `${UPSTREAM_TEXTS[errno] ?? text} (os error ${errno})`);
    this.errno = errno;
  }
}

/** Whether `error` is the failure of a system call with one of these numbers. */
export function isErrno(error: unknown, ...numbers: readonly number[]): error is OsError {
  return error instanceof OsError && numbers.includes(error.errno);
}

/** What the operation is refused for by us rather than by the system. */
export function denied(message: string): CodexError {
  return new CodexError("sandboxDenied", message);
}

/** The operation makes no sense for this path. */
export function unsuitable(message: string): CodexError {
  return new CodexError("invalidRequest", message);
}

/** The system calls that file operations and watches need, through FFI on Linux; must not know any policy. */
import { ERRNO_CALL, errnoReader, GETDENTS64, LIST_CALL, openCLibrary } from "../c_library.ts";
import { OsError } from "./os_error.ts";

const SYMBOLS = {
  ...ERRNO_CALL,
  ...LIST_CALL,
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  /** Waits on a thread of the runtime's pool, which has 32: for one reader per process. */
  readParked: {
    name: "read",
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  strerror: { parameters: ["i32"], result: "pointer" },
  // Not in every libc, so by number.
  openat2: {
    name: "syscall",
    parameters: ["isize", "i32", "buffer", "buffer", "usize"],
    result: "isize",
  },
  copyFileRange: {
    name: "syscall",
    parameters: ["isize", "i32", "buffer", "i32", "buffer", "usize", "u32"],
    result: "isize",
  },
  prctl: {
    name: "syscall",
    parameters: ["isize", "i32", "usize", "usize", "usize", "usize"],
    result: "isize",
  },
  landlockCreateRuleset: {
    name: "syscall",
    parameters: ["isize", "buffer", "usize", "u32"],
    result: "isize",
  },
  landlockAddRule: {
    name: "syscall",
    parameters: ["isize", "i32", "i32", "buffer", "u32"],
    result: "isize",
  },
  landlockRestrictSelf: {
    name: "syscall",
    parameters: ["isize", "i32", "u32"],
    result: "isize",
  },
} as const;

/** The calls as functions; they set `errno` when they fail. */
export type LibcCalls = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Numbers of the calls that have no function of their own, per architecture. */
export interface SyscallNumbers {
  readonly openat2: bigint;
  readonly getdents64: bigint;
  readonly copyFileRange: bigint;
  readonly prctl: bigint;
  readonly landlockCreateRuleset: bigint;
  readonly landlockAddRule: bigint;
  readonly landlockRestrictSelf: bigint;
}

/** Calls from 424 on have the same number everywhere. */
const COMMON = {
  getdents64: GETDENTS64,
  openat2: 437n,
  landlockCreateRuleset: 444n,
  landlockAddRule: 445n,
  landlockRestrictSelf: 446n,
};
const NUMBERS: Readonly<Record<typeof Deno.build.arch, SyscallNumbers>> = {
  x86_64: { ...COMMON, copyFileRange: 326n, prctl: 157n },
  aarch64: { ...COMMON, copyFileRange: 285n, prctl: 167n },
};

/** The C library as one thread sees it: `errno` belongs to the thread that opened it. */
export class Libc implements Disposable {
  readonly calls: LibcCalls;
  readonly numbers: SyscallNumbers;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  /** The number of the last failure; to be read right after the call. */
  readonly errno: () => number;

  constructor() {
    this.#library = openCLibrary(SYMBOLS);
    this.calls = this.#library.symbols;
    this.numbers = NUMBERS[Deno.build.arch];
    this.errno = errnoReader(this.calls);
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }

  /** The last failure as an error. */
  failure(): OsError {
    return this.error(this.errno());
  }

  /** A failure of that number. */
  error(errno: number): OsError {
    const text = this.calls.strerror(errno);
    return new OsError(
      errno,
      text === null ? "Unknown error" : new Deno.UnsafePointerView(text).getCString(),
    );
  }

  /** Passes the result of a call on unless it says that the call failed. */
  check(result: number): number {
    if (result < 0) throw this.failure();
    return result;
  }

  /** The same for calls that answer a size. */
  checkSize(result: bigint): number {
    if (result < 0n) throw this.failure();
    return Number(result);
  }
}

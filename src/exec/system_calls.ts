/** Asks the C library what the runtime has no call for; must not know what the answers are used for. */
import { cString, openCLibrary, READ_CALLS, readText } from "./c_library.ts";

/** Longest file that `readText` reads, in bytes: those of the kernel are far shorter. */
const READ_BYTES_MAX = 64 * 1024;
/** `access(2)`. */
const F_OK = 0;
const W_OK = 2;
/** The same number on every architecture, as all calls that are newer than 2019. */
const SYS_LANDLOCK_CREATE_RULESET = 444n;
const LANDLOCK_CREATE_RULESET_VERSION = 1;

const CALLS = {
  ...READ_CALLS,
  access: { parameters: ["buffer", "i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "pointer", "usize", "u32"], result: "i64" },
} as const;
const RLIMIT_NOFILE: Readonly<Record<string, number>> = { linux: 7, darwin: 8 };
/** `RLIM_INFINITY` is all bits on Linux, and all but the highest on macOS. */
const UNLIMITED = 2n ** 63n - 1n;

/** How many files a process may have open; `Infinity` where there is no limit. */
export interface OpenFileLimits {
  readonly soft: number;
  readonly hard: number;
}

/**
 * A few calls of the C library. Close it with `using`.
 *
 * They also work where this process has given up a Deno permission: `Deno.readTextFile` and its like refuse
 * everything below `/proc`, `/sys` and `/dev` unless the process holds all of them.
 */
export interface SystemCalls extends Disposable {
  /** Whether this user may create files in a folder, or write to a file; false on a read-only file system. */
  isWritable(path: string): boolean;
  exists(path: string): boolean;
  /** The first 64 KiB of a file as text; null when it cannot be read. */
  readText(path: string): string | null;
  /** The version of Landlock's interface; 0 where the kernel has none or does not offer it. */
  landlockAbi(): number;
  openFileLimits(): OpenFileLimits | null;
}

/** Opens the C library; null where there is none that this program knows. */
export function openSystemCalls(os: string = Deno.build.os): SystemCalls | null {
  try {
    return new CLibrary(openCLibrary(CALLS, os), os);
  } catch (error) {
    // A machine with another C library: whoever asked does without the answers.
    if (error instanceof Error && !(error instanceof Deno.errors.NotCapable)) return null;
    throw error;
  }
}

class CLibrary implements SystemCalls {
  readonly #os: string;
  readonly #library: Deno.DynamicLibrary<typeof CALLS>;

  constructor(library: Deno.DynamicLibrary<typeof CALLS>, os: string) {
    this.#library = library;
    this.#os = os;
  }

  isWritable(path: string): boolean {
    return this.#library.symbols.access(cString(path), W_OK) === 0;
  }

  exists(path: string): boolean {
    return this.#library.symbols.access(cString(path), F_OK) === 0;
  }

  readText(path: string): string | null {
    return readText(this.#library.symbols, path, { bytesMax: READ_BYTES_MAX });
  }

  landlockAbi(): number {
    if (this.#os !== "linux") return 0;
    const version = this.#library.symbols.syscall(
      SYS_LANDLOCK_CREATE_RULESET,
      null,
      0n,
      LANDLOCK_CREATE_RULESET_VERSION,
    );
    return Math.max(0, Number(version));
  }

  openFileLimits(): OpenFileLimits | null {
    const limits = new BigUint64Array(2);
    const resource = RLIMIT_NOFILE[this.#os];
    if (resource === undefined) return null;
    const isTold = this.#library.symbols.getrlimit(resource, new Uint8Array(limits.buffer)) === 0;
    const [soft = 0n, hard = 0n] = limits;
    return isTold ? { soft: limitOf(soft), hard: limitOf(hard) } : null;
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

function limitOf(value: bigint): number {
  return value >= UNLIMITED ? Infinity : Number(value);
}

/** The calls of the C library that a terminal needs, on Linux and macOS; must not know what runs in it. macOS is untested. */

import { ERRNO_CALL, errnoReader, openCLibrary } from "../c_library.ts";

/** What differs between the systems. */
export interface Platform {
  /** `O_RDWR | O_NOCTTY | O_CLOEXEC`. */
  readonly openFlags: number;
  readonly nonBlocking: number;
  readonly tryAgain: number;
  /** `F_DUPFD_CLOEXEC`. */
  readonly duplicate: number;
  readonly setWindowSize: bigint;
  /** Session of its own, default dispositions and an empty mask of signals. */
  readonly spawnFlags: number;
}

const PLATFORMS: Readonly<Record<string, Platform>> = {
  linux: {
    openFlags: 0o2 | 0o400 | 0o2000000,
    nonBlocking: 0o4000,
    tryAgain: 11,
    duplicate: 1030,
    setWindowSize: 0x5414n,
    spawnFlags: 0x80 | 0x04 | 0x08,
  },
  darwin: {
    openFlags: 0x2 | 0x20000 | 0x1000000,
    nonBlocking: 0x4,
    tryAgain: 35,
    duplicate: 67,
    setWindowSize: 0x80087467n,
    // Besides, what is not named is closed (`POSIX_SPAWN_CLOEXEC_DEFAULT`).
    spawnFlags: 0x400 | 0x04 | 0x08 | 0x4000,
  },
};

/**
 * Variable arguments are passed in registers on most systems, but on the stack on Apple's own processors. Given as
 * the third and as the ninth argument, the same value is in both places.
 */
const VARIADIC = ["usize", "usize", "usize", "usize", "usize"] as const;

const CALLS = {
  ...ERRNO_CALL,
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  ioctl: { parameters: ["i32", "u64", "buffer", ...VARIADIC, "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "usize", ...VARIADIC, "usize"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname: { parameters: ["i32"], result: "pointer" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

/** The functions; none of those used here blocks. */
export type Libc = Deno.DynamicLibrary<typeof CALLS>["symbols"];

/** The C library with what this system calls things. */
export interface TerminalSystem extends Platform {
  readonly libc: Libc;
  /** Why the last call failed; only valid right after it. */
  errno(): number;
}

let opened: TerminalSystem | null = null;

/** Opened with the first terminal and kept. Throws where there are no terminals that this program knows. */
export function terminalSystem(): TerminalSystem {
  if (opened) return opened;
  const platform = PLATFORMS[Deno.build.os];
  if (!platform) throw new Deno.errors.NotSupported(`No terminals on ${Deno.build.os}`);
  const libc = openCLibrary(CALLS).symbols;
  return opened = { ...platform, libc, errno: errnoReader(libc) };
}

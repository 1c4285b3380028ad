/** The calls that processes and their sandbox need; must not know what for. Linux only. */
import {
  ERRNO_CALL,
  errnoReader,
  LIST_CALL,
  listNames,
  openCLibrary,
  READ_CALLS,
  readText,
} from "./c_library.ts";

const CALLS = {
  ...ERRNO_CALL,
  ...READ_CALLS,
  ...LIST_CALL,
  syscall: {
    parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"],
    result: "i64",
  },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const;

/** Functions of the C library. None of them may block: they run on the thread that calls them. */
export type Libc = Deno.DynamicLibrary<typeof CALLS>["symbols"];

let opened: Libc | null = null;
let reader: (() => number) | null = null;

/** The C library, opened with the first call and kept. */
export function libc(): Libc {
  return opened ??= openCLibrary(CALLS).symbols;
}

/** Why the last call failed; only valid right after it. */
export function errno(): number {
  return (reader ??= errnoReader(libc()))();
}

/** The text of a file of the kernel, also after permissions were given up; throws when it cannot be read. */
export function readKernelFile(path: string): string {
  const text = readText(libc(), path);
  if (text === null) throw new Error(`Cannot read ${path}: error ${errno()}`);
  return text;
}

/** The names in a folder of the kernel; null when it cannot be opened. */
export function listKernelFolder(path: string): readonly string[] | null {
  return listNames(libc(), path);
}

/** The one place that opens the C library; must not know what its calls are used for. Linux only. */

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  syscall: {
    parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"],
    result: "i64",
  },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const;

/** Functions of the C library. None of them may block: they run on the thread that calls them. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | null = null;

/** The C library, opened with the first call and kept: loading it needs the permission `ffi` only once. */
export function libc(): Libc {
  return opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** Why the last call failed; only valid right after it. */
export function errno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}

/**
 * The text of a file of the kernel; throws when it cannot be opened. The runtime's own calls refuse all below
 * `/proc` and `/sys` to a process that has given up any permission.
 */
export function readKernelFile(path: string): string {
  const descriptor = libc().open(cString(path), CLOSE_ON_EXEC, 0);
  if (descriptor < 0) throw new Error(`Cannot read ${path}: error ${errno()}`);
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(READ_BYTES);
  let offset = 0;
  // Such files come in pieces of the kernel's own choice.
  for (;;) {
    const count = Number(libc().pread(descriptor, buffer, BigInt(buffer.length), BigInt(offset)));
    if (count <= 0) break;
    offset += count;
    chunks.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
  }
  libc().close(descriptor);
  return chunks.join("") + decoder.decode();
}

/** The names in a folder of the kernel; null when it cannot be opened. */
export function listKernelFolder(path: string): readonly string[] | null {
  const descriptor = libc().open(cString(path), CLOSE_ON_EXEC, 0);
  if (descriptor < 0) return null;
  const bytes = new Uint8Array(READ_BYTES);
  const view = new DataView(bytes.buffer);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  const names: string[] = [];
  for (;;) {
    const size = BigInt(READ_BYTES);
    const got = Number(
      libc().syscall(GETDENTS64, BigInt(descriptor), address, size, 0n, 0n, 0n),
    );
    if (got <= 0) break;
    for (let at = 0; at < got; at += view.getUint16(at + RECORD_LENGTH_AT, true)) {
      const start = at + NAME_AT;
      names.push(DECODER.decode(bytes.subarray(start, bytes.indexOf(0, start))));
    }
  }
  libc().close(descriptor);
  return names;
}

/** The number of the call, and members of `struct linux_dirent64`. */
const GETDENTS64 = Deno.build.arch === "aarch64" ? 61n : 217n;
const RECORD_LENGTH_AT = 16;
const NAME_AT = 19;
const DECODER = new TextDecoder();

/** `O_RDONLY|O_CLOEXEC`, the same on every architecture. */
const CLOSE_ON_EXEC = 0x80000;
const READ_BYTES = 64 * 1024;

/** A path or a word as the C library reads it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(`${text}\0`);
}

const ENCODER = new TextEncoder();

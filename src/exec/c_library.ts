/**
 * The one way to the C library: opens it, and has what every set of its calls needs; must not know what the calls are
 * for. Opening needs the permission `ffi`; what was opened works on without it.
 */

/** What differs between the systems whose library is known. macOS is untested. */
const SYSTEMS: Readonly<Record<string, { readonly library: string; readonly errno: string }>> = {
  linux: { library: "libc.so.6", errno: "__errno_location" },
  darwin: { library: "libSystem.B.dylib", errno: "__error" },
};

/** For the sets whose callers ask why a call failed. */
export const ERRNO_CALL = {
  errnoLocation: {
    name: SYSTEMS[Deno.build.os]?.errno ?? "__errno_location",
    parameters: [],
    result: "pointer",
  },
} as const;

/** For the sets that read files of the kernel. */
export const READ_CALLS = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** For the sets that list folders. Not every library has it, so by number: `GETDENTS64` comes first. */
export const LIST_CALL = {
  getdents64: {
    name: "syscall",
    parameters: ["isize", "i32", "buffer", "usize"],
    result: "isize",
  },
} as const;
/** The number of that call. */
export const GETDENTS64 = Deno.build.arch === "aarch64" ? 61n : 217n;

type Calls<S extends Deno.ForeignLibraryInterface> = Deno.StaticForeignLibraryInterface<S>;

/** `O_RDONLY|O_CLOEXEC` on Linux. */
const READ_FLAGS = Deno.build.os === "linux" ? 0x80000 : 0x1000000;
const READ_BYTES = 64 * 1024;
/** Of `struct linux_dirent64`. */
const RECORD_LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Opens the library of this system with a set of calls. Throws where there is none that this program knows. */
export function openCLibrary<const S extends Deno.ForeignLibraryInterface>(
  calls: S,
  os: string = Deno.build.os,
): Deno.DynamicLibrary<S> {
  const system = SYSTEMS[os];
  if (!system) throw new Deno.errors.NotSupported(`No C library is known for ${os}`);
  return Deno.dlopen(system.library, calls);
}

/** Tells why the last call of this thread failed; to be asked right after it. */
export function errnoReader(calls: Calls<typeof ERRNO_CALL>): () => number {
  // It stays where it is for as long as the thread lives.
  const location = calls.errnoLocation();
  if (location === null) return () => 0;
  const view = new Deno.UnsafePointerView(location);
  return () => view.getInt32();
}

/** A text as C reads it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(`${text}\0`);
}

/**
 * The text of a file, at most so many bytes of it; null when it cannot be read. The runtime's own calls refuse all
 * below `/proc`, `/sys` and `/dev` to a process that has given up any permission.
 */
export function readText(
  calls: Calls<typeof READ_CALLS>,
  path: string,
  { bytesMax = Infinity }: { readonly bytesMax?: number } = {},
): string | null {
  const file = calls.open(cString(path), READ_FLAGS, 0);
  if (file < 0) return null;
  let bytes = scratch ??= new Uint8Array(READ_BYTES);
  let size = 0;
  let count = 0;
  // Files of the kernel come in pieces of its own choice.
  do {
    if (size === bytes.length) bytes = twiceAsLong(bytes);
    const room = Math.min(bytes.length, bytesMax) - size;
    count = Number(calls.pread(file, bytes.subarray(size), BigInt(room), BigInt(size)));
    size += Math.max(0, count);
  } while (count > 0 && size < bytesMax);
  calls.close(file);
  // At once: a decoder that is fed piece by piece takes longer to make than such a file to read.
  return count < 0 ? null : DECODER.decode(bytes.subarray(0, size));
}

/** Reading is synchronous, so all of it can use the same memory. */
let scratch: Uint8Array<ArrayBuffer> | null = null;

function twiceAsLong(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(bytes.length * 2);
  longer.set(bytes);
  return longer;
}

/** The names in a folder, `.` and `..` among them; null when it cannot be opened. */
export function listNames(
  calls: Calls<typeof READ_CALLS & typeof LIST_CALL>,
  path: string,
): string[] | null {
  const folder = calls.open(cString(path), READ_FLAGS, 0);
  if (folder < 0) return null;
  const decoder = new TextDecoder();
  const names: string[] = [];
  const bytes = new Uint8Array(READ_BYTES);
  const found = (start: number, end: number) =>
    names.push(decoder.decode(bytes.subarray(start, end)));
  for (;;) {
    const size = calls.getdents64(GETDENTS64, folder, bytes, BigInt(bytes.length));
    if (size <= 0n) break;
    eachEntry(bytes, { size: Number(size), found });
  }
  calls.close(folder);
  return names;
}

/**
 * Calls back for each entry, `.` and `..` too, of what `getdents64` has filled in: with where its name begins and ends
 * among the bytes, and its type as in `d_type`, 0 where that is not known.
 */
export function eachEntry(
  bytes: Uint8Array,
  { size, found }: {
    readonly size: number;
    readonly found: (start: number, end: number, type: number) => void;
  },
): void {
  for (let at = 0; at < size;) {
    const start = at + NAME_AT;
    let end = start;
    while (bytes[end] !== 0) end++;
    found(start, end, bytes[at + TYPE_AT] ?? 0);
    at += (bytes[at + RECORD_LENGTH_AT] ?? 0) | ((bytes[at + RECORD_LENGTH_AT + 1] ?? 0) << 8);
  }
}

/** Ways to a terminal that never block; must not know what is written or typed. */
import { cString, ERRNO_CALL, errnoReader, openCLibrary } from "../../exec/c_library.ts";

/** What takes bytes; none at the moment is 0. Throws when it will never take any again. */
export interface ByteSink {
  writeSync(bytes: Uint8Array<ArrayBuffer>): number;
}

/** A few calls of their own: those of the terminals of commands take ten milliseconds more to prepare. */
const CALLS = {
  ...ERRNO_CALL,
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const [READ_ONLY, WRITE_ONLY] = [0, 1];
/** `flags` are `O_NONBLOCK | O_NOCTTY | O_CLOEXEC`. macOS is untested. */
const SYSTEMS: Readonly<Record<string, { readonly flags: number; readonly tryAgain: number }>> = {
  linux: { flags: 0o4000 | 0o400 | 0o2000000, tryAgain: 11 },
  darwin: { flags: 0x4 | 0x20000 | 0x1000000, tryAgain: 35 },
};

type CLibrary = ReturnType<typeof openCLibrary<typeof CALLS>>["symbols"];
let opened: CLibrary | null = null;

/**
 * Opens a terminal for writing. Null where there is none: without a terminal, or without the permission.
 *
 * Through the C library: the runtime's own call writes again and again until it fails, and does not tell how much of
 * it was taken.
 */
export function openSink(path: string): ByteSink | null {
  const device = open(path, WRITE_ONLY);
  if (!device) return null;
  const { libc, file, tryAgain } = device;
  const errno = errnoReader(libc);
  return {
    writeSync(bytes) {
      const count = Number(libc.write(file, bytes, BigInt(bytes.length)));
      if (count >= 0) return count;
      const error = errno();
      if (error === tryAgain) return 0;
      throw new Error(`The terminal takes nothing any more (os error ${error})`);
    },
  };
}

/**
 * What waits in a terminal, at most so many bytes; empty where nothing waits or it cannot be read.
 *
 * Through the C library: the module for files of the runtime takes longer to load than a first frame may.
 */
export function readWaiting(path: string, maxBytes: number): Uint8Array {
  const buffer = new Uint8Array(maxBytes);
  const device = open(path, READ_ONLY);
  if (!device) return buffer.subarray(0, 0);
  const { libc, file } = device;
  const count = Number(libc.read(file, buffer, BigInt(maxBytes)));
  libc.close(file);
  return buffer.subarray(0, Math.max(0, count));
}

/** The way that was inherited is shared with those who gave it, so that its mode must not be changed. */
function open(path: string, mode: number) {
  const system = SYSTEMS[Deno.build.os];
  if (!system) return null;
  try {
    const libc = opened ??= openCLibrary(CALLS).symbols;
    const file = libc.open(cString(path), system.flags | mode, 0);
    return file < 0 ? null : { libc, file, tryAgain: system.tryAgain };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}

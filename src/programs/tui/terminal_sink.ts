/** A way to a terminal that never blocks; must not know what is written. */
import { cString, ERRNO_CALL, errnoReader, openCLibrary } from "../../exec/c_library.ts";

/** What takes bytes; none at the moment is 0. Throws when it will never take any again. */
export interface ByteSink {
  writeSync(bytes: Uint8Array<ArrayBuffer>): number;
}

/** Three calls of their own: those of the terminals of commands take ten milliseconds more to prepare. */
const CALLS = {
  ...ERRNO_CALL,
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

/** `flags` are `O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC`. macOS is untested. */
const SYSTEMS: Readonly<Record<string, { readonly flags: number; readonly tryAgain: number }>> = {
  linux: { flags: 0o1 | 0o4000 | 0o400 | 0o2000000, tryAgain: 11 },
  darwin: { flags: 0x1 | 0x4 | 0x20000 | 0x1000000, tryAgain: 35 },
};

/**
 * Opens a terminal for writing. The way that was inherited is shared with those who gave it, so that its mode must not
 * be changed. Null where there is none: without a terminal, or without the permission.
 *
 * Through the C library: the runtime's own call writes again and again until it fails, and does not tell how much of
 * it was taken.
 */
export function openSink(path: string): ByteSink | null {
  const system = SYSTEMS[Deno.build.os];
  if (!system) return null;
  try {
    const libc = openCLibrary(CALLS).symbols;
    const errno = errnoReader(libc);
    const file = libc.open(cString(path), system.flags, 0);
    return file < 0 ? null : {
      writeSync(bytes) {
        const count = Number(libc.write(file, bytes, BigInt(bytes.length)));
        if (count >= 0) return count;
        const error = errno();
        if (error === system.tryAgain) return 0;
        throw new Error(`The terminal takes nothing any more (os error ${error})`);
      },
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}

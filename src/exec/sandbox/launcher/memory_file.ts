/** Files without a name that live in memory; must not know what is in them. */
import { cString } from "../../c_library.ts";
import { errno, libc } from "../../ffi_libc.ts";
import { errorText } from "./errno.ts";

const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const MFD_EXEC = 0x10;
const EINVAL = 22;
const F_ADD_SEALS = 1033;
/** Against further seals, shrinking, growing and writing. */
const ALL_SEALS = 0xf;

/** A new empty file that can be executed; its descriptor is closed in programs that are started. */
export function createMemoryFile(name: string): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let descriptor = libc().memfd_create(cString(name), flags | MFD_EXEC);
  // Kernels before 6.3 do not know the flag, and let every such file be executed.
  if (descriptor < 0 && errno() === EINVAL) {
    descriptor = libc().memfd_create(cString(name), flags);
  }
  if (descriptor < 0) throw new Error(`Cannot make a file in memory: ${errorText(errno())}`);
  return descriptor;
}

/** Fills a new file and makes it impossible to change. */
export function sealedMemoryFile(name: string, bytes: Uint8Array<ArrayBuffer>): number {
  const descriptor = createMemoryFile(name);
  const written = libc().write(descriptor, bytes, BigInt(bytes.length));
  const isComplete = Number(written) === bytes.length &&
    libc().fcntl(descriptor, F_ADD_SEALS, ALL_SEALS) === 0;
  if (isComplete) return descriptor;
  const reason = errorText(errno());
  libc().close(descriptor);
  throw new Error(`Cannot write a file in memory: ${reason}`);
}

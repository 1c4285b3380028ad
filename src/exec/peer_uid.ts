/** Asks the kernel whose process is at the other end of a unix socket; must not know what follows from it. Linux only. */
import { libc } from "./ffi_libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: process, user and group, of which the second is asked for. */
const UCRED_BYTES = 12;
const UID_AT = 4;

/** The user id that the process had when it connected; null when the kernel does not say. */
export function peerUid(descriptor: number): number | null {
  const credentials = new Uint8Array(UCRED_BYTES);
  const length = new Uint32Array([UCRED_BYTES]);
  const result = libc().getsockopt(
    descriptor,
    SOL_SOCKET,
    SO_PEERCRED,
    credentials,
    new Uint8Array(length.buffer),
  );
  if (result !== 0 || length[0] !== UCRED_BYTES) return null;
  return new DataView(credentials.buffer).getUint32(UID_AT, true);
}

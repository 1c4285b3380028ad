/** Which version of Landlock the kernel has; must not know what it is used for. */
import { libc } from "../ffi_libc.ts";

/** The same number on every architecture. */
const SYS_LANDLOCK_CREATE_RULESET = 444n;
const LANDLOCK_CREATE_RULESET_VERSION = 1n;

/** The version of the Landlock interface, 0 where there is none. */
export function landlockAbi(): number {
  const version = libc().syscall(
    SYS_LANDLOCK_CREATE_RULESET,
    0n,
    0n,
    LANDLOCK_CREATE_RULESET_VERSION,
    0n,
    0n,
    0n,
  );
  return Math.max(0, Number(version));
}

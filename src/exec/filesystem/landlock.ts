/** Confines the calling thread with Landlock for good; must not know which operations will follow. */
import { cString, toBytes } from "./byte_text.ts";
import type { Libc } from "./libc.ts";

/** What became of the attempt. `reason` is a sentence for people. */
export type Confinement =
  | { readonly type: "confined"; readonly abi: number }
  | { readonly type: "unsupported"; readonly reason: string }
  | { readonly type: "failed"; readonly reason: string };

const PR_SET_NO_NEW_PRIVS = 38;
const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const O_PATH_CLOEXEC = 0o12000000;
const AT_FDCWD = -100;

const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
/** Writing, removing and making of every kind: bits 1 and 4 to 12. */
const WRITE_ABI_1 = (1n << 1n) | 0x1ff0n;
const REFER_ABI_2 = 1n << 13n;
const TRUNCATE_ABI_3 = 1n << 14n;
const IOCTL_DEV_ABI_5 = 1n << 15n;
/** What makes sense for a rule on something that is no folder. */
const FILE_ACCESS = (1n << 0n) | (1n << 1n) | READ_FILE | TRUNCATE_ABI_3 | IOCTL_DEV_ABI_5;

/**
 * From now on this thread writes only below `writable` and, unless `readable` is null, reads only below `readable`
 * and `writable`. Holds for synchronous calls only: asynchronous ones run on other threads. Paths that do not
 * exist are skipped. Not covered by Landlock: modes, owners and times of files elsewhere.
 */
export function confineThread(libc: Libc, limits: {
  readonly writable: readonly string[];
  readonly readable: readonly string[] | null;
}): Confinement {
  const { calls, numbers } = libc;
  const abi = calls.landlockCreateRuleset(
    numbers.landlockCreateRuleset,
    null,
    0n,
    CREATE_RULESET_VERSION,
  );
  if (abi < 1n) {
    return {
      type: "unsupported",
      reason: `This kernel has no Landlock: ${libc.failure().message}`,
    };
  }
  const write = writeAccess(Number(abi));
  const read = limits.readable === null ? 0n : READ_FILE | READ_DIR;
  const attribute = new Uint8Array(new BigUint64Array([write | read]).buffer);
  const ruleset = calls.landlockCreateRuleset(
    numbers.landlockCreateRuleset,
    attribute,
    BigInt(attribute.length),
    0,
  );
  if (ruleset < 0n) return { type: "failed", reason: libc.failure().message };
  const fd = Number(ruleset);
  try {
    for (const path of limits.writable) allow(libc, fd, { path, access: write | read });
    for (const path of limits.readable ?? []) allow(libc, fd, { path, access: read });
    libc.checkSize(calls.prctl(numbers.prctl, PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n));
    libc.checkSize(calls.landlockRestrictSelf(numbers.landlockRestrictSelf, fd, 0));
    return { type: "confined", abi: Number(abi) };
  } catch (error) {
    return { type: "failed", reason: String(error) };
  } finally {
    calls.close(fd);
  }
}

function writeAccess(abi: number): bigint {
  let access = WRITE_ABI_1;
  if (abi >= 2) access |= REFER_ABI_2;
  if (abi >= 3) access |= TRUNCATE_ABI_3;
  if (abi >= 5) access |= IOCTL_DEV_ABI_5;
  return access;
}

function allow(
  libc: Libc,
  ruleset: number,
  rule: { readonly path: string; readonly access: bigint },
): void {
  const { calls, numbers } = libc;
  const fd = calls.openat(AT_FDCWD, cString(toBytes(rule.path)), O_PATH_CLOEXEC, 0);
  if (fd < 0) return;
  try {
    const add = (access: bigint) => {
      // `struct landlock_path_beneath_attr` is packed: 8 bytes of access, 4 of descriptor.
      const attribute = new Uint8Array(12);
      const view = new DataView(attribute.buffer);
      view.setBigUint64(0, access, true);
      view.setInt32(8, fd, true);
      return calls.landlockAddRule(
        numbers.landlockAddRule,
        ruleset,
        RULE_PATH_BENEATH,
        attribute,
        0,
      );
    };
    // A rule on a file must not name rights that only folders have.
    if (add(rule.access) < 0n) libc.checkSize(add(rule.access & FILE_ACCESS));
  } finally {
    calls.close(fd);
  }
}

/** Named flags of the kernel and structures made of them, for operations that a reviewer can read; makes no calls. */
import type { Argument } from "./script.ts";

const AT = {
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
  REMOVEDIR: 0x200,
  SYMLINK_NOFOLLOW: 0x100,
} as const;
/** `AT_FDCWD`: paths are absolute here, so it only fills its place. */
export const AT_FDCWD = -100;

const CLONE = {
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;
/** `CLONE_NEWTIME`: not for `clone`, whose lowest byte is a signal. */
export const CLONE_NEWTIME = 0x80;
/** Every flag that makes a namespace. */
export const CLONE_NAMESPACES = Object.values(CLONE).reduce<number>((all, one) => all | one, 0);

const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REC: 0x4000,
  PRIVATE: 0x40000,
} as const;
const MOUNT_ATTR = { RDONLY: 0x1, NOSUID: 0x2, NODEV: 0x4, NOEXEC: 0x8 } as const;
const OPEN_TREE = { CLONE: 0x1, CLOEXEC: 0x80000 } as const;
const MOVE_MOUNT = { F_EMPTY_PATH: 0x4, T_EMPTY_PATH: 0x40 } as const;
const OPEN = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  NOCTTY: 0x100,
  APPEND: 0x400,
  CLOEXEC: 0x80000,
  PATH: 0x200000,
} as const;
const RESOLVE = { NO_MAGICLINKS: 0x2, NO_SYMLINKS: 0x4 } as const;
const PRCTL = {
  SET_PDEATHSIG: 1,
  SET_DUMPABLE: 4,
  CAPBSET_DROP: 24,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
} as const;
const LANDLOCK_FS = {
  EXECUTE: 0x1,
  READ_FILE: 0x4,
  READ_DIR: 0x8,
  REFER: 0x2000,
} as const;
const LANDLOCK_SCOPE = { ABSTRACT_UNIX_SOCKET: 0x1, SIGNAL: 0x2 } as const;

const FAMILIES = {
  AT,
  CLONE,
  MS,
  MOUNT_ATTR,
  OPEN_TREE,
  MOVE_MOUNT,
  O: OPEN,
  RESOLVE,
  PR: PRCTL,
  LANDLOCK_ACCESS_FS: LANDLOCK_FS,
  LANDLOCK_SCOPE,
} as const;
type Families = typeof FAMILIES;

/** Flags of one family, such as `flags("MS", ["REC", "PRIVATE"])`. */
export function flags<F extends keyof Families>(
  family: F,
  names: readonly (keyof Families[F] & string)[],
): { readonly text: string; readonly value: number } {
  const known: Readonly<Record<string, number>> = FAMILIES[family];
  return {
    text: names.length === 0 ? "0" : names.map((name) => `${family}_${name}`).join("|"),
    value: names.reduce((all, name) => all | (known[name] ?? 0), 0),
  };
}

/** Flags of several families as one argument. */
export function together(
  ...parts: readonly { readonly text: string; readonly value: number }[]
): { readonly text: string; readonly value: number } {
  return {
    text: parts.map(({ text }) => text).join("|"),
    value: parts.reduce((all, { value }) => all | value, 0),
  };
}

type MountAttribute = keyof typeof MOUNT_ATTR;

/** `struct mount_attr`: sets attributes, clears none. */
export function mountAttributes(names: readonly MountAttribute[]): Argument {
  const { text, value } = flags("MOUNT_ATTR", names);
  return { text: `{set ${text}}`, words: [value, 0, 0, 0] };
}
/** The size of `struct mount_attr`. */
export const MOUNT_ATTR_BYTES = 32;

/** `struct landlock_ruleset_attr`. */
export function landlockRuleset(options: {
  readonly reading: boolean;
  readonly scoped: boolean;
  readonly abi: number;
}): { readonly attributes: Argument; readonly size: number } {
  const fs = flags("LANDLOCK_ACCESS_FS", options.reading ? handledAccess(options.abi) : []);
  const scope = flags(
    "LANDLOCK_SCOPE",
    options.scoped ? ["ABSTRACT_UNIX_SOCKET", "SIGNAL"] : [],
  );
  return {
    attributes: {
      text: `{filesystem ${fs.text}, scope ${scope.text}}`,
      words: [fs.value, 0, scope.value],
    },
    // Older kernels know less of the structure.
    size: options.abi >= 6 ? 24 : 8,
  };
}

/** Rights to read; `REFER`, without which nothing could be moved between folders, came with version 2. */
function handledAccess(abi: number): ("EXECUTE" | "READ_FILE" | "READ_DIR" | "REFER")[] {
  const reading = ["EXECUTE", "READ_FILE", "READ_DIR"] as const;
  return abi >= 2 ? [...reading, "REFER"] : [...reading];
}

/** `struct landlock_path_beneath_attr`: 8 bytes of rights and a descriptor, packed. */
export function landlockRule(
  names: readonly (keyof typeof LANDLOCK_FS)[],
  descriptor: number,
): Argument {
  const { text, value } = flags("LANDLOCK_ACCESS_FS", names);
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(value), true);
  view.setInt32(8, descriptor, true);
  return { text: `{allow ${text} below ${descriptor}}`, bytes };
}

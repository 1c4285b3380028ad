/** What a launcher must know about the machine and the user that it is generated for; tries nothing. */
import { lookAt } from "./disk.ts";
import { readKernelFile } from "../../ffi_libc.ts";
import { landlockAbi } from "../landlock_abi.ts";
import type { SharedNamespaces } from "./namespaces.ts";
import type { Architecture } from "./syscalls.ts";

/** What a launcher must know about the machine and the user. */
export interface Traits {
  readonly architecture: Architecture;
  readonly uid: number;
  readonly gid: number;
  /** Namespaces need a user namespace: we are not root, or a root without that right. */
  readonly needsUserNamespace: boolean;
  readonly landlockAbi: number;
  /** The highest number of a capability. */
  readonly lastCapability: number;
  /** Devices under `/dev` that commands may open, as far as they exist. */
  readonly devices: readonly string[];
  /** `/dev/shm`, `/dev/pts` and `/dev/console` are there; `/dev/ptmx` is there and no link. */
  readonly shm: boolean;
  readonly pts: boolean;
  readonly ptmx: boolean;
  readonly console: boolean;
  /** Namespaces that commands join instead of making their own; null: there are none. */
  readonly shared: SharedNamespaces | null;
  /** Path of the journal, as the launcher can open it. */
  readonly journal: string;
}

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
const CAP_SYS_ADMIN = 21n;
/** What kernels since 5.9 have; only asked where `/proc/sys` does not say. */
const LAST_KNOWN_CAPABILITY = 40;

/** The traits of this machine; null on one for which launchers cannot be generated. */
export function readTraits(journal: string): Traits | null {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return null;
  const status = readKernelFile("/proc/self/status");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return {
    architecture: arch,
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    needsUserNamespace: (effective >> CAP_SYS_ADMIN & 1n) === 0n,
    landlockAbi: landlockAbi(),
    lastCapability: readLastCapability(),
    devices: DEVICES.map((name) => `/dev/${name}`).filter((path) => lookAt(path).kind === "file"),
    shm: lookAt("/dev/shm").kind === "folder",
    pts: lookAt("/dev/pts").kind === "folder",
    ptmx: lookAt("/dev/ptmx").kind === "file",
    console: lookAt("/dev/console").kind === "file",
    shared: null,
    journal,
  };
}

function readLastCapability(): number {
  try {
    const text = readKernelFile("/proc/sys/kernel/cap_last_cap");
    return Number.parseInt(text, 10);
  } catch {
    // Hidden in some containers.
    return LAST_KNOWN_CAPABILITY;
  }
}

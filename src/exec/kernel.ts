/** Finds out what the kernel offers to confine commands; must not decide what to make of it. */
import type { SystemCalls } from "./system_calls.ts";

/** What the settings of the kernel say about user namespaces of ordinary users. */
export type NamespaceSetting = "allowed" | "off" | "unprivilegedOff" | "appArmor";

/** What the kernel says about itself. */
export interface KernelFeatures {
  /** What its settings say; a container may forbid it all the same. */
  readonly userNamespaces: NamespaceSetting;
  /** The version of Landlock's interface; 0 for none. */
  readonly landlockAbi: number;
  /** Whether system calls can be filtered. */
  readonly hasSeccomp: boolean;
  /** What this process seems to run in, or null for nothing that shows. */
  readonly container: string | null;
  /** The version of control groups, or null where none are mounted. */
  readonly cgroup: 1 | 2 | null;
}

/** Files whose presence gives a container away. */
const CONTAINER_FILES: readonly (readonly [string, string])[] = [
  ["/.dockerenv", "Docker"],
  ["/run/.containerenv", "Podman"],
];
/** Words in the control group of the first process. */
const CONTAINER_WORDS = /\b(docker|kubepods|containerd|lxc|podman)\b/;

/** Reads the features of a Linux kernel below `root`, which is `/` but in tests. */
export function readKernelFeatures(
  system: SystemCalls,
  { env, root }: { readonly env: Readonly<Record<string, string>>; readonly root: string },
): KernelFeatures {
  const at = (path: string) => root === "/" ? path : `${root}${path}`;
  const read = (path: string) => system.readText(at(path))?.trim() ?? null;
  const actions = read("/proc/sys/kernel/seccomp/actions_avail");
  return {
    userNamespaces: namespaceSetting(read),
    landlockAbi: system.landlockAbi(),
    hasSeccomp: actions !== null && actions.split(/\s+/).includes("errno"),
    container: containerOf(env, { read, exists: (path) => system.exists(at(path)) }),
    cgroup: system.exists(at("/sys/fs/cgroup/cgroup.controllers"))
      ? 2
      : system.exists(at("/sys/fs/cgroup/memory"))
      ? 1
      : null,
  };
}

type Read = (path: string) => string | null;

function namespaceSetting(read: Read): NamespaceSetting {
  // The file itself is missing where the kernel was built without user namespaces.
  const most = read("/proc/sys/user/max_user_namespaces");
  if (most === null || most === "0") return "off";
  if (read("/proc/sys/kernel/unprivileged_userns_clone") === "0") return "unprivilegedOff";
  return read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1"
    ? "appArmor"
    : "allowed";
}

function containerOf(
  env: Readonly<Record<string, string>>,
  files: { readonly read: Read; readonly exists: (path: string) => boolean },
): string | null {
  if (env["KUBERNETES_SERVICE_HOST"]) return "Kubernetes";
  const found = CONTAINER_FILES.find(([path]) => files.exists(path));
  if (found) return found[1];
  // systemd-nspawn, LXC and Podman set it for the first process.
  if (env["container"]) return env["container"];
  return CONTAINER_WORDS.exec(files.read("/proc/1/cgroup") ?? "")?.[1] ?? null;
}

/** Checks what the kernel offers to confine commands; must not confine anything. */
import { type KernelFeatures, readKernelFeatures } from "../../exec/kernel.ts";
import { type Check, type CheckContext, type Finding, ok, warning } from "./check.ts";
import { runCommand } from "./command.ts";

/** Makes the namespaces that a sandbox needs, and nothing else. */
const TRY_NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "true"];
const TRY_LIMIT_MS = 5000;

const NAMESPACE_FIXES: Readonly<Record<KernelFeatures["userNamespaces"], string>> = {
  allowed:
    "In a container: start it with --security-opt seccomp=unconfined or a profile that allows them",
  off: "sysctl -w user.max_user_namespaces=15000 (as root)",
  unprivilegedOff: "sysctl -w kernel.unprivileged_userns_clone=1 (as root)",
  appArmor: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (as root)",
};

/** The kernel itself, and what this process runs in. */
export const kernelCheck: Check = {
  name: "kernel",
  run: onLinux((features) => {
    const container = features.container === null
      ? "no sign of a container"
      : `in a container (${features.container})`;
    const cgroup = features.cgroup === null
      ? "no control groups"
      : `control groups v${features.cgroup}`;
    return Promise.resolve(ok(`Linux ${Deno.osRelease()}, ${container}, ${cgroup}`));
  }),
};

/** Namespaces without being root. */
export const namespacesCheck: Check = { name: "user-namespaces", run: onLinux(namespaceFinding) };

/** Rules about files. */
export const landlockCheck: Check = {
  name: "landlock",
  run: onLinux(({ landlockAbi }) =>
    Promise.resolve(
      landlockAbi > 0 ? ok(`Version ${landlockAbi} of its interface`) : warning(
        "The kernel does not offer Landlock",
        "Boot a kernel from 5.13 on with landlock in its lsm= list; a sandbox has other ways, too",
      ),
    )
  ),
};

/** Rules about system calls. */
export const seccompCheck: Check = {
  name: "seccomp",
  run: onLinux(({ hasSeccomp }) =>
    Promise.resolve(
      hasSeccomp ? ok("System calls can be filtered") : warning(
        "The kernel does not offer filters for system calls",
        "Boot a kernel with CONFIG_SECCOMP_FILTER, and mount /proc",
      ),
    )
  ),
};

type FeatureCheck = (features: KernelFeatures, context: CheckContext) => Promise<Finding>;

function onLinux(check: FeatureCheck): Check["run"] {
  return async (context) => {
    const { os, system, host } = context;
    if (os !== "linux") return ok(`Not applicable on ${os === "darwin" ? "macOS" : os}`);
    if (system === null) {
      return warning("Not checked: the C library cannot be opened", "Use a system with glibc");
    }
    return await check(readKernelFeatures(system, { env: host.env, root: "/" }), context);
  };
}

function namespaceFinding(features: KernelFeatures, context: CheckContext): Promise<Finding> {
  return triedNamespaces(TRY_NAMESPACES, { setting: features.userNamespaces, context });
}

/** Tries it, since a container may forbid what the settings allow; without the program the settings count. */
export async function triedNamespaces(
  argv: readonly string[],
  about: {
    readonly setting: KernelFeatures["userNamespaces"];
    readonly context: CheckContext;
  },
): Promise<Finding> {
  const { setting, context } = about;
  const tried = await runCommand(argv, { context, limitMs: TRY_LIMIT_MS });
  const fix = NAMESPACE_FIXES[setting];
  if (tried.type === "ended") {
    if (tried.code === 0) return ok("Can be made by this user (tried)");
    const said = tried.stderr.trim().split("\n").at(-1) || `exit code ${tried.code}`;
    return warning(`Cannot be made by this user: ${said}`, fix);
  }
  return setting === "allowed"
    ? ok("Allowed by the kernel's settings (not tried: there is no `unshare` to try with)")
    : warning("Not allowed by the kernel's settings", fix);
}

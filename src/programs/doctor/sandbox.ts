/** Says which sandbox policies commands can be held to here; must not decide it. */
import { type Enforcement, enforcementOf } from "../../exec/sandbox_policy.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import { type Check, type Finding, ok, warning } from "./check.ts";

/** The policies that ask for confinement, by the name that the command line has for them. */
const POLICIES: Readonly<Record<string, SandboxPolicy>> = {
  "read-only": { type: "readOnly", networkAccess: false },
  "workspace-write": {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: false,
  },
};

/** How commands are confined. */
export const sandboxCheck: Check = {
  name: "sandbox",
  run: () => Promise.resolve(sandboxFinding(enforcementOf)),
};

/** What to say about the policies, given what is enforced. */
export function sandboxFinding(enforce: (policy: SandboxPolicy) => Enforcement): Finding {
  // A reason that holds for all of them is said once.
  const reasons = new Set<string>();
  const enforced: string[] = [];
  for (const [name, policy] of Object.entries(POLICIES)) {
    const enforcement = enforce(policy);
    if (enforcement.enforced) enforced.push(name);
    else reasons.add(enforcement.reason);
  }
  if (reasons.size === 0) return ok(`Commands are held to ${enforced.join(" and ")}`);
  const rest = enforced.length === 0 ? "" : `; ${enforced.join(" and ")} is enforced`;
  return warning(
    `${[...reasons].join("; ")}${rest}`,
    "Where the machine itself is expendable (a container, a VM): -s danger-full-access, with -a untrusted to be asked",
  );
}

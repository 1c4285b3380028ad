/** Says by what commands are confined here and what that cannot do; must not confine anything. */
import type { Probe } from "../../exec/sandbox/backend.ts";
import { weaknessesOf } from "../../exec/sandbox/guarantees.ts";
import { Backends } from "../../exec/sandbox/probe.ts";
import { type Check, type Finding, ok, warning } from "./check.ts";

/** How commands are confined: each backend is tried for real. */
export const sandboxCheck: Check = {
  name: "sandbox",
  run: async () => sandboxFinding(await new Backends().all()),
};

/** What to say about what came of trying the backends, best first. */
export function sandboxFinding(probes: readonly Probe[]): Finding {
  const working = probes.flatMap((probe) => probe.type === "works" ? [probe.backend] : []);
  const [best] = working;
  const reasons = probes.flatMap((probe) =>
    probe.type === "unusable" ? [`${probe.name}: ${probe.reason}`] : []
  );
  if (best === undefined) {
    return warning(
      `Commands cannot be confined, so read-only and workspace-write refuse them (${
        reasons.join("; ")
      })`,
      "Where the machine itself is expendable (a container, a VM): -s danger-full-access, with -a untrusted to be asked",
    );
  }
  const missing = weaknessesOf(best.guarantees);
  const others = working.length > 1
    ? ` (${working.slice(1).map(({ name }) => name).join(", ")} would work, too)`
    : "";
  const message = `Commands are confined by ${best.name}${others}`;
  return missing.length === 0 ? ok(message) : warning(
    `${message}, which is not enough: ${missing.join("; ")}`,
    `Let this user make namespaces, or install bubblewrap (${reasons.join("; ")})`,
  );
}

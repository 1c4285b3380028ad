/** Says in words what a command would be held to, by what, and what is not enforced; must not start anything. */
import type { Probe } from "./backend.ts";
import { GUARANTEE_TEXTS, guaranteeNames } from "./guarantees.ts";
import { isBelow } from "./links.ts";
import type { Prospect, Sandbox } from "./sandbox.ts";
import type { PolicyOfCommand } from "./sandbox.ts";
import type { SandboxSpec } from "./spec.ts";

/** Everything that can be said about a policy on this machine. */
export interface Explanation {
  readonly policy: PolicyOfCommand["policy"];
  /** Null: the policy asks for no confinement by us, or it is refused. */
  readonly specification: SandboxSpec | null;
  /** Why commands of this policy are refused; null when they run. */
  readonly refusal: string | null;
  /** The backend in use; null when there is none, or none is needed. */
  readonly backend: string | null;
  readonly enforced: readonly string[];
  readonly notEnforced: readonly string[];
  /** Every backend, best first, with the reason why it does not work. */
  readonly backends: readonly { readonly name: string; readonly unusable: string | null }[];
  /** Step by step what the backend does, in its own words; null where it cannot tell. */
  readonly steps: string | null;
}

/** Finds out what a policy comes to. */
export async function explainPolicy(
  sandbox: Sandbox,
  asked: PolicyOfCommand,
): Promise<Explanation> {
  const prospect = await sandbox.prospect(asked);
  const isConfined = prospect.type === "confined";
  const { guarantees } = isConfined ? prospect.backend : { guarantees: null };
  const names = guarantees === null ? [] : guaranteeNames();
  return {
    policy: asked.policy,
    specification: isConfined ? prospect.spec : null,
    refusal: prospect.type === "refused" ? prospect.reason : null,
    backend: isConfined ? prospect.backend.name : null,
    enforced: names.flatMap((name) => guarantees?.[name] ? [GUARANTEE_TEXTS[name].held] : []),
    notEnforced: names.flatMap((name) => guarantees?.[name] ? [] : [GUARANTEE_TEXTS[name].missing]),
    backends: (await sandbox.probes()).map(backendLine),
    steps: stepsOf(prospect),
  };
}

function backendLine(probe: Probe): Explanation["backends"][number] {
  return probe.type === "works"
    ? { name: probe.backend.name, unusable: null }
    : { name: probe.name, unusable: probe.reason };
}

function stepsOf(prospect: Prospect): string | null {
  return prospect.type === "confined" ? prospect.backend.explain?.(prospect.spec) ?? null : null;
}

/** The explanation for people. */
export function explanationText(explanation: Explanation): string {
  const { specification: spec, refusal, backend } = explanation;
  const lines = [`Policy: ${explanation.policy.type}`];
  if (refusal !== null) lines.push(`Commands are refused: ${refusal}`);
  else if (backend === null) lines.push("Commands are not confined: the policy asks for nothing");
  else lines.push(`Confined by: ${backend}`);
  if (spec !== null) {
    lines.push(
      ...listed("Writable", spec.writable, "nothing"),
      ...listed("Read-only inside of that", readOnlyInside(spec), "nothing"),
      ...listed("Hidden", spec.hidden, "nothing"),
      ...listed("Readable", spec.readable ?? ["everything else"], "nothing"),
      `Network: ${networkText(spec)}`,
    );
  }
  if (backend !== null) {
    lines.push(...listed("Enforced", explanation.enforced, "nothing"));
    lines.push(...listed("Not enforced", explanation.notEnforced, "nothing is missing"));
  }
  lines.push("Backends, best first:");
  for (const { name, unusable } of explanation.backends) {
    lines.push(`  ${name}: ${unusable === null ? "works" : `does not work: ${unusable}`}`);
  }
  return `${lines.join("\n")}\n`;
}

function listed(title: string, entries: readonly string[], none: string): string[] {
  if (entries.length === 0) return [`${title}: ${none}`];
  return [`${title}:`, ...entries.map((entry) => `  ${entry}`)];
}

/** What the list of writable folders would let a reader believe wrongly, without what follows from it. */
function readOnlyInside({ writable, readOnly }: SandboxSpec): string[] {
  const isNews = (path: string) =>
    writable.some((folder) => isBelow(path, folder)) &&
    !readOnly.some((other) => other !== path && isBelow(path, other));
  return readOnly.filter(isNews);
}

function networkText({ network }: SandboxSpec): string {
  switch (network.type) {
    case "none":
      return "none but unix sockets";
    case "full":
      return "that of this machine";
    case "proxy":
      return `the domains that the proxy at ${network.socket} lets through`;
  }
}

/** Explains to the model what it may do; must not know how that is enforced. */
import { assertNever } from "../../lib/errors.ts";
import type { ApprovalPolicy, SandboxPolicy } from "../../protocol/policy.ts";

/** The text of the developer message. `writableRoots` are the folders that `sandboxPolicy` amounts to. */
export function permissionsText(options: {
  readonly sandboxPolicy: SandboxPolicy;
  readonly approvalPolicy: ApprovalPolicy;
  readonly writableRoots: readonly string[];
}): string {
  return [
    "<permissions>",
    `Files: ${filesText(options.sandboxPolicy, options.writableRoots)}`,
    `Network: ${networkText(options.sandboxPolicy)}`,
    `Approval: ${approvalText(options)}`,
    "</permissions>",
  ].join("\n");
}

function filesText(policy: SandboxPolicy, writableRoots: readonly string[]): string {
  switch (policy.type) {
    case "dangerFullAccess":
      return "commands run without a sandbox and can change anything that the user can. Be careful.";
    case "externalSandbox":
      return "this program does not confine commands, because it runs inside a sandbox of its own.";
    case "readOnly":
      return "commands can read, but nothing can be written.";
    case "workspaceWrite": {
      const roots = writableRoots.map((root) => `\n- ${root.replace(/[\n<>]/g, "?")}`).join("");
      return "commands can read, and can write only below these folders, except in their .git, " +
        `.codex and .agents folders:${roots}`;
    }
    default:
      return assertNever(policy);
  }
}

function networkText(policy: SandboxPolicy): string {
  const isOpen = policy.type === "dangerFullAccess" || policy.networkAccess === true ||
    policy.networkAccess === "enabled";
  return isOpen ? "available." : "not available to commands.";
}

const ESCALATE =
  'set sandbox_permissions to "require_escalated" and ask one short question in justification.';

function approvalText(
  { approvalPolicy, sandboxPolicy }: {
    readonly approvalPolicy: ApprovalPolicy;
    readonly sandboxPolicy: SandboxPolicy;
  },
): string {
  const isConfined = sandboxPolicy.type !== "dangerFullAccess";
  switch (approvalPolicy) {
    case "never":
      return "nobody will be asked. What is not permitted fails; do not ask for more, find another way.";
    case "untrusted":
      return "the user is asked before every patch and before every command that is not known to only read.";
    case "on-failure":
      return "commands run as permitted; when one fails because of the limits above, the user is asked " +
        "whether it may run without them.";
    case "on-request":
    case "granular":
      return isConfined
        ? `commands run as permitted. When one needs more, for instance the network, ${ESCALATE}`
        : "commands run without asking. Before something that cannot be undone, ask the user in your answer.";
    default:
      return assertNever(approvalPolicy);
  }
}

/** What a model is told of a command that its sandbox has stopped; must not know how that is found out. */
import type { ToolContext } from "./tool.ts";

/** What a model is told that may ask to leave the sandbox; null where nothing is to be said. */
export function deniedNote(
  command: { readonly wasDenied: boolean },
  { approvalPolicy, sandboxPolicy, sandbox, cwd }: ToolContext,
): string | null {
  const mayAsk = approvalPolicy === "on-request" || approvalPolicy === "granular";
  if (!command.wasDenied || !mayAsk) return null;
  if (sandbox.ceiling.escalationOf(sandboxPolicy, cwd) === null) return null;
  return "Note: the sandbox seems to have stopped this command. If it is needed all the same, repeat the call " +
    'with sandbox_permissions set to "require_escalated" and a justification.';
}

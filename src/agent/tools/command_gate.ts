/** Gets a command allowed: by policy, by rule or by a person; must not know how it is started. */
import { approvalKey, type CommandRequest, decideCommand } from "../command_policy/decide.ts";
import type { Rules } from "../command_policy/rules.ts";
import type { CommandExecutionItem } from "../../protocol/item.ts";
import type { ToolArguments } from "./tool_arguments.ts";
import type { Decision, ToolContext } from "./tool.ts";

/** What came of asking for permission. `isAnnounced`: clients were told about the item. */
export type Permission =
  | { readonly type: "granted"; readonly unconfined: boolean; readonly isAnnounced: boolean }
  /** A person said no; the item is completed. */
  | { readonly type: "rejected" }
  /** The policy says no; `message` is for the model. */
  | { readonly type: "refused"; readonly message: string };

/** What a command asks for beyond running. */
export interface Escalation {
  readonly escalated: boolean;
  readonly justification: string | null;
  readonly prefixRule: readonly string[] | null;
}

/** The members that every command tool takes for leaving the sandbox. */
export const ESCALATION_PARAMETERS = {
  sandbox_permissions: {
    type: "string",
    description:
      'Where the command runs: "use_default" (the default) or "require_escalated" to ask the user whether it may run without sandbox restrictions.',
  },
  justification: {
    type: "string",
    description:
      'Only with "require_escalated": one short question to the user that says why the command is needed.',
  },
  prefix_rule: {
    type: "array",
    items: { type: "string" },
    description:
      'Only with "require_escalated": the first words of the command that the user could allow for similar commands from now on, such as ["npm", "test"].',
  },
} as const;

/** Reads those members. */
export function readEscalation(args: ToolArguments): Escalation {
  // The boolean is what older models send.
  const escalated = args.optionalString("sandbox_permissions") === "require_escalated" ||
    args.optionalBoolean("with_escalated_permissions") === true;
  return {
    escalated,
    justification: args.optionalString("justification"),
    prefixRule: args.optionalStrings("prefix_rule"),
  };
}

/** Asks for permission to run the command of `item`; rejects with the signal's reason when interrupted. */
export async function permit(
  item: CommandExecutionItem,
  options: Escalation & {
    readonly argv: readonly string[];
    readonly context: ToolContext;
    readonly rules: Rules;
    /** What persons have accepted for this thread. */
    readonly accepted: Set<string>;
  },
): Promise<Permission> {
  const { argv, context, accepted } = options;
  const request: CommandRequest = {
    argv,
    cwd: item.cwd,
    approvalPolicy: context.approvalPolicy,
    sandboxPolicy: context.sandboxPolicy,
    escalated: options.escalated,
    justification: options.justification,
    prefixRule: options.prefixRule,
    sessionApprovals: accepted,
    rules: await options.rules.all(),
  };
  const decision = await decideCommand(request);
  if (decision.type === "refuse") return { type: "refused", message: decision.message };
  const { unconfined } = decision;
  if (decision.type === "run") return { type: "granted", unconfined, isAnnounced: false };

  context.itemStarted(item);
  const shown = await realPathOf(item.cwd);
  const answer = await context.approve({
    type: "command",
    itemId: item.id,
    reason: decision.reason,
    command: item.command,
    argv,
    cwd: item.cwd,
    commandActions: item.commandActions,
    proposedPrefix: decision.proposedPrefix,
  });
  if (answer.type === "decline" || answer.type === "cancel") {
    context.itemCompleted({ ...item, status: "declined" }, { argv });
    return { type: "rejected" };
  }
  if (shown !== await realPathOf(item.cwd)) {
    context.itemCompleted({ ...item, status: "declined" }, { argv });
    return {
      type: "refused",
      message: "The working directory was replaced while the user was asked. It was not run.",
    };
  }
  await remember(answer, { request, accepted, rules: options.rules });
  return { type: "granted", unconfined, isAnnounced: true };
}

async function remember(
  answer: Decision,
  options: { request: CommandRequest; accepted: Set<string>; rules: Rules },
): Promise<void> {
  if (answer.type === "acceptForSession") options.accepted.add(approvalKey(options.request));
  if (answer.type === "acceptWithExecpolicyAmendment") await options.rules.allow(answer.prefix);
}

/** Where a folder really is, so that what was shown and what is used are the same; null when there is none. */
async function realPathOf(path: string): Promise<string | null> {
  try {
    return await Deno.realPath(path);
  } catch {
    // A folder that does not exist fails when the command starts, with a better message than here.
    return null;
  }
}

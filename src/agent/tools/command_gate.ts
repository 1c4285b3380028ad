/** Gets a command allowed, by policy, by rule or by a person, and confined; must not know how it is started. */
import { approvalKey, type CommandRequest, decideCommand } from "../command_policy/decide.ts";
import type { Rules } from "../command_policy/rules.ts";
import type { Confinement } from "../../exec/sandbox/sandbox.ts";
import type { Command } from "../../exec/sandbox/backend.ts";
import type { CommandExecutionItem } from "../../protocol/item.ts";
import type { ToolArguments } from "./tool_arguments.ts";
import type { ThreadCommands } from "./command_state.ts";
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
    readonly thread: ThreadCommands;
  },
): Promise<Permission> {
  const { argv, context, thread } = options;
  const { accepted } = thread;
  const { sandbox, sandboxPolicy: policy, cwd } = context;
  const request: CommandRequest = {
    argv,
    cwd: item.cwd,
    approvalPolicy: context.approvalPolicy,
    enforcement: await sandbox.enforcementOf({ policy, cwd, seen: thread.seen }),
    leave: leaveOf(context),
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

/** How far a command may leave its policy, if somebody allows it. */
function leaveOf({ sandbox, sandboxPolicy, cwd }: ToolContext): CommandRequest["leave"] {
  const { ceiling } = sandbox;
  if (ceiling.isOpen) return "freely";
  return ceiling.escalationOf(sandboxPolicy, cwd) === null ? "never" : "toCeiling";
}

/** The command as it must be started: under its policy, or, once that was allowed, at the ceiling. */
export function confine(
  command: Command,
  options: {
    readonly context: ToolContext;
    readonly thread: ThreadCommands;
    readonly unconfined: boolean;
  },
): Promise<Confinement> {
  const { sandbox, sandboxPolicy, cwd } = options.context;
  const policy = options.unconfined ? sandbox.ceiling.policyAt(cwd) : sandboxPolicy;
  return sandbox.confine(command, { policy, cwd, seen: options.thread.seen });
}

/**
 * Asks whether a command that its sandbox has stopped may run again without one; false where nobody may be
 * asked, or nothing wider is allowed. What was accepted for the session is not asked about again.
 */
export async function permitRetry(
  item: CommandExecutionItem,
  options: {
    readonly argv: readonly string[];
    readonly context: ToolContext;
    readonly thread: ThreadCommands;
  },
): Promise<boolean> {
  const { argv, context, thread } = options;
  const { approvalPolicy } = context;
  // As upstream: under on-request it is the model that asks.
  if (approvalPolicy !== "on-failure" && approvalPolicy !== "untrusted") return false;
  if (leaveOf(context) === "never") return false;
  const key = approvalKey({ argv, cwd: item.cwd, escalated: true });
  if (thread.accepted.has(key)) return true;
  const shown = await realPathOf(item.cwd);
  const answer = await context.approve({
    type: "command",
    itemId: item.id,
    reason: "The sandbox seems to have stopped this command; run it again without a sandbox?",
    command: item.command,
    argv,
    cwd: item.cwd,
    commandActions: item.commandActions,
    proposedPrefix: null,
  });
  if (answer.type === "decline" || answer.type === "cancel") return false;
  if (answer.type === "acceptForSession") thread.accepted.add(key);
  return shown === await realPathOf(item.cwd);
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

/** Decides whether a command runs, needs a person's answer or is refused; must not know tools or events. */
import type { Enforcement } from "../../exec/sandbox/sandbox.ts";
import type { ApprovalPolicy } from "../../protocol/policy.ts";
import { type PlainCommand, plainCommands } from "./parse.ts";
import { isReadOnly } from "./read_only.ts";
import { matchRule, type PrefixRule } from "./rules.ts";

/** A command that a model wants to run, with the policies that hold for it. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly approvalPolicy: ApprovalPolicy;
  /** Whether the command can be held to its sandbox policy. */
  readonly enforcement: Enforcement;
  /** How far a command may leave its policy here: not at all, to the widest policy of the server, or quite. */
  readonly leave: "never" | "toCeiling" | "freely";
  /** The model asks to leave the sandbox (`sandbox_permissions: "require_escalated"`). */
  readonly escalated: boolean;
  /** Why it asks, in its own words, or null. */
  readonly justification: string | null;
  /** The prefix that it proposes to allow for good, or null. */
  readonly prefixRule: readonly string[] | null;
  /** Keys of `approvalKey` that a person accepted for the whole session. */
  readonly sessionApprovals: ReadonlySet<string>;
  readonly rules: readonly PrefixRule[];
}

/** `unconfined`: the command runs, or would run, outside of what its sandbox policy asks for. */
export type CommandDecision =
  | { readonly type: "run"; readonly unconfined: boolean }
  | {
    readonly type: "ask";
    readonly reason: string | null;
    readonly proposedPrefix: readonly string[] | null;
    readonly unconfined: boolean;
  }
  /** `message` is what the model reads. */
  | { readonly type: "refuse"; readonly message: string };

/** Upstream's names of the policies, which its refusals quote. */
const POLICY_NAMES: Readonly<Record<ApprovalPolicy, string>> = {
  untrusted: "UnlessTrusted",
  "on-failure": "OnFailure",
  "on-request": "OnRequest",
  granular: "Granular",
  never: "Never",
};
/** Programs that run whatever their arguments say: allowing one of them alone would allow everything. */
const RUNS_ANYTHING =
  /^(?:.*\/)?(?:(?:ba|z|da|k|fi)?sh|env|sudo|doas|xargs|nohup|time|timeout|nice|python[\d.]*|node|deno|bun|perl|ruby|php|osascript|awk|git|npx|ssh|docker|find|make)$/;

/** What an approval for the session covers: this command, here, at this confinement, and nothing else. */
export function approvalKey(request: Pick<CommandRequest, "argv" | "cwd" | "escalated">): string {
  return JSON.stringify([request.argv, request.cwd, request.escalated]);
}

/**
 * Decides on a command.
 *
 * A rule of the user comes first (the strictest counts), then the approval policy. A command never runs
 * less confined than its sandbox policy unless a person, or a rule when the model asks to leave the
 * sandbox, has allowed just that; a policy that cannot be enforced therefore refuses.
 */
export async function decideCommand(request: CommandRequest): Promise<CommandDecision> {
  const { approvalPolicy, escalated } = request;
  if (escalated && approvalPolicy === "never") {
    return { type: "refuse", message: noEscalation("never") };
  }
  if (escalated && request.leave === "never") return { type: "refuse", message: AT_THE_CEILING };
  const { enforcement } = request;
  // With full access nothing is confined, and without questions there is nothing to find out.
  const isTrustNeeded = request.rules.length > 0 || escalated || approvalPolicy === "untrusted";
  if (!isTrustNeeded && enforcement.enforced) return { type: "run", unconfined: false };

  const understood = await plainCommands(request.argv);
  const commands = understood ?? [request.argv];
  const verdicts = commands.map((command) => matchRule(command, request.rules));
  const forbidding = verdicts.find((rule) => rule?.decision === "forbidden");
  if (forbidding) return { type: "refuse", message: forbidden(forbidding) };
  const isAllowed = verdicts.every((rule) => rule?.decision === "allow");
  const prompting = verdicts.find((rule) => rule?.decision === "prompt") ?? null;
  // A script that is not understood may hold a command that a rule restricts.
  const isUncheckable = understood === null && approvalPolicy !== "never" &&
    request.rules.some((rule) => rule.decision !== "allow");
  const isRemembered = request.sessionApprovals.has(approvalKey(request));

  if (!enforcement.enforced && !escalated) {
    if (approvalPolicy !== "on-failure" || request.leave !== "freely") {
      return { type: "refuse", message: unenforceable(enforcement.reason, request) };
    }
    if (isRemembered) return { type: "run", unconfined: true };
    const reason = `${enforcement.reason}; run it without a sandbox?`;
    return { type: "ask", reason, proposedPrefix: null, unconfined: true };
  }
  const run: CommandDecision = { type: "run", unconfined: escalated };
  if (isRemembered || isAllowed) return run;
  const isTrusted = (command: PlainCommand, at: number) =>
    verdicts[at]?.decision === "allow" || isReadOnly(command);
  if (!prompting && !escalated && !isUncheckable) {
    if (approvalPolicy !== "untrusted") return run;
    if (understood?.every(isTrusted)) return run;
  }
  if (approvalPolicy === "never") return { type: "refuse", message: noQuestion() };
  return {
    type: "ask",
    reason: request.justification ?? prompting?.justification ?? null,
    proposedPrefix: prompting ? null : proposedPrefix(request, {
      open: understood?.filter((command, at) => !isTrusted(command, at)) ?? null,
    }),
    unconfined: escalated,
  };
}

/**
 * The prefix that would spare this question the next time. As upstream does, commands that are trusted
 * anyway do not count; with several others no single prefix would do.
 */
function proposedPrefix(
  request: CommandRequest,
  { open }: { readonly open: readonly PlainCommand[] | null },
): readonly string[] | null {
  const [only, ...others] = open ?? [];
  if (only === undefined || others.length > 0) return null;
  const [name = ""] = only;
  const isInterpreter = RUNS_ANYTHING.test(name);
  const asked = request.prefixRule;
  if (asked !== null && asked.length > 0 && asked.every((word, at) => only[at] === word)) {
    // `python -c` or `sudo -u` would still allow everything; `git push` would not.
    if (!isInterpreter || (asked.length > 1 && !asked[1]?.startsWith("-"))) return asked;
  }
  return isInterpreter && only.length === 1 ? null : only;
}

const AT_THE_CEILING =
  "No command may do more than this one may already: the server allows nothing wider, and nobody can be asked. " +
  "It was not run. Run it without sandbox_permissions, or find another way.";

function noEscalation(policy: ApprovalPolicy): string {
  const name = POLICY_NAMES[policy];
  return `approval policy is ${name}; reject command — you cannot ask for escalated permissions if the approval policy is ${name}`;
}

function noQuestion(): string {
  return "A rule of the user wants a question before this command, but the approval policy is never. It was not run.";
}

function forbidden(rule: PrefixRule): string {
  const prefix = rule.pattern.map((words) => words.join("|")).join(" ");
  const why = rule.justification ? `: ${rule.justification}` : "";
  return `A rule of the user forbids commands that begin with \`${prefix}\`${why}. It was not run.`;
}

function unenforceable(
  reason: string,
  { approvalPolicy, leave }: Pick<CommandRequest, "approvalPolicy" | "leave">,
): string {
  if (approvalPolicy === "never") {
    return `${reason}. The command was not run, and with the approval policy never no one can be asked.`;
  }
  if (leave !== "freely") {
    return `${reason}. The command was not run, and the server runs none without a sandbox.`;
  }
  return `${reason}. The command was not run. To have the user asked whether it may run without a sandbox, ` +
    `repeat the call with sandbox_permissions set to "require_escalated" and a justification.`;
}

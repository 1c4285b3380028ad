/** The answers that a person can give to a question, each with its key; must not know how they are drawn. */
import { invariant } from "../lib/errors.ts";
import { shellJoin } from "../lib/shell_join.ts";
import type { DecidedQuestion, Decision } from "./questions.ts";

/** One answer. */
export interface Choice {
  readonly decision: Decision;
  /** The letter that gives it; Escape gives the one that cancels as well. */
  readonly key: string;
  readonly label: string;
  /** A part of the label that must be shown exactly, such as the prefix of a rule; empty for most. */
  readonly exact: string;
}

/** The answers to a question, in the order in which the server names them. */
export function choicesFor(question: DecidedQuestion): readonly Choice[] {
  const choices = question.decisions.map((decision) => choiceFor(decision, question));
  const hasDecline = question.decisions.includes("decline");
  // People press `n` for no, whatever forms of it there are.
  return choices.map((choice) =>
    choice.decision === "cancel" && !hasDecline ? { ...choice, key: "n" } : choice
  );
}

function choiceFor(decision: Decision, question: DecidedQuestion): Choice {
  if (typeof decision !== "string") return ruleChoice(decision);
  switch (decision) {
    case "accept":
      return choice(decision, "y", labelsOf(question).accept);
    case "acceptForSession":
      return choice(decision, "a", labelsOf(question).acceptForSession);
    case "decline":
      return choice(decision, "n", "No, go on without it");
    case "cancel":
      return choice(decision, "c", "No, and stop the turn");
  }
}

function labelsOf(question: DecidedQuestion) {
  switch (question.type) {
    case "command":
      return {
        accept: question.command === null ? "Yes" : "Yes, run it",
        acceptForSession: "Yes, and do not ask again for this command in this session",
      };
    case "changes":
      return {
        accept: "Yes, make these changes",
        acceptForSession: "Yes, and do not ask again for these files in this session",
      };
    case "consent":
      return question.consent.labels;
  }
}

function ruleChoice(decision: Exclude<Decision, string>): Choice {
  if ("acceptWithExecpolicyAmendment" in decision) {
    const prefix = decision.acceptWithExecpolicyAmendment.execpolicy_amendment;
    const label = "Yes, and from now on run without asking what begins with";
    return { decision, key: "p", label, exact: shellJoin(prefix) };
  }
  invariant("applyNetworkPolicyAmendment" in decision, "Values are no choice");
  const { host, action } = decision.applyNetworkPolicyAmendment.network_policy_amendment;
  return action === "allow"
    ? { decision, key: "h", label: "Yes, and from now on allow connections to", exact: host }
    : { decision, key: "d", label: "No, and from now on refuse connections to", exact: host };
}

function choice(decision: Decision, key: string, label: string): Choice {
  return { decision, key, label, exact: "" };
}

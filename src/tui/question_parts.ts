/** Reads what servers of any version say in a question; must not know how it is asked. */
import type { CommandDecision, FileChangeDecision } from "../protocol/approval.ts";
import { type Fields, fieldsIn, fieldsOf, listIn, textIn, textsIn } from "./fields.ts";

/** Patches have no list of decisions: these are what every server takes. */
export const CHANGES_DECISIONS: readonly FileChangeDecision[] = [
  "accept",
  "acceptForSession",
  "decline",
  "cancel",
];
/** Where the server does not say, as the real program does. */
const DEFAULT_DECISIONS: readonly CommandDecision[] = ["accept", "cancel"];
/** The machine of the server itself. */
const OWN_ENVIRONMENT = "local";
/** What the members of a question are called that ask for more than a command, for people. */
const WISHES: Readonly<Record<string, string>> = {
  networkApprovalContext: "Network access",
  additionalPermissions: "More permissions",
  skillMetadata: "For the skill",
  environmentId: "On the machine",
};

/** A rule of newer servers about a host. */
export interface NetworkDecision {
  readonly applyNetworkPolicyAmendment: {
    readonly network_policy_amendment: { readonly host: string; readonly action: "allow" | "deny" };
  };
}

/** The decisions that a person can be offered; those of newer servers that are not known are left out. */
export function commandDecisions(
  available: unknown,
): readonly (CommandDecision | NetworkDecision)[] {
  if (!Array.isArray(available)) return DEFAULT_DECISIONS;
  const known = available.flatMap((decision: unknown) => decisionOf(decision) ?? []);
  return known.length > 0 ? known : DEFAULT_DECISIONS;
}

function decisionOf(decision: unknown): CommandDecision | NetworkDecision | null {
  const word = CHANGES_DECISIONS.find((one) => one === decision);
  if (word !== undefined) return word;
  const applied = fieldsIn(fieldsOf(decision), "applyNetworkPolicyAmendment");
  const { host, action } = fieldsIn(applied, "network_policy_amendment");
  if (typeof host === "string" && host !== "" && (action === "allow" || action === "deny")) {
    return { applyNetworkPolicyAmendment: { network_policy_amendment: { host, action } } };
  }
  const amendment = fieldsIn(fieldsOf(decision), "acceptWithExecpolicyAmendment");
  const prefix = textsIn(amendment, "execpolicy_amendment");
  const isWhole = prefix.length > 0 &&
    prefix.length === listIn(amendment, "execpolicy_amendment").length;
  return isWhole ? { acceptWithExecpolicyAmendment: { execpolicy_amendment: prefix } } : null;
}

/** What a question of a newer server asks for besides the command, in its own words: nobody may miss it. */
export function extraWishes(params: Fields): string[] {
  return Object.entries(WISHES).flatMap(([key, name]) => {
    const value = params[key];
    if (value === undefined || value === null) return [];
    if (key === "environmentId" && value === OWN_ENVIRONMENT) return [];
    const context = fieldsOf(value);
    const host = textIn(context, "host");
    const said = key === "networkApprovalContext" && host !== ""
      ? [host, textIn(context, "protocol")].filter((part) => part !== "").join(" ")
      : typeof value === "string"
      ? value
      : JSON.stringify(value);
    return [`${name}: ${said}`];
  });
}

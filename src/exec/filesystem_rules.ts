/** From what a policy comes to, the rules for file operations; must not know how rules are enforced. */
import type { FileRules } from "./filesystem/rules.ts";
import { PROTECTED_NAMES } from "./sandbox/places.ts";
import type { SandboxSpec } from "./sandbox/spec.ts";

/** The rules where everything is allowed but to change the paths that are kept. */
export function openFileRules(policy: string, kept: readonly string[]): FileRules {
  return {
    policy,
    writable: ["/"],
    readOnly: kept,
    hidden: [],
    readable: null,
    protectedNames: [],
    isOpen: true,
  };
}

/** The rules of a specification; `policy` is its name for people. */
export function fileRules(policy: string, spec: SandboxSpec): FileRules {
  return {
    policy,
    writable: spec.writable,
    readOnly: spec.readOnly,
    hidden: spec.hidden,
    readable: spec.readable,
    protectedNames: PROTECTED_NAMES,
  };
}

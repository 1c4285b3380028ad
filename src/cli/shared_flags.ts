/** Flags that several programs have, as data; must not know which. */
import type { Flag } from "./commands.ts";

/** The modes of `--sandbox`. */
export const SANDBOX_MODES = ["read-only", "workspace-write", "danger-full-access"] as const;
/** The policies of `--ask-for-approval`. */
export const APPROVAL_POLICIES = ["untrusted", "on-failure", "on-request", "never"] as const;

/** Accepted by every program. */
export const everywhere: readonly Flag[] = [
  {
    name: "config",
    short: "c",
    value: "key=value",
    repeatable: true,
    doc: "Override a config value: a dotted path, then a TOML value (or plain text)",
  },
  {
    name: "enable",
    value: "FEATURE",
    repeatable: true,
    doc: "Turn a feature on; same as -c features.<name>=true",
  },
  {
    name: "disable",
    value: "FEATURE",
    repeatable: true,
    doc: "Turn a feature off; same as -c features.<name>=false",
  },
];

/** How the agent works; accepted by every program that runs turns. */
export const agent: readonly Flag[] = [
  { name: "model", short: "m", value: "MODEL", doc: "Model to use" },
  { name: "oss", doc: "Use a model served on this machine" },
  {
    name: "local-provider",
    value: "OSS_PROVIDER",
    doc: "Which local server: ollama or lmstudio",
  },
  {
    name: "profile",
    short: "p",
    value: "CONFIG_PROFILE",
    doc: "Use the settings of [profiles.<name>] in config.toml",
  },
  {
    name: "sandbox",
    short: "s",
    value: "SANDBOX_MODE",
    choices: SANDBOX_MODES,
    doc: "What commands may touch",
  },
  {
    name: "ask-for-approval",
    short: "a",
    value: "APPROVAL_POLICY",
    choices: APPROVAL_POLICIES,
    doc: "When to ask before a command or a patch runs",
  },
  {
    name: "full-auto",
    conflicts: ["dangerously-bypass-approvals-and-sandbox"],
    doc: "Same as --sandbox workspace-write -a on-request",
  },
  {
    name: "dangerously-bypass-approvals-and-sandbox",
    aliases: ["yolo"],
    doc: "Never ask and never confine; only for machines that are a sandbox themselves",
  },
  {
    name: "cd",
    short: "C",
    value: "DIR",
    completes: "directory",
    doc: "Work in this directory",
  },
  {
    name: "add-dir",
    value: "DIR",
    repeatable: true,
    completes: "directory",
    doc: "Make a further directory writable (repeatable)",
  },
  { name: "search", doc: "Let the model search the web" },
];

/** The ceiling of a server. */
export const maxSandbox: Flag = {
  name: "max-sandbox",
  value: "SANDBOX_MODE",
  choices: SANDBOX_MODES,
  doc: "The most that commands may ever touch, whatever a client or an approval says",
};

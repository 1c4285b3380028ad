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
    doc: "Use the settings of <name>.config.toml, or of [profiles.<name>] in config.toml",
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
    conflicts: ["ask-for-approval"],
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
  { name: "strict-config", doc: "Refuse a config with keys that are not known" },
  { name: "dangerously-bypass-hook-trust", hidden: true, doc: "Accepted: no hooks are ever run" },
  {
    name: "approve-for-me",
    hidden: true,
    refused: "nobody but you reviews what is asked; `--full-auto` confines commands to the " +
      "workspace and asks you before they leave it",
    doc: "Refused: approvals are never given by a model",
  },
  {
    name: "worktree",
    hidden: true,
    refused: "no worktrees are made here; use `git worktree add DIR`, then `-C DIR`",
    doc: "Refused: worktrees are made with git",
  },
];

/** Of those that take a prompt. */
export const image: Flag = {
  name: "image",
  short: "i",
  value: "FILE",
  repeatable: true,
  greedy: true,
  isList: true,
  completes: "file",
  doc: "Attach images to the prompt",
};

/** The ceiling of a server. */
export const maxSandbox: Flag = {
  name: "max-sandbox",
  value: "SANDBOX_MODE",
  choices: SANDBOX_MODES,
  doc: "The most that commands may ever touch, whatever a client or an approval says",
};

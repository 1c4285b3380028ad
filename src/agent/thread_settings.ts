/** What a thread works with until somebody changes it; must not know where the wishes come from. */
import type { Config } from "../config/config.ts";
import type { ApprovalPolicy, SandboxMode, SandboxPolicy } from "../protocol/policy.ts";

export interface ThreadSettings {
  readonly model: string;
  readonly modelProvider: string;
  readonly cwd: string;
  readonly approvalPolicy: ApprovalPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly effort: string | null;
  readonly summary: string | null;
  readonly serviceTier: string | null;
  readonly baseInstructions: string | null;
  readonly developerInstructions: string | null;
  /** What the collaboration mode of the client, such as planning, tells the model. */
  readonly modeInstructions: string | null;
}

/** What a client may ask for when it starts, resumes or forks a thread, or for one turn and those after it. */
export interface SettingsOverrides {
  readonly model?: string | null | undefined;
  readonly modelProvider?: string | null | undefined;
  readonly cwd?: string | null | undefined;
  readonly approvalPolicy?: ApprovalPolicy | null | undefined;
  readonly sandbox?: SandboxMode | null | undefined;
  readonly sandboxPolicy?: SandboxPolicy | null | undefined;
  readonly effort?: string | null | undefined;
  readonly summary?: string | null | undefined;
  readonly serviceTier?: string | null | undefined;
  readonly baseInstructions?: string | null | undefined;
  readonly developerInstructions?: string | null | undefined;
  readonly modeInstructions?: string | null | undefined;
}

/** The settings that the configuration alone gives. */
export function settingsFromConfig(
  config: Config,
  defaults: { readonly approvalPolicy: ApprovalPolicy; readonly sandboxMode: SandboxMode },
): ThreadSettings {
  return {
    model: config.model,
    modelProvider: config.modelProviderId,
    cwd: config.cwd,
    approvalPolicy: defaults.approvalPolicy,
    sandboxPolicy: policyOfMode(defaults.sandboxMode, config),
    effort: config.reasoningEffort,
    summary: config.reasoningSummary,
    serviceTier: config.serviceTier,
    baseInstructions: config.baseInstructions,
    developerInstructions: config.developerInstructions,
    modeInstructions: null,
  };
}

/** The settings with the wishes applied; absent and null wishes change nothing. */
export function withOverrides(
  settings: ThreadSettings,
  options: { readonly overrides: SettingsOverrides; readonly config: Config },
): ThreadSettings {
  const { overrides, config } = options;
  const sandboxPolicy = overrides.sandboxPolicy ??
    (overrides.sandbox ? policyOfMode(overrides.sandbox, config) : settings.sandboxPolicy);
  return {
    model: overrides.model ?? settings.model,
    modelProvider: overrides.modelProvider ?? settings.modelProvider,
    cwd: overrides.cwd ?? settings.cwd,
    approvalPolicy: overrides.approvalPolicy ?? settings.approvalPolicy,
    sandboxPolicy,
    effort: overrides.effort ?? settings.effort,
    summary: overrides.summary ?? settings.summary,
    serviceTier: overrides.serviceTier ?? settings.serviceTier,
    baseInstructions: overrides.baseInstructions ?? settings.baseInstructions,
    developerInstructions: overrides.developerInstructions ?? settings.developerInstructions,
    modeInstructions: overrides.modeInstructions ?? settings.modeInstructions,
  };
}

/** The whole policy behind the short form of the command line, the config file and `thread/start`. */
export function policyOfMode(mode: SandboxMode, config: Config): SandboxPolicy {
  switch (mode) {
    case "danger-full-access":
      return { type: "dangerFullAccess" };
    case "read-only":
      return { type: "readOnly", networkAccess: false };
    case "workspace-write":
      return {
        type: "workspaceWrite",
        ...config.workspaceWrite,
        writableRoots: [...config.workspaceWrite.writableRoots],
      };
  }
}

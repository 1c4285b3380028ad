/** The frozen configuration that everything else receives; must not know where a value is used. */
import type { ApprovalPolicy, SandboxMode } from "../protocol/policy.ts";

/** One `[model_providers.ID]` table, with defaults filled in. */
export interface ModelProvider {
  readonly id: string;
  readonly name: string;
  readonly baseUrl: string;
  readonly wireApi: "responses" | "chat" | "demo";
  /** Environment variable that holds the key, or null. */
  readonly envKey: string | null;
  /** What to tell the user when that variable is missing. */
  readonly envKeyInstructions: string | null;
  readonly bearerToken: string | null;
  readonly httpHeaders: Readonly<Record<string, string>>;
  /** Header name to environment variable name. */
  readonly envHttpHeaders: Readonly<Record<string, string>>;
  readonly queryParams: Readonly<Record<string, string>>;
  readonly requestMaxRetries: number;
  readonly streamMaxRetries: number;
  readonly streamIdleTimeoutMs: number;
  readonly requiresOpenaiAuth: boolean;
}

export interface WorkspaceWriteSettings {
  readonly writableRoots: readonly string[];
  readonly networkAccess: boolean;
  readonly excludeTmpdirEnvVar: boolean;
  readonly excludeSlashTmp: boolean;
}

/** Where a value came from, for `config/read` and for error messages. */
export interface ConfigLayer {
  readonly name: {
    /** `user`, `project` or `sessionFlags`. */
    readonly type: string;
    readonly file?: string;
    /** The `[profiles.NAME]` table of the file that this layer is, or null for the file itself. */
    readonly profile?: string | null;
    /** The folder of a project's own file. */
    readonly dotCodexFolder?: string;
  };
  /** `sha256:<hex>` of the layer's content. */
  readonly version: string;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface Config {
  readonly codexHome: string;
  readonly cwd: string;
  readonly model: string;
  readonly modelProviderId: string;
  readonly modelProviders: Readonly<Record<string, ModelProvider>>;
  /** The `[profiles.NAME]` in use, or null. */
  readonly profile: string | null;
  /** Null: the default for the trust of the cwd. */
  readonly approvalPolicy: ApprovalPolicy | null;
  readonly sandboxMode: SandboxMode | null;
  readonly workspaceWrite: WorkspaceWriteSettings;
  /** The widest mode that clients of a server can reach; null: the default for its listeners. */
  readonly maxSandbox: SandboxMode | null;
  /** Where an app-server listens when it is not told; null: over stdio. */
  readonly appServerListen: readonly string[] | null;
  readonly reasoningEffort: string | null;
  readonly reasoningSummary: string | null;
  readonly verbosity: string | null;
  /** Whether the model may search the web through its provider, and how fresh what it finds is. */
  readonly webSearch: "cached" | "live" | null;
  readonly serviceTier: string | null;
  readonly contextWindow: number | null;
  readonly autoCompactTokenLimit: number | null;
  readonly baseInstructions: string | null;
  readonly developerInstructions: string | null;
  readonly projectDocMaxBytes: number;
  readonly projectDocFallbackFilenames: readonly string[];
  readonly projectRootMarkers: readonly string[];
  readonly toolOutputTokenLimit: number;
  /** Host names that sandboxed commands may reach, or null for no such rule. */
  readonly allowDomains: readonly string[] | null;
  /** Ports besides 80 and 443 that they may reach there. */
  readonly allowPorts: readonly number[];
  readonly shellEnvironment: ShellEnvironmentPolicy;
  readonly features: Readonly<Record<string, boolean>>;
  /** Absolute project path to trust level. */
  readonly trustedProjects: Readonly<Record<string, "trusted" | "untrusted">>;
  /** Merged raw values in the config file's own spelling, for `config/read`. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Lowest precedence first. */
  readonly layers: readonly ConfigLayer[];
  /** Unknown keys and the like: shown once, never fatal. */
  readonly warnings: readonly string[];
}

/** `[shell_environment_policy]`: which variables commands inherit. */
export interface ShellEnvironmentPolicy {
  readonly inherit: "all" | "core" | "none";
  readonly ignoreDefaultExcludes: boolean;
  readonly exclude: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly includeOnly: readonly string[];
}

/** Turns merged raw values into the frozen `Config`; must not read files or know layers. */
import { isAbsolute, join, resolve } from "node:path";
import type { ApprovalPolicy } from "../protocol/policy.ts";
import type {
  Config,
  ConfigLayer,
  ShellEnvironmentPolicy,
  WorkspaceWriteSettings,
} from "./config.ts";
import { count, counts, flag, text, textMap, texts } from "./fields.ts";
import { APPROVAL_POLICIES, SANDBOX_MODES } from "./keys.ts";
import { defaultLocalModel, defaultModel, requireProvider, resolveProviders } from "./providers.ts";
import { deepFreeze, isTable, own, type Table, valueAt } from "./values.ts";

/** What `resolveConfig` needs beside the raw values. */
export interface ResolveInput {
  readonly codexHome: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly profile: string | null;
  readonly layers: readonly ConfigLayer[];
  readonly warnings: readonly string[];
  readonly features: Readonly<Record<string, boolean>>;
  /** The text of `model_instructions_file`, or null. */
  readonly instructionsFile: string | null;
  readonly addDirs: readonly string[];
  /** The local provider that `--oss` chose, or null. */
  readonly localProvider: string | null;
  /** True when `raw.model` was asked for on this command line. */
  readonly isModelAsked: boolean;
}

/** The configuration that checked, merged values give. */
export function resolveConfig(raw: Table, input: ResolveInput): Config {
  const providers = resolveProviders(raw, input.env);
  const providerId = input.localProvider ?? text(raw, "model_provider") ?? "openai";
  requireProvider(providers, providerId);
  return deepFreeze({
    codexHome: input.codexHome,
    cwd: input.cwd,
    model: resolveModel(raw, { ...input, providerId }),
    modelProviderId: providerId,
    modelProviders: providers,
    profile: input.profile,
    approvalPolicy: resolveApproval(raw),
    sandboxMode: oneOf(SANDBOX_MODES, text(raw, "sandbox_mode")),
    workspaceWrite: resolveWorkspace(raw, input),
    maxSandbox: oneOf(SANDBOX_MODES, valueAt(raw, ["app_server", "max_sandbox"])),
    appServerListen: resolveListen(raw),
    reasoningEffort: text(raw, "model_reasoning_effort"),
    reasoningSummary: text(raw, "model_reasoning_summary"),
    verbosity: text(raw, "model_verbosity"),
    webSearch: resolveWebSearch(text(raw, "web_search")),
    serviceTier: text(raw, "service_tier"),
    contextWindow: count(raw, "model_context_window"),
    autoCompactTokenLimit: count(raw, "model_auto_compact_token_limit"),
    baseInstructions: input.instructionsFile ?? text(raw, "instructions"),
    developerInstructions: text(raw, "developer_instructions"),
    projectDocMaxBytes: count(raw, "project_doc_max_bytes") ?? 32_768,
    projectDocFallbackFilenames: texts(raw, "project_doc_fallback_filenames") ?? [],
    projectRootMarkers: projectRootMarkers(raw),
    toolOutputTokenLimit: count(raw, "tool_output_token_limit") ?? 10_000,
    ...resolveNetwork(raw),
    shellEnvironment: resolveShellEnvironment(raw),
    features: input.features,
    trustedProjects: trustedProjects(raw),
    raw,
    layers: input.layers,
    warnings: input.warnings,
  });
}

/** The files and folders that mark the root of a project. */
export function projectRootMarkers(raw: Table): readonly string[] {
  return texts(raw, "project_root_markers") ?? [".git"];
}

/** What the user said about each project. */
export function trustedProjects(raw: Table): Readonly<Record<string, "trusted" | "untrusted">> {
  const projects = own(raw, "projects");
  const entries: [string, "trusted" | "untrusted"][] = [];
  for (const [path, table] of Object.entries(isTable(projects) ? projects : {})) {
    const level = isTable(table) ? own(table, "trust_level") : undefined;
    if (level === "trusted" || level === "untrusted") entries.push([path, level]);
  }
  return Object.fromEntries(entries);
}

/** An absolute path; `~` is the home directory and a relative path starts at `base`. */
export function expandPath(
  path: string,
  options: { readonly base: string; readonly env: Readonly<Record<string, string>> },
): string {
  const home = options.env["HOME"];
  if (home && (path === "~" || path.startsWith("~/"))) return join(home, path.slice(1));
  return isAbsolute(path) ? path : resolve(options.base, path);
}

function resolveModel(raw: Table, input: ResolveInput & { readonly providerId: string }): string {
  const model = text(raw, "model");
  // The config's model is one of the usual provider; a local server does not have it.
  if (input.localProvider !== null && !input.isModelAsked) {
    return defaultLocalModel(input.localProvider);
  }
  return model ?? defaultModel(input.providerId);
}

/** Off where nothing is said: not every provider knows such a tool. */
function resolveWebSearch(word: string | null): Config["webSearch"] {
  if (word === null || word === "disabled") return null;
  return word === "live" ? "live" : "cached";
}

function resolveApproval(raw: Table): ApprovalPolicy | null {
  const value = own(raw, "approval_policy");
  // Upstream writes the granular policy as a table of switches.
  return isTable(value) ? "granular" : oneOf(APPROVAL_POLICIES, value);
}

function resolveWorkspace(raw: Table, input: ResolveInput): WorkspaceWriteSettings {
  const value = own(raw, "sandbox_workspace_write");
  const table = isTable(value) ? value : {};
  const { env } = input;
  const roots = (texts(table, "writable_roots") ?? [])
    .map((path) => expandPath(path, { base: input.codexHome, env }));
  const added = input.addDirs.map((path) => expandPath(path, { base: input.cwd, env }));
  return {
    writableRoots: [...new Set([...roots, ...added])],
    networkAccess: flag(table, "network_access") ?? false,
    excludeTmpdirEnvVar: flag(table, "exclude_tmpdir_env_var") ?? false,
    excludeSlashTmp: flag(table, "exclude_slash_tmp") ?? false,
  };
}

function resolveListen(raw: Table): readonly string[] | null {
  const value = valueAt(raw, ["app_server", "listen"]);
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : null;
}

function resolveNetwork(raw: Table): Pick<Config, "allowDomains" | "allowPorts"> {
  const value = valueAt(raw, ["permissions", "network"]);
  const network = isTable(value) ? value : {};
  return {
    allowDomains: texts(network, "allow_domains"),
    allowPorts: counts(network, "allow_ports") ?? [],
  };
}

function resolveShellEnvironment(raw: Table): ShellEnvironmentPolicy {
  const value = own(raw, "shell_environment_policy");
  const table = isTable(value) ? value : {};
  return {
    inherit: oneOf(["all", "core", "none"] as const, own(table, "inherit")) ?? "all",
    ignoreDefaultExcludes: flag(table, "ignore_default_excludes") ?? false,
    exclude: texts(table, "exclude") ?? [],
    set: textMap(own(table, "set")) ?? {},
    includeOnly: texts(table, "include_only") ?? [],
  };
}

function oneOf<const T extends readonly string[]>(allowed: T, value: unknown): T[number] | null {
  return allowed.find((one) => one === value) ?? null;
}

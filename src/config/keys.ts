/** The table of all config keys, with what each accepts; must not know how a value is used or read. */

/** What a key accepts. */
export type KeyRule =
  | {
    readonly kind:
      | "text"
      | "flag"
      | "count"
      | "counts"
      | "texts"
      | "textOrTexts"
      | "textMap"
      | "any";
  }
  | { readonly kind: "choice"; readonly values: readonly string[] }
  /** A table with these keys; others get a warning, unless it is open. */
  | {
    readonly kind: "table";
    readonly keys: Readonly<Record<string, KeyRule>>;
    readonly isOpen?: true;
  }
  /** A table whose keys are names that the user makes up. */
  | { readonly kind: "each"; readonly rule: KeyRule }
  /** A fixed word, or a table that is passed on as it is. */
  | { readonly kind: "choiceOrTable"; readonly values: readonly string[] };

const text: KeyRule = { kind: "text" };
const flag: KeyRule = { kind: "flag" };
/** A whole number, 0 or more. */
const count: KeyRule = { kind: "count" };
const counts: KeyRule = { kind: "counts" };
const texts: KeyRule = { kind: "texts" };
/** One string, or a list of them. */
const textOrTexts: KeyRule = { kind: "textOrTexts" };
const textMap: KeyRule = { kind: "textMap" };
/** Known, so that a real config does not warn, but not looked into. */
const any: KeyRule = { kind: "any" };

function choice(...values: readonly string[]): KeyRule {
  return { kind: "choice", values };
}

function table(keys: Readonly<Record<string, KeyRule>>): KeyRule {
  return { kind: "table", keys };
}

function each(rule: KeyRule): KeyRule {
  return { kind: "each", rule };
}

/** The approval policies, in the order in which upstream lists them. */
export const APPROVAL_POLICIES = [
  "untrusted",
  "on-failure",
  "on-request",
  "granular",
  "never",
] as const;

/** The sandbox modes, in the order in which upstream lists them. */
export const SANDBOX_MODES = ["read-only", "workspace-write", "danger-full-access"] as const;

const approvalPolicy: KeyRule = { kind: "choiceOrTable", values: APPROVAL_POLICIES };
const sandboxMode = choice(...SANDBOX_MODES);
const reasoningSummary = choice("auto", "concise", "detailed", "none");
const verbosity = choice("low", "medium", "high");
const webSearch = choice("disabled", "cached", "indexed", "live");

const provider = table({
  name: text,
  base_url: text,
  env_key: text,
  env_key_instructions: text,
  experimental_bearer_token: text,
  wire_api: choice("responses", "chat"),
  query_params: textMap,
  http_headers: textMap,
  env_http_headers: textMap,
  request_max_retries: count,
  stream_max_retries: count,
  stream_idle_timeout_ms: count,
  websocket_connect_timeout_ms: count,
  requires_openai_auth: flag,
  supports_websockets: flag,
  supports_standalone_web_search: flag,
  auth: any,
  aws: any,
  capabilities: any,
  credential_file: any,
  gateway_oauth: any,
  location: any,
  model_catalog_url: any,
  project_id: any,
});

/** What a profile may set as well as the top level. */
const perProfile: Readonly<Record<string, KeyRule>> = {
  model: text,
  model_provider: text,
  approval_policy: approvalPolicy,
  approvals_reviewer: any,
  sandbox_mode: sandboxMode,
  // Efforts and tiers come and go with the models, so any word is passed on.
  model_reasoning_effort: text,
  plan_mode_reasoning_effort: text,
  model_reasoning_summary: reasoningSummary,
  model_verbosity: verbosity,
  service_tier: text,
  personality: choice("none", "friendly", "pragmatic"),
  chatgpt_base_url: text,
  model_instructions_file: text,
  experimental_instructions_file: text,
  experimental_compact_prompt_file: text,
  experimental_use_unified_exec_tool: flag,
  experimental_use_freeform_apply_patch: flag,
  model_catalog_json: any,
  include_apps_instructions: flag,
  include_environment_context: flag,
  include_permissions_instructions: flag,
  js_repl_node_module_dirs: any,
  js_repl_node_path: any,
  zsh_path: any,
  oss_provider: choice("lmstudio", "ollama"),
  web_search: webSearch,
  tools: any,
  tools_view_image: flag,
  analytics: any,
  windows: any,
  features: each(flag),
};

/** The whole config file. */
export const CONFIG_KEYS: Readonly<Record<string, KeyRule>> = {
  ...perProfile,
  review_model: text,
  model_context_window: count,
  model_auto_compact_token_limit: count,
  profile: text,
  profiles: each(table(perProfile)),
  instructions: text,
  developer_instructions: text,
  compact_prompt: text,
  sandbox: table({ mode: sandboxMode }),
  app_server: table({ listen: textOrTexts, max_sandbox: sandboxMode }),
  sandbox_workspace_write: table({
    writable_roots: texts,
    network_access: flag,
    exclude_tmpdir_env_var: flag,
    exclude_slash_tmp: flag,
  }),
  // Upstream keeps named profiles in here too, so only this one table is looked into.
  permissions: {
    kind: "table",
    keys: {
      network: {
        kind: "table",
        keys: { allow_domains: texts, allow_ports: counts },
        isOpen: true,
      },
    },
    isOpen: true,
  },
  shell_environment_policy: table({
    inherit: choice("core", "all", "none"),
    ignore_default_excludes: flag,
    exclude: texts,
    set: textMap,
    include_only: texts,
    filters: any,
    experimental_use_profile: flag,
  }),
  model_providers: each(provider),
  projects: each(table({ trust_level: choice("trusted", "untrusted") })),
  openai_base_url: text,
  project_doc_max_bytes: count,
  project_doc_fallback_filenames: texts,
  project_root_markers: texts,
  tool_output_token_limit: count,
  history: table({ persistence: choice("save-all", "none"), max_bytes: count }),
  hide_agent_reasoning: flag,
  show_raw_agent_reasoning: flag,
  check_for_update_on_startup: flag,
  cli_auth_credentials_store: choice("file", "keyring", "auto", "ephemeral"),
  forced_login_method: choice("chatgpt", "api"),
  file_opener: choice("vscode", "vscode-insiders", "windsurf", "cursor", "none"),
  mcp_servers: each(any),
  allow_login_shell: flag,
  agents: any,
  allow_symlinked_codex_home: any,
  apps: any,
  apps_mcp_product_sku: any,
  audio: any,
  auto_review: any,
  background_terminal_max_timeout: any,
  browser_use: any,
  client_search_provider: any,
  cloud: any,
  commit_attribution: any,
  computer_use: any,
  daybreak: any,
  default_permissions: any,
  desktop: any,
  disable_paste_burst: any,
  experimental_realtime_start_instructions: any,
  experimental_realtime_webrtc_call_base_url: any,
  experimental_realtime_ws_backend_prompt: any,
  experimental_realtime_ws_base_url: any,
  experimental_realtime_ws_model: any,
  experimental_realtime_ws_startup_context: any,
  experimental_thread_store: any,
  experimental_thread_store_endpoint: any,
  feedback: any,
  forced_chatgpt_workspace_id: any,
  ghost_snapshot: any,
  goals: any,
  hooks: any,
  include_collaboration_mode_instructions: any,
  include_environment_context_time: any,
  log_dir: any,
  marketplaces: any,
  mcp_enterprise_managed_auth: any,
  mcp_oauth_callback_port: any,
  mcp_oauth_callback_url: any,
  mcp_oauth_credentials_store: any,
  mcp_optional_startup_grace_ms: any,
  memories: any,
  model_auto_compact_token_limit_scope: any,
  model_post_turn_compact_threshold_percent: any,
  model_supports_reasoning_summaries: any,
  notice: any,
  notify: any,
  orchestrator: any,
  otel: any,
  plugins: any,
  realtime: any,
  responses_api_metadata: any,
  skills: any,
  sqlite_home: any,
  suppress_unstable_features_warning: any,
  thread_unload_delay_secs: any,
  tool_suggest: any,
  tui: any,
  windows_wsl_setup_acknowledged: any,
};

/**
 * What a `.codex/config.toml` inside a trusted project may set.
 *
 * Whoever can write to a repository writes this file, so it may only choose how the model talks: nothing that
 * names an address, a key, a command or a program, nothing that widens a policy, no trust (CVE-2025-61260).
 */
export const PROJECT_KEYS: ReadonlySet<string> = new Set([
  "model",
  "model_reasoning_effort",
  "plan_mode_reasoning_effort",
  "model_reasoning_summary",
  "model_verbosity",
  "personality",
  "model_context_window",
  "model_auto_compact_token_limit",
  "project_doc_max_bytes",
  "tool_output_token_limit",
  "hide_agent_reasoning",
  "show_raw_agent_reasoning",
]);

/** True when the value of a key may be a secret and must not be shown. `path` is the dotted key in parts. */
export function isSecretKey(path: readonly string[]): boolean {
  const name = path.at(-1) ?? "";
  // These name variables; they do not hold values.
  if (path.includes("env_http_headers") || /env_var$|^env_key/.test(name)) return false;
  // Any header may carry a credential, and so may the variables that an MCP server is given.
  if (path.includes("http_headers") || path.includes("query_params")) return true;
  if (path[0] === "mcp_servers" && path.includes("env")) return true;
  return /token$|secret|passw|credential_file|api[-_]?key|authorization|cookie/i.test(name);
}

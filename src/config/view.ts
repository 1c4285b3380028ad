/** The configuration as `config/read` shows it; must not show a secret. */
import type { Config, ConfigLayer } from "./config.ts";
import { CONFIG_KEYS, isSecretKey } from "./keys.ts";
import { isTable, leaves, mergeTables, own, type Table, type Value } from "./values.ts";

/** The result of `config/read`. */
export interface ConfigView {
  readonly config: Readonly<Record<string, unknown>>;
  /** Dotted key to the layer that set it. */
  readonly origins: Readonly<Record<string, Pick<ConfigLayer, "name" | "version">>>;
  /** Highest precedence first. */
  readonly layers: readonly ConfigLayer[];
}

/** What stands in the place of a secret. */
const HIDDEN = "[hidden]";

/** Keys of our own that the answers of Codex do not have. */
const NOT_SHOWN_WHEN_UNSET: ReadonlySet<string> = new Set([
  "sandbox",
  "experimental_use_unified_exec_tool",
]);

/** Tables that are empty rather than null when unset. */
const EMPTY_WHEN_UNSET: ReadonlySet<string> = new Set(["profiles", "mcp_servers", "plugins"]);

/** Everything that `config/read` answers. */
export function configView(config: Config): ConfigView {
  const raw = withoutSecrets(tableOf(config.raw));
  const layers = config.layers.map((layer) => ({
    ...layer,
    config: withoutSecrets(tableOf(layer.config)),
  }));
  const origins: Record<string, Pick<ConfigLayer, "name" | "version">> = {};
  for (const { name, version, config: table } of layers) {
    for (const [path] of leaves(table)) origins[path.join(".")] = { name, version };
  }
  return { config: shownConfig(raw, config), origins, layers: layers.toReversed() };
}

function shownConfig(raw: Table, config: Config): Readonly<Record<string, unknown>> {
  const shown = new Map<string, unknown>();
  for (const key of Object.keys(CONFIG_KEYS)) {
    if (!NOT_SHOWN_WHEN_UNSET.has(key)) shown.set(key, EMPTY_WHEN_UNSET.has(key) ? {} : null);
  }
  for (const [key, value] of Object.entries(raw)) shown.set(key, value);
  shown.set("features", config.features);
  shown.set(
    "shell_environment_policy",
    withNulls(own(raw, "shell_environment_policy"), "shell_environment_policy"),
  );
  const providers = own(raw, "model_providers");
  if (isTable(providers)) {
    shown.set(
      "model_providers",
      Object.fromEntries(
        Object.entries(providers).map((
          [id, table],
        ) => [id, withNulls(table, "model_providers", PROVIDER_DEFAULTS)]),
      ),
    );
  } else shown.set("model_providers", {});
  if (own(raw, "sandbox_workspace_write") !== undefined) {
    const { writableRoots, networkAccess, excludeTmpdirEnvVar, excludeSlashTmp } =
      config.workspaceWrite;
    shown.set("sandbox_workspace_write", {
      writable_roots: writableRoots,
      network_access: networkAccess,
      exclude_tmpdir_env_var: excludeTmpdirEnvVar,
      exclude_slash_tmp: excludeSlashTmp,
    });
  }
  return Object.fromEntries(shown);
}

/** What upstream fills in for a provider instead of null. */
const PROVIDER_DEFAULTS: Table = {
  wire_api: "responses",
  requires_openai_auth: false,
  supports_websockets: false,
};

/** The table with null for each key that the rules know and it does not set. */
function withNulls(
  value: Value | undefined,
  key: string,
  defaults: Table = {},
): Readonly<Record<string, unknown>> {
  const rule = CONFIG_KEYS[key];
  const inner = rule?.kind === "each" ? rule.rule : rule;
  const names = inner?.kind === "table" ? Object.keys(inner.keys) : [];
  return Object.fromEntries([
    ...names.map((name) => [name, null] as const),
    ...Object.entries(defaults),
    ...Object.entries(isTable(value) ? value : {}),
  ]);
}

/** The table with every value hidden whose key may carry a secret. */
export function withoutSecrets(table: Table, prefix: readonly string[] = []): Table {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => {
      const path = [...prefix, key];
      if (isTable(value)) return [key, withoutSecrets(value, path)];
      return [key, isSecretKey(path) && value !== "" ? HIDDEN : value];
    }),
  );
}

/** `Config` keeps raw values as unknown; every value in it came out of the reader. */
function tableOf(values: Readonly<Record<string, unknown>>): Table {
  return isTable(values) ? mergeTables({}, values) : {};
}

/** The built-in model providers and the reader of `[model_providers.*]`; must not open a connection. */
import { CodexError } from "../lib/errors.ts";
import type { ModelProvider } from "./config.ts";
import { count, flag, text, textMap } from "./fields.ts";
import { isTable, own, type Table } from "./values.ts";

/** The provider of the embedded offline model. */
export const DEMO_PROVIDER = "demo";

/** The model to use when nothing names one. */
export function defaultModel(providerId: string): string {
  return providerId === DEMO_PROVIDER ? "demo" : "gpt-5.2-codex";
}

/** The model of a local server when `--oss` is given without `--model`. */
export function defaultLocalModel(providerId: string): string {
  return providerId === "lmstudio" ? "openai/gpt-oss-20b" : "gpt-oss:20b";
}

/** All providers by id: the built-in ones, changed and added to by the config. */
export function resolveProviders(
  raw: Table,
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, ModelProvider>> {
  const providers = new Map(builtInProviders(raw, env).map((one) => [one.id, one]));
  const tables = own(raw, "model_providers");
  for (const [id, table] of Object.entries(isTable(tables) ? tables : {})) {
    if (!isTable(table)) continue;
    providers.set(id, readProvider(table, providers.get(id) ?? emptyProvider(id)));
  }
  return Object.fromEntries(providers);
}

/** The chosen provider, or the error that upstream gives. */
export function requireProvider(
  providers: Readonly<Record<string, ModelProvider>>,
  id: string,
): ModelProvider {
  const provider = Object.hasOwn(providers, id) ? providers[id] : undefined;
  if (!provider) throw new CodexError("providerNotFound", `Model provider \`${id}\` not found`);
  if (provider.wireApi !== "demo" && !URL.canParse(provider.baseUrl)) {
    throw new CodexError(
      "invalidConfig",
      `\`model_providers.${id}.base_url\` must be the address of the API, such as http://127.0.0.1:8000/v1`,
    );
  }
  return provider;
}

function builtInProviders(
  raw: Table,
  env: Readonly<Record<string, string>>,
): readonly ModelProvider[] {
  const openaiUrl = own(raw, "openai_base_url") || env["OPENAI_BASE_URL"];
  return [
    {
      ...emptyProvider("openai"),
      name: "OpenAI",
      baseUrl: typeof openaiUrl === "string" ? openaiUrl : "https://api.openai.com/v1",
      envHttpHeaders: {
        "OpenAI-Organization": "OPENAI_ORGANIZATION",
        "OpenAI-Project": "OPENAI_PROJECT",
      },
      requiresOpenaiAuth: true,
    },
    {
      ...emptyProvider("ollama"),
      name: "Ollama",
      baseUrl: "http://localhost:11434/v1",
      wireApi: "chat",
    },
    {
      ...emptyProvider("lmstudio"),
      name: "LM Studio",
      baseUrl: "http://localhost:1234/v1",
      wireApi: "chat",
    },
    { ...emptyProvider(DEMO_PROVIDER), name: "Demo (offline)", wireApi: "demo" },
  ];
}

function emptyProvider(id: string): ModelProvider {
  return {
    id,
    name: id,
    baseUrl: "",
    wireApi: "responses",
    envKey: null,
    envKeyInstructions: null,
    bearerToken: null,
    httpHeaders: {},
    envHttpHeaders: {},
    queryParams: {},
    requestMaxRetries: 4,
    streamMaxRetries: 5,
    streamIdleTimeoutMs: 300_000,
    requiresOpenaiAuth: false,
  };
}

/** `base` with the keys of the table on top. The table has passed the check, so other types are absent. */
function readProvider(table: Table, base: ModelProvider): ModelProvider {
  const wireApi = own(table, "wire_api");
  return {
    id: base.id,
    name: text(table, "name") ?? base.name,
    baseUrl: text(table, "base_url") ?? base.baseUrl,
    wireApi: wireApi === "chat" || wireApi === "responses" ? wireApi : base.wireApi,
    envKey: text(table, "env_key") ?? base.envKey,
    envKeyInstructions: text(table, "env_key_instructions") ?? base.envKeyInstructions,
    bearerToken: text(table, "experimental_bearer_token") ?? base.bearerToken,
    httpHeaders: textMap(own(table, "http_headers")) ?? base.httpHeaders,
    envHttpHeaders: textMap(own(table, "env_http_headers")) ?? base.envHttpHeaders,
    queryParams: textMap(own(table, "query_params")) ?? base.queryParams,
    requestMaxRetries: count(table, "request_max_retries") ?? base.requestMaxRetries,
    streamMaxRetries: count(table, "stream_max_retries") ?? base.streamMaxRetries,
    streamIdleTimeoutMs: count(table, "stream_idle_timeout_ms") ?? base.streamIdleTimeoutMs,
    requiresOpenaiAuth: flag(table, "requires_openai_auth") ?? base.requiresOpenaiAuth,
  };
}

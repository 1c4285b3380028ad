/** Finds the key for a model provider and says who is signed in; must not know how a request is made. */
import { join } from "node:path";
import { CodexError, messageOf } from "../lib/errors.ts";

/** Where credentials are looked for. */
export interface AuthSource {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a model provider is signed in to; a `ModelProvider` of the config is one. */
export interface ProviderAuth {
  /** Environment variable that holds the key, or null. */
  readonly envKey: string | null;
  readonly envKeyInstructions: string | null;
  readonly bearerToken: string | null;
  readonly requiresOpenaiAuth: boolean;
}

/** Where the names of variables with keys are written; a `Config` is one. */
export interface SecretSource {
  readonly modelProviders: Readonly<
    Record<
      string,
      Pick<ProviderAuth, "envKey"> & { readonly envHttpHeaders: Readonly<Record<string, string>> }
    >
  >;
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What `auth.json` holds, as far as it is used here. */
export interface StoredAuth {
  /** `apikey`, `chatgpt` or another word of upstream's. */
  readonly mode: string | null;
  readonly apiKey: string | null;
}

/** The file that holds the API key. */
export function authFile(codexHome: string): string {
  return join(codexHome, "auth.json");
}

/** The key of OpenAI: from the environment, which is nearer to this run, else the stored one. */
export async function openaiKey(source: AuthSource): Promise<string | null> {
  return nonEmpty(source.env["CODEX_API_KEY"]) ?? nonEmpty(source.env["OPENAI_API_KEY"]) ??
    (await readStoredAuth(source.codexHome))?.apiKey ?? null;
}

/** What `auth.json` says; null when there is no such file. Throws when it cannot be read. */
export async function readStoredAuth(codexHome: string): Promise<StoredAuth | null> {
  const path = authFile(codexHome);
  const text = await readIfPresent(path);
  if (text === null) return null;
  const content = parseObject(text);
  if (!content) {
    // The parser's message would quote the file, and the file is a secret.
    throw new CodexError(
      "credentialsMissing",
      `${path} is not valid JSON; sign in again with \`codex login --with-api-key\``,
    );
  }
  const mode = content["auth_mode"];
  const apiKey = content["OPENAI_API_KEY"];
  return {
    mode: typeof mode === "string" ? mode : null,
    apiKey: typeof apiKey === "string" ? nonEmpty(apiKey) : null,
  };
}

/** The result of `account/read`. */
export interface AccountView {
  readonly account: { readonly type: "apiKey" } | null;
  readonly requiresOpenaiAuth: boolean;
}

/**
 * Who is signed in, as `account/read` says it.
 *
 * Upstream answers null for a provider without OpenAI's sign-in. The TUI of 0.120 whose own config names the
 * OpenAI provider, as that of a remote client does, then shows its sign-in screen, even though
 * `requiresOpenaiAuth` is false, and no key typed there could help. So null is answered only where a key is
 * required and missing; demo, local and custom providers boot straight into the composer of either TUI.
 */
export async function accountView(
  options: AuthSource & { readonly provider: ProviderAuth },
): Promise<AccountView> {
  const { requiresOpenaiAuth, envKey, bearerToken } = options.provider;
  if (!requiresOpenaiAuth) return { account: { type: "apiKey" }, requiresOpenaiAuth };
  const ownKey = envKey === null ? bearerToken : nonEmpty(options.env[envKey]);
  const key = ownKey ?? await openaiKey(options);
  return { account: key === null ? null : { type: "apiKey" }, requiresOpenaiAuth };
}

/** What a provider lacks to be asked anything. */
export type MissingKey =
  /** The variable that the config names is not set. */
  | { readonly type: "variable"; readonly name: string; readonly instructions: string | null }
  /** A key of OpenAI, which can be stored. */
  | { readonly type: "openai" };

/** Whether the key for a provider is missing; null when it is there, or none is needed. */
export async function missingKey(
  { envKey, envKeyInstructions, bearerToken, requiresOpenaiAuth }: ProviderAuth,
  source: AuthSource,
): Promise<MissingKey | null> {
  if (envKey !== null) {
    if (nonEmpty(source.env[envKey]) !== null) return null;
    if (!requiresOpenaiAuth) {
      return { type: "variable", name: envKey, instructions: envKeyInstructions };
    }
  }
  if (bearerToken !== null || !requiresOpenaiAuth) return null;
  return await openaiKey(source) === null ? { type: "openai" } : null;
}

/** Whether a text can be a key at all. */
export function isKeyText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** The names of all variables that carry keys or tokens, to be kept from child processes. */
export function secretVariables(config: SecretSource): readonly string[] {
  const names = new Set([
    "OPENAI_API_KEY",
    "CODEX_API_KEY",
    "CODEX_ACCESS_TOKEN",
    "CODEX_WS_TOKEN",
    "CODEX_APP_SERVER_AUTH",
  ]);
  for (const provider of Object.values(config.modelProviders)) {
    if (provider.envKey !== null) names.add(provider.envKey);
    for (const name of Object.values(provider.envHttpHeaders)) names.add(name);
  }
  for (const name of variablesOfMcpServers(config.raw["mcp_servers"])) names.add(name);
  return [...names];
}

function* variablesOfMcpServers(servers: unknown): Iterable<string> {
  for (const server of Object.values(isObject(servers) ? servers : {})) {
    if (!isObject(server)) continue;
    const token = server["bearer_token_env_var"];
    if (typeof token === "string") yield token;
    const headers = server["env_http_headers"];
    for (const name of Object.values(isObject(headers) ? headers : {})) {
      if (typeof name === "string") yield name;
    }
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new CodexError("io", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** The text without blanks around it (a trailing newline would break the header), or null when nothing is left. */
function nonEmpty(text: string | undefined): string | null {
  return text?.trim() || null;
}

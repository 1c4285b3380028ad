/** The headers and the address of a model request; must not know its body. */
import type { ModelProvider } from "../../config/config.ts";
import { setupError } from "./failure.ts";
import type { Env } from "../../lib/proxy.ts";
import type { ModelRequest } from "./port.ts";

/** What every wire of a provider needs to send a request. */
export interface Sender {
  readonly provider: ModelProvider;
  readonly env: Env;
  readonly userAgent: string;
  /** The OpenAI key of this user, or null where nobody has logged in. */
  readonly token: () => Promise<string | null>;
}

/** `{base_url}/{path}` with the provider's query parameters. */
export function endpointUrl(provider: ModelProvider, path: string): string {
  if (!URL.canParse(provider.baseUrl)) {
    throw setupError(
      `base_url of model provider ${provider.id} is not a URL: ${provider.baseUrl}`,
      "badRequest",
    );
  }
  const url = new URL(provider.baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path}`;
  for (const [name, value] of Object.entries(provider.queryParams)) {
    url.searchParams.set(name, value);
  }
  return url.href;
}

/** All headers of a request; the provider's own come last and win. */
export async function requestHeaders(
  sender: Sender,
  request: ModelRequest,
): Promise<Record<string, string>> {
  const { provider, env, userAgent } = sender;
  const headers: Record<string, string> = {
    "accept": "text/event-stream",
    "content-type": "application/json",
    "originator": userAgent.split("/", 1)[0] ?? "codex",
    "user-agent": userAgent,
    "session_id": request.threadId,
    "thread-id": request.threadId,
    "x-client-request-id": request.threadId,
    "x-codex-turn-metadata": JSON.stringify({
      session_id: request.threadId,
      turn_id: request.turnId,
    }),
  };
  const key = await keyOf(sender);
  if (key !== null) headers["authorization"] = `Bearer ${key}`;
  for (const [name, value] of Object.entries(provider.httpHeaders)) {
    headers[name.toLowerCase()] = value;
  }
  for (const [name, variable] of Object.entries(provider.envHttpHeaders)) {
    const value = env[variable]?.trim();
    if (value) headers[name.toLowerCase()] = value;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    // Checked here, since the text of the runtime's own error would repeat a key.
    throw setupError(`The value for the header ${name} has characters that no header can carry`);
  }
  return headers;
}

/**
 * The key of this provider, and of no other: the OpenAI login goes only to a provider that asks for it.
 * Throws a `ModelError` that says what to do when a key is missing.
 */
async function keyOf(sender: Sender): Promise<string | null> {
  const { provider, env } = sender;
  if (provider.envKey !== null) {
    const value = env[provider.envKey]?.trim();
    if (value) return value;
    if (!provider.requiresOpenaiAuth) {
      const hint = provider.envKeyInstructions ?? "Set it and start again";
      throw setupError(
        `Missing environment variable: \`${provider.envKey}\`. ${hint}`,
        "unauthorized",
      );
    }
  }
  if (provider.bearerToken !== null) return provider.bearerToken;
  if (!provider.requiresOpenaiAuth) return null;
  const token = await sender.token();
  if (token !== null) return token;
  throw setupError(
    `No API key for model provider ${provider.id}. Set ${provider.envKey ?? "OPENAI_API_KEY"}, ` +
      "or pipe the key into `codex login --with-api-key`",
    "unauthorized",
  );
}

/** Keeps keys and tokens out of the report, whatever a check or a child process says; must not print anything. */
import { readStoredAuth, secretVariables } from "../../account/auth.ts";
import type { Config } from "../../config/config.ts";
import type { CheckContext } from "./check.ts";

/** Shorter values (`1`, `true`, a port) are part of ordinary words. */
const MIN_SECRET_CHARS = 6;
const SECRET_NAME = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTHORIZATION/i;
const ADDRESS_NAME = /_?(proxy|base_url)$/i;

/** A function that hides every secret that this machine's environment, config and `auth.json` hold. */
export async function secretRedactor(context: CheckContext): Promise<(text: string) => string> {
  const { env } = context.host;
  const loaded = await context.config();
  const config = loaded.type === "loaded" ? loaded.config : null;
  const found = [
    ...secretsOfEnv(env, config),
    ...config ? secretsOfConfig(config) : [],
    ...await storedSecrets(context.home),
  ];
  // The longest first: one may be part of another.
  const secrets = [...new Set(found.map((secret) => secret.trim()))]
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    .sort((one, other) => other.length - one.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "[hidden]"), text);
}

/** Whether it looks like the name of a variable: people write the key itself into `env_key`. */
export function isVariableName(text: string): boolean {
  return text.length <= 48 && /^[A-Z]+(_[A-Z]+)*(_?\d{1,2})?$/.test(text);
}

function* secretsOfEnv(
  env: Readonly<Record<string, string>>,
  config: Config | null,
): Iterable<string> {
  const names = new Set(config ? secretVariables(config) : []);
  for (const [name, value] of Object.entries(env)) {
    // A path such as that of a key file is no secret, and hiding it would hide the folders of the report.
    const isSecret = names.has(name) || SECRET_NAME.test(name) && !/^[.~]?\//.test(value);
    if (isSecret) yield value;
    if (ADDRESS_NAME.test(name)) yield* secretsOfAddress(value);
  }
}

function* secretsOfConfig(config: Config): Iterable<string> {
  for (const provider of Object.values(config.modelProviders)) {
    if (provider.bearerToken !== null) yield provider.bearerToken;
    if (provider.envKey !== null && !isVariableName(provider.envKey)) yield provider.envKey;
    yield* Object.values(provider.httpHeaders);
    yield* Object.values(provider.queryParams);
    yield* secretsOfAddress(provider.baseUrl);
  }
}

/** The name and the password in an address, as written and as meant, and what its query says. */
function* secretsOfAddress(address: string): Iterable<string> {
  if (!URL.canParse(address)) return;
  const { username, password, searchParams } = new URL(address);
  for (const text of [username, password]) {
    if (text === "") continue;
    yield text;
    if (/%[0-9a-f]{2}/i.test(text)) yield unescapePercent(text);
  }
  yield* searchParams.values();
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not an escape after all: as written it is hidden already.
    return text;
  }
}

async function storedSecrets(home: string | null): Promise<readonly string[]> {
  if (home === null) return [];
  try {
    const stored = await readStoredAuth(home);
    return stored?.apiKey ? [stored.apiKey] : [];
  } catch {
    // The check of the credentials tells what is wrong with the file; its content is unknown to all.
    return [];
  }
}

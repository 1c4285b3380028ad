/** Checks that the model provider's key is there, and who could read it; must never show any part of one. */
import { authFile, readStoredAuth } from "../../account/auth.ts";
import type { Config, ModelProvider } from "../../config/config.ts";
import { userConfigFile } from "../../config/user_file.ts";
import { CodexError } from "../../lib/errors.ts";
import { shellJoin } from "../../lib/shell_join.ts";
import { type Check, type CheckContext, error, type Finding, ok, warning } from "./check.ts";
import { isVariableName } from "./secrets.ts";
import { isOpenToOthers, lookAt, modeText } from "./paths.ts";

/** In the order in which they are looked at; both are nearer to this run than the stored key. */
const OPENAI_VARIABLES = ["CODEX_API_KEY", "OPENAI_API_KEY"] as const;
const STORE_KEY = "printenv OPENAI_API_KEY | codex login --with-api-key";

/** The key of the provider in use, and `auth.json`. */
export const credentialsCheck: Check = { name: "credentials", run: credentialFindings };

async function credentialFindings(context: CheckContext): Promise<readonly Finding[]> {
  const loaded = await context.config();
  const stored = await storedFindings(context.home);
  if (loaded.type !== "loaded") {
    const unknown = "Which key is needed is not known: there is no usable configuration";
    return [warning(unknown, "See the line about the configuration"), ...stored.problems];
  }
  const { config } = loaded;
  const provider = config.modelProviders[config.modelProviderId];
  const key = provider ? keyFinding(provider, { context, hasStoredKey: stored.hasKey }) : null;
  // What is wrong with a file that nobody asks for a key is still wrong.
  return [...key ? [key] : [], ...stored.problems, ...await tokenInConfig(config)];
}

function keyFinding(
  provider: ModelProvider,
  about: { readonly context: CheckContext; readonly hasStoredKey: boolean },
): Finding {
  const { context: { host: { env }, home }, hasStoredKey } = about;
  const { id, envKey, bearerToken, requiresOpenaiAuth } = provider;
  if (envKey !== null) {
    const isSet = isFilled(env[envKey]);
    const shown = isVariableName(envKey)
      ? envKey
      : `the variable that \`model_providers.${id}.env_key\` names`;
    if (isSet) return ok(`A key for ${id}, from ${shown}`);
    if (!requiresOpenaiAuth) {
      const hint = provider.envKeyInstructions ?? `Set ${shown} to the key of ${id}`;
      return error(`No key for ${id}: ${shown} is not set`, hint);
    }
  }
  if (bearerToken !== null) return ok(`A token for ${id}, from the configuration`);
  if (!requiresOpenaiAuth) return ok(`None needed for ${id}${headersText(provider)}`);
  const variable = OPENAI_VARIABLES.find((name) => isFilled(env[name]));
  if (variable !== undefined) return ok(`A key for ${id}, from ${variable}`);
  if (hasStoredKey && home !== null) return ok(`A key for ${id}, from ${authFile(home)}`);
  return error(
    `No key for ${id}: neither OPENAI_API_KEY nor auth.json has one`,
    `${STORE_KEY}; or use a model that needs none: -c model_provider=demo, or --oss`,
  );
}

function headersText({ httpHeaders, envHttpHeaders }: ModelProvider): string {
  const count = Object.keys(httpHeaders).length + Object.keys(envHttpHeaders).length;
  return count === 0 ? "" : ", beyond the headers in the configuration";
}

/** What `auth.json` holds, and what is wrong with it. */
async function storedFindings(
  home: string | null,
): Promise<{ readonly hasKey: boolean; readonly problems: readonly Finding[] }> {
  if (home === null) return { hasKey: false, problems: [] };
  const file = authFile(home);
  const found = await lookAt(file);
  if (found.type !== "found") return { hasKey: false, problems: [] };
  const problems = openFinding(file, found.stat);
  try {
    const stored = await readStoredAuth(home);
    const isForeign = stored?.apiKey === null && stored.mode === "chatgpt";
    if (isForeign) {
      problems.push(warning(`${file} holds a ChatGPT login, which cannot be used here`, STORE_KEY));
    }
    return { hasKey: Boolean(stored?.apiKey), problems };
  } catch (thrown) {
    if (!(thrown instanceof CodexError)) throw thrown;
    const fix = thrown.kind === "io"
      ? `Make it readable for you: ${shellJoin(["ls", "-l", file])}`
      : STORE_KEY;
    return { hasKey: false, problems: [error(thrown.message, fix), ...problems] };
  }
}

async function tokenInConfig(config: Config): Promise<readonly Finding[]> {
  if (Object.values(config.modelProviders).every(({ bearerToken }) => bearerToken === null)) {
    return [];
  }
  const file = userConfigFile(config.codexHome);
  const found = await lookAt(file);
  return found.type === "found" ? openFinding(file, found.stat) : [];
}

function openFinding(file: string, stat: Deno.FileInfo): Finding[] {
  if (!isOpenToOthers(stat)) return [];
  return [warning(
    `${file} holds a secret and is open to other users (mode ${modeText(stat)})`,
    shellJoin(["chmod", "600", file]),
  )];
}

function isFilled(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== "";
}

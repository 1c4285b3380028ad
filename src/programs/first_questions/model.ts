/** Asks which model to use where the configured one cannot be asked anything for want of a key; must not ask any model. */
import { type MissingKey, missingKey } from "../../account/auth.ts";
import type { Config, ModelProvider } from "../../config/config.ts";
import { DEMO_PROVIDER } from "../../config/providers.ts";
import { type ConfigEdit, userConfigFile } from "../../config/user_file.ts";
import { CodexError } from "../../lib/errors.ts";
import { type Decision, Quit } from "./decision.ts";
import type { Host } from "../host.ts";
import { KEY_QUESTION } from "../key_question.ts";
import type { Prompt } from "../prompt.ts";
import { WentBack } from "../prompt/keys.ts";
import { checkKey } from "./key_check.ts";
import { chooseLocalModel, type LocalModel } from "./local_model.ts";

/** Headers with which providers are signed in to beside a key. */
const KEY_HEADERS = /^(?:authorization|api-key|x-api-key)$/i;

/** What asking needs. */
export interface AskWith {
  readonly host: Pick<Host, "env" | "clock">;
  readonly prompt: () => Promise<Prompt>;
}

/** Null where the configured provider has what it needs. */
export async function askForModel(
  config: Config,
  { host, prompt }: AskWith,
): Promise<Decision | Quit | null> {
  const provider = config.modelProviders[config.modelProviderId];
  const missing = provider ? await missingFor(provider, { config, env: host.env }) : null;
  if (!provider || missing === null) return null;
  const asked = await prompt();
  for (;;) {
    const answer = await asked.choose({
      message: problemText(provider, missing),
      choices: [
        ...missing.type === "openai" ? [{ value: "key" as const, label: "Paste an API key" }] : [],
        { value: "local", label: "A model on this machine", hint: "Ollama or LM Studio" },
        { value: "demo", label: "The demo model", hint: "built in; rules, not an AI" },
        { value: "quit", label: "Quit" },
      ],
    });
    if (answer === "quit") return new Quit(adviceFor(missing));
    const decision = await decisionFor(answer, { provider, config, host, prompt: asked });
    if (decision !== null) return decision;
  }
}

/** Null when the person went back. */
async function decisionFor(
  answer: "key" | "local" | "demo",
  { provider, config, host, prompt }: Asking & {
    readonly provider: ModelProvider;
    readonly config: Config;
  },
): Promise<Decision | null> {
  try {
    switch (answer) {
      case "key":
        return { apiKey: await askForKey(provider, { host, prompt }) };
      case "demo":
        return await used(demoEdits(config), { asked: prompt, config });
      case "local":
        return await askForLocal(config, { host, prompt });
    }
  } catch (error) {
    if (error instanceof WentBack) return null;
    throw error;
  }
}

interface Asking {
  readonly host: AskWith["host"];
  readonly prompt: Prompt;
}

/** Until there is one that the provider does not refuse. */
async function askForKey(provider: ModelProvider, { host, prompt }: Asking): Promise<string> {
  for (;;) {
    const key = await prompt.secret(KEY_QUESTION);
    const verdict = await checkKey(key, { provider, host });
    if (verdict.type === "refused") {
      prompt.say(`${provider.name} refuses this key (${verdict.status}). Is it complete?`);
      continue;
    }
    if (verdict.type === "unknown") {
      prompt.say(`The key is kept, but nobody could check it: ${verdict.why}`);
    }
    return key;
  }
}

async function askForLocal(config: Config, { host, prompt }: Asking): Promise<Decision | null> {
  const model = await chooseLocalModel(config, { host, prompt });
  return model === null ? null : await used(localEdits(model), { asked: prompt, config });
}

async function missingFor(
  provider: ModelProvider,
  { config, env }: { readonly config: Config; readonly env: Host["env"] },
): Promise<MissingKey | null> {
  const headers = [provider.httpHeaders, provider.envHttpHeaders].flatMap(Object.keys);
  if (headers.some((name) => KEY_HEADERS.test(name))) return null;
  try {
    return await missingKey(provider, { codexHome: config.codexHome, env });
  } catch (error) {
    // A file that holds no key; a new one replaces it.
    if (error instanceof CodexError && error.kind === "credentialsMissing") {
      return { type: "openai" };
    }
    throw error;
  }
}

function problemText({ id, name }: ModelProvider, missing: MissingKey): string {
  const provider = name === id ? id : `${name} (${id})`;
  if (missing.type === "openai") return `There is no API key for ${provider} yet. What to use?`;
  const hint = missing.instructions === null ? "" : `\n${missing.instructions}`;
  return `The key for ${provider} is missing: ${missing.name} is not set.${hint}\nWhat to use?`;
}

function adviceFor(missing: MissingKey): string {
  const key = missing.type === "openai"
    ? "To use a key: codex login, or set OPENAI_API_KEY."
    : `To use the key: set ${missing.name}.`;
  return `${key}\nWithout one: codex --oss (a model on this machine), or codex -c model_provider=demo.`;
}

/** This time in any case: a provider on the command line would win over a remembered one. */
async function used(
  edits: readonly ConfigEdit[],
  { asked, config }: { readonly asked: Prompt; readonly config: Config },
): Promise<Decision> {
  const { profile, codexHome } = config;
  const isAlways = await asked.confirm({
    message: `Use it from now on? (Kept in ${userConfigFile(codexHome)})`,
    yes: "Yes, remember it",
    no: "No, only this time",
    initial: false,
  });
  if (!isAlways) return { passing: edits };
  // A profile in use wins over what stands outside of it.
  const above = profile === null ? [] : ["profiles", profile];
  const remembered = edits.map(({ path, value }) => ({ path: [...above, ...path], value }));
  return { passing: edits, remembered };
}

function demoEdits({ raw }: Config): readonly ConfigEdit[] {
  const provider = { path: ["model_provider"], value: DEMO_PROVIDER };
  return Object.hasOwn(raw, "model") ? [provider, { path: ["model"], value: "demo" }] : [provider];
}

function localEdits({ provider, model }: LocalModel): readonly ConfigEdit[] {
  return [{ path: ["model_provider"], value: provider.id }, { path: ["model"], value: model }];
}

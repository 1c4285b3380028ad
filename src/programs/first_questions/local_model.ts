/** Lets a person choose among the models of this machine; must not know what is done with the choice. */
import type { Config, ModelProvider } from "../../config/config.ts";
import { defaultLocalModel } from "../../config/providers.ts";
import type { Host } from "../host.ts";
import type { Prompt } from "../prompt.ts";
import { type LocalServer, runningServers } from "./local_models.ts";

/** A model and who serves it. */
export interface LocalModel {
  readonly provider: ModelProvider;
  readonly model: string;
}

/** The model servers that are known without any configuration. */
const SERVERS: readonly string[] = ["ollama", "lmstudio"];

/** Null where none runs, or the person wants something else; why has been said. */
export async function chooseLocalModel(
  config: Config,
  { host, prompt }: { readonly host: Pick<Host, "env" | "clock">; readonly prompt: Prompt },
): Promise<LocalModel | null> {
  const providers = knownLocalProviders(config);
  const servers = await runningServers(providers, host);
  if (servers.length === 0) {
    prompt.say(`${noServerText(providers)}, then choose this again.`);
    return null;
  }
  return await chooseModelOf(servers, prompt);
}

/** Those that can be asked. */
export function knownLocalProviders(config: Config): readonly ModelProvider[] {
  return Object.values(config.modelProviders).filter(({ id }) => SERVERS.includes(id));
}

/** Whom nobody answered for. */
export function noServerText(providers: readonly ModelProvider[]): string {
  const tried = providers.map(({ name, baseUrl }) => `${name} at ${baseUrl}`).join(", ");
  return `No model server answers (${tried}). Start one`;
}

/** Null where the person wants none of them. */
export async function chooseModelOf(
  servers: readonly LocalServer[],
  prompt: Prompt,
): Promise<LocalModel | null> {
  const offered = servers.flatMap(({ provider, models }) =>
    models.map((model) => ({ provider, model }))
  );
  return offered.length === 0
    ? await typedModel(servers, prompt)
    : await chosenModel(offered, prompt);
}

async function chosenModel(
  offered: readonly LocalModel[],
  prompt: Prompt,
): Promise<LocalModel | null> {
  const usual = offered.findIndex(({ provider, model }) =>
    model === defaultLocalModel(provider.id)
  );
  const index = await prompt.choose({
    message: "Which model?",
    choices: [
      ...offered.map(({ provider, model }, at) => ({
        value: String(at),
        label: model,
        hint: provider.name,
      })),
      { value: "back", label: "None of these" },
    ],
    initial: String(Math.max(0, usual)),
  });
  // Of the last one: none.
  return offered[Number(index)] ?? null;
}

/** A server that does not say what it has may load what it is asked for. */
async function typedModel(
  [server]: readonly LocalServer[],
  prompt: Prompt,
): Promise<LocalModel | null> {
  if (!server) return null;
  const { provider } = server;
  const model = await prompt.text({
    message: `${provider.name} runs, but names no model. Which one is it to use?`,
    initial: defaultLocalModel(provider.id),
    check: (text) => /^\S+$/.test(text) ? null : "The name of a model has no blanks",
  });
  return { provider, model };
}

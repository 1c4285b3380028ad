/** Makes sure that `--oss` has a model to talk to, and asks where there is a choice; must not know other providers. */
import type { Config } from "../../config/config.ts";
import { defaultLocalModel } from "../../config/providers.ts";
import type { ConfigEdit } from "../../config/user_file.ts";
import { type Decision, Quit } from "./decision.ts";
import type { Host } from "../host.ts";
import type { Prompt } from "../prompt.ts";
import { chooseModelOf, knownLocalProviders, noServerText } from "./local_model.ts";
import { type LocalServer, runningServers } from "./local_models.ts";

/** What asking needs. */
export interface OssOptions {
  readonly host: Pick<Host, "env" | "clock">;
  readonly prompt: () => Promise<Prompt>;
  /** The command line or the config names the one provider to use. */
  readonly isNamed: boolean;
  /** The command line names the model. */
  readonly hasModel: boolean;
}

/** Null where the provider of `--oss` runs and has the model; else what to use instead. */
export async function askForOss(
  config: Config,
  options: OssOptions,
): Promise<Decision | Quit | null> {
  const { host, prompt, isNamed, hasModel } = options;
  const wanted = knownLocalProviders(config)
    .filter(({ id }) => !isNamed || id === config.modelProviderId);
  for (;;) {
    const servers = await runningServers(wanted, host);
    if (servers.length > 0) {
      const usual = servers.find(({ provider }) => provider.id === config.modelProviderId);
      const isSettled = usual !== undefined && (hasModel || mayHave(usual, config.model));
      return isSettled ? null : await chosenOf(usual ? [usual] : servers, { prompt, hasModel });
    }
    const answer = await (await prompt()).choose({
      message: `${noServerText(wanted)}, then look again.`,
      choices: [
        { value: "again", label: "Look again", hint: "once it runs" },
        { value: "quit", label: "Quit" },
      ],
    });
    if (answer === "quit") {
      return new Quit("Without a local model: codex, or codex -c model_provider=demo.");
    }
  }
}

/** A server that does not tell what it has may have anything. */
function mayHave({ models }: LocalServer, model: string): boolean {
  return models.length === 0 || models.includes(model);
}

async function chosenOf(
  servers: readonly LocalServer[],
  { prompt, hasModel }: Pick<OssOptions, "prompt" | "hasModel">,
): Promise<Decision | Quit> {
  const [only] = servers;
  if (
    only && servers.length === 1 && (hasModel || mayHave(only, defaultLocalModel(only.provider.id)))
  ) {
    return { passing: [providerEdit(only.provider.id)] };
  }
  const chosen = await chooseModelOf(servers, await prompt());
  if (chosen === null) return new Quit("Load a model into the local server, then start again.");
  const model = { path: ["model"], value: chosen.model };
  return { passing: [providerEdit(chosen.provider.id), ...hasModel ? [] : [model]] };
}

/** `--oss` goes by this key, not by that of all providers. */
function providerEdit(id: string): ConfigEdit {
  return { path: ["oss_provider"], value: id };
}

/** What has to be settled before the interface opens a screen with a server of its own; must not know that server. */
import { saveApiKey } from "../account/login.ts";
import type { Args } from "../cli/args.ts";
import { editUserConfig, userConfigFile } from "../config/user_file.ts";
import { CliError, CodexError } from "../lib/errors.ts";
import { sanitizeText } from "../lib/sanitize.ts";
import { configFromArgs } from "./config_options.ts";
import { type Decision, Quit } from "./first_questions/decision.ts";
import { askForModel } from "./first_questions/model.ts";
import { askForOss } from "./first_questions/oss.ts";
import { overrideOf } from "./first_questions/override_text.ts";
import { askForTrust } from "./first_questions/trust.ts";
import { codexHomeOf, type Host } from "./host.ts";
import { openPrompt, type Prompt } from "./prompt.ts";

/**
 * Asks what has to be asked, if anything, and carries it out. The result are overrides, as for `-c`, that the server
 * needs for what is not to be remembered, or could not be. Nothing is written before the last answer.
 */
export async function askFirst(args: Args, host: Host): Promise<readonly string[]> {
  const config = await configFromArgs(args, host);
  let opened: Promise<Prompt> | null = null;
  const prompt = () => opened ??= openPrompt(host);
  const decisions: Decision[] = [];
  for (
    const ask of [
      () =>
        args.isSet("oss") || args.isSet("local-provider")
          ? askForOss(config, {
            host,
            prompt,
            isNamed: args.isSet("local-provider") || Object.hasOwn(config.raw, "oss_provider"),
            hasModel: args.text("model") !== null || args.texts("config").some(namesModel),
          })
          : askForModel(config, { host, prompt }),
      () => askForTrust(config, { args, prompt }),
    ]
  ) {
    const decision = await ask();
    if (decision instanceof Quit) {
      tell(decision.advice, host);
      // No error: this was an answer.
      throw new CliError("", 0);
    }
    if (decision !== null) decisions.push(decision);
  }
  return decisions.length === 0 ? [] : await carryOut(decisions, host);
}

function namesModel(override: string): boolean {
  return /^\s*model\s*=/.test(override);
}

async function carryOut(decisions: readonly Decision[], host: Host): Promise<readonly string[]> {
  const codexHome = codexHomeOf(host);
  for (const { apiKey } of decisions) if (apiKey !== undefined) saveApiKey(codexHome, apiKey);
  const passing = decisions.flatMap((one) => one.passing ?? []);
  const remembered = decisions.flatMap((one) => one.remembered ?? []);
  if (remembered.length === 0) return passing.map(overrideOf);
  try {
    await editUserConfig(codexHome, remembered);
    return passing.map(overrideOf);
  } catch (error) {
    if (!(error instanceof CodexError) || error.kind === "invalidConfig") throw error;
    // Some keep this file where nobody can write; that is no reason not to work.
    const file = userConfigFile(codexHome);
    tell(`Not remembered in ${file}, but true for this time: ${error.message}`, host);
    return [...passing, ...remembered].map(overrideOf);
  }
}

/** The config may have had a say in the text. */
function tell(text: string, { stderr }: Host): void {
  stderr.write(`${sanitizeText(text)}\n`);
}

/** Checks the configuration with the code that loads it; must not read the file in any other way. */
import { userConfigFile } from "../../config/user_file.ts";
import { CodexError } from "../../lib/errors.ts";
import { shellJoin } from "../../lib/shell_join.ts";
import { type Check, type CheckContext, error, type Finding, ok, warning } from "./check.ts";
import { isOpenToOthers, lookAt, modeText } from "./paths.ts";

/** The config file, and what is set on top of it. */
export const configCheck: Check = { name: "config", run: configFindings };

async function configFindings(context: CheckContext): Promise<readonly Finding[]> {
  const loaded = await context.config();
  if (context.home === null || loaded.type === "homeless") {
    return [warning("Not read: there is no home folder", "See the line about the home folder")];
  }
  const file = userConfigFile(context.home);
  const found = await lookAt(file);
  const modes = found.type === "found" ? modeFindings(file, found.stat) : [];
  if (loaded.type === "failed") return [failedFinding(loaded.error, file), ...modes];
  const { config } = loaded;
  const profile = config.profile === null ? "" : `, profile ${config.profile}`;
  const use = `model ${config.model} of provider ${config.modelProviderId}${profile}`;
  return [
    ok(found.type === "found" ? `${file}: ${use}` : `No ${file}, so defaults: ${use}`),
    ...config.warnings.map((text) => warning(text, "Correct it, or take it out")),
    ...modes,
  ];
}

/** Whoever can write there decides which programs are run. */
function modeFindings(file: string, stat: Deno.FileInfo): readonly Finding[] {
  if (!isOpenToOthers(stat, 0o022)) return [];
  return [warning(
    `Other users can change ${file} (mode ${modeText(stat)})`,
    shellJoin(["chmod", "go-w", file]),
  )];
}

function failedFinding(thrown: unknown, file: string): Finding {
  if (!(thrown instanceof CodexError)) throw thrown;
  switch (thrown.kind) {
    case "io":
      return error(thrown.message, `Make it readable for you: ${shellJoin(["ls", "-l", file])}`);
    case "providerNotFound":
      return error(thrown.message, `Choose another one, or add its table to ${file}`);
    default:
      return error(thrown.message, "Correct it, then run this again");
  }
}

/** What the person in front of this machine wants to be called for, by its own configuration; must not know the screen. */
import type { Args } from "../../cli/args.ts";
import { readOverrides } from "../../config/override.ts";
import { readToml } from "../../config/toml_read.ts";
import { readUserConfig, userConfigFile } from "../../config/user_file.ts";
import { mergeTables } from "../../config/values.ts";
import { type AttentionSettings, attentionSettings } from "../../tui/attention.ts";
import { codexHomeOf, type Host } from "../host.ts";

/** Rejects where the configuration cannot be read, which the server tells about. */
export async function readAttentionSettings(
  args: Args,
  host: Pick<Host, "env" | "cwd">,
): Promise<AttentionSettings> {
  const file = userConfigFile(codexHomeOf(host));
  const user = await readToml(readUserConfig(file), { file });
  const { tui } = mergeTables(user, await readOverrides(args.texts("config")));
  return attentionSettings(tui);
}

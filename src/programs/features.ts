/** `codex features list`: shows the feature flags and whether they are on; must not change them. */
import { FEATURES } from "../config/features.ts";
import { sanitizeLine } from "../lib/sanitize.ts";
import { configFromArgs } from "./config_options.ts";
import type { Invocation } from "./host.ts";

/** Prints one line for each flag that this program knows or the config sets. */
export async function run({ args, host }: Invocation): Promise<number> {
  const config = await configFromArgs(args, host);
  for (const warning of config.warnings) {
    host.stderr.write(`warning: ${sanitizeLine(warning)}\n`);
  }
  const rows = Object.entries(config.features).sort(([one], [other]) => one < other ? -1 : 1)
    .map(([name, isOn]) => {
      const stage = FEATURES.find((one) => one.name === name)?.stage ?? "no effect";
      return { name: sanitizeLine(name), stage, isOn };
    });
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  for (const { name, stage, isOn } of rows) {
    host.stdout.write(`${name.padEnd(width)}${stage.padEnd(14)}${isOn}\n`);
  }
  return 0;
}

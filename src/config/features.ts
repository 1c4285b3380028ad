/** The feature flags of this program; must not know who asks for them. */
import { CodexError } from "../lib/errors.ts";
import { isTable, own, type Table } from "./values.ts";

/** One feature flag that this program knows by itself. */
export interface Feature {
  readonly name: string;
  readonly stage: "stable" | "experimental" | "removed";
  readonly isOnByDefault: boolean;
  readonly doc: string;
}

/** All of them. A row belongs here only when something asks for it. */
export const FEATURES: readonly Feature[] = [
  {
    name: "use_app_server_tui",
    stage: "removed",
    isOnByDefault: true,
    doc: "The terminal interface is always a client of the app-server",
  },
];

/** The effective flags, and a warning for each that means nothing here. */
export async function resolveFeatures(
  raw: Table,
): Promise<{ readonly features: Record<string, boolean>; readonly warnings: readonly string[] }> {
  const features = new Map(FEATURES.map((one) => [one.name, one.isOnByDefault]));
  const warnings: string[] = [];
  const table = own(raw, "features");
  for (const [name, value] of Object.entries(isTable(table) ? table : {})) {
    if (name === "use_app_server_tui") {
      if (value === false) {
        warnings.push(
          "`features.use_app_server_tui = false` is ignored: there is no other terminal interface",
        );
      }
      continue;
    }
    if (!await isKnownFeature(name)) warnings.push(`Unknown feature flag \`${name}\` is ignored`);
    features.set(name, value === true);
  }
  return { features: Object.fromEntries(features), warnings };
}

/** The `features` table that `--enable` and `--disable` stand for. */
export async function featureFlags(
  names: { readonly enable: readonly string[]; readonly disable: readonly string[] },
): Promise<Table> {
  for (const name of [...names.enable, ...names.disable]) {
    // Upstream's words; a mistyped flag of the command line stops, one in the file only warns.
    if (!await isKnownFeature(name)) {
      throw new CodexError("invalidConfig", `Unknown feature flag: ${name}`);
    }
  }
  return Object.fromEntries([
    ...names.enable.map((name) => [name, true] as const),
    ...names.disable.map((name) => [name, false] as const),
  ]);
}

async function isKnownFeature(name: string): Promise<boolean> {
  if (FEATURES.some((one) => one.name === name)) return true;
  const { isUpstreamFeature } = await import("./upstream_features.ts");
  return isUpstreamFeature(name);
}

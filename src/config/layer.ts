/** One layer of raw values; must not know how layers are found. */
import type { ConfigLayer } from "./config.ts";
import { canonicalJson, mergeTables, own, type Table, valueAt } from "./values.ts";

/** Checked raw values and where they came from. */
export interface Layer {
  readonly table: Table;
  /** False for a file that is not there. */
  readonly isShown: boolean;
  /** The layer as `config/read` reports it. */
  view(): Promise<ConfigLayer>;
}

/** A layer of checked values. */
export function newLayer(name: ConfigLayer["name"], table: Table): Layer {
  return {
    table,
    isShown: true,
    async view() {
      return { name, version: await versionOf(table), config: table };
    },
  };
}

/** `sha256:<hex>` of the content; upstream hashes the compact JSON as well. */
export async function versionOf(table: Table): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(table));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${hash.toHex()}`;
}

/**
 * `[sandbox] mode` as `sandbox_mode`, so that a higher layer may use either spelling.
 *
 * Within one layer `sandbox_mode`, which upstream knows, wins.
 */
export function withoutSandboxTable(table: Table): Table {
  const mode = valueAt(table, ["sandbox", "mode"]);
  if (mode === undefined || own(table, "sandbox_mode") !== undefined) return table;
  return mergeTables(table, { sandbox_mode: mode });
}

/** Reads configurations from texts; must not know what is expected of them. */
import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { type ConfigFlags, loadConfig } from "../../src/config/load.ts";
import { CodexError } from "../../src/lib/errors.ts";

/** What a configuration is read from. */
export interface Setup {
  readonly toml?: string;
  readonly overrides?: readonly string[];
  readonly flags?: ConfigFlags;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Reads it. */
export function load(setup: Setup = {}): Promise<Config> {
  const files: Record<string, string> = { ...setup.files };
  if (setup.toml !== undefined) files["/home/config.toml"] = setup.toml;
  return loadConfig({
    codexHome: "/home",
    cwd: setup.cwd ?? "/nowhere",
    env: setup.env ?? {},
    cliOverrides: setup.overrides ?? [],
    flags: setup.flags ?? {},
    readFile: (path) => Promise.resolve(files[path] ?? null),
  });
}

/** Why it cannot be read. */
export async function errorOf(setup: Setup): Promise<string> {
  try {
    await load(setup);
  } catch (error) {
    assert.ok(error instanceof CodexError, String(error));
    return error.message;
  }
  return assert.fail("no error");
}

/** Changes keys of the user's own config file and leaves the rest of it as it is; must not know what the keys mean. */
import { join } from "node:path";
import { CodexError, messageOf } from "../lib/errors.ts";
import { replaceHomeFile } from "../store/home_file.ts";
import type { Value } from "./values.ts";

/** One key and what it is set to. */
export interface ConfigEdit {
  readonly path: readonly string[];
  readonly value: Value;
}

/** The file that people keep their settings in. */
export function userConfigFile(codexHome: string): string {
  return join(codexHome, "config.toml");
}

/** Writes all edits at once, keeping comments and order. Throws a `CodexError`; nothing is written then. */
export async function editUserConfig(
  codexHome: string,
  edits: readonly ConfigEdit[],
): Promise<void> {
  const { setTomlKey } = await import("./toml_edit.ts");
  const file = userConfigFile(codexHome);
  try {
    replaceHomeFile(file, edits.reduce(setTomlKey, readUserConfig(file)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CodexError("invalidConfig", `Cannot change ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The text of the file; empty where there is none. Throws a `CodexError` where it cannot be read. */
export function readUserConfig(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new CodexError("io", `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

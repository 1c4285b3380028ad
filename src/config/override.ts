/** Reads `-c key=value`; must not know any key. */
import { CodexError } from "../lib/errors.ts";
import { readTomlValue } from "./toml_read.ts";
import { mergeTables, type Table, tableOf, type Value } from "./values.ts";

/** No key of the config is nearly as deep. */
const MAX_PARTS = 64;

/** One layer with all overrides; a later one wins. Throws a `CodexError` in upstream's words. */
export async function readOverrides(overrides: readonly string[]): Promise<Table> {
  let table: Table = {};
  for (const override of overrides) {
    const equals = override.indexOf("=");
    if (equals < 0) throw overrideError(`Invalid override (missing '='): ${override}`);
    const path = splitKey(override.slice(0, equals).trim());
    // The value may be a secret, so only the key is shown.
    if (path.some((part) => part === "")) {
      throw overrideError(`Empty key in override: ${override.slice(0, equals + 1)}`);
    }
    if (path.length > MAX_PARTS) throw overrideError("Too many dots in the key of an override");
    const value = tableOf(path, await overrideValue(override.slice(equals + 1)));
    if (typeof value === "object" && !Array.isArray(value)) {
      table = mergeTables(table, Object.fromEntries(Object.entries(value)));
    }
  }
  return table;
}

/** `a."b.c".d` in parts; without quotes a part may hold anything but a dot, as upstream has it. */
function splitKey(key: string): readonly string[] {
  const parts: string[] = [""];
  let quote = "";
  for (const letter of key) {
    const last = parts.length - 1;
    if (quote === "" && letter === ".") parts.push("");
    else if (quote === "" && (letter === '"' || letter === "'") && parts[last] === "") {
      quote = letter;
    } else if (letter === quote) quote = "";
    else parts[last] += letter;
  }
  return parts;
}

/** TOML where it is TOML, else the text itself without its outer quotes. */
async function overrideValue(text: string): Promise<Value> {
  const trimmed = text.trim();
  const plain = plainValue(trimmed);
  if (plain !== null) return plain;
  return await readTomlValue(trimmed) ?? trimmed.replace(/^["']+|["']+$/g, "");
}

/** The common forms, read without loading the TOML parser. */
function plainValue(text: string): Value | null {
  if (text === "true" || text === "false") return text === "true";
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  const quoted = /^"([^"\\\p{Cc}]*)"$/u.exec(text)?.[1];
  if (quoted !== undefined) return quoted;
  return /^(?!inf$|nan$)[A-Za-z][A-Za-z0-9_./-]*$/.test(text) ? text : null;
}

function overrideError(reason: string): CodexError {
  return new CodexError("invalidConfig", `error parsing -c overrides: ${reason}`);
}

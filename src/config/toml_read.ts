/** Reads TOML text into plain tables, loading the parser only when there is text; must not know any key. */
import { CodexError, messageOf } from "../lib/errors.ts";
import type { Table, Value } from "./values.ts";

/** Parses a config file. Throws a `CodexError` that names the file, line and column. */
export async function readToml(text: string, options: { readonly file: string }): Promise<Table> {
  if (text.trim() === "") return {};
  const { parse, TomlError } = await import("smol-toml");
  try {
    return plainTable(parse(text, { integersAsBigInt: "asNeeded" }));
  } catch (error) {
    const place = error instanceof TomlError ? `:${error.line}:${error.column}` : "";
    // Only the first line, and no cause: the rest quotes the file, and the quoted line may hold a key.
    const [reason = ""] = messageOf(error).split("\n");
    throw new CodexError("invalidConfig", `${options.file}${place}: ${reason}`);
  }
}

/** The value of `key=value` text when it is one TOML value, else null. */
export async function readTomlValue(text: string): Promise<Value | null> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    const table = plainTable(parse(`value = ${text}`, { integersAsBigInt: "asNeeded" }));
    // A line break would let one override set several keys.
    return Object.keys(table).length === 1 ? table["value"] ?? null : null;
  } catch (error) {
    if (error instanceof TomlError) return null;
    throw error;
  }
}

/** The 1-based line where a key, or the nearest table around it, is written; null when nowhere. */
export async function lineOfKey(text: string, path: readonly string[]): Promise<number | null> {
  const { parseTOML } = await import("toml-eslint-parser");
  const { indexToml, isAtOrBelow } = await import("./toml_index.ts");
  try {
    const { keys, tables } = indexToml(parseTOML(text, { tomlVersion: "1.0" }));
    const exact = keys.find((key) => isAtOrBelow(key.path, path)) ??
      keys.find((key) => isAtOrBelow(path, key.path));
    const header = tables.find((table) => isAtOrBelow(table.path, path));
    return exact?.line ?? header?.node.loc.start.line ?? null;
  } catch (error) {
    // The two parsers differ in corner cases; a message without a line is better than none.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Dates and huge integers become text, so that every value is JSON. */
function plainTable(table: object): Table {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): Value {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" && value !== null ? plainTable(value) : String(value);
}

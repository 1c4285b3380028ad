/** Writes a config edit as an override of the command line; must not know any key. */
import type { ConfigEdit } from "../../config/user_file.ts";
import type { Value } from "../../config/values.ts";

/** `key=value` as `-c` takes it; further keys of the path are part of the value, so that they may hold anything. */
export function overrideOf({ path: [first = "", ...rest], value }: ConfigEdit): string {
  const text = rest.reduceRight(
    (inner, key) => `{ ${quoted(key)} = ${inner} }`,
    typeof value === "string" ? quoted(value) : plain(value),
  );
  return `${first}=${text}`;
}

function plain(value: Exclude<Value, string>): string {
  if (typeof value === "object") throw new TypeError("Only single values are overridden");
  return String(value);
}

/** A TOML basic string: JSON's escapes are valid there, but DEL must be escaped as well. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007F");
}

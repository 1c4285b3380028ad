/** Writes a config edit as an override of the command line; must not know any key. */
import { tomlString } from "../../config/toml_string.ts";
import type { ConfigEdit } from "../../config/user_file.ts";
import type { Value } from "../../config/values.ts";

/** `key=value` as `-c` takes it; further keys of the path are part of the value, so that they may hold anything. */
export function overrideOf({ path: [first = "", ...rest], value }: ConfigEdit): string {
  const text = rest.reduceRight(
    (inner, key) => `{ ${tomlString(key)} = ${inner} }`,
    typeof value === "string" ? tomlString(value) : plain(value),
  );
  return `${first}=${text}`;
}

function plain(value: Exclude<Value, string>): string {
  if (typeof value === "object") throw new TypeError("Only single values are overridden");
  return String(value);
}

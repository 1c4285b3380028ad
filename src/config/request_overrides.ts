/** Config values that a client sends as JSON, as the `key=value` texts of `-c`; must not know any key. */

/** One text per value; null means that the client does not care. Keys may be dotted (as upstream). */
export function configOverrides(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const text = tomlValue(value);
    return text === null ? [] : [`${key}=${text}`];
  });
}

/** The value in TOML, where JSON strings are basic strings; null for what TOML cannot say. */
function tomlValue(value: unknown): string | null {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  if (Array.isArray(value)) {
    return `[${value.flatMap((item) => tomlValue(item) ?? []).join(", ")}]`;
  }
  if (typeof value !== "object" || value === null) return null;
  const pairs = Object.entries(value).flatMap(([key, item]) => {
    const text = tomlValue(item);
    return text === null ? [] : [`${JSON.stringify(key)} = ${text}`];
  });
  return `{ ${pairs.join(", ")} }`;
}

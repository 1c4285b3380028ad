/** Writes texts as TOML; must not know what they stand for. */

/** A basic string: JSON's escapes are valid there, but DEL must be escaped as well. */
export function tomlString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007F");
}

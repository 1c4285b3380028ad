/** Reads members of parsed JSON whose shape nobody vouches for; must not know which record they belong to. */

/** A JSON object of unknown shape. */
export type Fields = { readonly [key: string]: unknown };

/** The value as an object, or null for anything else, arrays included. */
export function fieldsOf(value: unknown): Fields | null {
  return isFields(value) ? value : null;
}

/** The member as text, or null. */
export function textOf(fields: Fields, key: string): string | null {
  const value = fields[key];
  return typeof value === "string" ? value : null;
}

/** The member as a finite number, or null. */
export function numberOf(fields: Fields, key: string): number | null {
  const value = fields[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The member as a list, empty when it is anything else. */
export function listOf(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key];
  return Array.isArray(value) ? value : [];
}

/** The texts of a list, other elements left out. */
export function textsOf(fields: Fields, key: string): string[] {
  return listOf(fields, key).filter((value): value is string => typeof value === "string");
}

/** JSON text as a value, or undefined when it is broken. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `readOnly` as `read_only`: rollouts spell words this way, the wire in camelCase. */
export function snakeCase(word: string): string {
  return word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `open_page` as `openPage`. */
export function camelCase(word: string): string {
  return word.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

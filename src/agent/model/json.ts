/** Narrowing of parsed JSON; must not know what the values mean. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object, or null for anything else. */
export function objectOf(value: unknown): JsonObject | null {
  return isObject(value) ? value : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an array, empty for anything else. */
export function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a string, or null for anything else. */
export function stringOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The value as a finite number, or null for anything else. */
export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Parses JSON text; undefined where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Providers send garbage now and then; the caller decides what that means.
  }
}

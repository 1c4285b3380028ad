/** Reads members of messages that servers of other versions sent; must not know which messages there are. */

/** A JSON object, its members unknown. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; an empty one when it is something else. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The member as an object; an empty one when it is something else. */
export function fieldsIn(fields: Fields, key: string): Fields {
  return fieldsOf(fields[key]);
}

/** The member as text; empty when it is something else. */
export function textIn(fields: Fields, key: string): string {
  const value = fields[key];
  return typeof value === "string" ? value : "";
}

/** The member as a number, or null. */
export function numberIn(fields: Fields, key: string): number | null {
  const value = fields[key];
  return typeof value === "number" ? value : null;
}

/** The member as a list; an empty one when it is something else. */
export function listIn(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key];
  return Array.isArray(value) ? value : [];
}

/** The texts in a list; what is no text is left out. */
export function textsIn(fields: Fields, key: string): string[] {
  return listIn(fields, key).filter((value) => typeof value === "string");
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

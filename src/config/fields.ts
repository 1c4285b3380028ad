/** Reads typed fields of a table that passed the check; must not know any key. */
import { isTable, own, type Table, type Value } from "./values.ts";

/** A non-empty string of a checked table, or null. */
export function text(table: Table, key: string): string | null {
  const value = own(table, key);
  return typeof value === "string" && value !== "" ? value : null;
}

/** A number of a checked table, or null. */
export function count(table: Table, key: string): number | null {
  const value = own(table, key);
  return typeof value === "number" ? value : null;
}

/** A boolean of a checked table, or null. */
export function flag(table: Table, key: string): boolean | null {
  const value = own(table, key);
  return typeof value === "boolean" ? value : null;
}

/** The numbers of a list in a checked table, or null. */
export function counts(table: Table | undefined, key: string): readonly number[] | null {
  const value = own(table, key);
  return Array.isArray(value) ? value.filter((one) => typeof one === "number") : null;
}

/** The strings of a list in a checked table, or null. */
export function texts(table: Table | undefined, key: string): readonly string[] | null {
  const value = own(table, key);
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : null;
}

/** A table of strings, or null. */
export function textMap(value: Value | undefined): Readonly<Record<string, string>> | null {
  if (!isTable(value)) return null;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}

/** Plain config values and tables: reading, merging and freezing; must not know any key. */

/** A value as config files, overrides and `config/read` hold it: JSON without null. */
export type Value = string | number | boolean | readonly Value[] | Table;

/** A table of values. Keys are user input: look them up with `own` only. */
export interface Table {
  readonly [key: string]: Value;
}

/** True for a table, false for a list or a scalar. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a key, never one that every object inherits (`constructor`, ...). */
export function own(table: Table | undefined, key: string): Value | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

/** The value at a path of keys. */
export function valueAt(table: Table, path: readonly string[]): Value | undefined {
  let value: Value | undefined = table;
  for (const key of path) value = isTable(value) ? own(value, key) : undefined;
  return value;
}

/** A table with nothing but `value` at `path`. */
export function tableOf(path: readonly string[], value: Value): Value {
  const [key, ...rest] = path;
  return key === undefined ? value : Object.fromEntries([[key, tableOf(rest, value)]]);
}

/** `base` with everything of `over` on top; tables merge, other values replace. */
export function mergeTables(base: Table, over: Table): Table {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    merged.set(key, isTable(before) && isTable(value) ? mergeTables(before, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Every scalar, list and empty table with its path. */
export function* leaves(
  table: Table,
  prefix: readonly string[] = [],
): Iterable<readonly [readonly string[], Value]> {
  for (const [key, value] of Object.entries(table)) {
    const path = [...prefix, key];
    if (isTable(value) && Object.keys(value).length > 0) yield* leaves(value, path);
    else yield [path, value];
  }
}

/** Freezes a value and all that it holds. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

/** The JSON text of a value with sorted keys: equal tables give equal text. */
export function canonicalJson(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isTable(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) =>
    `${JSON.stringify(key)}:${canonicalJson(own(value, key) ?? "")}`
  );
  return `{${members.join(",")}}`;
}

/** Checks one layer of raw values against the table of keys; must not know what the values mean. */
import { CodexError } from "../lib/errors.ts";
import { CONFIG_KEYS, isSecretKey, type KeyRule } from "./keys.ts";
import { lineOfKey } from "./toml_read.ts";
import { isTable, own, type Table, type Value } from "./values.ts";

/** Where a layer came from, for messages. */
export type LayerSource =
  | { readonly type: "file"; readonly file: string; readonly text: string }
  | { readonly type: "override"; readonly name: string };

/** What is wrong with one value. */
interface Problem {
  readonly path: readonly string[];
  readonly reason: string;
}

/**
 * Checks a layer and returns its warnings, one for each unknown key.
 *
 * Throws a `CodexError` for the first bad value: `unknown variant ... in KEY at FILE:LINE`.
 */
export async function checkLayer(table: Table, source: LayerSource): Promise<readonly string[]> {
  const unknown: (readonly string[])[] = [];
  const problem = checkTable(table, { keys: CONFIG_KEYS, path: [], unknown });
  if (problem) throw await problemError(problem, source);
  return unknown.map((path) =>
    `Unknown config key \`${path.join(".")}\` in ${
      source.type === "file" ? source.file : source.name
    } is ignored`
  );
}

/** A bad value as the user reads it; the first line is upstream's wording. */
export async function problemError(problem: Problem, source: LayerSource): Promise<CodexError> {
  const key = problem.path.join(".");
  let place = "";
  if (source.type === "file") {
    const line = await lineOfKey(source.text, problem.path);
    place = ` at ${source.file}${line === null ? "" : `:${line}`}`;
  } else place = ` of ${source.name}`;
  return new CodexError("invalidConfig", `${problem.reason}\nin \`${key}\`${place}`);
}

interface Walk {
  readonly keys: Readonly<Record<string, KeyRule>>;
  readonly path: readonly string[];
  /** Keys that are not in the table are fine here. */
  readonly isOpen?: boolean;
  /** Collects the unknown keys. */
  readonly unknown: (readonly string[])[];
}

function checkTable(table: Table, walk: Walk): Problem | null {
  for (const key of Object.keys(table)) {
    const path = [...walk.path, key];
    const rule = Object.hasOwn(walk.keys, key) ? walk.keys[key] : undefined;
    const value = own(table, key);
    if (value === undefined) continue;
    if (!rule) {
      if (!walk.isOpen) walk.unknown.push(path);
    } else {
      const problem = checkValue(value, rule, { ...walk, path });
      if (problem) return problem;
    }
  }
  return null;
}

function checkValue(value: Value, rule: KeyRule, walk: Walk): Problem | null {
  const { path } = walk;
  switch (rule.kind) {
    case "any":
      return null;
    case "text":
      return typeof value === "string" ? null : wrongType(value, path, "a string");
    case "flag":
      return typeof value === "boolean" ? null : wrongType(value, path, "true or false");
    case "count":
      return Number.isSafeInteger(value) && Number(value) >= 0
        ? null
        : wrongType(value, path, "a whole number, 0 or more");
    case "counts":
      return Array.isArray(value) &&
          value.every((one) => Number.isSafeInteger(one) && Number(one) >= 0)
        ? null
        : wrongType(value, path, "a list of whole numbers");
    case "texts":
      return isTexts(value) ? null : wrongType(value, path, "a list of strings");
    case "textOrTexts":
      return typeof value === "string" || isTexts(value)
        ? null
        : wrongType(value, path, "a string or a list of strings");
    case "textMap":
      return isTable(value) && Object.values(value).every((one) => typeof one === "string")
        ? null
        : wrongType(value, path, "a table of strings");
    case "choice":
    case "choiceOrTable":
      return checkChoice(value, rule, path);
    case "table":
      return isTable(value)
        ? checkTable(value, { ...walk, keys: rule.keys, isOpen: rule.isOpen === true })
        : wrongType(value, path, "a table");
    case "each":
      return isTable(value) ? checkEach(value, rule.rule, walk) : wrongType(value, path, "a table");
  }
}

function isTexts(value: Value): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function checkEach(table: Table, rule: KeyRule, walk: Walk): Problem | null {
  for (const [key, value] of Object.entries(table)) {
    const problem = checkValue(value, rule, { ...walk, path: [...walk.path, key] });
    if (problem) return problem;
  }
  return null;
}

function checkChoice(
  value: Value,
  rule: Extract<KeyRule, { readonly values: readonly string[] }>,
  path: readonly string[],
): Problem | null {
  if (rule.kind === "choiceOrTable" && isTable(value)) return null;
  if (typeof value === "string" && rule.values.includes(value)) return null;
  const allowed = rule.values.map((one) => `\`${one}\``);
  const expected = allowed.length === 2
    ? `expected ${allowed.join(" or ")}`
    : `expected one of ${allowed.join(", ")}`;
  const reason = typeof value === "string"
    ? `unknown variant \`${shown(value, path)}\`, ${expected}`
    : `invalid type: ${describe(value, path)}, ${expected}`;
  return { path, reason };
}

function wrongType(value: Value, path: readonly string[], expected: string): Problem {
  return { path, reason: `invalid type: ${describe(value, path)}, expected ${expected}` };
}

function describe(value: Value, path: readonly string[]): string {
  if (Array.isArray(value)) return "list";
  if (isTable(value)) return "table";
  if (typeof value === "string") return `string "${shown(value, path)}"`;
  if (typeof value === "number") return `number \`${shown(String(value), path)}\``;
  return `boolean \`${value}\``;
}

function shown(value: string, path: readonly string[]): string {
  if (isSecretKey(path)) return "[hidden]";
  return value.length > 80 ? `${value.slice(0, 80)}...` : value;
}

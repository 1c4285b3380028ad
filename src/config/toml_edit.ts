/** Sets or removes one key of a TOML text and keeps comments, order and spacing; must not know any key or file. */
import { type AST, parseTOML } from "toml-eslint-parser";
import { parse } from "smol-toml";
import { invariant } from "../lib/errors.ts";
import {
  indexToml,
  isAtOrBelow,
  type KeyEntry,
  type PathPart,
  type TomlIndex,
} from "./toml_index.ts";
import { tomlString } from "./toml_string.ts";
import { isTable, type Table, type Value } from "./values.ts";

/**
 * The text with the key at `path` set to `value`; a table as value replaces what was there.
 *
 * Throws a `SyntaxError` for text that is not TOML, and for a path that runs through an array of tables or
 * through a value that is no table.
 */
export function setTomlKey(text: string, edit: {
  readonly path: readonly string[];
  readonly value: Value;
}): string {
  const { path, value } = edit;
  invariant(path.length > 0, "A TOML edit needs a key");
  const index = readIndex(text);
  checkPath(index, path);
  const exact = index.keys.find((key) => samePath(key.path, path));
  if (exact) return verified(splice(text, exact.node.value.range, inlineValue(value)));
  const isThere = index.keys.some((key) => isAtOrBelow(key.path, path)) ||
    index.tables.some((table) => isAtOrBelow(table.path, path));
  const cleared = isThere ? removeTomlKey(text, path) : text;
  return verified(insert(cleared, { path, value }));
}

/** The text without the key at `path` and everything below it. */
export function removeTomlKey(text: string, path: readonly string[]): string {
  let rest = text;
  for (;;) {
    const index = readIndex(rest);
    const key = index.keys.find((one) => isAtOrBelow(one.path, path));
    if (key) {
      rest = withoutKey(rest, key);
      continue;
    }
    const table = index.tables.find((one) => isAtOrBelow(one.path, path));
    if (!table) return verified(rest);
    const end = table.node.body.at(-1)?.range[1] ?? table.node.key.range[1];
    rest = withoutLines(rest, [table.node.range[0], end]);
  }
}

function readIndex(text: string): TomlIndex {
  return indexToml(parseTOML(text, { tomlVersion: "1.0" }));
}

/** The result is read by another parser before it may reach a file. */
function verified(text: string): string {
  parse(text, { integersAsBigInt: "asNeeded" });
  return text;
}

function checkPath({ keys, tables }: TomlIndex, path: readonly string[]): void {
  const scalar = keys.find((key) =>
    key.path.length < path.length && isAtOrBelow(path, key.path) &&
    key.node.value.type !== "TOMLInlineTable"
  );
  const list = tables.find((table) =>
    table.node.kind === "array" && isAtOrBelow(path, table.path.slice(0, -1)) &&
    table.path.length <= path.length
  );
  if (scalar || list) {
    throw new SyntaxError(`\`${path.join(".")}\` runs through a value that is no table`);
  }
}

function insert(text: string, edit: {
  readonly path: readonly string[];
  readonly value: Value;
}): string {
  const { path, value } = edit;
  const index = readIndex(text);
  const inline = innermostInline(index, path);
  if (inline) {
    const line = assignment(path.slice(inline.path.length), value);
    return insertInline(text, inline.table, line);
  }
  const dotted = dottedParent(index, path);
  if (dotted) return insertLine(text, dotted.at, assignment(path.slice(dotted.depth), value));
  if (isTable(value) && Object.keys(value).length > 0) return appendSections(text, path, value);
  const parent = path.slice(0, -1);
  const line = assignment(path.slice(-1), value);
  if (parent.length === 0) return insertAtTop(text, index, line);
  const header = index.tables.find((table) =>
    table.node.kind === "standard" && samePath(table.path, parent)
  );
  if (header) {
    const end = header.node.body.at(-1)?.range[1] ?? header.node.key.range[1];
    return insertLine(text, lineEnd(text, end), line);
  }
  return `${withBlankLine(text)}[${parent.map(keyText).join(".")}]\n${line}\n`;
}

/** The deepest inline table that the path leads into. */
function innermostInline(
  index: TomlIndex,
  path: readonly string[],
): { readonly path: readonly PathPart[]; readonly table: AST.TOMLInlineTable } | null {
  for (const key of index.keys.toReversed()) {
    if (key.node.value.type !== "TOMLInlineTable" || key.path.length >= path.length) continue;
    if (isAtOrBelow(path, key.path)) return { path: key.path, table: key.node.value };
  }
  return null;
}

/**
 * Where dotted keys (`a.b = 1`) make the parent table: a header for it would define it twice, so the new key
 * goes after the last of them, dotted in the same way.
 */
function dottedParent(
  { keys }: TomlIndex,
  path: readonly string[],
): { readonly at: number; readonly depth: number } | null {
  for (let length = path.length - 1; length > 0; length--) {
    const parent = path.slice(0, length);
    const sibling = keys.findLast((key) =>
      key.inline === null && isAtOrBelow(key.path, parent) && key.path.length > length &&
      key.path.length - key.node.key.keys.length < length
    );
    if (!sibling) continue;
    const depth = sibling.path.length - sibling.node.key.keys.length;
    return { at: sibling.node.range[1], depth };
  }
  return null;
}

function insertInline(text: string, table: AST.TOMLInlineTable, assigned: string): string {
  const last = table.body.at(-1);
  if (last) return splice(text, [last.range[1], last.range[1]], `, ${assigned}`);
  return splice(text, table.range, `{ ${assigned} }`);
}

/** A key of the root goes after the last one there, or above the first header and its comments. */
function insertAtTop(text: string, { keys, tables }: TomlIndex, line: string): string {
  const firstTable = tables[0]?.node.range[0] ?? Infinity;
  const last = keys.findLast((key) => key.inline === null && key.node.range[0] < firstTable);
  if (last) return insertLine(text, lineEnd(text, last.node.range[1]), line);
  if (firstTable === Infinity) return `${withNewline(text)}${line}\n`;
  let at = lineStart(text, firstTable);
  while (at > 0 && /^[ \t]*#/.test(text.slice(lineStart(text, at - 1), at))) {
    at = lineStart(text, at - 1);
  }
  return `${text.slice(0, at)}${line}\n\n${text.slice(at)}`;
}

/** The value as one `[section]` with a section below it for each inner table. */
function appendSections(text: string, path: readonly string[], table: Table): string {
  const entries = Object.entries(table);
  const plain = entries.filter(([, value]) => !isFilledTable(value));
  const tables = entries.filter(([, value]) => isFilledTable(value));
  let result = text;
  if (plain.length > 0 || tables.length === 0) {
    const lines = plain.map(([key, value]) => `${assignment([key], value)}\n`).join("");
    result = `${withBlankLine(text)}[${path.map(keyText).join(".")}]\n${lines}`;
  }
  for (const [key, value] of tables) {
    if (isTable(value)) result = appendSections(result, [...path, key], value);
  }
  return result;
}

function isFilledTable(value: Value): boolean {
  return isTable(value) && Object.keys(value).length > 0;
}

function withoutKey(text: string, key: KeyEntry): string {
  const [start, end] = key.node.range;
  if (!key.inline) return withoutLines(text, [start, end]);
  const { body } = key.inline;
  const at = body.indexOf(key.node);
  const before = body[at - 1];
  const after = body[at + 1];
  if (before) return splice(text, [before.range[1], end], "");
  return after ? splice(text, [start, after.range[0]], "") : splice(text, key.inline.range, "{}");
}

function withoutLines(text: string, [start, end]: AST.Range): string {
  return splice(text, [lineStart(text, start), lineEnd(text, end)], "");
}

function insertLine(text: string, at: number, line: string): string {
  const end = lineEnd(text, at);
  const before = at > 0 && text[at - 1] === "\n"
    ? text.slice(0, at)
    : withNewline(text.slice(0, end));
  return `${before}${line}\n${text.slice(at > 0 && text[at - 1] === "\n" ? at : end)}`;
}

function splice(text: string, [start, end]: AST.Range, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** After the line break that ends the line, or the end of the text. */
function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function withBlankLine(text: string): string {
  return text.trim() === "" ? withNewline(text) : `${withNewline(text)}\n`;
}

function assignment(path: readonly string[], value: Value): string {
  return `${path.map(keyText).join(".")} = ${inlineValue(value)}`;
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

function inlineValue(value: Value): string {
  if (typeof value === "string") return tomlString(value);
  if (Array.isArray(value)) return `[${value.map(inlineValue).join(", ")}]`;
  if (!isTable(value)) return String(value);
  const members = Object.entries(value).map(([key, member]) => assignment([key], member));
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

function samePath(one: readonly PathPart[], other: readonly PathPart[]): boolean {
  return one.length === other.length && isAtOrBelow(one, other);
}

/** Lists the keys and table headers of parsed TOML with their places in the text; must not change text. */
import type { AST } from "toml-eslint-parser";

/** Part of a path: an array of tables counts its tables with numbers. */
export type PathPart = string | number;

/** One `key = value`. */
export interface KeyEntry {
  readonly path: readonly PathPart[];
  readonly node: AST.TOMLKeyValue;
  /** The inline table it is written in, or null. */
  readonly inline: AST.TOMLInlineTable | null;
  /** 1-based. */
  readonly line: number;
}

/** One `[header]`. */
export interface TableEntry {
  readonly path: readonly PathPart[];
  readonly node: AST.TOMLTable;
}

/** All keys and headers of a document, in the order of the text. */
export interface TomlIndex {
  readonly keys: readonly KeyEntry[];
  readonly tables: readonly TableEntry[];
}

/** Walks a parsed document. */
export function indexToml(program: AST.TOMLProgram): TomlIndex {
  const keys: KeyEntry[] = [];
  const tables: TableEntry[] = [];
  const addKey = (
    node: AST.TOMLKeyValue,
    at: { readonly prefix: readonly PathPart[]; readonly inline: AST.TOMLInlineTable | null },
  ) => {
    const path = [...at.prefix, ...keyNames(node.key)];
    keys.push({ path, node, inline: at.inline, line: node.loc.start.line });
    addContent(node.value, path);
  };
  const addContent = (value: AST.TOMLContentNode, path: readonly PathPart[]) => {
    if (value.type === "TOMLInlineTable") {
      for (const inner of value.body) addKey(inner, { prefix: path, inline: value });
    } else if (value.type === "TOMLArray") {
      for (const [index, element] of value.elements.entries()) {
        addContent(element, [...path, index]);
      }
    }
  };
  for (const node of program.body[0].body) {
    if (node.type === "TOMLKeyValue") addKey(node, { prefix: [], inline: null });
    else {
      tables.push({ path: node.resolvedKey, node });
      for (const inner of node.body) addKey(inner, { prefix: node.resolvedKey, inline: null });
    }
  }
  return { keys, tables };
}

/** True when `path` is `start` or lies below it. */
export function isAtOrBelow(path: readonly PathPart[], start: readonly PathPart[]): boolean {
  return start.length <= path.length && start.every((part, index) => path[index] === part);
}

function keyNames(key: AST.TOMLKey): readonly string[] {
  return key.keys.map((part) => part.type === "TOMLBare" ? part.name : part.value);
}

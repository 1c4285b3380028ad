/** Colours of code by the package `lowlight`, in a file of its own because it is loaded late; must not know messages. */
// @ts-types="./lowlight_package.ts"
import { common, createLowlight, type Node } from "lowlight";
import type { Style, Theme } from "../theme.ts";

/** Lines of a code with colours; null for languages that are not known. */
export type Coloring = (code: string, language: string) => readonly string[] | null;

/** The colours of a theme. Makes the languages ready, which takes some milliseconds. */
export function createColoring(theme: Theme): Coloring {
  const lowlight = createLowlight(common);
  const styles = stylesOf(theme);
  return (code, language) => {
    if (!lowlight.registered(language)) return null;
    const lines: string[] = [""];
    const root = lowlight.highlight(language, code);
    for (const child of root.children ?? []) paint(child, { style: null, styles, lines });
    return lines;
  };
}

interface Painting {
  readonly style: Style | null;
  readonly styles: ReadonlyMap<string, Style>;
  /** The last one is under way. */
  readonly lines: string[];
}

function paint(node: Node, painting: Painting): void {
  const { style, styles, lines } = painting;
  if (node.type === "text") {
    (node.value ?? "").split("\n").forEach((piece, index) => {
      if (index > 0) lines.push("");
      lines[lines.length - 1] += piece === "" || style === null ? piece : style(piece);
    });
    return;
  }
  const own = styleOf(node.properties?.className, styles);
  for (const child of node.children ?? []) paint(child, { ...painting, style: own ?? style });
}

function styleOf(classNames: unknown, styles: ReadonlyMap<string, Style>): Style | null {
  if (!Array.isArray(classNames)) return null;
  for (const name of classNames) {
    const style = styles.get(String(name).replace(/^hljs-/, ""));
    if (style) return style;
  }
  return null;
}

function stylesOf({ code, added, removed }: Theme): ReadonlyMap<string, Style> {
  const groups: readonly (readonly [Style, readonly string[]])[] = [
    [code.keyword, ["keyword", "selector-tag", "literal", "operator", "bullet"]],
    [code.string, ["string", "regexp", "char", "link", "code"]],
    [code.number, ["number", "symbol", "variable", "template-variable"]],
    [code.comment, ["comment", "quote", "meta", "doctag"]],
    [code.name, ["title", "built_in", "type", "attr", "attribute", "name", "section", "property"]],
    [added, ["addition"]],
    [removed, ["deletion"]],
  ];
  return new Map(groups.flatMap(([style, names]) => names.map((name) => [name, style] as const)));
}

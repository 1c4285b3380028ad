/** What every block is drawn with; must not know blocks. */
import type { Theme } from "../theme.ts";

/** Lines of a code with colours; null when there are none for it, now or ever. */
export type Highlight = (code: string, language: string) => readonly string[] | null;

/** What lines depend on besides their block. */
export interface RenderContext {
  readonly theme: Theme;
  /** In columns; at least 1. */
  readonly width: number;
  /** Whether long outputs and diffs are shown whole. */
  readonly isExpanded: boolean;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Paths below it are shown relative to it. */
  readonly cwd: string | null;
  readonly highlight: Highlight;
}

/** Below this width nothing is indented: every column counts. */
const INDENT_MIN_WIDTH = 12;

/** What stands before the first row of something, and before the others; of equal width. */
export interface Margin {
  readonly first: string;
  readonly rest: string;
  readonly columns: number;
}

const NO_MARGIN: Margin = { first: "", rest: "", columns: 0 };

/** The margin where there is room for one. */
export function marginFor(width: number, margin: Margin): Margin {
  return width < INDENT_MIN_WIDTH ? NO_MARGIN : margin;
}

/** The lines behind their margin. */
export function withMargin(lines: readonly string[], { first, rest }: Margin): string[] {
  return lines.map((line, index) => {
    if (index === 0) return `${first}${line}`;
    return line === "" ? "" : `${rest}${line}`;
  });
}

/** The path as people write it from where they work. */
export function shownPath(path: string, cwd: string | null): string {
  return cwd !== null && cwd !== "" && cwd !== "/" && path.startsWith(`${cwd}/`)
    ? path.slice(cwd.length + 1)
    : path;
}

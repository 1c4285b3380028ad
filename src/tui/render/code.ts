/** Draws a block of code, indented and in colours where there are some; must not know whose code it is. */
import { wrapTextWithAnsi } from "pi-tui";
import type { ProseLook } from "./prose.ts";
import { fit, wrapText } from "./wrap.ts";

const INDENT = "  ";
const INDENT_MIN_WIDTH = 12;

/** The lines of a code that is complete. */
export function renderCode(
  code: { readonly lines: readonly string[]; readonly language: string },
  { look, width }: { readonly look: ProseLook; readonly width: number },
): string[] {
  const colored = look.highlight(code.lines.join("\n"), code.language);
  if (colored === null) return renderPlainCode(code.lines, { look, width });
  const { indent, inner } = indentation(width);
  return colored.flatMap((line) =>
    wrapTextWithAnsi(line, inner).map((row) => `${indent}${fit(row, inner)}`.trimEnd())
  );
}

/** The lines of a code that still grows: colours come when it is complete. */
export function renderPlainCode(
  lines: readonly string[],
  { look, width }: { readonly look: ProseLook; readonly width: number },
): string[] {
  const { indent, inner } = indentation(width);
  return lines.flatMap((line) =>
    wrapText(line, inner).map((row) => row === "" ? "" : `${indent}${look.style?.(row) ?? row}`)
  );
}

function indentation(width: number): { readonly indent: string; readonly inner: number } {
  const indent = width < INDENT_MIN_WIDTH ? "" : INDENT;
  return { indent, inner: width - indent.length };
}

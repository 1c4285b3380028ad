/** The few colours of the human output; must not decide whether there are any. */

/** Wraps text in a style, or leaves it alone. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  heading(text: string): string;
  italic(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  note(text: string): string;
}

/** The style of a terminal, or of anything else. */
export function makeStyle(isColored: boolean): Style {
  function sgr(code: string) {
    return (text: string) => isColored && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
  return {
    bold: sgr("1"),
    dim: sgr("2"),
    heading: sgr("35;3"),
    italic: sgr("3"),
    good: sgr("32"),
    bad: sgr("31"),
    note: sgr("36"),
  };
}

/** Whether to colour: `--color` decides, and `auto` asks the terminal, NO_COLOR and TERM. */
export function wantsColor(
  choice: string | null,
  stream: { readonly isTerminal: boolean; readonly env: Readonly<Record<string, string>> },
): boolean {
  if (choice === "always") return true;
  if (choice === "never") return false;
  return stream.isTerminal && !stream.env["NO_COLOR"] && stream.env["TERM"] !== "dumb";
}

/** How the demo prints: marks, colours, and text of others made safe; must not know the story. */
import { sanitizeText } from "../../src/lib/sanitize.ts";
import type { Mark } from "./story.ts";

const COLORS: Readonly<Record<Mark, string>> = {
  "✓": "32",
  "›": "36",
  "?": "33",
  "✂": "31",
  "↻": "33",
  " ": "2",
};

const isColored = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");

/** Prints a line with a mark in front of it. */
export function tell(mark: Mark, text: string): void {
  console.log(lineOf(mark, text, { isColored }));
}

/** That line; text of the model and of commands is made safe, and further lines are indented. */
export function lineOf(
  mark: Mark,
  text: string,
  options: { readonly isColored: boolean },
): string {
  const [first = "", ...more] = sanitizeText(text).trimEnd().split("\n");
  const lines = [`${mark} ${first}`, ...more.map((line) => `  ${line}`)].join("\n");
  return options.isColored ? `\u001b[${COLORS[mark]}m${lines}\u001b[0m` : lines;
}

/** Why the demo ended early; what a server said may be in it. */
export function failureLine(error: unknown): string {
  return sanitizeText(`The demo failed: ${error instanceof Error ? error.message : error}`);
}

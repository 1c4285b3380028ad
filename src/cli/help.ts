/** Renders the help of a command from the table; must not know where it is printed. */
import { allFlags, CODEX, type Command, type Flag } from "./commands.ts";
import { type CommandPath, positionalLabel, usageText } from "./usage.ts";

/** The widest line. */
const WIDTH = 100;
/** Labels longer than this get a line of their own. */
const LABEL_WIDTH = 34;

/** The path of `codex` itself. */
export const ROOT: CommandPath = { command: CODEX, names: [CODEX.name] };

/** The complete help of one command, ending in a newline. */
export function renderHelp(at: CommandPath): string {
  const { command } = at;
  const sections = [
    `${command.doc}\n\nUsage: ${usageText(at)}\n`,
    section("Commands", commandRows(command)),
    section(
      "Arguments",
      (command.positionals ?? []).map((one) => [
        positionalLabel(one),
        one.doc + choicesText(one.choices),
      ]),
    ),
    section(
      "Options",
      allFlags(command).filter((flag) => !flag.hidden).map((flag) => [
        flagColumn(flag),
        flag.doc + choicesText(flag.choices),
      ]),
    ),
  ];
  return sections.filter((text) => text !== "").join("\n");
}

function commandRows(command: Command): readonly (readonly [string, string])[] {
  if (!command.commands) return [];
  return [
    ...command.commands.map((one) => [one.name, one.doc + aliasesText(one)] as const),
    ["help", "Print help, also of one command: help <COMMAND>"],
  ];
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const longest = Math.max(...rows.map(([label]) => label.length));
  const column = Math.min(longest, LABEL_WIDTH) + 4;
  const lines = rows.map(([label, text]) => {
    const [first = "", ...more] = wrap(text, WIDTH - column);
    const start = `  ${label}`;
    const head = start.length + 2 <= column
      ? start.padEnd(column) + first
      : `${start}\n${" ".repeat(column)}${first}`;
    return [head, ...more.map((line) => " ".repeat(column) + line)].join("\n");
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

function flagColumn(flag: Flag): string {
  const value = flag.value === undefined ? "" : ` <${flag.value}>${flag.greedy ? "..." : ""}`;
  return `${flag.short ? `-${flag.short}, ` : "    "}--${flag.name}${value}`;
}

function choicesText(choices: readonly string[] | undefined): string {
  return choices ? ` [${choices.join(", ")}]` : "";
}

function aliasesText(command: Command): string {
  return command.aliases ? ` [alias: ${command.aliases.join(", ")}]` : "";
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** `/help`: all keys and commands on one page to read; must not know which there are. */
import { visibleWidth } from "pi-tui";
import { fixedText, Pager } from "../pane/pager.ts";
import { openView } from "../pane/view.ts";
import { wrapText } from "../render/wrap.ts";
import { SHORTCUTS } from "../shortcuts.ts";
import type { Theme } from "../theme.ts";
import type { CommandContext, SlashCommand } from "./context.ts";

/** Names, and what they do. */
interface HelpGroup {
  readonly title: string;
  readonly entries: readonly { readonly name: string; readonly doc: string }[];
}

/** The widest column of names; what is longer stands in a row of its own. */
const NAMES_MAX = 26;
/** Narrower screens have what a name does in the row below it. */
const TWO_COLUMNS_MIN = 64;
const INDENT = "  ";

/** Shows them; `commands` are those that the server can carry out. */
export function showHelp(context: CommandContext, commands: readonly SlashCommand[]): void {
  const groups = helpGroups(commands);
  openView(context, (close) =>
    new Pager({
      ...context,
      title: () => "Keys and commands",
      text: fixedText(groups, {
        draw: (group, width) => [
          ...group === groups[0] ? [] : [""],
          ...groupRows(group, { width, theme: context.theme }),
        ],
        status: "",
      }),
      keys: [{ key: "?", run: close }],
      onClose: close,
    }));
}

/** Keys first, then commands. */
function helpGroups(commands: readonly SlashCommand[]): readonly HelpGroup[] {
  const keys = SHORTCUTS.map(({ title, shortcuts }) => ({
    title,
    entries: shortcuts.map((shortcut) => ({ name: shortcut.keys.join(", "), doc: shortcut.doc })),
  }));
  const entries = commands.map((command) => ({ name: usageOf(command), doc: command.doc }));
  return [...keys, { title: "Commands", entries }];
}

/** How a command is written, aliases included. */
export function usageOf({ name, aliases = [], argumentHint }: SlashCommand): string {
  const names = [name, ...aliases].map((one) => `/${one}`).join(", ");
  return argumentHint === undefined ? names : `${names} ${argumentHint}`;
}

function groupRows(
  { title, entries }: HelpGroup,
  { width, theme }: { readonly width: number; readonly theme: Theme },
): string[] {
  return [
    ...wrapText(title, width).map(theme.bold),
    ...entries.flatMap((entry) => entryRows(entry, { width, theme })),
  ];
}

function entryRows(
  { name, doc }: HelpGroup["entries"][number],
  { width, theme }: { readonly width: number; readonly theme: Theme },
): string[] {
  const indented = (text: string, indent: string) =>
    wrapText(text, Math.max(1, width - indent.length)).map((row) => indent + row);
  if (width < TWO_COLUMNS_MIN) {
    return [
      ...indented(name, INDENT).map(theme.accent),
      ...indented(doc, INDENT + INDENT),
    ];
  }
  const columns = INDENT.length + NAMES_MAX + 2;
  const docs = indented(doc, " ".repeat(columns));
  const names = indented(name, INDENT);
  const [first = ""] = names;
  if (names.length > 1 || visibleWidth(first) + 2 > columns) {
    return [...names.map(theme.accent), ...docs];
  }
  const [firstDoc = "", ...moreDocs] = docs;
  const padding = " ".repeat(columns - visibleWidth(first));
  return [theme.accent(first) + padding + firstDoc.trimStart(), ...moreDocs];
}

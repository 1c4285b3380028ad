/** What could be completed at the cursor, and with what; must not know keys, colours or servers. */
import { fuzzyMatch } from "pi-tui";

/** A slash command as the composer needs it. */
export interface SlashEntry {
  /** Without the slash. */
  readonly name: string;
  readonly description: string;
  /** How its arguments are written; one in angle brackets (`<name>`) must be given. */
  readonly argumentHint?: string;
}

/** What is being typed at the cursor. */
export interface CompletionPlace {
  readonly type: "command" | "file";
  readonly from: number;
  readonly to: number;
  readonly query: string;
}

const FILE = /(?:^|[\s(])@(?:"([^"\n]*)|([^\s"]*))$/u;
const LOOK_BACK_CHARS = 512;

/** Where the cursor is, as far as something could be completed there. */
export function completionPlace(
  { text, cursor }: { readonly text: string; readonly cursor: number },
): CompletionPlace | null {
  const before = text.slice(Math.max(0, cursor - LOOK_BACK_CHARS), cursor);
  const file = FILE.exec(before);
  if (file) {
    const query = file[1] ?? file[2] ?? "";
    const from = cursor - query.length - (file[1] === undefined ? 1 : 2);
    const rest = file[1] === undefined ? /^[^\s"]*/ : /^[^"\n]*"?/;
    const to = cursor + (rest.exec(text.slice(cursor))?.[0].length ?? 0);
    return { type: "file", from, to, query };
  }
  const name = /^\/([\w-]*)$/.exec(before);
  if (!name || cursor > LOOK_BACK_CHARS) return null;
  const to = cursor + (/^[\w-]*/.exec(text.slice(cursor))?.[0].length ?? 0);
  return { type: "command", from: 0, to, query: name[1] ?? "" };
}

/** The commands whose names fit, best first; all of them, in their order, for nothing typed. */
export function fittingCommands(
  commands: readonly SlashEntry[],
  query: string,
): readonly SlashEntry[] {
  if (query === "") return commands;
  const typed = query.toLowerCase();
  const rated = commands.flatMap((command) => {
    const name = command.name.toLowerCase();
    if (name.startsWith(typed)) return [{ command, score: -1_000_000 + name.length }];
    const { matches, score } = fuzzyMatch(typed, name);
    return matches ? [{ command, score }] : [];
  });
  return rated.sort((a, b) => a.score - b.score).map(({ command }) => command);
}

/** What a prompt that begins with a slash asks for: a command, or null when it is a prompt after all. */
export function parseSlash(text: string): { readonly name: string; readonly args: string } | null {
  const match = /^\/([a-zA-Z][\w-]*)(?:\s+([\s\S]*))?$/.exec(text);
  return match ? { name: match[1] ?? "", args: (match[2] ?? "").trim() } : null;
}

/** A path as it is put into a prompt. */
export function pathText(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path;
}

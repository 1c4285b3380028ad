/** The slash commands as one table, and what becomes of a line that begins with a slash; must not know views. */
import { messageOf } from "../lib/errors.ts";
import type { CommandContext, SlashCommand } from "./commands/context.ts";
import { deskCommands, quitCommand } from "./commands/desk_commands.ts";
import { showHelp } from "./commands/help_view.ts";
import { skillCommands } from "./commands/skill_command.ts";
import { settingCommands } from "./commands/setting_commands.ts";
import { threadCommands } from "./commands/thread_commands.ts";
import { workCommands } from "./commands/work_commands.ts";
import type { SlashEntry } from "./composer/completion.ts";
import type { SessionPort } from "./session_port.ts";

export type { CommandContext, SlashCommand } from "./commands/context.ts";

const help: SlashCommand = {
  name: "help",
  aliases: ["keys"],
  doc: "list keys and commands",
  whileRunning: true,
  run: (context) => showHelp(context, commandsFor(context.session)),
};

/** All commands, in the order in which people see them. */
export const COMMANDS: readonly SlashCommand[] = [
  ...settingCommands,
  ...threadCommands,
  ...workCommands,
  ...skillCommands,
  ...deskCommands,
  help,
  quitCommand,
];

/** Those that the server can carry out. */
export function commandsFor(session: Pick<SessionPort, "has">): readonly SlashCommand[] {
  return COMMANDS.filter(({ needs = [] }) => needs.every((method) => session.has(method)));
}

/** The command of a name or an alias, in any case; null when there is none, or not with this server. */
export function findCommand(session: Pick<SessionPort, "has">, name: string): SlashCommand | null {
  const wanted = name.toLowerCase();
  return commandsFor(session).find((command) => namesOf(command).includes(wanted)) ?? null;
}

/** The same, as the composer completes them. */
export function slashEntries(session: Pick<SessionPort, "has">): readonly SlashEntry[] {
  return commandsFor(session).flatMap((command) =>
    namesOf(command).map((name) => ({
      name,
      description: name === command.name ? command.doc : `the same as /${command.name}`,
      ...command.argumentHint === undefined ? {} : { argumentHint: command.argumentHint },
    }))
  );
}

/** A line that begins with a slash. */
export interface CommandLine {
  readonly name: string;
  readonly args: string;
}

/** Begins a command; false, with a notice, when it is refused. What fails later comes back to where it was written. */
export function beginCommand(context: CommandContext, line: CommandLine): boolean {
  const { session, conversation, composer } = context;
  const found = runnable(session, line.name);
  if (typeof found === "string") {
    conversation.notice("warning", found);
    return false;
  }
  void runCommand(context, line).then((isDone) => {
    if (!isDone && composer.isEmpty) composer.setText(`/${line.name} ${line.args}`.trimEnd());
  });
  return true;
}

/** Runs a command; whatever goes wrong becomes a notice, and the answer false. */
export async function runCommand(
  context: CommandContext,
  { name, args }: CommandLine,
): Promise<boolean> {
  const { session, conversation } = context;
  const found = runnable(session, name);
  if (typeof found === "string") {
    conversation.notice("warning", found);
    return false;
  }
  try {
    await found.run(context, args.trim());
    return true;
  } catch (error) {
    conversation.notice("error", `/${found.name}: ${messageOf(error)}`);
    return false;
  }
}

/** The command, or why it cannot be run now, for people. */
function runnable(
  session: Pick<SessionPort, "has" | "running">,
  name: string,
): SlashCommand | string {
  const command = findCommand(session, name);
  if (!command) return unknownText(session, name);
  return session.running && !command.whileRunning
    ? `/${command.name} has to wait until the turn has ended; Esc interrupts it`
    : command;
}

function unknownText(session: Pick<SessionPort, "has">, name: string): string {
  const isMissing = COMMANDS.some((command) => namesOf(command).includes(name.toLowerCase()));
  if (isMissing) return `This server cannot do /${name}`;
  const suggestion = suggestionFor(session, name);
  const hint = suggestion === null ? "/help lists them" : `did you mean /${suggestion}?`;
  return `There is no command /${name}; ${hint}`;
}

/** The name that is nearest to what was typed; null when none is near. */
export function suggestionFor(session: Pick<SessionPort, "has">, name: string): string | null {
  const typed = name.toLowerCase();
  const rated = commandsFor(session).flatMap(namesOf).map((known) => ({
    known,
    distance: known.startsWith(typed) ? 0 : distanceOf(typed, known),
  })).sort((one, other) => one.distance - other.distance);
  const [best] = rated;
  const limit = Math.max(1, Math.floor(typed.length / 2));
  return best && best.distance <= limit ? best.known : null;
}

function namesOf({ name, aliases = [] }: SlashCommand): readonly string[] {
  return [name, ...aliases];
}

/** Letters that were added, left out, changed or swapped with their neighbours. */
function distanceOf(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, i) => {
    const row = Array<number>(other.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let j = 0; j <= other.length; j++) rows[0]?.splice(j, 1, j);
  for (let i = 1; i <= one.length; i++) {
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change);
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwap) least = Math.min(least, at(i - 2, j - 2) + 1);
      rows[i]?.splice(j, 1, least);
    }
  }
  return at(one.length, other.length);
}

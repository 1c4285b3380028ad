/**
 * Parses a command line against the table, with the errors that clap prints; must not know what a flag means.
 *
 * No parser library is used: scripts and clients match the error texts of clap, which no library here prints.
 */
import { Args } from "./args.ts";
import { CODEX, type Command, subcommand } from "./commands.ts";
import { Level } from "./level.ts";
import { checkRemoteScope } from "./remote_scope.ts";
import { jaroSimilarity } from "./similar.ts";
import { renderHelp } from "./help.ts";
import { type CommandPath, unknownSubcommand, usageError } from "./usage.ts";
import { CliError } from "../lib/errors.ts";

/** What a command line asks for. */
export type CommandLine =
  | { readonly type: "run"; readonly args: Args }
  | { readonly type: "help"; readonly at: CommandPath }
  | { readonly type: "version"; readonly isVerbose: boolean };

/** Parses the words after `codex`. Throws a `CliError` for every mistake, with exit code 2 for those that clap would find. */
export function parseCommandLine(words: readonly string[], root: Command = CODEX): CommandLine {
  let level = new Level({ command: root, names: [root.name] });
  const levels = [level];
  let hasOnlyValues = false;
  for (let index = 0; index < words.length;) {
    const word = words[index] ?? "";
    const rest = words.slice(index + 1);
    if (hasOnlyValues || word === "-" || !word.startsWith("-")) {
      const next = hasOnlyValues ? null : level.enter(word);
      if (next) levels.push(level = new Level(next));
      else if (!hasOnlyValues && level.asksHelp(word)) {
        return { type: "help", at: helpTarget(level.at, rest) };
      } else if (level.takesRest) {
        level.addRest(words.slice(index));
        break;
      } else {
        if (levels.length === 1 && level.positionals.length === 1) checkMistypedProgram(level);
        level.addPositional(word, { isAfterDashes: hasOnlyValues });
      }
      index++;
    } else if (word === "--") {
      hasOnlyValues = true;
      index++;
    } else {
      const outcome = word.startsWith("--")
        ? level.addLong(word, rest)
        : level.addShort(word, rest);
      if (outcome === "help") return { type: "help", at: level.at };
      if (outcome === "version") return { type: "version", isVerbose: level.asksVerbose(rest) };
      index += 1 + outcome;
    }
  }
  finish(levels, { hasOnlyValues });
  const args = new Args(level.at.names.slice(1), mergeLevels(levels));
  checkRemoteScope(args);
  return { type: "run", args };
}

function finish(
  levels: readonly Level[],
  { hasOnlyValues }: { readonly hasOnlyValues: boolean },
): void {
  const last = levels.at(-1);
  for (const level of levels) {
    level.checkConflicts();
    level.checkCompanions();
  }
  last?.checkRequired();
  if (last?.at.command.requiresCommand) throw new CliError(renderHelp(last.at).trimEnd(), 2);
  // What stands behind `--` is meant as it is written.
  if (levels.length === 1 && last && !hasOnlyValues) checkMistypedProgram(last);
}

/** Above clap's own measure: `refactor` and `monitor` are prompts, though they resemble `doctor`. */
const MISTYPED = 0.85;

/** One word that is almost the name of a program is a mistake rather than a prompt. */
function checkMistypedProgram(level: Level): void {
  const [word] = level.positionals;
  if (word === undefined || level.positionals.length > 1 || !/^[a-z][a-z-]*$/.test(word)) return;
  checkForeignProgram(word);
  const names = (level.at.command.commands ?? []).map((one) => one.name);
  if (names.every((name) => jaroSimilarity(word, name) < MISTYPED)) return;
  throw unknownSubcommand(level.at, word);
}

/** Programs of upstream's, none of which is a likely prompt; those that a person does elsewhere say where. */
const FOREIGN: ReadonlyMap<string, string | null> = new Map([
  ["review", "in the interface it is '/review'"],
  ["agents", "in the interface it is '/resume'"],
  ...[
    ...["apply", "archive", "cloud", "debug", "delete", "mcp", "mcp-server", "migrate-nfs-db"],
    ...["migrate-rollouts", "plugin", "queue", "remote-control", "unarchive", "update"],
  ].map((name) => [name, null] as const),
]);

/** Nobody who writes the name of a program means to send it to a model. */
function checkForeignProgram(word: string): void {
  const elsewhere = FOREIGN.get(word);
  if (elsewhere === undefined) return;
  const asPrompt = `to send it as a prompt, use '-- ${word}'`;
  throw usageError(`there is no program '${word}' in this codex`, {
    tip: elsewhere === null ? asPrompt : `${elsewhere}; ${asPrompt}`,
  });
}

/** Follows the names after `help` down the table. */
function helpTarget(from: CommandPath, names: readonly string[]): CommandPath {
  let at = from;
  for (const name of names) {
    const next = subcommand(at.command, name);
    if (!next) throw unknownSubcommand(at, name);
    at = { command: next, names: [...at.names, next.name] };
  }
  return at;
}

/** Values of the deeper command win over those before its name; repeatable ones add up. */
function mergeLevels(levels: readonly Level[]): ReadonlyMap<string, readonly string[]> {
  const merged = new Map<string, readonly string[]>();
  for (const level of levels) {
    // A prompt belongs to the command it was written for.
    for (const positional of level.at.command.positionals ?? []) merged.delete(positional.name);
    for (const [name, values] of level.values()) {
      merged.set(name, [...(merged.get(name) ?? []), ...values]);
    }
  }
  return merged;
}

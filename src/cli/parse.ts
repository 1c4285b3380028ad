/**
 * Parses a command line against the table, with the errors that clap prints; must not know what a flag means.
 *
 * No parser library is used: scripts and clients match the error texts of clap, which no library here prints.
 */
import { Args } from "./args.ts";
import { CODEX, type Command, subcommand } from "./commands.ts";
import { Level } from "./level.ts";
import { jaroSimilarity } from "./similar.ts";
import { renderHelp } from "./help.ts";
import { type CommandPath, unknownSubcommand } from "./usage.ts";
import { CliError } from "../lib/errors.ts";

/** What a command line asks for. */
export type CommandLine =
  | { readonly type: "run"; readonly args: Args }
  | { readonly type: "help"; readonly at: CommandPath }
  | { readonly type: "version"; readonly isVerbose: boolean };

/** Parses the words after `codex`. Throws a `CliError` with exit code 2 for every mistake. */
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
  finish(levels);
  const path = level.at.names.slice(1);
  return { type: "run", args: new Args(path, mergeLevels(levels)) };
}

function finish(levels: readonly Level[]): void {
  const last = levels.at(-1);
  for (const level of levels) {
    level.checkConflicts();
    level.checkCompanions();
  }
  last?.checkRequired();
  if (last?.at.command.requiresCommand) throw new CliError(renderHelp(last.at).trimEnd(), 2);
  if (levels.length === 1 && last) checkMistypedProgram(last);
}

/** Above clap's own measure: `refactor` and `monitor` are prompts, though they resemble `doctor`. */
const MISTYPED = 0.85;

/** One word that is almost the name of a program is a mistake rather than a prompt. */
function checkMistypedProgram(level: Level): void {
  const [word] = level.positionals;
  if (word === undefined || level.positionals.length > 1 || !/^[a-z][a-z-]*$/.test(word)) return;
  const names = (level.at.command.commands ?? []).map((one) => one.name);
  if (names.every((name) => jaroSimilarity(word, name) < MISTYPED)) return;
  throw unknownSubcommand(level.at, word);
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

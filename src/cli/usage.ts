/** Renders usage lines and usage errors in the words of clap; must not know how a line is parsed. */
import type { Command, Flag, Positional } from "./commands.ts";
import { similarNames } from "./similar.ts";
import { CliError } from "../lib/errors.ts";

/** A command together with the names that lead to it. */
export interface CommandPath {
  readonly command: Command;
  /** With the leading `codex`. */
  readonly names: readonly string[];
}

/** `--sandbox <SANDBOX_MODE>`, as help and errors show a flag. */
export function flagLabel(flag: Flag): string {
  const value = flag.value === undefined ? "" : ` <${flag.value}>${flag.greedy ? "..." : ""}`;
  return `--${flag.name}${value}`;
}

/** `<DIR>`, `[PROMPT]` or `[COMMAND]...`. */
export function positionalLabel({ name, required, rest }: Positional): string {
  return `${required ? `<${name}>` : `[${name}]`}${rest ? "..." : ""}`;
}

/**
 * The usage of a command, without the leading word.
 *
 * With `used` flags and a single form it names those instead of `[OPTIONS]`, as clap does.
 */
export function usageText(at: CommandPath, used: readonly Flag[] = []): string {
  const { command } = at;
  const name = at.names.join(" ");
  const positionals = (command.positionals ?? []).map(positionalLabel);
  const required = command.flags.filter((flag) => flag.required);
  if (used.length > 0 && !command.hasTwoUsages) {
    const flags = [...new Set([...required, ...used.filter((flag) => !flag.hidden)])];
    return [name, ...flags.map(flagLabel), ...positionals].join(" ");
  }
  const start = [name, "[OPTIONS]", ...required.map(flagLabel)];
  if (command.hasTwoUsages) {
    return `${[...start, ...positionals].join(" ")}\n       ${name} [OPTIONS] <COMMAND> [ARGS]`;
  }
  const commands = command.commands ? [command.requiresCommand ? "<COMMAND>" : "[COMMAND]"] : [];
  return [...start, ...positionals, ...commands].join(" ");
}

/** An error of the command line: printed as it is, exit code 2. */
export function usageError(
  message: string,
  parts: { readonly tip?: string | null; readonly usage?: string },
): CliError {
  const tip = parts.tip ? `\n\n  tip: ${parts.tip}` : "";
  const usage = parts.usage === undefined ? "" : `\n\nUsage: ${parts.usage}`;
  return new CliError(`error: ${message}${tip}${usage}\n\nFor more information, try '--help'.`, 2);
}

/** The error for a flag's bad value, for checks that need more than the table knows. */
export function invalidValue(
  flag: Flag,
  bad: { readonly value: string; readonly reason: string },
): CliError {
  return usageError(`invalid value '${bad.value}' for '${flagLabel(flag)}': ${bad.reason}`, {});
}

/** The error for a word that is no subcommand, with those that may have been meant. */
export function unknownSubcommand(at: CommandPath, word: string): CliError {
  const names = (at.command.commands ?? []).map((one) => one.name);
  const similar = similarNames(word, [...names, "help"]).map((name) => `'${name}'`);
  const tip = similar.length === 0
    ? null
    : similar.length === 1
    ? `a similar subcommand exists: ${similar[0]}`
    : `some similar subcommands exist: ${similar.join(", ")}`;
  return usageError(`unrecognized subcommand '${word}'`, { tip, usage: usageText(at) });
}

/** The line that lists what a flag or positional accepts, or nothing. */
export function choicesLine(choices: readonly string[] | undefined): string {
  return choices ? `\n  [possible values: ${choices.join(", ")}]` : "";
}

/** Collects what was written for one command of a command line; must not know the commands above or below it. */
import {
  allFlags,
  type Command,
  type Flag,
  HELP,
  type Positional,
  subcommand,
  VERSION_FLAG,
} from "./commands.ts";
import { mostSimilarName } from "./similar.ts";
import {
  choicesLine,
  type CommandPath,
  flagLabel,
  invalidValue,
  positionalLabel,
  unknownSubcommand,
  usageError,
  usageText,
} from "./usage.ts";
import type { CliError } from "../lib/errors.ts";

/** How many further words a flag took, or that it ends the parse. */
export type FlagOutcome = number | "help" | "version";

/** One command and the flags and words given to it. */
export class Level {
  readonly at: CommandPath;
  readonly positionals: string[] = [];
  /** In the order in which they were written. */
  readonly #given = new Map<Flag, string[]>();
  readonly #flags: readonly Flag[];

  constructor(at: CommandPath) {
    this.at = at;
    this.#flags = allFlags(at.command);
  }

  /** The subcommand that `word` names, unless a positional came before it. */
  enter(word: string): CommandPath | null {
    const next = this.positionals.length > 0 ? null : subcommand(this.at.command, word);
    return next && { command: next, names: [...this.at.names, next.name] };
  }

  /** True for `help` in the place of a subcommand. */
  asksHelp(word: string): boolean {
    return word === "help" && this.positionals.length === 0 &&
      this.at.command.commands !== undefined;
  }

  /** True when the version is asked for with its details, which may be said after it. */
  asksVerbose(rest: readonly string[]): boolean {
    const flag = this.at.command.flags.find((one) => one.requires === VERSION_FLAG);
    return flag !== undefined && (this.#given.has(flag) || rest.includes(`--${flag.name}`));
  }

  /** True when the next word that is no flag takes everything after it along. */
  get takesRest(): boolean {
    return this.at.command.positionals?.[this.positionals.length]?.rest === true;
  }

  addRest(words: readonly string[]): void {
    this.positionals.push(...words);
  }

  addPositional(word: string, options: { readonly isAfterDashes: boolean }): void {
    const { command } = this.at;
    const positional = command.positionals?.[this.positionals.length];
    if (positional) {
      checkChoice(positional.choices, word, positionalLabel(positional));
      this.positionals.push(word);
      return;
    }
    if (command.commands && !command.positionals && !options.isAfterDashes) {
      throw unknownSubcommand(this.at, word);
    }
    const tip = options.isAfterDashes && subcommand(command, word)
      ? `subcommand '${word}' exists; to use it, remove the '--' before it`
      : null;
    throw usageError(`unexpected argument '${word}' found`, { tip, usage: usageText(this.at) });
  }

  /** Takes `--name`, `--name=value` or `--name value`. */
  addLong(word: string, rest: readonly string[]): FlagOutcome {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const flag = this.#flags.find((one) => one.name === name || one.aliases?.includes(name));
    if (!flag) throw this.#unknownFlag(`--${name}`, { name, rest });
    const attached = equals < 0 ? null : word.slice(equals + 1);
    return this.#take(flag, attached, rest);
  }

  /** Takes a group of short flags; the last may carry a value: `-m x`, `-mx`, `-m=x`. */
  addShort(word: string, rest: readonly string[]): FlagOutcome {
    const letters = [...word.slice(1)];
    for (const [index, letter] of letters.entries()) {
      const flag = this.#flags.find((one) => one.short === letter);
      if (!flag) throw this.#unknownFlag(`-${letter}`, null);
      const tail = letters.slice(index + 1).join("");
      if (flag.value === undefined && tail !== "" && !tail.startsWith("=")) {
        const outcome = this.#take(flag, null, rest);
        if (typeof outcome === "string") return outcome;
        continue;
      }
      return this.#take(flag, tail === "" ? null : tail.replace(/^=/, ""), rest);
    }
    return 0;
  }

  /** Each flag and positional of the command with its values; those not written have none. */
  *values(): Iterable<readonly [string, readonly string[]]> {
    for (const flag of this.at.command.flags) yield [flag.name, this.#given.get(flag) ?? []];
    for (const [index, positional] of (this.at.command.positionals ?? []).entries()) {
      const end = positional.rest ? undefined : index + 1;
      yield [positional.name, this.positionals.slice(index, end)];
    }
  }

  checkConflicts(): void {
    for (const one of this.#given.keys()) {
      for (const other of this.#given.keys()) {
        const isConflict = one.conflicts?.includes(other.name) ||
          other.conflicts?.includes(one.name);
        if (!isConflict) continue;
        throw usageError(
          `the argument '${flagLabel(one)}' cannot be used with '${flagLabel(other)}'`,
          { usage: usageText(this.at, [one]) },
        );
      }
    }
  }

  /** For flags that say more about another one. */
  checkCompanions(): void {
    for (const flag of this.#given.keys()) {
      if (flag.requires && !this.#given.has(flag.requires)) {
        throw this.#missing([flag.requires], []);
      }
    }
  }

  checkRequired(): void {
    const flags = this.at.command.flags.filter((flag) => flag.required && !this.#given.has(flag));
    const positionals = (this.at.command.positionals ?? [])
      .filter((one, index) => one.required && this.positionals[index] === undefined);
    if (flags.length + positionals.length > 0) throw this.#missing(flags, positionals);
  }

  #missing(flags: readonly Flag[], positionals: readonly Positional[]): CliError {
    const labels = [...flags.map(flagLabel), ...positionals.map(positionalLabel)];
    return usageError(
      `the following required arguments were not provided:\n  ${labels.join("\n  ")}`,
      { usage: usageText(this.at, [...flags, ...this.#given.keys()]) },
    );
  }

  #take(flag: Flag, attached: string | null, rest: readonly string[]): FlagOutcome {
    if (flag.refused !== undefined) {
      throw usageError(`'${flagLabel(flag)}' cannot be used: ${flag.refused}`, {});
    }
    if (flag.value === undefined) return this.#takeSwitch(flag, attached);
    const words = attached === null ? this.#valuesIn(flag, rest) : [attached];
    for (const word of words) {
      if (!flag.isChoice?.(word)) checkChoice(flag.choices, word, flagLabel(flag));
      const reason = flag.check?.(word);
      if (reason) throw invalidValue(flag, { value: word, reason });
    }
    this.#add(flag, flag.isList ? words.flatMap((text) => text.split(",")) : words);
    return attached === null ? words.length : 0;
  }

  #takeSwitch(flag: Flag, attached: string | null): FlagOutcome {
    if (attached !== null) {
      throw usageError(
        `unexpected value '${attached}' for '--${flag.name}' found; no more were expected`,
        { usage: usageText(this.at, [...this.#given.keys(), flag]) },
      );
    }
    if (flag === HELP) return "help";
    if (flag === VERSION_FLAG) return "version";
    this.#add(flag, [""]);
    return 0;
  }

  #valuesIn(flag: Flag, rest: readonly string[]): readonly string[] {
    const isValue = (word: string) => word === "-" || !word.startsWith("-");
    const [next] = rest;
    if (next !== undefined && isValue(next)) {
      if (!flag.greedy) return [next];
      const end = rest.findIndex((word) => !isValue(word));
      return rest.slice(0, end < 0 ? undefined : end);
    }
    // What follows is read as a flag first: an unknown one is the greater mistake.
    if (next !== undefined && next !== "--") this.#checkKnown(next, rest.slice(1));
    throw usageError(
      `a value is required for '${flagLabel(flag)}' but none was supplied` +
        choicesLine(flag.choices),
      {},
    );
  }

  #checkKnown(word: string, rest: readonly string[]): void {
    if (word.startsWith("--")) {
      const name = word.slice(2).replace(/=.*$/s, "");
      const isKnown = this.#flags.some((one) => one.name === name || one.aliases?.includes(name));
      if (!isKnown) throw this.#unknownFlag(`--${name}`, { name, rest });
    } else {
      const letter = [...word][1] ?? "";
      if (!this.#flags.some((one) => one.short === letter)) {
        throw this.#unknownFlag(`-${letter}`, null);
      }
    }
  }

  #add(flag: Flag, values: readonly string[]): void {
    const before = this.#given.get(flag);
    if (before && !flag.repeatable) {
      throw usageError(`the argument '${flagLabel(flag)}' cannot be used multiple times`, {
        usage: usageText(this.at),
      });
    }
    this.#given.set(flag, [...(before ?? []), ...values]);
  }

  #unknownFlag(
    label: string,
    long: { readonly name: string; readonly rest: readonly string[] } | null,
  ): CliError {
    const visible = this.#flags.filter((flag) => !flag.hidden);
    const similar = long && mostSimilarName(long.name, visible.map((flag) => flag.name));
    const meant = visible.filter((flag) => flag.name === similar);
    const tip = similar
      ? `a similar argument exists: '--${similar}'`
      : (long && flagOfSubcommand(this.at.command, long)) ??
        (this.at.command.positionals ? `to pass '${label}' as a value, use '-- ${label}'` : null);
    const used = [...this.#given.keys(), ...meant];
    return usageError(`unexpected argument '${label}' found`, {
      tip,
      usage: usageText(this.at, used),
    });
  }
}

/** A flag of a later subcommand that was written too early: `'exec --json' exists`. */
function flagOfSubcommand(
  command: Command,
  long: { readonly name: string; readonly rest: readonly string[] },
): string | null {
  for (const word of long.rest) {
    const next = subcommand(command, word);
    const flags = next ? allFlags(next).filter((flag) => !flag.hidden) : [];
    const similar = mostSimilarName(long.name, flags.map((flag) => flag.name));
    if (next && similar) return `'${next.name} --${similar}' exists`;
  }
  return null;
}

function checkChoice(
  choices: Positional["choices"],
  value: string,
  label: string,
): void {
  if (!choices || choices.includes(value)) return;
  const similar = mostSimilarName(value, choices);
  throw usageError(`invalid value '${value}' for '${label}'${choicesLine(choices)}`, {
    tip: similar && `a similar value exists: '${similar}'`,
  });
}

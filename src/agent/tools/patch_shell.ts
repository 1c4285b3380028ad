/** Recognises patches that a model sends through a shell; must not know files, policies or the patch format. */
import type { Command, HereDoc, Script, Statement, Word } from "unbash";
import { loadShellParser, scriptOf } from "../command_policy/parse.ts";

/** A patch found in a command, and the folder that the command changes to first. */
export interface PatchInShell {
  readonly input: string;
  readonly cwd: string | null;
}

/** The names by which models call the tool. */
const NAMES: ReadonlySet<string> = new Set(["apply_patch", "applypatch"]);
/** A longer script is no patch that a model wrote. */
const MAX_SCRIPT_CHARS = 4 * 1024 * 1024;

/**
 * The patch of `apply_patch PATCH`, or of a shell script that is only `apply_patch` with one literal
 * argument or heredoc, after at most one `cd DIR &&`. Null for everything else, also for a script that
 * would do anything more or whose text the shell would change.
 */
export async function fromShell(argv: readonly string[]): Promise<PatchInShell | null> {
  const [program, input] = argv;
  if (argv.length === 2 && program !== undefined && NAMES.has(program) && input !== undefined) {
    return { input, cwd: null };
  }
  const script = scriptOf(argv);
  if (script === null || script.length > MAX_SCRIPT_CHARS || !/apply_?patch/.test(script)) {
    return null;
  }
  const parsed = (await loadShellParser())(script);
  return parsed.errors && parsed.errors.length > 0 ? null : patchOf(parsed);
}

function patchOf(script: Script): PatchInShell | null {
  const [statement] = script.commands;
  if (script.commands.length !== 1 || !isForeground(statement)) return null;
  const { command } = statement;
  if (command.type === "Command") return withCwd(null, command);
  if (command.type !== "AndOr" || command.commands.length !== 2) return null;
  const [first, second] = command.commands;
  if (command.operators[0] !== "&&" || first?.type !== "Command" || second?.type !== "Command") {
    return null;
  }
  const cwd = folderOf(first);
  return cwd === null ? null : withCwd(cwd, second);
}

function isForeground(statement: Statement | undefined): statement is Statement {
  return statement !== undefined && !statement.background;
}

function withCwd(cwd: string | null, command: Command): PatchInShell | null {
  const input = inputOf(command);
  return input === null ? null : { input, cwd };
}

/** The one folder of a plain `cd`; what begins with a dash or tilde means something else to the shell. */
function folderOf(command: Command): string | null {
  const [folder] = command.suffix;
  if (!isCalled(command, new Set(["cd"])) || folder?.type !== "Word") return null;
  const literal = literalOf(folder);
  return literal === null || literal === "" || /^[-~]/.test(literal) ? null : literal;
}

function inputOf(command: Command): string | null {
  const [input] = command.suffix;
  if (!isCalled(command, NAMES)) return null;
  if (input?.type === "Word") return literalOf(input);
  return input?.type === "HereDoc" ? textOf(input) : null;
}

/** Whether a command is one of these names with exactly one argument or redirection. */
function isCalled({ prefix, name, suffix }: Command, names: ReadonlySet<string>): boolean {
  if (prefix.length > 0 || suffix.length !== 1 || name === undefined) return false;
  const literal = literalOf(name);
  return literal !== null && names.has(literal);
}

/** The value of a word that the shell would pass on as it is written, or null. */
function literalOf(word: Word): string | null {
  const isLiteral = (word.parts ?? []).every((part) => {
    if (part.type === "DoubleQuoted") return part.parts.every((each) => each.type === "Literal");
    return part.type === "Literal" || part.type === "SingleQuoted";
  });
  return isLiteral ? word.value : null;
}

/** The text of a heredoc that is standard input and that the shell would not change, or null. */
function textOf({ descriptor, delimiter, body, operator, closing }: HereDoc): string | null {
  const isStdin = descriptor === undefined ||
    (descriptor.type === "FileDescriptor" && descriptor.value === 0);
  if (!isStdin || delimiter === undefined || closing === undefined) return null;
  if (!delimiter.quoted && /[\\$`]/.test(body.text)) return null;
  return operator === "<<-" ? body.text.replace(/^\t+/gm, "") : body.text;
}

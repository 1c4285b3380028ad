/** Reads shell scripts as lists of plain commands, or not at all; must not know which commands are trusted. */
import type { AndOr, Command, Redirection, Script, Statement, Word } from "unbash";

/** Words of one simple command, exactly as the program will receive them. */
export type PlainCommand = readonly string[];

/** Longer scripts are never a plain list of commands, and parsing them would only cost time. */
const MAX_SCRIPT_CHARS = 16_384;
/** A shell that the model names must be one of the system's: any other path could be its own program. */
const SHELLS = /^(?:(?:\/usr(?:\/local)?)?\/bin\/)?(?:ba|z|da|k)?sh$/;
/** Only what cannot be mistaken for anything else, in any shell, may stand outside of quotes. */
const UNQUOTED = /[A-Za-z0-9_\-./:,@%+=]/;
const REDIRECTION =
  /^(?:[012]?>{1,2}[ \t]*\/dev\/null|&>{1,2}[ \t]*\/dev\/null|0?<[ \t]*\/dev\/null|[12]?>&[12])$/;
const BETWEEN_WORDS = /^(?:[ \t]|\\\n)*$/;
const BETWEEN_COMMANDS = /^(?:[ \t]|\\\n)*(?:\n|;|&&|\|\||\|&?)(?:[ \t\n]|\\\n)*$/;
const BEFORE = /^[ \t\n]*$/;
const AFTER = /^[ \t\n]*;?[ \t\n]*$/;

interface Span {
  readonly pos: number;
  readonly end: number;
}

type ParseShell = (source: string) => Script & { readonly errors?: readonly unknown[] | undefined };
let loading: Promise<ParseShell> | null = null;

/** Loads the shell parser (about 10 ms, once), for callers that can do so before it is needed. */
export function loadShellParser(): Promise<ParseShell> {
  return loading ??= import("unbash").then(({ parse }) => parse);
}

/** The script of `bash -lc SCRIPT` and its like, or null for anything else. */
export function scriptOf(argv: readonly string[]): string | null {
  const [shell, flag, script] = argv;
  const isShell = argv.length === 3 && shell !== undefined && SHELLS.test(shell);
  return isShell && (flag === "-c" || flag === "-lc") && script !== undefined ? script : null;
}

/**
 * The commands that `argv` runs, or null when that cannot be told for certain.
 *
 * A script is understood only when it is plain commands joined by `&&`, `||`, `;`, `|` or line ends,
 * with literal words. Substitutions, expansions, globs, assignments, control flow, background jobs and
 * redirections (but to /dev/null or between 1 and 2) are not.
 */
export async function plainCommands(
  argv: readonly string[],
): Promise<readonly PlainCommand[] | null> {
  const script = scriptOf(argv);
  if (script !== null) return await plainCommandsOfScript(script);
  return argv.length > 0 ? [argv] : null;
}

/** As `plainCommands`, for a script. */
export async function plainCommandsOfScript(
  script: string,
): Promise<readonly PlainCommand[] | null> {
  // deno-lint-ignore no-control-regex
  if (script.length > MAX_SCRIPT_CHARS || /[\0-\x08\x0b-\x1f\x7f]/.test(script)) return null;
  const parsed = (await loadShellParser())(script);
  if (parsed.errors && parsed.errors.length > 0) return null;
  const commands: Command[] = [];
  if (!parsed.commands.every((statement) => collect(statement, commands))) return null;
  if (commands.length === 0 || !isCovered(script, commands)) return null;
  const plain = commands.map((command) => wordsOf(command, script));
  return plain.every((words) => words !== null) ? plain : null;
}

/** Adds the simple commands of a node in order; false when it is or holds anything else. */
function collect(
  node: Statement | Statement["command"] | AndOr["commands"][number],
  commands: Command[],
): boolean {
  switch (node.type) {
    case "Statement":
      return !node.background && collect(node.command, commands);
    case "AndOr":
      return node.commands.every((each) => collect(each, commands));
    case "Pipeline":
      return node.prefixes.length === 0 && node.commands.every((each) => collect(each, commands));
    case "Command":
      commands.push(node);
      return true;
    default:
      return false;
  }
}

function wordsOf(command: Command, source: string): string[] | null {
  const words: string[] = [];
  for (const part of partsOf(command)) {
    if (part.type === "Word") {
      const literal = literalOf(part, source);
      if (literal === null) return null;
      words.push(literal);
    } else if (part.type === "Assignment" || !isHarmless(part, source)) return null;
  }
  return words[0] ? words : null;
}

function partsOf(command: Command): readonly (Command["prefix"] | Command["suffix"])[number][] {
  return [...command.prefix, ...(command.name ? [command.name] : []), ...command.suffix];
}

function isHarmless(redirection: Redirection, source: string): boolean {
  return REDIRECTION.test(source.slice(redirection.pos, redirection.end));
}

/**
 * The value of a word without any expansion, or null. It is read from the source a second time: a word
 * counts only when the parser and these few rules agree on it.
 */
function literalOf(word: Word, source: string): string | null {
  const text = source.slice(word.pos, word.end);
  if (text !== word.text || text.startsWith("=")) return null;
  let value = "";
  for (let at = 0; at < text.length;) {
    const piece = readPiece(text, at);
    if (piece === null) return null;
    value += piece.value;
    at = piece.end;
  }
  return value === word.value ? value : null;
}

function readPiece(text: string, at: number): { value: string; end: number } | null {
  const char = text.charAt(at);
  if (UNQUOTED.test(char)) return { value: char, end: at + 1 };
  if (char === "'") {
    const end = text.indexOf("'", at + 1);
    return end < 0 ? null : { value: text.slice(at + 1, end), end: end + 1 };
  }
  if (char === '"') return readDoubleQuoted(text, at + 1);
  const escaped = text.charAt(at + 1);
  return char === "\\" && /^[ -~]$/.test(escaped) ? { value: escaped, end: at + 2 } : null;
}

function readDoubleQuoted(text: string, from: number): { value: string; end: number } | null {
  let value = "";
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return { value, end: at + 1 };
    if (char === "`") return null;
    // A dollar right before the closing quote is only a dollar: the end of a pattern, usually.
    if (char === "$" && text.charAt(at + 1) !== '"') return null;
    if (char === "\\" && /^[$`"\\\n]$/.test(text.charAt(at + 1))) {
      at++;
      if (text.charAt(at) !== "\n") value += text.charAt(at);
    } else value += char;
  }
  return null;
}

/** Whether words, redirections and plain operators are all that the source consists of. */
function isCovered(source: string, commands: readonly Command[]): boolean {
  let end = 0;
  let between = BEFORE;
  for (const command of commands) {
    const spans: Span[] = [...partsOf(command)].sort((a, b) => a.pos - b.pos);
    for (const span of spans) {
      if (span.pos < end || !between.test(source.slice(end, span.pos))) return false;
      end = span.end;
      between = BETWEEN_WORDS;
    }
    between = BETWEEN_COMMANDS;
  }
  return AFTER.test(source.slice(end));
}

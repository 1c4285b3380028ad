/** Says in a few words what a command does, for display only; must never be used to decide on trust. */
import { basename, resolve } from "node:path";
import type { CommandAction } from "../../protocol/item.ts";
import { type PlainCommand, plainCommands, scriptOf } from "./parse.ts";
import { shellJoin } from "../../lib/shell_join.ts";

/** Commands that only shape the output of the one before them in a pipe. */
const SHAPERS: ReadonlySet<string> = new Set(
  ["head", "tail", "wc", "sort", "uniq", "nl", "cut", "tr", "cat", "sed"],
);
/** Letters of flags that take the next word as their value, for finding the file operands. */
const VALUE_FLAGS: Readonly<Record<string, string>> = {
  cat: "",
  head: "nc",
  tail: "nc",
  nl: "bdfhilnsvw",
  ls: "ITw",
  tree: "HILPT",
  grep: "ABCDdefm",
  rg: "ABCDEMTdefgjmrt",
};

/**
 * The actions of a command in the order in which they run. One `unknown` with the whole command stands
 * for everything as soon as any part of it is not known, as upstream does.
 */
export async function commandActions(
  argv: readonly string[],
  cwd: string,
): Promise<CommandAction[]> {
  const unknown: CommandAction[] = [{
    type: "unknown",
    command: scriptOf(argv) ?? shellJoin(argv),
  }];
  const commands = await plainCommands(argv);
  if (commands === null) return unknown;
  const actions: CommandAction[] = [];
  let dir = cwd;
  for (const [at, command] of commands.entries()) {
    const [name = "", ...args] = command;
    if (name === "cd" && args.length <= 1) {
      dir = resolve(dir, args[0] ?? ".");
      continue;
    }
    if (at > 0 && SHAPERS.has(name) && filesOf(name, args).length === 0) continue;
    const found = actionsOf(command, dir);
    if (found === null) return unknown;
    actions.push(...found);
  }
  return actions.length > 0 ? actions : unknown;
}

function actionsOf(command: PlainCommand, cwd: string): CommandAction[] | null {
  const [name = "", ...args] = command;
  const text = shellJoin(command);
  switch (name) {
    case "cat":
    case "head":
    case "tail":
    case "nl":
    case "sed":
      return reads({ command: text, files: filesOf(name, args), cwd });
    case "ls":
    case "tree":
      return [{ type: "listFiles", command: text, path: operandsOf(name, args)[0] ?? null }];
    case "find":
      return [find(text, args)];
    case "grep":
    case "rg":
      return [search(command, text)];
    default:
      return null;
  }
}

function reads(
  { command, files, cwd }: { command: string; files: readonly string[]; cwd: string },
): CommandAction[] | null {
  if (files.length === 0) return null;
  return files.map((file) => ({
    type: "read",
    command,
    name: basename(file),
    path: resolve(cwd, file),
  }));
}

function find(command: string, args: readonly string[]): CommandAction {
  const path = args[0] !== undefined && !/^[-(!]/.test(args[0]) ? args[0] : null;
  const at = args.findIndex((arg) => arg === "-name" || arg === "-iname" || arg === "-path");
  const query = at < 0 ? undefined : args[at + 1];
  return query === undefined
    ? { type: "listFiles", command, path }
    : { type: "search", command, query, path };
}

function search([name = "", ...args]: PlainCommand, command: string): CommandAction {
  const operands = operandsOf(name, args);
  if (name === "rg" && args.includes("--files")) {
    return { type: "listFiles", command, path: operands[0] ?? null };
  }
  const flag = args.indexOf("-e");
  if (flag >= 0) {
    return { type: "search", command, query: args[flag + 1] ?? null, path: operands[0] ?? null };
  }
  return { type: "search", command, query: operands[0] ?? null, path: operands[1] ?? null };
}

/** The files that a command reads; the script of sed is not one. */
function filesOf(name: string, args: readonly string[]): string[] {
  const operands = operandsOf(name, args);
  return name === "sed" ? operands.slice(1) : operands;
}

function operandsOf(name: string, args: readonly string[]): string[] {
  const values = VALUE_FLAGS[name] ?? "";
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") return [...operands, ...args.slice(at + 1)];
    if (!arg.startsWith("-") || arg === "-") operands.push(arg);
    else if (!arg.startsWith("--") && arg.length === 2 && values.includes(arg.charAt(1))) at++;
  }
  return operands;
}

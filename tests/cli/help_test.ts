/** Tests that help is complete, short and made from the table. */
import assert from "node:assert/strict";
import { allFlags, CODEX, type Command } from "../../src/cli/commands.ts";
import { renderHelp, ROOT } from "../../src/cli/help.ts";
import type { CommandPath } from "../../src/cli/usage.ts";

function* commandPaths(at: CommandPath = ROOT): Iterable<CommandPath> {
  yield at;
  for (const command of at.command.commands ?? []) {
    yield* commandPaths({ command, names: [...at.names, command.name] });
  }
}

Deno.test("renderHelp names every visible flag, argument and subcommand once, in lines that fit", () => {
  for (const at of commandPaths()) {
    const text = renderHelp(at);
    assert.ok(text.startsWith(`${at.command.doc}\n\nUsage: ${at.names.join(" ")} [OPTIONS]`));
    for (const flag of allFlags(at.command)) {
      const shown = text.split(`--${flag.name} `).length + text.split(`--${flag.name}\n`).length;
      assert.equal(shown > 2, !flag.hidden, `${at.names.join(" ")} --${flag.name}`);
    }
    for (const inner of at.command.commands ?? []) assert.match(text, rowOf(inner));
    for (const line of text.split("\n")) assert.ok(line.length <= 100 && !/\s$/.test(line), line);
    assert.ok(text.split("\n").length < 70, `${at.names.join(" ")} is not short`);
  }
});

Deno.test("renderHelp of codex is the overview", () => {
  const head = renderHelp({ command: CODEX, names: ["codex"] }).split("\n").slice(0, 20);
  assert.deepEqual(head, [
    "A coding agent that serves remote clients",
    "",
    "Usage: codex [OPTIONS] [PROMPT]",
    "       codex [OPTIONS] <COMMAND> [ARGS]",
    "",
    "Commands:",
    "  resume       Continue an earlier thread, chosen from a list",
    "  fork         Begin a new thread with the history of an earlier one",
    "  exec         Run a prompt without a terminal interface [alias: e]",
    "  app-server   Serve the agent to clients over JSON-RPC",
    "  sandbox      Run a command under a sandbox policy",
    "  exec-server  Serve processes and files of this machine to clients over JSON-RPC",
    "  login        Store an API key, or show what is stored",
    "  logout       Remove the stored API key",
    "  doctor       Check this installation and say what to do about what is wrong",
    "  completion   Print a shell completion script",
    "  features     Show feature flags",
    "  cache        Care for what this program has unpacked",
    "  help         Print help, also of one command: help <COMMAND>",
    "",
  ]);
});

function rowOf(command: Command): RegExp {
  return new RegExp(`^  ${command.name} +${command.doc.slice(0, 10)}`, "m");
}

/** The command line of `codex sandbox`, as data; must not know what the program does. */
import type { Command, Flag } from "./commands.ts";
import { everywhere, SANDBOX_MODES } from "./shared_flags.ts";

/** The part of the sandbox that people may try by hand. */
const explain: Flag = {
  name: "explain",
  doc: "Print what the command would be held to, by what, and what is not enforced",
};
const sandboxed: Pick<Command, "flags" | "positionals"> = {
  positionals: [{ name: "COMMAND", rest: true, doc: "The command and its arguments" }],
  flags: [
    ...everywhere,
    {
      name: "policy",
      value: "SANDBOX_MODE",
      choices: SANDBOX_MODES,
      conflicts: ["full-auto"],
      doc: "What the command may touch (default: read-only)",
    },
    { name: "full-auto", doc: "Same as --policy workspace-write" },
    {
      name: "add-dir",
      value: "DIR",
      repeatable: true,
      completes: "directory",
      doc: "Make a further directory writable, with --policy workspace-write (repeatable)",
    },
    { name: "network", doc: "Let the command use the network" },
    {
      name: "cd",
      short: "C",
      value: "DIR",
      completes: "directory",
      doc: "Work in this directory",
    },
    {
      name: "profile",
      short: "p",
      value: "CONFIG_PROFILE",
      doc: "Use the settings of [profiles.<name>] in config.toml",
    },
    explain,
    { name: "json", requires: explain, doc: "With --explain: print it as JSON" },
  ],
};

/** The program. */
export const sandbox: Command = {
  name: "sandbox",
  doc: "Run a command under a sandbox policy",
  ...sandboxed,
  commands: [
    {
      name: "linux",
      aliases: ["landlock"],
      doc: "The same; accepted as Codex does",
      ...sandboxed,
    },
    {
      name: "macos",
      aliases: ["seatbelt"],
      doc: "The same; accepted as Codex does",
      ...sandboxed,
    },
  ],
};

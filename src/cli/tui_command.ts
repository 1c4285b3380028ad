/** The flags and commands of the terminal interface, as data; must not know how they are carried out. */
import type { Command, Flag } from "./commands.ts";
import { agent, everywhere, image } from "./shared_flags.ts";

const remote: Flag = {
  name: "remote",
  value: "ADDR",
  doc:
    "Use the server at ws://host:port, wss://host:port, unix:// or unix://PATH (default: one of its own)",
};

/** Where the server is, and how it is trusted. */
const remoteFlags: readonly Flag[] = [
  remote,
  {
    name: "remote-auth-token-env",
    value: "ENV_VAR",
    conflicts: ["remote-auth-token-file"],
    doc: "Environment variable with the token for --remote",
  },
  {
    name: "remote-auth-token-file",
    value: "FILE",
    completes: "file",
    doc: "File with the token for --remote; read anew at each connect",
  },
  {
    name: "remote-tls-fingerprint",
    value: "SHA256",
    doc: "The only certificate that --remote may show, as the server prints it",
  },
];

/** Of the interface without a program, and of `resume` and `fork`. */
export const tuiFlags: readonly Flag[] = [
  ...everywhere,
  ...agent,
  ...remoteFlags,
  image,
  { name: "no-alt-screen", doc: "Keep to the main screen of the terminal, with its scrollback" },
  { name: "no-daemon", hidden: true, doc: "Accepted: no server is ever shared unasked" },
];

const pickedPositionals: Command["positionals"] = [
  { name: "SESSION_ID", doc: "Thread id or name; with --last it is the prompt" },
  { name: "PROMPT", doc: "What to do next" },
];
const picked: readonly Flag[] = [
  { name: "last", doc: "Take the most recent thread, without the list" },
  { name: "all", doc: "List the threads of all directories" },
];

/** `codex resume` and `codex fork`. */
export const tuiCommands: readonly Command[] = [
  {
    name: "resume",
    doc: "Continue an earlier thread, chosen from a list",
    positionals: pickedPositionals,
    flags: [...tuiFlags, ...picked, {
      name: "include-non-interactive",
      doc: "List the threads of exec as well",
    }],
  },
  {
    name: "fork",
    doc: "Begin a new thread with the history of an earlier one",
    positionals: pickedPositionals,
    flags: [...tuiFlags, ...picked],
  },
];

/** Flags of the interface that say where its server is: no other program has one elsewhere. */
export const REMOTE_FLAG_NAMES: readonly string[] = remoteFlags.map(({ name }) => name);

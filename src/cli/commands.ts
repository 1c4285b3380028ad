/** The one table of programs, subcommands and flags, as data; must not know how a line is parsed or a program runs. */
import { sandbox } from "./sandbox_command.ts";
import { token } from "./token_command.ts";
import { tuiCommands, tuiFlags } from "./tui_command.ts";
import { agent, everywhere, image, maxSandbox } from "./shared_flags.ts";
import { listen, listenerFlags } from "./listener_flags.ts";
import { checkUnsigned, wsAuthFlags } from "./ws_auth_flags.ts";

/** One flag. Without `value` it is a switch. */
export interface Flag {
  /** The long name without dashes; also its key in `Args`. */
  readonly name: string;
  readonly short?: string;
  /** Further long names that are accepted but not shown. */
  readonly aliases?: readonly string[];
  /** The placeholder of its value. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** Accepts a value beside the choices. */
  readonly isChoice?: (value: string) => boolean;
  readonly repeatable?: true;
  /** Takes every following word up to the next flag. */
  readonly greedy?: true;
  /** Each value is a list with commas. */
  readonly isList?: true;
  readonly required?: true;
  /** Says what is wrong with a value, in the words of clap, or null. */
  readonly check?: (value: string) => string | null;
  /** Names of flags that may not be written beside this one. */
  readonly conflicts?: readonly string[];
  /** Means nothing without this other flag. */
  readonly requires?: Flag;
  /** Why it is known and yet cannot be used, and what to do instead. */
  readonly refused?: string;
  readonly hidden?: true;
  /** What a shell may complete the value with. */
  readonly completes?: "file" | "directory";
  readonly doc: string;
}

/** One positional argument; `name` is both its placeholder and its key in `Args`. */
export interface Positional {
  readonly name: string;
  readonly required?: true;
  /** Takes this word and all that follow, also those that look like flags. */
  readonly rest?: true;
  readonly choices?: readonly string[];
  readonly doc: string;
}

/** A program or a subcommand. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly doc: string;
  readonly flags: readonly Flag[];
  readonly positionals?: readonly Positional[];
  readonly commands?: readonly Command[];
  /** Nothing useful happens without a subcommand. */
  readonly requiresCommand?: true;
  /** Usage has one line with a prompt and one with a subcommand. */
  readonly hasTwoUsages?: true;
  /** `--version` works here as well. */
  readonly hasVersion?: true;
}

// `exec resume` takes one value per flag, so that the prompt may follow it.
const resumeImage: Flag = {
  name: "image",
  short: "i",
  value: "FILE",
  repeatable: true,
  isList: true,
  completes: "file",
  doc: "Attach an image to the prompt (repeatable)",
};

/** What both forms of `exec` print and keep. */
const execOutput: readonly Flag[] = [
  {
    name: "json",
    // The official TypeScript SDK spells it so.
    aliases: ["experimental-json"],
    doc: "Print events on stdout, one JSON object per line",
  },
  {
    name: "output-last-message",
    short: "o",
    value: "FILE",
    completes: "file",
    doc: "Also write the last message of the agent to a file",
  },
  {
    name: "output-schema",
    value: "FILE",
    completes: "file",
    doc: "JSON Schema that the last message must follow",
  },
  {
    name: "color",
    value: "COLOR",
    choices: ["always", "never", "auto"],
    doc: "Colour the output (default: auto)",
  },
  { name: "skip-git-repo-check", doc: "Run outside a Git repository as well" },
  { name: "ephemeral", doc: "Keep no file of this thread" },
  // The newest TypeScript SDK passes these two.
  { name: "thread-source", value: "SOURCE", hidden: true, doc: "Who started the thread" },
  { name: "cyber-access-program", value: "PROGRAM", hidden: true, doc: "Accepted and ignored" },
];

const exec: Command = {
  name: "exec",
  aliases: ["e"],
  doc: "Run a prompt without a terminal interface",
  hasTwoUsages: true,
  hasVersion: true,
  positionals: [{
    name: "PROMPT",
    doc: "What to do; read from stdin when absent or `-`, and piped stdin is added to it",
  }],
  flags: [...everywhere, ...agent, maxSandbox, image, ...execOutput],
  commands: [{
    name: "resume",
    doc: "Continue an earlier thread",
    positionals: [
      { name: "SESSION_ID", doc: "Thread id or name; with --last it is the prompt" },
      { name: "PROMPT", doc: "What to do next; `-` reads stdin" },
    ],
    flags: [
      ...everywhere,
      { name: "last", doc: "Continue the most recent thread" },
      { name: "all", doc: "Look beyond the threads of this directory" },
      ...agent,
      maxSandbox,
      resumeImage,
      ...execOutput,
    ],
  }],
};

const experimental: Flag = {
  name: "experimental",
  doc: "Include experimental methods and fields",
};
const out: Flag = {
  name: "out",
  short: "o",
  value: "DIR",
  required: true,
  completes: "directory",
  doc: "Directory to write to",
};

const appServer: Command = {
  name: "app-server",
  doc: "Serve the agent to clients over JSON-RPC",
  flags: [
    ...everywhere,
    ...agent,
    maxSandbox,
    listen,
    { name: "stdio", conflicts: ["listen"], doc: "Same as --listen stdio://" },
    ...wsAuthFlags,
    ...listenerFlags,
    {
      name: "drain-timeout",
      value: "SECONDS",
      check: checkUnsigned,
      doc: "When told to stop: time for running turns (default: no limit)",
    },
    {
      name: "print-systemd-unit",
      doc: "Print a systemd user unit that runs this command line, and exit",
    },
    { name: "analytics-default-enabled", hidden: true, doc: "Accepted: nothing is ever reported" },
  ],
  commands: [
    {
      name: "generate-ts",
      doc: "Write the protocol as TypeScript types",
      flags: [...everywhere, out, experimental, {
        name: "prettier",
        short: "p",
        value: "PRETTIER_BIN",
        hidden: true,
        doc: "Accepted: the output is formatted already",
      }],
    },
    {
      name: "generate-json-schema",
      doc: "Write the protocol as JSON Schema",
      flags: [...everywhere, out, experimental],
    },
    token,
  ],
};

const tasks: Flag = {
  name: "tasks",
  doc: "Also run prompts for its clients, as exec does, without a start for each",
};

const execServer: Command = {
  name: "exec-server",
  doc: "Serve processes and files of this machine to clients over JSON-RPC",
  flags: [
    ...everywhere,
    maxSandbox,
    {
      name: "listen",
      value: "URL",
      // Checked by the program: upstream answers with exit code 1.
      doc: "Where to listen: ws://IP:PORT (default: ws://127.0.0.1:0) or stdio",
    },
    tasks,
    {
      name: "max-tasks",
      value: "COUNT",
      requires: tasks,
      check: checkCount,
      doc: "With --tasks: how many run at once, others wait (default: 8)",
    },
    {
      name: "http",
      doc: "Let clients make requests over HTTP from this machine (http/request)",
    },
    {
      name: "exit-on-disconnect",
      doc: "End as soon as no client is connected any more, once there was one",
    },
  ],
};

/** Upstream's other ways. */
const otherSignIns: readonly Flag[] = ["device-auth", "with-access-token"].map((name) => ({
  name,
  hidden: true,
  refused: "signing in with ChatGPT is not available; store an API key with `codex login`, " +
    "or with `printenv OPENAI_API_KEY | codex login --with-api-key`",
  doc: "Refused: only API keys can be stored",
}));

const login: Command = {
  name: "login",
  doc: "Store an API key, or show what is stored",
  flags: [...everywhere, {
    name: "with-api-key",
    doc: "Read the API key from stdin: printenv OPENAI_API_KEY | codex login --with-api-key",
  }, ...otherSignIns],
  commands: [{ name: "status", doc: "Say which key is stored", flags: everywhere }],
};

/** `--version`, for the commands that have it. */
export const VERSION_FLAG: Flag = { name: "version", short: "V", doc: "Print the version" };

/** Which configuration is looked at: those of the agent's flags that decide about home, model and address. */
const whichConfig = agent.filter(({ name }) =>
  ["oss", "local-provider", "profile", "cd"].includes(name)
);

const doctor: Command = {
  name: "doctor",
  doc: "Check this installation and say what to do about what is wrong",
  flags: [...everywhere, ...whichConfig, { name: "json", doc: "Print the report as JSON" }],
};

/** The whole command line. The terminal interface is its part without a program. */
export const CODEX: Command = {
  name: "codex",
  doc: "A coding agent that serves remote clients",
  hasTwoUsages: true,
  hasVersion: true,
  positionals: [{ name: "PROMPT", doc: "What to do, in the terminal interface" }],
  flags: [...tuiFlags, {
    name: "verbose",
    requires: VERSION_FLAG,
    doc: "With --version: also print commit, form, runtime and target",
  }],
  commands: [
    ...tuiCommands,
    exec,
    appServer,
    sandbox,
    execServer,
    login,
    { name: "logout", doc: "Remove the stored API key", flags: everywhere },
    doctor,
    {
      name: "completion",
      doc: "Print a shell completion script",
      positionals: [{
        name: "SHELL",
        choices: ["bash", "zsh", "fish"],
        doc: "Shell to complete for (default: bash)",
      }],
      flags: everywhere,
    },
    {
      name: "features",
      doc: "Show feature flags",
      requiresCommand: true,
      flags: everywhere,
      commands: [{ name: "list", doc: "List features and whether they are on", flags: everywhere }],
    },
    {
      name: "cache",
      doc: "Care for what this program has unpacked",
      requiresCommand: true,
      flags: everywhere,
      commands: [
        {
          name: "clean",
          doc: "Remove every unpacked version that is not in use",
          flags: everywhere,
        },
        { name: "prime", doc: "Make later starts faster; done once by itself", flags: everywhere },
      ],
    },
  ],
};

/** `--help`, which every command has. */
export const HELP: Flag = { name: "help", short: "h", doc: "Print help" };

/** The flags of a command with the built-in ones. */
export function allFlags(command: Command): readonly Flag[] {
  return command.hasVersion ? [...command.flags, HELP, VERSION_FLAG] : [...command.flags, HELP];
}

/** The subcommand of that name or alias, or null. */
export function subcommand(command: Command, word: string): Command | null {
  return command.commands?.find((one) => one.name === word || one.aliases?.includes(word)) ?? null;
}

function checkCount(value: string): string | null {
  return /^[1-9][0-9]{0,3}$/.test(value) ? null : "expected a number from 1 to 9999";
}

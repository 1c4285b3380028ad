/** `codex app-server --print-systemd-unit`: the server as a service of its user; must not install or start it. */
import type { Args } from "../cli/args.ts";
import { CODEX, type Flag, subcommand } from "../cli/commands.ts";
import { isSecretKey } from "../config/keys.ts";
import { readOverrides } from "../config/override.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import { CliError, invariant } from "../lib/errors.ts";
import { askedListenUrls } from "./app_server/listen_urls.ts";
import type { Host } from "./host.ts";

/** The flag that asks for the unit, which is not part of what the unit starts. */
const OWN_FLAG = "print-systemd-unit";
/** Where a service listens unless it is told: where `ssh -L` in the README expects it. */
const DEFAULT_LISTEN = "ws://127.0.0.1:4500";
/** Folders of the runtime that a service must find where the shell of its user finds them. */
const CACHE_FOLDERS = ["XDG_CACHE_HOME", "CODEX_RUNTIME_DIR"];

/** Prints the unit for the flags beside `--print-systemd-unit`. */
export async function printSystemdUnit(args: Args, host: Host): Promise<number> {
  const asked = await askedListenUrls(args, host);
  if (asked.source !== "default") refuseNoClients(asked.texts);
  await refuseSecrets(args);
  refuseToken(args);
  const { packaging, cwd, env, stdout } = host;
  const flags = flagsOf(args, cwd);
  // A service sees the configuration, but not the environment of this shell.
  if (asked.source === "environment") {
    flags.push(...asked.texts.map((url) => `--listen=${absoluteUrl(url, cwd)}`));
  }
  if (asked.source === "default") flags.push(`--listen=${DEFAULT_LISTEN}`);
  stdout.write(systemdUnit({ command: [...packaging.command, "app-server", ...flags], env, cwd }));
  return 0;
}

/** A systemd user unit that runs `command`, whose first word is an absolute path. */
export function systemdUnit({ command, env, cwd }: {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}): string {
  const folders: [string, string][] = [];
  if (env["CODEX_HOME"]) folders.push(["CODEX_HOME", absolutePath(env["CODEX_HOME"], cwd)]);
  for (const name of CACHE_FOLDERS) {
    // The script at the head of a packed file passes over relative ones.
    if (env[name]?.startsWith("/")) folders.push([name, env[name]]);
  }
  const variables = folders.map(([name, value]) =>
    `Environment=${quoteSystemd(`${name}=${value}`)}\n`
  );
  return `${HEAD}
[Unit]
Description=Codex app-server

[Service]
ExecStart=${commandLine(command)}
${variables.join("")}${SERVICE}
[Install]
WantedBy=default.target
`;
}

/** What systemd refuses in the name of a program, and the dollar sign, which it reads there in another way. */
const ODD = /["'\\$\p{Cc}]/u;

function commandLine(command: readonly string[]): string {
  const isOdd = ODD.test(command[0] ?? "");
  const words = isOdd ? ["/bin/sh", "-c", 'exec "$0" "$@"', ...command] : command;
  return words.map((word) => quoteSystemd(word.replaceAll("$", "$$$$"))).join(" ");
}

const HEAD = `# The Codex app-server as a service of your own user. To install it:
#   mkdir -p ~/.config/systemd/user
#   codex app-server --${OWN_FLAG} [FLAGS] > ~/.config/systemd/user/codex.service
#   systemctl --user enable --now codex
# It runs while you are logged in; for it to run always:
#   loginctl enable-linger
# After another print into the same file: systemctl --user daemon-reload && systemctl --user restart codex
`;

const SERVICE =
  `# Keys do not belong into this file, which others may read. Write OPENAI_API_KEY=... into a file of mode 0600:
#EnvironmentFile=%h/.config/codex.env
Restart=on-failure
RestartSec=2
# The first signal lets running turns end, and goes to the server alone: their commands go on meanwhile.
# Whatever is left after that, or after the time below, is killed.
KillMode=mixed
TimeoutStopSec=120
# Reads certificates and the configuration anew; files with tokens are read at every connection anyway.
ExecReload=/bin/kill -HUP $MAINPID
`;

/** One word as systemd reads it: quoted where needed, and without specifiers. */
function quoteSystemd(word: string): string {
  const literal = word.replaceAll("%", "%%");
  if (/^[A-Za-z0-9_@%+=:,./$-]+$/.test(literal)) return literal;
  const escaped = literal.replaceAll(/[\\"\p{Cc}]/gu, (letter) => {
    if (letter === "\\" || letter === '"') return `\\${letter}`;
    if (letter === "\n") return "\\n";
    // Beyond ASCII systemd takes \x for a byte, which is no character.
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

/** A service has nobody on its standard input, and no use without a listener. */
function refuseNoClients(urls: readonly string[]): void {
  if (urls.includes("stdio://")) {
    throw new CliError(
      `A service has no client on stdio; use --listen ${DEFAULT_LISTEN}, or leave --listen out`,
    );
  }
  if (urls.every((url) => url === "off")) {
    throw new CliError(
      `A service without a listener has no clients; use --listen ${DEFAULT_LISTEN}`,
    );
  }
}

async function refuseSecrets(args: Args): Promise<void> {
  const key = secretKeyIn(await readOverrides(args.texts("config")), []);
  if (key === null) return;
  throw new CliError(
    `The value of \`-c ${key}\` may be a secret, and others may read a unit; write it to config.toml instead`,
  );
}

function refuseToken(args: Args): void {
  if (!/^bearer:/i.test(args.text("ws-auth") ?? "")) return;
  throw new CliError(
    "The token of `--ws-auth bearer:TOKEN` would be in the unit, which others may read; " +
      "use --ws-auth capability-token with --ws-token-file",
  );
}

/** The dotted key of the first value that may be a secret, or null. */
function secretKeyIn(value: unknown, path: readonly string[]): string | null {
  if (path.length > 0 && isSecretKey(path)) return path.join(".");
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = secretKeyIn(inner, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}

/** The flags as they were written; paths become absolute, because a service starts in the home directory. */
function flagsOf(args: Args, cwd: string): string[] {
  const command = subcommand(CODEX, "app-server");
  invariant(command, "The command line has no app-server");
  const given = command.flags.filter(({ name }) => name !== OWN_FLAG && args.isSet(name));
  return given.flatMap((flag) => args.texts(flag.name).map((value) => wordOf(flag, value, cwd)));
}

function wordOf(flag: Flag, value: string, cwd: string): string {
  if (flag.value === undefined) return `--${flag.name}`;
  const isPath = flag.completes !== undefined;
  const isUrl = flag.name === "listen";
  // In one word, since a value may start with a dash.
  return `--${flag.name}=${
    isPath ? absolutePath(value, cwd) : isUrl ? absoluteUrl(value, cwd) : value
  }`;
}

/** The path of a unix socket is one, too. */
function absoluteUrl(url: string, cwd: string): string {
  const path = /^unix:\/\/(.+)$/s.exec(url)?.[1];
  return path === undefined ? url : `unix://${absolutePath(path, cwd)}`;
}

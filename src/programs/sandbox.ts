/** `codex sandbox`: runs one command under a sandbox policy, or says what it would be held to; must not know agents. */
import { policyOfMode } from "../agent/thread_settings.ts";
import type { Args } from "../cli/args.ts";
import type { Config } from "../config/config.ts";
import { openCeiling } from "../exec/ceiling.ts";
import type { ConfinedCommand } from "../exec/sandbox/backend.ts";
import { explainPolicy, explanationText } from "../exec/sandbox/explain.ts";
import { controlSockets, credentialFiles, ownSockets } from "../exec/sandbox/places.ts";
import { LazyNetworkProxy } from "../exec/network_proxy/lazy.ts";
import { type ProxySource, Sandbox } from "../exec/sandbox/sandbox.ts";
import { CliError, messageOf } from "../lib/errors.ts";
import type { SandboxMode, SandboxPolicy } from "../protocol/policy.ts";
import { protectedRuntimePaths, runtimeFolders } from "../store/runtime_folders.ts";
import { configFromArgs } from "./config_options.ts";
import type { Host, Invocation, TextReader } from "./host.ts";

/** As shells report a program that is not there, and one that cannot be started. */
const NOT_FOUND = 127;
const NOT_STARTED = 126;
/** What terminals and service managers send; everything else ends this program alone. */
const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Runs `sandbox`; the exit code is that of the command. */
export async function run({ args, host }: Invocation): Promise<number> {
  const config = await configFromArgs(args, host);
  const policy = policyOf(args, config);
  const proxy = await proxyOf(config, host);
  const sandbox = sandboxOf(config, { host, proxy });
  try {
    return await runOrExplain(args, { config, host, sandbox, policy });
  } finally {
    await proxy?.close();
  }
}

async function runOrExplain(args: Args, { config, host, sandbox, policy }: {
  readonly config: Config;
  readonly host: Host;
  readonly sandbox: Sandbox;
  readonly policy: SandboxPolicy;
}): Promise<number> {
  const argv = args.texts("COMMAND");
  if (args.isSet("explain")) {
    const explanation = await explainPolicy(sandbox, { policy, cwd: config.cwd });
    host.stdout.write(
      args.isSet("json")
        ? `${JSON.stringify({ ...explanation, command: argv }, null, 2)}\n`
        : explanationText(explanation),
    );
    return explanation.refusal === null ? 0 : 1;
  }
  if (argv.length === 0) throw new CliError("No command specified: write it after `--`", 2);
  return await runCommand({ argv, cwd: config.cwd, env: commandEnv(host) }, {
    sandbox,
    policy,
    stdin: host.stdin,
  });
}

function policyOf(args: Args, config: Config): SandboxPolicy {
  const policy = policyOfMode(modeOf(args), config);
  if (!args.isSet("network")) return policy;
  return policy.type === "readOnly" || policy.type === "workspaceWrite"
    ? { ...policy, networkAccess: true }
    : policy;
}

/** Never that of the configuration: a command that is tried out by hand is not to run free by mistake. */
function modeOf(args: Args): SandboxMode {
  if (args.isSet("full-auto")) return "workspace-write";
  const asked = args.text("policy");
  if (asked === "workspace-write" || asked === "danger-full-access") return asked;
  if (args.texts("add-dir").length > 0 && asked === null) return "workspace-write";
  return "read-only";
}

/** What stands between the network and the command, if the configuration names domains. */
async function proxyOf(config: Config, host: Host): Promise<LazyNetworkProxy | null> {
  const { allowDomains, allowPorts } = config;
  if (allowDomains === null) return null;
  const { createLogger } = await import("./logging.ts");
  const { log } = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  return new LazyNetworkProxy({
    rules: { allowDomains, allowPorts },
    clock: host.clock,
    log: log.child("network_proxy"),
  });
}

function sandboxOf(
  config: Config,
  { host, proxy }: { readonly host: Host; readonly proxy: ProxySource | null },
): Sandbox {
  const { codexHome } = config;
  const runtime = protectedRuntimePaths(runtimeFolders(host.env, Deno.uid()), host.packaging);
  return new Sandbox({
    ceiling: openCeiling(),
    proxy,
    sources: {
      tmpdir: host.env["TMPDIR"] ?? null,
      protectedPaths: [...runtime, codexHome],
      hiddenPaths: credentialFiles(codexHome),
      socketPaths: [...controlSockets(host.env, Deno.uid()), ...ownSockets(codexHome)],
      proxySocket: null,
    },
  });
}

/** The environment of whoever calls, without the keys of this program. */
function commandEnv(host: Host): Readonly<Record<string, string>> {
  const own = Object.entries(host.env).filter(([name]) =>
    !/^(OPENAI|CODEX)_(.*_)?(API_KEY|TOKEN|SECRET)$/.test(name)
  );
  return Object.fromEntries(own);
}

interface Asked {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

async function runCommand(
  command: Asked,
  { sandbox, policy, stdin }: {
    readonly sandbox: Sandbox;
    readonly policy: SandboxPolicy;
    readonly stdin: TextReader;
  },
): Promise<number> {
  const confinement = await sandbox.confine(command, { policy, cwd: command.cwd });
  if (confinement.type === "refused") {
    const { reason, isProgramMissing } = confinement;
    throw isProgramMissing
      ? new CliError(`Cannot start ${command.argv[0]}: ${reason}`, NOT_FOUND)
      : new CliError(reason);
  }
  if (confinement.type === "unconfined") return (await pass(command, null)).code;
  const confined: ConfinedCommand = confinement.command;
  try {
    const status = await pass(confined, isOpenFile(stdin) ? stdin : null);
    const trouble = confined.failure?.(status) ?? null;
    if (trouble !== null) throw new CliError(trouble.message, NOT_STARTED);
    return status.code;
  } finally {
    confined.release();
  }
}

/**
 * Whether standard input is a file or a folder that was opened outside of the sandbox. Whoever has a descriptor of
 * one can open it again through `/proc/self/fd`, then for writing, and go from a folder to any other.
 */
function isOpenFile({ isTerminal }: TextReader): boolean {
  if (isTerminal) return false;
  try {
    const { isFile, isDirectory, isBlockDevice, isCharDevice } = Deno.statSync("/dev/fd/0");
    return isFile || isDirectory || (isBlockDevice ?? true) || (isCharDevice ?? true);
  } catch (error) {
    // It is closed, or cannot be looked at: a pipe in its place does no harm.
    if (error instanceof Error) return true;
    throw error;
  }
}

/** Copies until the end, or until the command takes no more. */
async function copyInput(
  { readable }: TextReader,
  { stdin, signal }: {
    readonly stdin: WritableStream<Uint8Array>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  try {
    await readable.pipeTo(stdin, { signal });
  } catch (error) {
    // The command has ended or closed its input, or this is no input to be read, such as a folder.
    if (!(error instanceof Error)) throw error;
  }
}

/**
 * Runs it on our own output, and on our own input or a copy of `copied`, until it ends; signals are passed on.
 */
async function pass(
  command: Asked & Pick<ConfinedCommand, "leads">,
  copied: TextReader | null,
): Promise<Deno.CommandStatus> {
  const ended = new AbortController();
  let child: Deno.ChildProcess | null = null;
  // Before the command starts: what it tells may make somebody send one at once.
  const listeners = PASSED_ON.map((signal) => {
    const listener = () => child && send(child.pid, signal, command.leads ?? false);
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  try {
    child = start(command, copied === null ? "inherit" : "piped");
    const copying = copied !== null &&
      copyInput(copied, { stdin: child.stdin, signal: ended.signal });
    const status = await child.status;
    ended.abort();
    await copying;
    return status;
  } finally {
    for (const remove of listeners) remove();
  }
}

function start(
  { argv: [program = "", ...args], cwd, env }: Asked,
  stdin: "inherit" | "piped",
): Deno.ChildProcess {
  try {
    const streams = { stdin, stdout: "inherit", stderr: "inherit" } as const;
    return new Deno.Command(program, { args, cwd, clearEnv: true, env, ...streams }).spawn();
  } catch (error) {
    const code = error instanceof Deno.errors.NotFound ? NOT_FOUND : NOT_STARTED;
    throw new CliError(`Cannot start ${program}: ${messageOf(error)}`, code, { cause: error });
  }
}

/**
 * To the whole session of the command, or to the command alone where it shares ours: a terminal has told
 * everybody in it already.
 */
function send(pid: number, signal: Deno.Signal, leads: boolean): void {
  try {
    Deno.kill(leads ? -pid : pid, signal);
  } catch (error) {
    // It has ended in this very moment, or leads no group yet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

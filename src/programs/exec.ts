/** `codex exec`: one prompt without a terminal interface, as a client of a server in this process. */
import { resolve } from "node:path";
import type { Args } from "../cli/args.ts";
import type { Client } from "../client/client.ts";
import { connectInProcess } from "../client/in_process.ts";
import type { Config } from "../config/config.ts";
import { findProjectRoot, projectTrust } from "../config/trust.ts";
import { CliError } from "../lib/errors.ts";
import { VERSION } from "../lib/version.ts";
import { Server } from "../server/server.ts";
import { configFromArgs } from "./config_options.ts";
import { type ExecArgs, execArgs } from "./exec/exec_args.ts";
import { type OpenedThread, openThread } from "./exec/open_thread.ts";
import { humanOutput, jsonlOutput, type Output } from "./exec/output.ts";
import { ioMessage, readSchema } from "./exec/output_schema.ts";
import { readPrompt } from "./exec/prompt.ts";
import { type Outcome, runTurn, turnInput } from "./exec/run_turn.ts";
import { wantsColor } from "./exec/style.ts";
import { holdRuntime } from "./hold_runtime.ts";
import type { Host, Invocation } from "./host.ts";
import { createLogger } from "./logging.ts";
import { serverOptions } from "./server_options.ts";

/** Where other programs find a server, and the token for it. */
const REMOTE_VARIABLES = ["CODEX_APP_SERVER_URL", "CODEX_APP_SERVER_AUTH"] as const;

/** What a run works with. */
interface Run {
  readonly args: ExecArgs;
  readonly config: Config;
  readonly host: Host;
  readonly prompt: string;
  readonly outputSchema: unknown;
}

/** Runs `exec` or `exec resume`; 0 when the turn completed, 1 when it failed or was interrupted. */
export async function run({ args, host }: Invocation): Promise<number> {
  const prepared = await prepare(args, host);
  return prepared === null ? 1 : await runWithServer(args, prepared);
}

/** Everything that can be wrong before a server is needed; null once the user has been told. */
async function prepare(args: Args, host: Host): Promise<Run | null> {
  warnOfRemote(host);
  const config = await configFromArgs(args, host);
  if (!config.modelProviders[config.modelProviderId]) {
    throw new CliError(`Model provider \`${config.modelProviderId}\` not found`);
  }
  await requireDirectory(config.cwd);
  const parsed = execArgs(args, { cwd: host.cwd });
  const say = (line: string): null => {
    host.stderr.write(`${line}\n`);
    return null;
  };
  const prompt = await readPrompt(host.stdin, {
    argument: parsed.prompt,
    isResume: parsed.target.type !== "new",
    say,
  });
  if (prompt.type === "failed") return say(prompt.message);
  const schema = parsed.schemaFile === null
    ? { type: "schema" as const, schema: null }
    : await readSchema(resolve(host.cwd, parsed.schemaFile), parsed.schemaFile);
  if (schema.type === "failed") return say(schema.message);
  if (!parsed.skipsGitCheck && !isTrusted(config) && !isDemo(config, parsed)) {
    return say("Not inside a trusted directory and --skip-git-repo-check was not specified.");
  }
  return { args: parsed, config, host, prompt: prompt.text, outputSchema: schema.schema };
}

/** They are for the terminal interface; who set them may believe that the work is done elsewhere. */
function warnOfRemote({ env, stderr }: Host): void {
  const names = REMOTE_VARIABLES.filter((name) => env[name]);
  if (names.length === 0) return;
  const are = names.length === 1 ? "is" : "are";
  stderr.write(
    `warning: ${names.join(" and ")} ${are} ignored: exec runs the agent on this machine\n`,
  );
}

async function requireDirectory(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isDirectory) return;
  } catch (error) {
    throw new CliError(`Cannot work in ${path}: ${ioMessage(error)}`, 1, { cause: error });
  }
  throw new CliError(`Cannot work in ${path}: it is not a directory`);
}

/** Inside a Git repository changes can be seen and undone; elsewhere the user must have said so. */
function isTrusted({ cwd, trustedProjects, projectRootMarkers }: Config): boolean {
  if (findProjectRoot(cwd, [".git"]) !== null) return true;
  return projectTrust(trustedProjects, { cwd, markers: projectRootMarkers }) === "trusted";
}

/**
 * The demo model may work anywhere: it is rules, which do what the prompt says and nothing else, so there is
 * nothing in a directory that could talk it into more. A thread by id may belong to another provider.
 */
function isDemo({ modelProviders, modelProviderId }: Config, { target }: ExecArgs): boolean {
  return modelProviders[modelProviderId]?.wireApi === "demo" && target.type !== "named";
}

async function runWithServer(args: Args, prepared: Run): Promise<number> {
  const { host } = prepared;
  const logging = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  const server = new Server(serverOptions(args, { host, log: logging.log, source: "exec" }));
  holdRuntime(host);
  try {
    const client = await connectInProcess(server, {
      clientInfo: {
        // The official SDKs name themselves through this variable.
        name: host.env["CODEX_INTERNAL_ORIGINATOR_OVERRIDE"] || "codex_exec",
        title: "Codex Exec",
        version: VERSION,
      },
      capabilities: { experimentalApi: true },
    });
    return await runInThread(client, prepared);
  } finally {
    await server.close();
    logging.flush();
  }
}

async function runInThread(client: Client, prepared: Run): Promise<number> {
  const { args, config, host, prompt } = prepared;
  const stop = stopSignal(host);
  const opened = await openThread(client, {
    args,
    cwd: config.cwd,
    provider: config.modelProviderId,
  });
  const output = makeOutput(prepared);
  output.opened(bannerFacts(opened, prepared));
  const outcome = await runTurn(client, {
    threadId: opened.thread.id,
    input: turnInput(prompt, args.images),
    outputSchema: prepared.outputSchema,
  }, { signal: stop, onNotification: (notification) => output.notification(notification) });
  // A reader that closed the pipe has what it wanted.
  if (host.stdout.gone.aborted) return 0;
  return await finish(outcome, { prepared, output });
}

/** Aborts at the first Ctrl-C, or when nobody reads the output any more. A second Ctrl-C ends the process. */
function stopSignal(host: Host): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (stop.signal.aborted) Deno.exit(130);
      stop.abort();
    });
  }
  return AbortSignal.any([stop.signal, host.stdout.gone]);
}

function makeOutput({ args, host }: Run): Output {
  if (args.json) return jsonlOutput(host);
  const { isTerminal } = host.stderr;
  return humanOutput(host, wantsColor(args.color, { isTerminal, env: host.env }));
}

function bannerFacts(opened: OpenedThread, { config, prompt }: Run) {
  return {
    cwd: opened.cwd,
    model: opened.model,
    provider: opened.modelProvider,
    approval: opened.approvalPolicy,
    sandbox: opened.sandbox,
    effort: opened.reasoningEffort,
    summary: config.reasoningSummary,
    threadId: opened.thread.id,
    prompt,
  };
}

async function finish(
  outcome: Outcome,
  { prepared, output }: { readonly prepared: Run; readonly output: Output },
): Promise<number> {
  const { args, host } = prepared;
  if (outcome.status !== "completed") return 1;
  output.finished(outcome.lastMessage ?? "");
  if (args.lastMessageFile === null) return 0;
  if (outcome.lastMessage === null) {
    host.stderr.write(
      `Warning: no last agent message; wrote empty content to ${args.lastMessageFile}\n`,
    );
  }
  try {
    await Deno.writeTextFile(args.lastMessageFile, outcome.lastMessage ?? "");
    return 0;
  } catch (error) {
    host.stderr.write(
      `Failed to write last message file "${args.lastMessageFile}": ${ioMessage(error)}\n`,
    );
    return 1;
  }
}

/** The `exec_command` tool: runs a shell command that may outlive the call; must not know how approvals travel. */
import { resolve } from "node:path";
import { elapsedMs } from "../../lib/clock.ts";
import { shellJoin } from "../../lib/shell_join.ts";
import { ESCALATION_PARAMETERS, permit, readEscalation } from "./command_gate.ts";
import {
  type CommandState,
  newCommandItem,
  runShellPatch,
  type ThreadCommands,
} from "./command_state.ts";
import { fitOutput } from "./output.ts";
import { ABORTED, RunningCommand } from "./running_command.ts";
import { deniedNote } from "./sandbox_denial.ts";
import { startCommand } from "./start_command.ts";
import { ToolArguments } from "./tool_arguments.ts";
import type { Tool, ToolCall, ToolContext, ToolOutput } from "./tool.ts";

const DEFAULT_YIELD_MS = 10_000;
const MIN_YIELD_MS = 250;
const MAX_YIELD_MS = 30_000;
/** Commands that a thread may leave behind; upstream's number. */
const MAX_POLLED = 64;
const NO_TERMINAL =
  "Note: no terminal is available, so the command runs on pipes. Its input is open: feed it with write_stdin.";

const PARAMETERS = {
  type: "object",
  properties: {
    cmd: { type: "string", description: "The shell command." },
    workdir: { type: "string", description: "Where to run it; the working directory by default." },
    shell: { type: "string", description: "The shell to use; the user's own by default." },
    login: {
      type: "boolean",
      description: "Whether the shell reads the login profile; true by default.",
    },
    tty: {
      type: "boolean",
      description:
        "Whether the command runs on a terminal, so that write_stdin can feed it; false by default.",
    },
    yield_time_ms: {
      type: "number",
      description:
        `How long to wait for the command before returning; ${DEFAULT_YIELD_MS} by default.`,
    },
    max_output_tokens: {
      type: "number",
      description: "Most tokens of output to return; the middle of longer output is left out.",
    },
    ...ESCALATION_PARAMETERS,
  },
  required: ["cmd"],
  additionalProperties: false,
};

interface ExecArguments {
  readonly script: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly tty: boolean;
  readonly yieldMs: number;
  readonly maxTokens: number;
}

/** The tool. */
export function execCommandTool(state: CommandState): Tool {
  return {
    spec: {
      type: "function",
      name: "exec_command",
      description:
        "Runs a shell command. Returns its output and exit code, or a session id for write_stdin when it is still running.",
      strict: false,
      parameters: PARAMETERS,
    },
    parallel: true,
    run: (call, context) => run(call, { context, state }),
  };
}

async function run(
  call: ToolCall,
  { context, state }: { context: ToolContext; state: CommandState },
): Promise<ToolOutput> {
  const { deps } = state;
  const args = new ToolArguments(call.input);
  const exec = readArguments(args, { context, state });
  const escalation = readEscalation(args);
  if (args.problem) return { content: args.problem };
  const { argv, cwd } = exec;
  const patched = await runShellPatch(call, { argv, cwd, context, patch: deps.patch });
  if (patched) return patched;

  const thread = state.thread(context.threadId);
  if (!makeRoom(thread)) {
    return {
      content:
        `exec_command failed: ${MAX_POLLED} commands are still running; end some of them first`,
    };
  }
  const item = await newCommandItem(call, { argv, cwd });
  const permission = await permit(item, {
    ...escalation,
    argv,
    context,
    rules: deps.rules,
    thread,
  });
  if (permission.type === "refused") return { content: permission.message };
  if (permission.type === "rejected") {
    return { content: failed(argv, 'Rejected("rejected by user")') };
  }
  context.signal.throwIfAborted();

  const processId = newProcessId(state, thread);
  const command = await startCommand({
    argv,
    stdin: exec.tty ? "piped" : "null",
    tty: exec.tty,
    item: { ...item, processId: String(processId), source: "unifiedExecStartup" },
    isAnnounced: permission.isAnnounced,
    unconfined: permission.unconfined,
    context,
    thread,
  }, deps);
  if (!(command instanceof RunningCommand)) return { content: failed(argv, command.message) };
  thread.polled.set(processId, {
    processId,
    itemId: item.id,
    script: exec.script,
    cwd,
    command,
  });
  return await firstAnswer({ command, exec, processId, thread, context, state });
}

function readArguments(
  args: ToolArguments,
  { context, state }: { context: ToolContext; state: CommandState },
): ExecArguments {
  const cmd = args.string("cmd");
  const shell = args.optionalString("shell") || state.deps.shell;
  const flag = args.optionalBoolean("login") === false ? "-c" : "-lc";
  return {
    script: cmd,
    argv: [shell, flag, cmd],
    cwd: resolve(context.cwd, args.optionalString("workdir") || "."),
    tty: args.optionalBoolean("tty") ?? false,
    yieldMs: clamp(args.optionalNumber("yield_time_ms") ?? DEFAULT_YIELD_MS, {
      min: MIN_YIELD_MS,
      max: MAX_YIELD_MS,
    }),
    maxTokens: outputTokens(args, state),
  };
}

async function firstAnswer(options: {
  readonly command: RunningCommand;
  readonly exec: ExecArguments;
  readonly processId: number;
  readonly thread: ThreadCommands;
  readonly context: ToolContext;
  readonly state: CommandState;
}): Promise<ToolOutput> {
  const { command, exec, processId, thread, context, state } = options;
  const { clock } = state.deps;
  const startedAtMs = clock.now();
  let hasEnded: boolean;
  try {
    hasEnded = await command.wait(exec.yieldMs, { clock, signal: context.signal });
  } catch (error) {
    // Whoever interrupts wants the command to stop; only what has been left running on purpose goes on.
    thread.polled.delete(processId);
    command.stop(ABORTED, { isNow: true });
    throw error;
  }
  if (hasEnded) thread.polled.delete(processId);
  else command.leave();
  const { trouble } = command;
  if (trouble !== null) return { content: failed(exec.argv, trouble.message) };
  return {
    content: answer(command, {
      processId,
      note: exec.tty && !command.process.hasTerminal ? NO_TERMINAL : deniedNote(command, context),
      maxTokens: exec.maxTokens,
      wallMs: elapsedMs(clock, startedAtMs),
      newId: state.deps.newId,
    }),
  };
}

/** What the model is told of a command, in upstream's form, with the output since the last answer. */
export function answer(command: RunningCommand, options: {
  readonly processId: number;
  readonly maxTokens: number;
  readonly wallMs: number;
  readonly newId: () => string;
  /** What the model must know beyond the output, or null. */
  readonly note: string | null;
}): string {
  const { text, originalTokens } = fitOutput(command.takeOutput(), options.maxTokens);
  const exit = command.exit;
  return [
    `Chunk ID: ${options.newId().replaceAll("-", "").slice(-6)}`,
    `Wall time: ${(options.wallMs / 1000).toFixed(4)} seconds`,
    exit
      ? `Process exited with code ${exit.code}`
      : `Process running with session ID ${options.processId}`,
    `Original token count: ${originalTokens}`,
    ...(options.note === null ? [] : [options.note]),
    "Output:",
    text,
  ].join("\n");
}

/** The most tokens that a call may return: what it asks for, within the limit. */
export function outputTokens(args: ToolArguments, state: CommandState): number {
  const asked = args.optionalNumber("max_output_tokens");
  const { outputTokenLimit } = state.deps;
  return asked === null || asked <= 0 ? outputTokenLimit : Math.min(asked, outputTokenLimit);
}

/** A number within limits. */
export function clamp(value: number, { min, max }: { min: number; max: number }): number {
  return Math.min(max, Math.max(min, value));
}

/** Makes room for one more command; ended ones that nobody asks for any more go first. */
function makeRoom(thread: ThreadCommands): boolean {
  if (thread.polled.size < MAX_POLLED) return true;
  for (const [processId, { command }] of thread.polled) {
    if (command.exit) return thread.polled.delete(processId);
  }
  return false;
}

/** A number as upstream's: unused in this thread, and not guessable as the next of a row. */
function newProcessId(state: CommandState, thread: ThreadCommands): number {
  for (;;) {
    const random = Number.parseInt(state.deps.newId().replaceAll("-", "").slice(-10), 16);
    const processId = 1000 + (random % 99_000);
    if (!thread.polled.has(processId)) return processId;
  }
}

function failed(argv: readonly string[], message: string): string {
  // Upstream prints the debug form of its error, in which quotes are escaped.
  const cause = `CreateProcess { message: ${JSON.stringify(message)} }`;
  return `exec_command failed for \`${shellJoin(argv)}\`: ${cause}`;
}

/** The tools that run a command to its end: `shell`, `shell_command`, `local_shell`; must not know how approvals travel. */
import { resolve } from "node:path";
import { elapsedMs } from "../../lib/clock.ts";
import { permit, readEscalation } from "./command_gate.ts";
import { type CommandState, newCommandItem, runShellPatch } from "./command_state.ts";
import { fitOutput } from "./output.ts";
import { RunningCommand } from "./running_command.ts";
import { deniedNote } from "./sandbox_denial.ts";
import { startCommand } from "./start_command.ts";
import { ToolArguments } from "./tool_arguments.ts";
import type { Tool, ToolCall, ToolContext, ToolOutput } from "./tool.ts";

/** Upstream's limit where the model sets none. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** As `timeout(1)` reports it. */
const TIMEOUT_EXIT_CODE = 124;

interface Shape {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly description: string;
  readonly command: Readonly<Record<string, unknown>>;
  readonly argv: (args: ToolArguments, shell: string) => readonly string[];
}

const WORDS: Readonly<Record<string, unknown>> = { type: "array", items: { type: "string" } };

/** None of them is offered, but models that were trained with them call them from habit. */
const SHAPES: readonly Shape[] = [
  {
    name: "shell",
    aliases: ["container.exec"],
    description: "Runs a program with arguments to its end.",
    command: WORDS,
    argv: (args) => wordsOf(args),
  },
  {
    name: "shell_command",
    description: "Runs a shell script to its end.",
    command: { type: "string" },
    argv: (args, shell) => [
      shell,
      args.optionalBoolean("login") === false ? "-c" : "-lc",
      args.string("command"),
    ],
  },
  {
    name: "local_shell",
    description: "Runs a program with arguments to its end.",
    command: WORDS,
    argv: (args) => wordsOf(args),
  },
];

/** The tools. */
export function shellTools(state: CommandState): Tool[] {
  return SHAPES.map((shape) => ({
    spec: {
      type: "function",
      name: shape.name,
      description: shape.description,
      strict: false,
      parameters: {
        type: "object",
        properties: {
          command: shape.command,
          workdir: { type: "string" },
          timeout_ms: { type: "number" },
        },
        required: ["command"],
      },
    },
    ...(shape.aliases ? { aliases: shape.aliases } : {}),
    hidden: true,
    parallel: true,
    run: (call, context) => run(call, { context, state, shape }),
  }));
}

function wordsOf(args: ToolArguments): readonly string[] {
  const words = args.optionalStrings("command");
  // Asked for again so that a missing member is reported as such.
  if (words === null) args.string("command");
  return words ?? [];
}

async function run(
  call: ToolCall,
  { context, state, shape }: { context: ToolContext; state: CommandState; shape: Shape },
): Promise<ToolOutput> {
  const { deps } = state;
  const args = new ToolArguments(call.input);
  const argv = shape.argv(args, deps.shell);
  const cwd = resolve(context.cwd, args.optionalString("workdir") || ".");
  const timeoutMs = args.optionalNumber("timeout_ms") ?? args.optionalNumber("timeout") ??
    DEFAULT_TIMEOUT_MS;
  const escalation = readEscalation(args);
  if (args.problem) return { content: args.problem };
  const patched = await runShellPatch(call, { argv, cwd, context, patch: deps.patch });
  if (patched) return patched;

  const thread = state.thread(context.threadId);
  const item = await newCommandItem(call, { argv, cwd });
  const permission = await permit(item, {
    ...escalation,
    argv,
    context,
    rules: deps.rules,
    thread,
  });
  if (permission.type === "refused") return { content: permission.message };
  if (permission.type === "rejected") return { content: "exec command rejected by user" };
  context.signal.throwIfAborted();

  const command = await startCommand({
    argv,
    stdin: "null",
    item,
    isAnnounced: permission.isAnnounced,
    unconfined: permission.unconfined,
    context,
    thread,
  }, deps);
  if (!(command instanceof RunningCommand)) {
    return { content: `execution error: ${command.message}` };
  }
  return await toEnd(command, { timeoutMs, context, state });
}

async function toEnd(
  command: RunningCommand,
  { timeoutMs, context, state }: {
    timeoutMs: number;
    context: ToolContext;
    state: CommandState;
  },
): Promise<ToolOutput> {
  const { clock, outputTokenLimit } = state.deps;
  const startedAtMs = clock.now();
  let hasEnded: boolean;
  try {
    hasEnded = await command.wait(timeoutMs, { clock, signal: context.signal });
  } finally {
    if (!command.exit) {
      command.leave();
      void command.process.terminate();
    }
  }
  if (!hasEnded) await command.finished;
  if (command.trouble !== null) return { content: `execution error: ${command.trouble.message}` };
  const { text } = fitOutput(command.takeOutput(), outputTokenLimit);
  const timeout = hasEnded ? "" : `command timed out after ${timeoutMs} milliseconds\n`;
  const note = deniedNote(command, context);
  const seconds = Math.round(elapsedMs(clock, startedAtMs) / 100) / 10;
  const code = hasEnded ? command.exit?.code : TIMEOUT_EXIT_CODE;
  return {
    content: [
      `Exit code: ${code}`,
      `Wall time: ${seconds} seconds`,
      ...note === null ? [] : [note],
      `Output:\n${timeout}${text}`,
    ].join("\n"),
  };
}

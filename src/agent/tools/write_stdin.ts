/** The `write_stdin` tool: polls and feeds commands that outlived their call; must not know how they started. */
import { elapsedMs } from "../../lib/clock.ts";
import type { CommandState, PolledCommand } from "./command_state.ts";
import { answer, clamp, outputTokens } from "./exec_command.ts";
import { ToolArguments } from "./tool_arguments.ts";
import type { Tool, ToolCall, ToolContext, ToolOutput } from "./tool.ts";

const DEFAULT_FEED_MS = 250;
const MAX_FEED_MS = 30_000;
/** Upstream's limits: a model that polls must not ask again and again. */
const MIN_POLL_MS = 5_000;
const MAX_POLL_MS = 300_000;
const INTERRUPT = "\x03";
const END_OF_INPUT = "\x04";
/** Upstream's text. */
const CLOSED =
  "stdin is closed for this session; rerun exec_command with tty=true to keep stdin open";

const PARAMETERS = {
  type: "object",
  properties: {
    session_id: { type: "number", description: "The session id that exec_command returned." },
    chars: {
      type: "string",
      description:
        "What to write; empty to only wait. U+0003 interrupts the command, U+0004 ends its input.",
    },
    yield_time_ms: { type: "number", description: "How long to wait for output." },
    max_output_tokens: {
      type: "number",
      description: "Most tokens of output to return; the middle of longer output is left out.",
    },
  },
  required: ["session_id"],
  additionalProperties: false,
};

/** The tool. */
export function writeStdinTool(state: CommandState): Tool {
  return {
    spec: {
      type: "function",
      name: "write_stdin",
      description:
        "Writes to a running command and returns its new output; with no characters, waits for it.",
      strict: false,
      parameters: PARAMETERS,
    },
    parallel: false,
    run: (call, context) => run(call, { context, state }),
  };
}

async function run(
  call: ToolCall,
  { context, state }: { context: ToolContext; state: CommandState },
): Promise<ToolOutput> {
  const args = new ToolArguments(call.input);
  const sessionId = args.optionalNumber("session_id");
  const chars = args.optionalString("chars") ?? "";
  const asked = args.optionalNumber("yield_time_ms") ?? DEFAULT_FEED_MS;
  const maxTokens = outputTokens(args, state);
  if (args.problem) return { content: args.problem };

  const { polled } = state.thread(context.threadId);
  const found = sessionId === null ? undefined : polled.get(sessionId);
  if (!found) return { content: `write_stdin failed: Unknown process id ${sessionId}` };
  const yieldMs = clamp(
    asked,
    chars === ""
      ? { min: MIN_POLL_MS, max: MAX_POLL_MS }
      : { min: DEFAULT_FEED_MS, max: MAX_FEED_MS },
  );
  const { clock, newId } = state.deps;
  const startedAtMs = clock.now();
  const problem = feed(found, chars);
  if (problem) return { content: `write_stdin failed: ${problem}` };
  context.terminalInteraction(found.itemId, {
    processId: String(found.processId),
    stdin: chars,
  });
  // An interrupted wait leaves the command alone: it was running before this call.
  if (await found.command.wait(yieldMs, { clock, signal: context.signal })) {
    polled.delete(found.processId);
  }
  const wallMs = elapsedMs(clock, startedAtMs);
  return {
    content: answer(found.command, {
      processId: found.processId,
      maxTokens,
      wallMs,
      newId,
      note: null,
    }),
  };
}

/** Writes without waiting: a command that does not read must not hold up the answer. Returns what is wrong. */
function feed({ command }: PolledCommand, chars: string): string | null {
  if (chars === "" || command.exit) return null;
  const { process } = command;
  if (process.hasTerminal) {
    // The terminal makes signals and the end of input out of what is typed.
    if (!process.isStdinOpen) return CLOSED;
    void process.write(new TextEncoder().encode(chars));
    return null;
  }
  for (const part of partsOf(chars)) {
    if (part === INTERRUPT) process.signal("SIGINT");
    else if (part === END_OF_INPUT) void process.closeStdin();
    else if (!process.isStdinOpen) return CLOSED;
    else void process.write(new TextEncoder().encode(part));
  }
  return null;
}

/** Control characters by themselves, and the text between them. */
function partsOf(chars: string): string[] {
  const parts: string[] = [];
  let text = "";
  for (const char of chars) {
    if (char !== INTERRUPT && char !== END_OF_INPUT) {
      text += char;
      continue;
    }
    parts.push(text, char);
    text = "";
  }
  return [...parts, text].filter((part) => part !== "");
}

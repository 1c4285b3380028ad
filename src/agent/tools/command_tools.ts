/** Puts the command tools together; must not know what any of them does. */
import { CommandState, type CommandToolDeps } from "./command_state.ts";
import { execCommandTool } from "./exec_command.ts";
import { shellTools } from "./shell.ts";
import type { Tool } from "./tool.ts";
import { writeStdinTool } from "./write_stdin.ts";

/** The command tools with what they keep for each thread. */
export interface CommandTools {
  readonly tools: readonly Tool[];
  /** Ends what a thread has left running, and forgets what was accepted for it: when it unloads. */
  closeThread(threadId: string): Promise<void>;
}

/** Makes `exec_command`, `write_stdin` and the older tools that models may still call. */
export function createCommandTools(deps: CommandToolDeps): CommandTools {
  const state = new CommandState(deps);
  return {
    tools: [execCommandTool(state), writeStdinTool(state), ...shellTools(state)],
    closeThread: (threadId) => state.closeThread(threadId),
  };
}

/** Puts the command tools together; must not know what any of them does. */
import { CommandState, type CommandToolDeps, type PolledCommand } from "./command_state.ts";
import { execCommandTool } from "./exec_command.ts";
import { shellTools } from "./shell.ts";
import type { Tool } from "./tool.ts";
import { writeStdinTool } from "./write_stdin.ts";

/** Commands that have outlived the call that started them, by thread. */
export interface BackgroundCommands {
  /** Those that run, oldest first. */
  list(threadId: string): readonly PolledCommand[];
  /** Ends one; false when there is none of that id. */
  terminate(threadId: string, processId: string): boolean;
  /** Ends all, and what those before them have left behind. */
  clean(threadId: string): Promise<void>;
}

/** The command tools with what they keep for each thread. */
export interface CommandTools {
  readonly tools: readonly Tool[];
  readonly background: BackgroundCommands;
  /** Ends what a thread has left running, and forgets what was accepted for it: when it unloads. */
  closeThread(threadId: string): Promise<void>;
}

/** Makes `exec_command`, `write_stdin` and the older tools that models may still call. */
export function createCommandTools(deps: CommandToolDeps): CommandTools {
  const state = new CommandState(deps);
  return {
    tools: [execCommandTool(state), writeStdinTool(state), ...shellTools(state)],
    background: {
      list: (threadId) => state.running(threadId),
      terminate: (threadId, processId) => state.terminate(threadId, processId),
      clean: (threadId) => state.clean(threadId),
    },
    closeThread: (threadId) => state.closeThread(threadId),
  };
}

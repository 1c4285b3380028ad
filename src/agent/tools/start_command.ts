/** Starts a command that was permitted, confined as that says; must not know how it was asked for. */
import type { StartFailure } from "../../exec/process.ts";
import type { Terminal, TerminalSize } from "../../exec/pty.ts";
import { assertNever } from "../../lib/errors.ts";
import { commandPlace, commandVariables } from "../command_variables.ts";
import { confine, permitRetry } from "./command_gate.ts";
import { commandEnv, type CommandToolDeps, type ThreadCommands } from "./command_state.ts";
import { type CommandStart, type Restart, RunningCommand } from "./running_command.ts";
import type { ToolContext } from "./tool.ts";

/** Upstream's. */
const TERMINAL_SIZE: TerminalSize = { rows: 24, cols: 80 };
const DEFAULT_MARKERS = [".git"];

/** What is started, and on whose behalf. */
export type PermittedCommand =
  & Pick<CommandStart, "argv" | "stdin" | "item" | "isAnnounced">
  & {
    /** It is to control a terminal, where there is one. */
    readonly tty?: boolean;
    readonly context: ToolContext;
    readonly thread: ThreadCommands;
    /** It was allowed to leave its sandbox policy. */
    readonly unconfined: boolean;
  };

/** Starts it. A failure, such as a sandbox that cannot be set up, is told to clients as a failed item and returned. */
export async function startCommand(
  permitted: PermittedCommand,
  deps: CommandToolDeps,
): Promise<RunningCommand | StartFailure> {
  const { argv, stdin, item, context, unconfined } = permitted;
  const launch = await prepare(permitted, { isFree: unconfined, deps });
  if ("type" in launch) return refused(permitted, launch);
  if (context.signal.aborted) {
    launch.confined?.release();
    launch.terminal?.close();
    context.signal.throwIfAborted();
  }
  const retry = async (): Promise<Restart | null> => {
    if (unconfined || !await isRetryPermitted(permitted)) return null;
    const again = await prepare(permitted, { isFree: true, deps });
    return "type" in again ? null : again;
  };
  const { env, confined, terminal } = launch;
  const { isAnnounced } = permitted;
  const owner = context.threadId;
  const start = { argv, stdin, item, context, isAnnounced, env, confined, terminal, owner, retry };
  return RunningCommand.start(start, deps);
}

interface Launch extends Restart {
  readonly env: Readonly<Record<string, string>>;
}

/** Opens the terminal and has the command confined; a refusal leaves nothing open. */
async function prepare(
  { argv, stdin, item, context, thread, tty = false }: PermittedCommand,
  { isFree, deps }: { readonly isFree: boolean; readonly deps: CommandToolDeps },
): Promise<Launch | StartFailure> {
  const terminal = tty ? await openTerminal(deps) : null;
  const env = commandVariables(commandEnv(context, isFree), {
    place: commandPlace(item.cwd, context.projectRootMarkers ?? DEFAULT_MARKERS),
    threadId: context.threadId,
  });
  const command = {
    argv,
    cwd: item.cwd,
    env,
    ...stdin === "null" ? { stdin } : {},
    ...terminal ? { terminal: terminal.path } : {},
  };
  const confinement = await confine(command, { context, thread, unconfined: isFree });
  switch (confinement.type) {
    case "unconfined":
      return { confined: null, terminal, env };
    case "confined":
      return { confined: confinement.command, terminal, env };
    case "refused": {
      terminal?.close();
      const { reason, isProgramMissing } = confinement;
      return {
        type: "failed",
        reason: isProgramMissing ? "notFound" : "other",
        message: isProgramMissing ? reason : `The sandbox could not be set up: ${reason}`,
      };
    }
    default:
      return assertNever(confinement);
  }
}

/** Null where the machine has none to give: the command then runs on pipes. */
async function openTerminal({ processes }: CommandToolDeps): Promise<Terminal | null> {
  const terminal = await processes.openTerminal(TERMINAL_SIZE);
  return "type" in terminal ? null : terminal;
}

async function isRetryPermitted(permitted: PermittedCommand): Promise<boolean> {
  try {
    return await permitRetry(permitted.item, permitted);
  } catch (error) {
    // The turn was interrupted before anybody answered; its own wait says so.
    if (permitted.context.signal.aborted) return false;
    throw error;
  }
}

function refused(permitted: PermittedCommand, failure: StartFailure): StartFailure {
  const { context, item, argv } = permitted;
  if (!permitted.isAnnounced) context.itemStarted(item);
  const completed = { ...item, status: "failed", aggregatedOutput: failure.message } as const;
  context.itemCompleted(completed, { argv });
  return failure;
}

/** Runs the command of a user in a thread's folder and tells the model about it; must not know clients or turns. */
import { commandActions } from "./command_policy/actions.ts";
import { commandPlace, commandVariables } from "./command_variables.ts";
import type { Processes } from "../exec/process.ts";
import type { Sandbox } from "../exec/sandbox/sandbox.ts";
import { type Clock, elapsedMs } from "../lib/clock.ts";
import { shellJoin } from "../lib/shell_join.ts";
import type { CommandExecutionItem } from "../protocol/item.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import { userShellOwner } from "./tools/command_state.ts";
import { fitOutput } from "./tools/output.ts";
import {
  ABORTED,
  type CommandAudience,
  RunningCommand,
  type Verdict,
} from "./tools/running_command.ts";

/** Upstream's limit. */
export const USER_SHELL_TIMEOUT_MS = 60 * 60 * 1000;
const TIMEOUT_EXIT_CODE = 124;

/** What a server offers to the commands of its users. */
export interface UserShellWorld {
  readonly clock: Clock;
  readonly processes: Processes;
  readonly sandbox: Sandbox;
  readonly newId: () => string;
  readonly shell: string;
  /** Most tokens of output that the model is told. */
  readonly outputTokenLimit: number;
}

/** One command. */
export interface UserShellCommand {
  readonly script: string;
  readonly threadId: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly projectRootMarkers: readonly string[];
  readonly timeoutMs: number;
  /** Ends it when the turn that it belongs to is interrupted. */
  readonly signal: AbortSignal;
  readonly audience: CommandAudience;
}

/**
 * Runs the command with all that clients may reach, as if it were typed into a terminal of the user; returns what
 * the model is told, in the words by which other programs recognise it in a rollout. Never rejects.
 */
export async function runUserShell(
  asked: UserShellCommand,
  world: UserShellWorld,
): Promise<ResponseItem> {
  const { script, signal, timeoutMs } = asked;
  const { clock } = world;
  const startedAtMs = clock.now();
  const seconds = () => elapsedMs(clock, startedAtMs) / 1000;
  const command = await start(asked, world);
  if (!(command instanceof RunningCommand)) {
    return record(script, { exitCode: -1, seconds: seconds(), output: command.message });
  }
  const outcome = Promise.withResolvers<Verdict | null>();
  const end = (verdict: Verdict, isNow: boolean) => {
    command.stop(verdict, { isNow });
    outcome.resolve(verdict);
  };
  const onAbort = () => end(ABORTED, true);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const note = `command timed out after ${timeoutMs} milliseconds`;
  const expire = () => end({ exitCode: TIMEOUT_EXIT_CODE, note }, true);
  const cancelTimeout = timeoutMs > 0 ? clock.after(timeoutMs, expire) : expire();
  void command.finished.then(() => outcome.resolve(null));
  const verdict = await outcome.promise;
  cancelTimeout?.();
  signal.removeEventListener("abort", onAbort);
  const { text } = fitOutput(command.takeOutput(), world.outputTokenLimit);
  return record(script, {
    exitCode: verdict?.exitCode ?? command.exit?.code ?? -1,
    seconds: seconds(),
    output: [text, verdict?.note, command.trouble?.message].filter((part) => part).join("\n"),
  });
}

/** Starts it; a failure is shown as a failed item. */
async function start(
  asked: UserShellCommand,
  world: UserShellWorld,
): Promise<RunningCommand | { readonly message: string }> {
  const { script, threadId, cwd, audience } = asked;
  const { sandbox, clock, processes } = world;
  const argv = [world.shell, "-lc", script];
  const place = commandPlace(cwd, asked.projectRootMarkers);
  const env = commandVariables(asked.env, { place, threadId });
  const item: CommandExecutionItem = {
    type: "commandExecution",
    id: world.newId(),
    command: shellJoin(argv),
    cwd,
    processId: null,
    source: "userShell",
    status: "inProgress",
    commandActions: await commandActions(argv, cwd),
    aggregatedOutput: null,
    exitCode: null,
    durationMs: null,
  };
  // Whoever types it has all that clients of this server may reach.
  const policy = sandbox.ceiling.policyAt(cwd);
  const confinement = await sandbox.confine({ argv, cwd, env, stdin: "null" }, { policy, cwd });
  if (confinement.type === "refused") {
    audience.itemStarted(item);
    const failed = { status: "failed", exitCode: -1, durationMs: 0 } as const;
    const { reason } = confinement;
    audience.itemCompleted({ ...item, ...failed, aggregatedOutput: reason }, { argv });
    return { message: reason };
  }
  return RunningCommand.start({
    argv,
    stdin: "null",
    owner: userShellOwner(threadId),
    env,
    item,
    isAnnounced: false,
    context: audience,
    terminal: null,
    confined: confinement.type === "confined" ? confinement.command : null,
    retry: () => Promise.resolve(null),
  }, { clock, processes });
}

function record(
  script: string,
  result: { readonly exitCode: number; readonly seconds: number; readonly output: string },
): ResponseItem {
  const text = [
    "<user_shell_command>",
    "<command>",
    script,
    "</command>",
    "<result>",
    `Exit code: ${result.exitCode}`,
    `Duration: ${result.seconds.toFixed(4)} seconds`,
    "Output:",
    result.output,
    "</result>",
    "</user_shell_command>",
  ].join("\n");
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}

/** What the command tools share: ports, and what belongs to each thread; must not know the tools. */
import { resolve } from "node:path";
import type { Processes } from "../../exec/process.ts";
import { SeenPlaces } from "../../exec/sandbox/places.ts";
import type { Clock } from "../../lib/clock.ts";
import { commandActions } from "../command_policy/actions.ts";
import { shellJoin } from "../../lib/shell_join.ts";
import type { Rules } from "../command_policy/rules.ts";
import type { CommandExecutionItem } from "../../protocol/item.ts";
import type { RunningCommand, Verdict } from "./running_command.ts";
import type { ToolCall, ToolContext, ToolOutput } from "./tool.ts";

type Awaitable<T> = T | Promise<T>;

/** A patch found in a command, and the folder that the command changes to first. */
export interface PatchInShell {
  readonly input: string;
  readonly cwd: string | null;
}

/** Runs patches that a model hides in a shell command. */
export interface ShellPatch {
  /** The patch that the command would apply, or null for any other command. */
  fromShell(argv: readonly string[]): Awaitable<PatchInShell | null>;
  /** `patch.cwd` is what its paths are relative to; what may be written still depends on the context. */
  run(
    patch: { readonly callId: string; readonly input: string; readonly cwd: string },
    context: ToolContext,
  ): Promise<ToolOutput>;
}

/** The owner of the processes that the users of a thread have started, apart from those of its agent. */
export function userShellOwner(threadId: string): string {
  return `${threadId} user`;
}

/** The ports of the command tools. */
export interface CommandToolDeps {
  readonly clock: Clock;
  readonly processes: Processes;
  readonly rules: Rules;
  /** A new random UUID. */
  readonly newId: () => string;
  /** The user's shell, such as `/bin/bash`. */
  readonly shell: string;
  /** Most tokens of output that one call may return. */
  readonly outputTokenLimit: number;
  readonly patch?: ShellPatch;
}

/** A command that the model may poll and feed. */
export interface PolledCommand {
  readonly processId: number;
  readonly itemId: string;
  /** As the model wrote it. */
  readonly script: string;
  readonly cwd: string;
  readonly command: RunningCommand;
}

/** Upstream's number for what was ended from outside. */
const CLEANED: Verdict = { exitCode: -1, note: null };

/** What a thread has accepted and left running. */
export class ThreadCommands {
  /** Keys of commands that a person accepted for the session. */
  readonly accepted = new Set<string>();
  /** Where the writable folders led when they were first used. */
  readonly seen = new SeenPlaces();
  /** Commands that outlived a call, oldest first; they stay until the model has seen their end. */
  readonly polled = new Map<number, PolledCommand>();
}

/** Thread state by thread id, made when first needed. */
export class CommandState {
  readonly deps: CommandToolDeps;
  readonly #threads = new Map<string, ThreadCommands>();

  constructor(deps: CommandToolDeps) {
    this.deps = deps;
  }

  thread(threadId: string): ThreadCommands {
    let commands = this.#threads.get(threadId);
    if (!commands) this.#threads.set(threadId, commands = new ThreadCommands());
    return commands;
  }

  /** The commands of a thread that outlived their call and run, oldest first. */
  running(threadId: string): PolledCommand[] {
    const polled = this.#threads.get(threadId)?.polled.values() ?? [];
    return [...polled].filter(({ command }) => command.exit === null);
  }

  /** Ends one of them; false when there is none of that id. */
  terminate(threadId: string, processId: string): boolean {
    const found = this.running(threadId).find((each) => String(each.processId) === processId);
    if (!found) return false;
    this.#threads.get(threadId)?.polled.delete(found.processId);
    found.command.stop(CLEANED, { isNow: false });
    return true;
  }

  /** Ends all of them, and what earlier ones have left behind. */
  async clean(threadId: string): Promise<void> {
    const running = this.running(threadId);
    for (const { processId } of running) this.terminate(threadId, String(processId));
    await Promise.all([
      ...running.map(({ command }) => command.finished),
      this.deps.processes.terminateLeft(threadId),
    ]);
  }

  /** Ends what a thread has left running, and forgets what was accepted for it. */
  async closeThread(threadId: string): Promise<void> {
    this.#threads.delete(threadId);
    const owners = [threadId, userShellOwner(threadId)];
    await Promise.all(owners.map((owner) => this.deps.processes.terminateOwned(owner)));
  }
}

/** The item of a command that has not started. */
export async function newCommandItem(
  call: ToolCall,
  options: { readonly argv: readonly string[]; readonly cwd: string },
): Promise<CommandExecutionItem> {
  return {
    type: "commandExecution",
    id: call.callId,
    command: shellJoin(options.argv),
    cwd: options.cwd,
    processId: null,
    source: "agent",
    status: "inProgress",
    commandActions: await commandActions(options.argv, options.cwd),
    aggregatedOutput: null,
    exitCode: null,
    durationMs: null,
  };
}

/** The environment of a command. Outside of our own sandbox, upstream tells commands about the network by name. */
export function commandEnv(
  context: ToolContext,
  unconfined: boolean,
): Readonly<Record<string, string>> {
  const policy = context.sandboxPolicy;
  const isOffline = policy.type === "externalSandbox" &&
    (policy.networkAccess === false || policy.networkAccess === "restricted");
  return isOffline && !unconfined
    ? { ...context.env, CODEX_SANDBOX_NETWORK_DISABLED: "1" }
    : context.env;
}

/** Applies the patch in a shell command instead of running it; null for any other command. */
export async function runShellPatch(
  call: ToolCall,
  options: {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly context: ToolContext;
    readonly patch: ShellPatch | undefined;
  },
): Promise<ToolOutput | null> {
  const { argv, patch } = options;
  // Most commands do not even mention it, and reading them costs time.
  if (!patch || !argv.some((word) => /apply_?patch/.test(word))) return null;
  const found = await patch.fromShell(argv);
  if (!found) return null;
  const cwd = resolve(options.cwd, found.cwd ?? ".");
  return await patch.run({ callId: call.callId, input: found.input, cwd }, options.context);
}

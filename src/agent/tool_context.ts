/** What a tool may do to its turn, bound to one turn of one thread; must not know any particular tool. */
import type { Sandbox } from "../exec/sandbox/sandbox.ts";
import type { Clock } from "../lib/clock.ts";
import type { Thread } from "./thread.ts";
import type { ThreadLog } from "./thread_log.ts";
import type { ActiveTurn } from "./thread_parts.ts";
import type { CommandAudience } from "./tools/running_command.ts";
import type { FileRevision, ToolContext } from "./tools/tool.ts";

/** Told about commands that their sandbox has probably stopped. */
export type DenialListener = (
  threadId: string,
  denial: { readonly turnId: string; readonly itemId: string; readonly exitCode: number },
) => void;

/** The context of the tools of one turn. */
export function toolContext(thread: Thread, options: {
  readonly turn: ActiveTurn;
  readonly log: ThreadLog;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly sandbox: Sandbox;
  readonly protectedPaths: readonly string[];
  readonly projectRootMarkers: readonly string[];
  readonly filesChanged: (changes: readonly FileRevision[]) => void;
  readonly denied?: DenialListener | undefined;
}): ToolContext {
  const { turn, log, clock } = options;
  const turnId = turn.id;
  return {
    threadId: thread.id,
    turnId,
    cwd: turn.settings.cwd,
    approvalPolicy: turn.settings.approvalPolicy,
    sandboxPolicy: turn.settings.sandboxPolicy,
    sandbox: options.sandbox,
    env: options.env,
    protectedPaths: options.protectedPaths,
    projectRootMarkers: options.projectRootMarkers,
    signal: turn.signal,
    now: () => clock.now(),
    itemStarted: (item) => thread.emit({ type: "itemStarted", turnId, item, atMs: clock.now() }),
    itemCompleted: (item, detail) => {
      log.toolItem(item, { turnId, argv: detail?.argv ?? null });
      const completed = { type: "itemCompleted", turnId, item, atMs: clock.now() } as const;
      // Upstream tells nothing of the items of an interrupted turn, and clients close them: all but
      // commands with a process id, which a TUI counts as running in the background until it is told.
      const hasProcessId = item.type === "commandExecution" && item.processId !== null;
      if (turn.signal.aborted && !hasProcessId) thread.amend(completed);
      else thread.emit(completed);
    },
    commandOutput: (itemId, delta) =>
      thread.emit({ type: "commandOutputDelta", turnId, itemId, delta }),
    commandDenied: (itemId, exitCode) => options.denied?.(thread.id, { turnId, itemId, exitCode }),
    fileChangeOutput: (itemId, delta) =>
      thread.emit({ type: "fileChangeOutputDelta", turnId, itemId, delta }),
    terminalInteraction: (itemId, interaction) =>
      thread.emit({ type: "terminalInteraction", turnId, itemId, ...interaction }),
    planUpdated: (plan) =>
      thread.emit({ type: "planUpdated", turnId, explanation: plan.explanation, plan: plan.plan }),
    filesChanged: options.filesChanged,
    approve: (request) => thread.ask(request),
  };
}

/** Who hears of a command of the user: everybody, also when its turn is interrupted or over (as upstream). */
export function userAudience(thread: Thread, options: {
  readonly turnId: string;
  readonly log: ThreadLog;
  readonly clock: Clock;
  readonly denied?: DenialListener | undefined;
}): CommandAudience {
  const { turnId, log, clock } = options;
  return {
    itemStarted: (item) => thread.emit({ type: "itemStarted", turnId, item, atMs: clock.now() }),
    itemCompleted: (item, detail) => {
      log.toolItem(item, { turnId, argv: detail?.argv ?? null });
      thread.emit({ type: "itemCompleted", turnId, item, atMs: clock.now() });
    },
    commandOutput: (itemId, delta) =>
      thread.emit({ type: "commandOutputDelta", turnId, itemId, delta }),
    commandDenied: (itemId, exitCode) => options.denied?.(thread.id, { turnId, itemId, exitCode }),
  };
}

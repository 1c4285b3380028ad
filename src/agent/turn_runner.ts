/** Puts a turn together from the thread's settings and runs it; must not know clients or the disk format. */
import type { Config } from "../config/config.ts";
import type { Sandbox } from "../exec/sandbox/sandbox.ts";
import type { Clock } from "../lib/clock.ts";
import type { ModelClient, ModelError } from "./model/port.ts";
import type { Thread } from "./thread.ts";
import type { ThreadLog } from "./thread_log.ts";
import type { ActiveTurn } from "./thread_parts.ts";
import type { ToolRegistry } from "./tool_calls.ts";
import { type DenialListener, toolContext } from "./tool_context.ts";
import type { FileRevision } from "./tools/tool.ts";
import { runTurn, type TurnHost, type TurnOutcome } from "./turn.ts";

/** What every turn of one thread has in common. */
export interface TurnParts {
  readonly config: Config;
  readonly log: ThreadLog;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly sandbox: Sandbox;
  readonly protectedPaths: readonly string[];
  readonly tools: ToolRegistry;
  readonly baseInstructions: string;
  modelClient(providerId: string): Promise<ModelClient>;
  contextWindow(model: string): number | null;
  retryDelayMs(attempt: number, error: ModelError): number;
  turnDiff(changes: readonly FileRevision[]): Promise<string>;
  newItemId(): string;
  readonly denied?: DenialListener;
}

/** Runs one turn of the thread to its end. */
export async function runThreadTurn(
  thread: Thread,
  { turn, parts }: { readonly turn: ActiveTurn; readonly parts: TurnParts },
): Promise<TurnOutcome> {
  const { settings } = turn;
  const model = await parts.modelClient(settings.modelProvider);
  const diffs: Promise<void>[] = [];
  const outcome = await runTurn(turnHost(thread, parts), {
    turnId: turn.id,
    model,
    tools: parts.tools,
    toolContext: toolContext(thread, {
      turn,
      log: parts.log,
      clock: parts.clock,
      env: parts.env,
      sandbox: parts.sandbox,
      protectedPaths: parts.protectedPaths,
      projectRootMarkers: parts.config.projectRootMarkers,
      filesChanged: diffReporter(thread, { turn, parts, diffs }),
      denied: parts.denied,
    }),
    request: {
      model: settings.model,
      instructions: settings.baseInstructions ?? parts.baseInstructions,
      tools: parts.tools.specs,
      effort: settings.effort,
      summary: settings.summary,
      verbosity: parts.config.verbosity,
      webSearch: parts.config.webSearch,
      serviceTier: settings.serviceTier,
      outputSchema: turn.outputSchema,
      threadId: thread.id,
      turnId: turn.id,
    },
    streamMaxRetries: parts.config.modelProviders[settings.modelProvider]?.streamMaxRetries ?? 5,
    retryDelayMs: parts.retryDelayMs,
    clock: parts.clock,
    signal: turn.signal,
  });
  await Promise.all(diffs);
  return outcome;
}

function turnHost(thread: Thread, parts: TurnParts): TurnHost {
  return {
    history: () => thread.history,
    remember: (item) => thread.remember(item),
    rememberOutputs: (outputs) => thread.rememberOutputs(outputs),
    emit: (event) => thread.emit(event),
    usage: (usage) => thread.addUsage(usage, parts.contextWindow(thread.settings.model)),
    newItemId: parts.newItemId,
    takeSteering: () => thread.takeSteering(),
    isCancelled: () => thread.isCancelled,
    interrupt: () => thread.interrupt(null),
  };
}

/** Announces what the turn has changed so far; the turn does not end before the last announcement. */
function diffReporter(
  thread: Thread,
  { turn, parts, diffs }: { turn: ActiveTurn; parts: TurnParts; diffs: Promise<void>[] },
): (changes: readonly FileRevision[]) => void {
  const revisions: FileRevision[] = [];
  return (changes) => {
    revisions.push(...changes);
    const report = parts.turnDiff([...revisions]).then((diff) => {
      thread.emit({ type: "diffUpdated", turnId: turn.id, diff });
    });
    diffs.push(report);
  };
}

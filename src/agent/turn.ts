/** The loop of one turn: ask the model, run its tools, until it stops; must not know clients or files. */
import type { Clock } from "../lib/clock.ts";
import { CodexError, messageOf } from "../lib/errors.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import type { CodexErrorInfo, TokenUsage, TurnError } from "../protocol/turn_types.ts";
import type { ThreadEvent } from "./events.ts";
import { type ModelClient, ModelError, type ModelRequest } from "./model/port.ts";
import { responseStream, textOf } from "./response_stream.ts";
import { CallIds, requestedCall, ToolCalls, type ToolRegistry } from "./tool_calls.ts";
import type { ToolContext } from "./tools/tool.ts";

/** What the loop needs of the thread that it belongs to. */
export interface TurnHost {
  /** Model context so far, oldest first. */
  history(): readonly ResponseItem[];
  /** The item joins history and the rollout. */
  remember(item: ResponseItem): void;
  /** The outputs of the calls of one response do the same, all at once. */
  rememberOutputs(outputs: readonly ResponseItem[]): void;
  emit(event: ThreadEvent): void;
  usage(usage: TokenUsage): void;
  newItemId(): string;
  /** Moves user input that came while the turn ran into history; false when there was none. */
  takeSteering(): boolean;
  /** A person answered "cancel": the turn must end once the tool has said so. */
  isCancelled(): boolean;
  interrupt(): void;
}

/** Everything that stays the same during a turn. */
export interface TurnPlan {
  readonly turnId: string;
  readonly model: ModelClient;
  readonly tools: ToolRegistry;
  readonly toolContext: ToolContext;
  /** The request without its input, which grows as the turn goes on. */
  readonly request: Omit<ModelRequest, "input">;
  readonly streamMaxRetries: number;
  readonly retryDelayMs: (attempt: number, error: ModelError) => number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How a turn ended. Interruption is not an error; a failure is what the client reads. */
export type TurnOutcome =
  | { readonly status: "completed"; readonly lastMessage: string | null }
  | { readonly status: "interrupted" }
  | { readonly status: "failed"; readonly error: TurnError };

/** Runs the turn to its end. Never rejects for anything that a model or a tool did. */
export async function runTurn(host: TurnHost, plan: TurnPlan): Promise<TurnOutcome> {
  try {
    let lastMessage: string | null = null;
    const callIds = new CallIds(() => host.history());
    for (;;) {
      const response = await requestUntilComplete(host, plan, callIds);
      lastMessage = response.lastMessage ?? lastMessage;
      const steered = host.takeSteering();
      if (!response.calledTools && !steered) return { status: "completed", lastMessage };
    }
  } catch (error) {
    if (plan.signal.aborted) return { status: "interrupted" };
    if (error instanceof ModelError) return { status: "failed", error: turnError(error) };
    throw error;
  }
}

interface ResponseOutcome {
  readonly calledTools: boolean;
  readonly lastMessage: string | null;
}

/** One model response with its tools run; a stream that breaks is opened again, each time announced. */
async function requestUntilComplete(
  host: TurnHost,
  plan: TurnPlan,
  callIds: CallIds,
): Promise<ResponseOutcome> {
  for (let attempt = 1;; attempt++) {
    try {
      return await requestOnce(host, plan, callIds);
    } catch (error) {
      plan.signal.throwIfAborted();
      if (!(error instanceof ModelError) || !error.retryable) throw error;
      if (attempt > plan.streamMaxRetries) throw error;
      host.emit({
        type: "error",
        turnId: plan.turnId,
        willRetry: true,
        error: {
          message: `Reconnecting... ${attempt}/${plan.streamMaxRetries}`,
          codexErrorInfo: disconnected(error),
          additionalDetails: error.message,
        },
      });
      await delay(plan.retryDelayMs(attempt, error), plan);
    }
  }
}

async function requestOnce(
  host: TurnHost,
  plan: TurnPlan,
  callIds: CallIds,
): Promise<ResponseOutcome> {
  const calls = new ToolCalls(plan.tools, {
    context: plan.toolContext,
    afterEach: () => {
      if (host.isCancelled()) host.interrupt();
    },
  });
  let lastMessage: string | null = null;
  const onEvent = responseStream({
    turnId: plan.turnId,
    now: () => plan.clock.now(),
    newItemId: () => host.newItemId(),
    emit: (event) => host.emit(event),
    itemDone: (done) => {
      const item = callIds.fresh(done);
      host.remember(item);
      if (item.type === "message" && item.role === "assistant") lastMessage = textOf(item.content);
      const call = requestedCall(item);
      if (call) calls.start(call);
    },
  });
  try {
    const request = { ...plan.request, input: host.history() };
    const { usage } = await plan.model.stream(request, { signal: plan.signal, onEvent });
    if (usage) host.usage(usage);
  } finally {
    // Also after a failure: a call that has been recorded needs its output before the next request.
    host.rememberOutputs(await calls.settled());
  }
  plan.signal.throwIfAborted();
  return { calledTools: calls.size > 0, lastMessage };
}

/** Upstream says while it retries that the stream was cut, whatever the cause; the cause is in the details. */
function disconnected(error: ModelError): CodexErrorInfo {
  return { responseStreamDisconnected: { httpStatusCode: error.httpStatus } };
}

/** A failure that is not the model's: of this machine, or a bug. */
export function internalError(error: unknown): TurnError {
  return {
    message: messageOf(error),
    codexErrorInfo: error instanceof CodexError ? "other" : "internalServerError",
    additionalDetails: null,
  };
}

/** A model failure as the client reads it. */
function turnError(error: ModelError): TurnError {
  return { message: error.message, codexErrorInfo: error.info, additionalDetails: null };
}

function delay(ms: number, plan: TurnPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(plan.signal.reason);
    };
    const cancel = plan.clock.after(ms, () => {
      plan.signal.removeEventListener("abort", onAbort);
      resolve();
    });
    plan.signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The port between the agent loop and a model provider; must not know HTTP, threads or the wire protocol. */
import type { ResponseItem } from "../../protocol/response_item.ts";
import type { CodexErrorInfo, RateLimits, TokenUsage } from "../../protocol/turn_types.ts";

/** A tool as it is offered to the model. */
export type ToolSpec =
  | {
    readonly type: "function";
    readonly name: string;
    readonly description: string;
    /** JSON Schema of the arguments. */
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly strict: false;
  }
  | {
    readonly type: "custom";
    readonly name: string;
    readonly description: string;
    readonly format: Readonly<Record<string, unknown>>;
  };

export interface ModelRequest {
  readonly model: string;
  readonly instructions: string;
  readonly input: readonly ResponseItem[];
  readonly tools: readonly ToolSpec[];
  /** Null: the model's own default. */
  readonly effort: string | null;
  readonly summary: string | null;
  readonly verbosity: string | null;
  /** A search of the provider's own, where it has one: what it has kept, or the web as it is. */
  readonly webSearch: "cached" | "live" | null;
  readonly serviceTier: string | null;
  /** JSON Schema that the final message must follow, or null. */
  readonly outputSchema: unknown;
  /** The thread id; providers use it for prompt caching and as a conversation header. */
  readonly threadId: string;
  readonly turnId: string;
}

/** What a provider streams. Ids are the provider's own; `itemDone` may come without `itemAdded`. */
export type ModelEvent =
  | { readonly type: "itemAdded"; readonly item: ResponseItem }
  | { readonly type: "textDelta"; readonly itemId: string; readonly delta: string }
  | { readonly type: "reasoningPartAdded"; readonly itemId: string; readonly summaryIndex: number }
  | {
    readonly type: "reasoningSummaryDelta";
    readonly itemId: string;
    readonly summaryIndex: number;
    readonly delta: string;
  }
  | {
    readonly type: "reasoningTextDelta";
    readonly itemId: string;
    readonly contentIndex: number;
    readonly delta: string;
  }
  | { readonly type: "itemDone"; readonly item: ResponseItem }
  | { readonly type: "rateLimits"; readonly rateLimits: RateLimits };

/**
 * A model provider.
 *
 * `stream` calls `onEvent` synchronously for each event, in order, and resolves with the usage once the
 * provider said that the response is complete. It rejects with a `ModelError` for every failure of the
 * provider, and with `signal.reason` when aborted. Request-level retries are the provider's own and silent;
 * `ModelError.retryable` tells the turn whether the whole stream may be tried again.
 */
export interface ModelClient {
  stream(
    request: ModelRequest,
    options: { readonly signal: AbortSignal; readonly onEvent: (event: ModelEvent) => void },
  ): Promise<{ readonly usage: TokenUsage | null }>;
}

/** A failed model request. `message` is what the user reads. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  /** The turn may open the stream again, announcing each attempt. */
  readonly retryable: boolean;
  readonly info: CodexErrorInfo;
  /** Milliseconds that the provider asked to wait, or null. */
  readonly retryAfterMs: number | null;
  /** HTTP status of the failure, or null where none was received. */
  readonly httpStatus: number | null;
  constructor(message: string, details: {
    readonly retryable: boolean;
    readonly info: CodexErrorInfo;
    readonly retryAfterMs?: number | null;
    readonly httpStatus?: number | null;
    readonly cause?: unknown;
  }) {
    super(message, { cause: details.cause });
    this.retryable = details.retryable;
    this.info = details.info;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.httpStatus = details.httpStatus ?? null;
  }
}

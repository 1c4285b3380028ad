/** The shapes of a turn, its error and its token usage. Data only. */
import * as z from "zod";
import { ThreadItem } from "./item.ts";
import { memo } from "./method.ts";

const HttpStatus = memo(() => z.object({ httpStatusCode: z.number().int().nullable() }));

/** Closed set of turn failures that clients match on. */
export const CodexErrorInfo = memo(() =>
  z.union([
    z.enum([
      "contextWindowExceeded",
      "usageLimitExceeded",
      "serverOverloaded",
      "internalServerError",
      "unauthorized",
      "badRequest",
      "sandboxError",
      "other",
    ]),
    z.object({ httpConnectionFailed: HttpStatus() }),
    z.object({ responseStreamConnectionFailed: HttpStatus() }),
    z.object({ responseStreamDisconnected: HttpStatus() }),
    z.object({ responseTooManyFailedAttempts: HttpStatus() }),
  ]).meta({ id: "CodexErrorInfo" })
);
/** A turn failure that clients match on. */
export type CodexErrorInfo = z.infer<ReturnType<typeof CodexErrorInfo>>;

/** Why a turn failed, or what it is being retried for. */
export const TurnError = memo(() =>
  z.object({
    message: z.string(),
    codexErrorInfo: CodexErrorInfo().nullable(),
    additionalDetails: z.string().nullable(),
  }).meta({ id: "TurnError" })
);
/** Why a turn failed. */
export type TurnError = z.infer<ReturnType<typeof TurnError>>;

/** How far a turn is. */
export const TurnStatus = memo(() =>
  z.enum(["inProgress", "completed", "interrupted", "failed"]).meta({ id: "TurnStatus" })
);
/** How far a turn is. */
export type TurnStatus = z.infer<ReturnType<typeof TurnStatus>>;

/** `startedAt` and `completedAt` are Unix seconds. */
export const Turn = memo(() =>
  z.object({
    id: z.string(),
    rootTurnId: z.string().optional(),
    items: z.array(ThreadItem()),
    /** 0.169 clients: whether `items` is the whole list. */
    itemsView: z.enum(["notLoaded", "full"]).optional(),
    status: TurnStatus(),
    error: TurnError().nullable(),
    startedAt: z.number().int().nullable(),
    completedAt: z.number().int().nullable(),
    durationMs: z.number().int().nullable(),
  }).meta({ id: "Turn" })
);
/** A turn as clients see it. */
export type Turn = z.infer<ReturnType<typeof Turn>>;

/** Token counts of one model request, or summed over a thread. */
export const TokenUsage = memo(() =>
  z.object({
    totalTokens: z.number().int(),
    inputTokens: z.number().int(),
    cachedInputTokens: z.number().int(),
    cacheWriteInputTokens: z.number().int().optional(),
    outputTokens: z.number().int(),
    reasoningOutputTokens: z.number().int(),
  }).meta({ id: "TokenUsageBreakdown" })
);
/** Token counts. */
export type TokenUsage = z.infer<ReturnType<typeof TokenUsage>>;

/** Token counts of a thread, and the size of its model's context window. */
export const ThreadTokenUsage = memo(() =>
  z.object({
    total: TokenUsage(),
    last: TokenUsage(),
    modelContextWindow: z.number().int().nullable(),
  }).meta({ id: "ThreadTokenUsage" })
);
/** Token counts of a thread. */
export type ThreadTokenUsage = z.infer<ReturnType<typeof ThreadTokenUsage>>;

/** One step of the agent's plan. */
export const PlanStep = memo(() =>
  z.object({ step: z.string(), status: z.enum(["pending", "inProgress", "completed"]) }).meta({
    id: "TurnPlanStep",
  })
);
/** One step of a plan. */
export type PlanStep = z.infer<ReturnType<typeof PlanStep>>;

/** Rate limits as the model provider reported them; every member may be unknown. */
export const RateLimits = memo(() =>
  z.looseObject({
    limitId: z.string().nullable(),
    limitName: z.string().nullable(),
    primary: z.unknown(),
    secondary: z.unknown(),
    credits: z.unknown(),
    planType: z.string().nullable(),
  }).meta({ id: "RateLimitSnapshot" })
);
/** Rate limits of the provider. */
export type RateLimits = z.infer<ReturnType<typeof RateLimits>>;

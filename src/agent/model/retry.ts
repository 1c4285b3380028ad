/** When a failed request is tried again, and how long to wait; must not know what was requested. */
import type { Clock } from "../../lib/clock.ts";
import { ModelError } from "./port.ts";

const BASE_DELAY_MS = 200;
/** A provider that asks for a longer pause than this is not waited for in silence. */
const MAX_SILENT_DELAY_MS = 30_000;
/** The longest pause between two announced attempts, whatever the provider asks for. */
const MAX_STREAM_DELAY_MS = 300_000;

/** A failure that another request may cure, before any event of the stream was seen. */
export class RequestFailure extends Error {
  override readonly name = "RequestFailure";
  /** What the turn gets when no attempt is left. */
  readonly error: ModelError;
  constructor(error: ModelError) {
    super(error.message);
    this.error = error;
  }
}

export interface RetryOptions {
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/**
 * Runs `attempt` until it answers: silent retries after a `RequestFailure` only.
 * Rejects with the failure's `ModelError` when no retry is left, or with `signal.reason`.
 */
export async function withRequestRetries<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let retries = 0;; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error;
      const delayMs = error.error.retryAfterMs ?? backoffMs(retries, options.random);
      if (retries >= options.maxRetries || delayMs > MAX_SILENT_DELAY_MS) throw error.error;
      await pause(delayMs, options);
    }
  }
}

/** How long the turn waits before it opens a broken stream again; `attempt` counts from 1. */
export function streamRetryDelayMs(
  attempt: number,
  error: ModelError,
  options: { readonly random?: () => number } = {},
): number {
  const delayMs = error.retryAfterMs ?? backoffMs(attempt - 1, options.random ?? (() => 0.5));
  return Math.min(delayMs, MAX_STREAM_DELAY_MS);
}

/** 200 ms, doubled each time, 10 % either way so that many threads do not come back at once. */
function backoffMs(retries: number, random: () => number): number {
  return Math.round(BASE_DELAY_MS * 2 ** retries * (0.9 + 0.2 * random()));
}

/** `Retry-After` in seconds or as a date, `retry-after-ms`; milliseconds from `now`, or null. */
export function retryAfterMs(headers: Headers, now: number): number | null {
  const ms = headers.get("retry-after-ms");
  if (ms !== null && /^\d+(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms));
  const value = headers.get("retry-after")?.trim();
  if (!value) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Waits on the clock; rejects with `signal.reason` when aborted. */
export function pause(
  delayMs: number,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

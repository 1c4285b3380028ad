/** What every failure of a provider means for the turn; must not know how a request is sent. */
import { arrayOf, type JsonObject, numberOf, objectOf, parseJson, stringOf } from "./json.ts";
import { ModelError } from "./port.ts";

/** Longest part of a provider's own error text that is shown. */
const MAX_DETAIL_CHARS = 2000;
/** Statuses that say the request itself can never work: another attempt only costs time. */
const HOPELESS_STATUSES: ReadonlySet<number> = new Set([405, 406, 411, 413, 414, 415, 422]);
/** How local servers word a full context window; OpenAI sends the code `context_length_exceeded`. */
const CONTEXT_WINDOW_TEXT =
  /context_length_exceeded|exceed_context_size|maximum context length|context (?:window|length|size) (?:is |was )?exceed|exceeds? the (?:available|maximum|model'?s) context/i;
const STATUS_TEXT: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Entity",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** A response that is not 2xx, its body read and cut. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  /** Where the request went; the query is never shown, it may carry a key. */
  readonly url: string;
  readonly retryAfterMs: number | null;
  /** Unix milliseconds. */
  readonly now: number;
}

/** The stream ended, or said so itself, before the response was complete. */
export function streamError(
  reason: string,
  details: { readonly retryAfterMs?: number | null; readonly cause?: unknown } = {},
): ModelError {
  return new ModelError(`stream disconnected before completion: ${reason}`, {
    retryable: true,
    info: "other",
    ...details,
  });
}

/** No answer came: refused, reset, no such host, or an untrusted certificate. */
export function transportError(url: string, cause: unknown): ModelError {
  const text = causeText(cause);
  const certificate = /invalid peer certificate: (.*)$/.exec(text);
  if (certificate) {
    const why = certificate[1] === "UnknownIssuer"
      ? "UnknownIssuer (set CODEX_CA_CERTIFICATE to a PEM file with your own certificate authority)"
      : certificate[1];
    return new ModelError(`The TLS certificate of ${new URL(url).host} was refused: ${why}`, {
      retryable: false,
      info: { httpConnectionFailed: { httpStatusCode: null } },
      cause,
    });
  }
  return new ModelError(
    `stream disconnected before completion: error sending request for url (${
      shownUrl(url)
    }): ${text}`,
    { retryable: true, info: { httpConnectionFailed: { httpStatusCode: null } }, cause },
  );
}

/** A request that cannot be sent until the user changes something. */
export function setupError(message: string, info: ModelError["info"] = "other"): ModelError {
  return new ModelError(message, { retryable: false, info });
}

/** The failure behind an HTTP status. */
export function statusError(failure: HttpFailure): ModelError {
  const { status, body } = failure;
  const error = objectOf(objectOf(parseJson(body))?.["error"]);
  const known = error && knownError(error, failure.now);
  if (known) return known;
  if (status === 429) {
    return new ModelError("exceeded retry limit, last status: 429 Too Many Requests", {
      retryable: false,
      info: { responseTooManyFailedAttempts: { httpStatusCode: 429 } },
      httpStatus: 429,
    });
  }
  if (status < 500 && CONTEXT_WINDOW_TEXT.test(body)) return contextWindowError();
  if (status === 400) {
    // Upstream shows the raw body here.
    const message = clip(body) || unexpectedStatus(failure, "Unknown error");
    return new ModelError(message, { retryable: false, info: "other", httpStatus: 400 });
  }
  if (status === 500) {
    // Upstream announces these retries without a status; clients show the text as it is.
    return new ModelError(
      "We're currently experiencing high demand, which may cause temporary errors.",
      { retryable: true, info: "internalServerError", retryAfterMs: failure.retryAfterMs },
    );
  }
  const text = stringOf(error?.["message"]) ?? stringOf(objectOf(parseJson(body))?.["message"]);
  return new ModelError(unexpectedStatus(failure, clip(text ?? body) || "Unknown error"), {
    retryable: !HOPELESS_STATUSES.has(status),
    info: { httpConnectionFailed: { httpStatusCode: status } },
    retryAfterMs: failure.retryAfterMs,
    httpStatus: status,
  });
}

/** The failure that a `response.failed` or `error` event carries. */
export function failedResponse(error: JsonObject | null, now: number): ModelError {
  if (!error) return streamError("response.failed event received");
  const known = knownError(error, now);
  if (known) return known;
  const message = stringOf(error["message"]) ?? "response.failed event received";
  if (CONTEXT_WINDOW_TEXT.test(message)) return contextWindowError();
  const code = stringOf(error["code"]);
  if (code === "invalid_prompt") return setupError(clip(message));
  const retryAfterMs = code === "rate_limit_exceeded" ? delayInText(message) : null;
  return streamError(clip(message), { retryAfterMs });
}

/** The provider stopped before the end, for example at a limit of output tokens. */
export function incompleteResponse(reason: string | null): ModelError {
  // 0.120 tries this again, 0.169 does not: the same request stops at the same place.
  return setupError(`Incomplete response returned, reason: ${reason ?? "unknown"}`);
}

/** Codes that mean the same whether they come as a status or inside a stream. */
function knownError(error: JsonObject, now: number): ModelError | null {
  return knownCode(error["code"], { error, now }) ?? knownCode(error["type"], { error, now });
}

function knownCode(
  code: unknown,
  details: { readonly error: JsonObject; readonly now: number },
): ModelError | null {
  switch (code) {
    case "context_length_exceeded":
    case "exceed_context_size_error":
      return contextWindowError();
    case "insufficient_quota":
      return setupError(
        "Quota exceeded. Check your plan and billing details.",
        "usageLimitExceeded",
      );
    case "server_is_overloaded":
    case "slow_down":
      return setupError(
        "Selected model is at capacity. Please try a different model.",
        "serverOverloaded",
      );
    case "usage_limit_reached":
      return setupError(usageLimitMessage(details.error, details.now), "usageLimitExceeded");
    case "usage_not_included":
      return setupError(
        "Your ChatGPT plan does not include Codex; upgrade it or use an API key",
        "usageLimitExceeded",
      );
    default:
      return null;
  }
}

function contextWindowError(): ModelError {
  return setupError(
    "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
    "contextWindowExceeded",
  );
}

function usageLimitMessage(error: JsonObject, now: number): string {
  const seconds = numberOf(error["resets_in_seconds"]);
  const resetsAt = numberOf(error["resets_at"]) ?? (seconds === null ? null : now / 1000 + seconds);
  const again = resetsAt === null ? "try again later" : `try again at ${clockTime(resetsAt, now)}`;
  if (error["plan_type"] === "plus") {
    return "You've hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit " +
      `https://chatgpt.com/codex/settings/usage to purchase more credits or ${again}.`;
  }
  return `You've hit your usage limit. ${again[0]?.toUpperCase()}${again.slice(1)}.`;
}

/** `10:26 PM`, with the date in front where it is not today; in the server's time zone. */
function clockTime(unixSeconds: number, now: number): string {
  const at = new Date(unixSeconds * 1000);
  const time = at.toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" })
    .replaceAll("\u202f", " ");
  if (at.toDateString() === new Date(now).toDateString()) return time;
  const date = at.toLocaleDateString("en-US", { month: "short", day: "numeric", year: "numeric" });
  return `${date} ${time}`;
}

/** Reads `try again in 1.5s`, `20 ms` or `3 seconds` out of a rate limit message; milliseconds or null. */
export function delayInText(message: string): number | null {
  const match = /try again in\s+(\d+(?:\.\d+)?)\s*(ms|s|seconds?|m|minutes?)\b/i.exec(message);
  if (!match) return null;
  const unit = match[2]?.toLowerCase() ?? "s";
  const factor = unit === "ms" ? 1 : unit.startsWith("m") ? 60_000 : 1000;
  return Math.ceil(Number(match[1]) * factor);
}

function unexpectedStatus(failure: HttpFailure, text: string): string {
  const reason = STATUS_TEXT[failure.status];
  const status = reason ? `${failure.status} ${reason}` : `${failure.status}`;
  return `unexpected status ${status}: ${text}, url: ${shownUrl(failure.url)}`;
}

/** The address without query and credentials, either of which may be a secret. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The innermost text of a failed fetch, without the address that Deno repeats in it. */
export function causeText(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return /client error \([^)]*\): (.*)$/s.exec(text)?.[1] ?? text;
}

function clip(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > MAX_DETAIL_CHARS ? `${trimmed.slice(0, MAX_DETAIL_CHARS)}...` : trimmed;
}

/** The error text of a body that a chat server sends inside its stream, or null. */
export function errorInChunk(chunk: JsonObject): JsonObject | null {
  const error = chunk["error"];
  if (error === undefined || error === null) return null;
  const object = objectOf(error) ?? objectOf(arrayOf(error)[0]);
  return object ?? { message: typeof error === "string" ? error : "unknown error" };
}

/** Turn failures in the two spellings: camelCase on the wire, snake_case in rollouts; must not know who failed. */
import type { CodexErrorInfo } from "../protocol/turn_types.ts";
import { type Fields, fieldsOf, numberOf, snakeCase } from "./fields.ts";

const WORDS = [
  "contextWindowExceeded",
  "usageLimitExceeded",
  "serverOverloaded",
  "internalServerError",
  "unauthorized",
  "badRequest",
  "sandboxError",
  "other",
] as const;

const WORD_BY_SNAKE = new Map<string, CodexErrorInfo>(WORDS.map((word) => [snakeCase(word), word]));

/** The failure as a rollout spells it: a word, or one object with its HTTP status. */
export function errorInfoToRollout(info: CodexErrorInfo): unknown {
  if (typeof info === "string") return snakeCase(info);
  const [kind, status] = Object.entries(info)[0] ?? ["other", null];
  return { [snakeCase(kind)]: { http_status_code: status?.httpStatusCode ?? null } };
}

/** Reads the rollout's spelling; null when there is none, "other" for a word of a newer version. */
export function errorInfoFromRollout(value: unknown): CodexErrorInfo | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return WORD_BY_SNAKE.get(value) ?? "other";
  const fields = fieldsOf(value);
  return fields ? httpFailure(fields) : "other";
}

function httpFailure(fields: Fields): CodexErrorInfo {
  const [kind, inner] = Object.entries(fields)[0] ?? [];
  const httpStatusCode = numberOf(fieldsOf(inner) ?? {}, "http_status_code");
  switch (kind) {
    case "http_connection_failed":
      return { httpConnectionFailed: { httpStatusCode } };
    case "response_stream_connection_failed":
      return { responseStreamConnectionFailed: { httpStatusCode } };
    case "response_stream_disconnected":
      return { responseStreamDisconnected: { httpStatusCode } };
    case "response_too_many_failed_attempts":
      return { responseTooManyFailedAttempts: { httpStatusCode } };
    default:
      return "other";
  }
}

/** Turns log records into lines without secrets and without control characters; must not know where they go. */
import type { LogFields, LogRecord } from "../lib/log.ts";

const SECRET_NAME = /authorization|api[-_]?key|token$|secret|password|cookie/i;
const SECRET_TEXT = /\b(sk-|bearer\s+)[\w.~+/=-]{6,}/gi;
// deno-lint-ignore no-control-regex -- Finding control characters is the point.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** One line for people, in the form of the real program: time, level, category, message, fields. */
export function formatText(record: LogRecord): string {
  const level = record.level.toUpperCase().padStart(5);
  const fields = Object.entries(plainFields(record.fields)).map(([name, value]) =>
    ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  const text = `${timeOf(record)} ${level} ${record.category}: ${record.message}${fields.join("")}`;
  return `${escapeControl(hideSecrets(text))}\n`;
}

/** One JSON object per line, in the form of the real program. */
export function formatJson(record: LogRecord): string {
  const line = JSON.stringify({
    timestamp: timeOf(record),
    level: record.level.toUpperCase(),
    fields: { message: hideSecrets(record.message), ...plainFields(record.fields) },
    target: record.category,
  });
  // JSON escapes what is below a space; C1 controls and line separators are escaped here.
  return `${escapeControl(line)}\n`;
}

function timeOf(record: LogRecord): string {
  return new Date(record.timeMs).toISOString();
}

/** Fields that can be printed: errors as their message, secrets as a mark, everything else as JSON. */
function plainFields(fields: LogFields): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, plainValue(name, value)]));
}

function plainValue(name: string, value: unknown): unknown {
  if (SECRET_NAME.test(name)) return "[hidden]";
  if (value instanceof Error) return hideSecrets(`${value.name}: ${value.message}`);
  if (typeof value === "string") return hideSecrets(value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  try {
    return hideSecrets(
      JSON.stringify(value, (key, inner) => SECRET_NAME.test(key) ? "[hidden]" : inner) ??
        String(value),
    );
  } catch (error) {
    // A cycle or a BigInt must not turn a log line into a failure.
    return `[not printable: ${error instanceof Error ? error.message.split("\n")[0] : "?"}]`;
  }
}

function hideSecrets(text: string): string {
  return text.replace(SECRET_TEXT, "$1[hidden]");
}

/** A line that came from a peer or a model must not move the cursor or start a second record. */
function escapeControl(text: string): string {
  return text.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

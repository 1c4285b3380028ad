/** The LogTape end of the log; loaded with the first record only, because most runs never log. */
import { configureSync, getLogger, type LogRecord as TapeRecord } from "@logtape/logtape";
import { LOG_LEVELS, type LogRecord } from "../lib/log.ts";

/** All categories hang below this one in LogTape. */
const ROOT = "codex";

/**
 * Sends records through LogTape to `write`. What is wanted was decided before a record was made, so
 * LogTape lets everything pass; its own messages would only add noise to stderr.
 */
export function openLogSink(write: (record: LogRecord) => void): (record: LogRecord) => void {
  configureSync({
    reset: true,
    sinks: { stderr: (record) => write(fromTape(record)) },
    loggers: [
      { category: ROOT, lowestLevel: "trace", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
    ],
  });
  return (record) =>
    getLogger([ROOT, record.category]).emit({
      level: record.level === "warn" ? "warning" : record.level,
      // Not a template: braces of a message stay as they are.
      message: [record.message],
      rawMessage: record.message,
      timestamp: record.timeMs,
      properties: { ...record.fields },
    });
}

function fromTape(record: TapeRecord): LogRecord {
  return {
    timeMs: record.timestamp,
    level: LOG_LEVELS.find((level) => record.level.startsWith(level)) ?? "error",
    category: record.category[1] ?? "",
    message: record.message.join(""),
    fields: record.properties,
  };
}

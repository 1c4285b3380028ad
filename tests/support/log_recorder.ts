/** A logger that keeps what it is told, for tests of what is logged. */
import { type Logger, type LogRecord, makeLogger } from "../../src/lib/log.ts";
import { formatJson } from "../../src/programs/log_format.ts";

/** Everything that was logged, down to `trace`. */
export interface RecordedLog {
  readonly log: Logger;
  readonly records: readonly LogRecord[];
  /** The records of one message. */
  of(message: string): readonly LogRecord[];
  /** All of it as it would stand in a log of JSON lines. */
  text(): string;
}

/** Starts a log. */
export function recordLog(): RecordedLog {
  const records: LogRecord[] = [];
  const log = makeLogger({
    category: "",
    levelOf: () => "trace",
    now: () => 0,
    write: (record) => void records.push(record),
  });
  return {
    log,
    records,
    of: (message) => records.filter((record) => record.message === message),
    text: () => records.map(formatJson).join(""),
  };
}

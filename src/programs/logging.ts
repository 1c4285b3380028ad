/** Makes the logger that writes to stderr as `RUST_LOG` and `LOG_FORMAT` say; must not know what is logged. */
import type { Clock } from "../lib/clock.ts";
import { type Logger, type LogRecord, makeLogger } from "../lib/log.ts";
import { parseLogFilter } from "../lib/log_filter.ts";
import { formatJson, formatText } from "./log_format.ts";

/** Where log lines go and what decides about them. */
export interface LoggingOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Writes one finished line before it returns. */
  readonly write: (line: string) => void;
}

/** A logger with the means to not lose its last words. */
export interface Logging {
  readonly log: Logger;
  /** Writes what still waits for LogTape to load. Call it before the process ends. */
  flush(): void;
}

/**
 * Makes the logger of this process. The default level is `error`, as upstream.
 *
 * LogTape is loaded with the first record. Records wait for it in order; `flush` does not, and
 * writes them in the same form.
 */
export function createLogger(options: LoggingOptions): Logging {
  const format = options.env["LOG_FORMAT"] === "json" ? formatJson : formatText;
  const filter = parseLogFilter(options.env["RUST_LOG"] ?? "");
  const writeLine = (record: LogRecord) => options.write(format(record));
  let waiting: LogRecord[] = [];
  let send: ((record: LogRecord) => void) | null = null;
  const log = makeLogger({
    category: "",
    levelOf: (category) => filter.levelOf(category),
    now: () => options.clock.now(),
    write(record) {
      if (send) return send(record);
      waiting.push(record);
      if (waiting.length === 1) void load();
    },
  });
  if (filter.ignored.length > 0) {
    log.child("logging").error?.("Ignored what RUST_LOG does not define", {
      directives: filter.ignored,
      expected: "a list of LEVEL or TARGET=LEVEL with error, warn, info, debug, trace or off",
    });
  }
  return { log, flush };

  async function load(): Promise<void> {
    const { openLogSink } = await import("./log_sink.ts");
    send = openLogSink(writeLine);
    drain(send);
  }
  function drain(target: (record: LogRecord) => void): void {
    const records = waiting;
    waiting = [];
    for (const record of records) target(record);
  }
  function flush(): void {
    drain(send ?? writeLine);
  }
}

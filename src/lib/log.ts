/** The port through which every layer logs; must not know where records go or how they look. */

/** Severities, the worst first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
/** One severity. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Structured values of a record; never put a key or a token in here. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one record. */
export type Emit = (message: string, fields?: LogFields) => void;

/**
 * A logger of one category.
 *
 * A disabled level is absent, so `log.debug?.("Queued", { bytes: count() })` costs one property
 * read: the message and the fields are not even built.
 */
export interface Logger {
  readonly error?: Emit;
  readonly warn?: Emit;
  readonly info?: Emit;
  readonly debug?: Emit;
  readonly trace?: Emit;
  /** The logger of a part of this one: `agent` and `model` make `agent::model`. */
  child(name: string): Logger;
}

/** One record on its way out. */
export interface LogRecord {
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly level: LogLevel;
  /** Names joined by `::`, as in the real program's filters. */
  readonly category: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** What a logger is made of. */
export interface LoggerParts {
  readonly category: string;
  /** The least severe level that is wanted from a category, or null for none. */
  readonly levelOf: (category: string) => LogLevel | null;
  readonly now: () => number;
  readonly write: (record: LogRecord) => void;
}

/** A logger that never says anything. */
export const silentLogger: Logger = { child: () => silentLogger };

/** Makes the logger of a category. */
export function makeLogger(parts: LoggerParts): Logger {
  const { category, write, now } = parts;
  const least = parts.levelOf(category);
  const enabled = least === null ? [] : LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(least) + 1);
  const emitters = enabled.map((level): [LogLevel, Emit] => [
    level,
    (message, fields = {}) => write({ timeMs: now(), level, category, message, fields }),
  ]);
  return {
    ...Object.fromEntries(emitters),
    child: (name) => makeLogger({ ...parts, category: category ? `${category}::${name}` : name }),
  };
}

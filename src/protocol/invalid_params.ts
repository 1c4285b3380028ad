/** The error of params that do not fit, in the words of upstream's parser (serde); must not know any schema. */

/** What is wrong, as a stable word for `data.reason`. */
export type InvalidParamsReason =
  | "missingField"
  | "invalidType"
  | "invalidValue"
  | "invalidLength"
  | "unknownVariant";

/** Params that do not fit their schema; `message` is what clients of Codex match on. */
export class InvalidParams extends Error {
  override readonly name = "InvalidParams";
  readonly reason: InvalidParamsReason;
  /** The message without the words that the app-server puts before it. */
  readonly text: string;
  constructor(reason: InvalidParamsReason, text: string) {
    super(`Invalid request: ${text}`);
    this.reason = reason;
    this.text = text;
  }
}

/** A member that must be there is not. */
export function missingField(name: string): InvalidParams {
  return new InvalidParams("missingField", `missing field \`${name}\``);
}

/** A value of another kind than expected. */
export function invalidType(value: unknown, expected: string): InvalidParams {
  return new InvalidParams("invalidType", `invalid type: ${found(value)}, expected ${expected}`);
}

/** A value of the right kind, out of range. */
export function invalidValue(value: unknown, expected: string): InvalidParams {
  return new InvalidParams("invalidValue", `invalid value: ${found(value)}, expected ${expected}`);
}

/** An array with too few or too many elements. */
export function invalidLength(length: number, expected: string): InvalidParams {
  return new InvalidParams("invalidLength", `invalid length ${length}, expected ${expected}`);
}

/** A word that is not one of the allowed ones. */
export function unknownVariant(word: string, variants: readonly string[]): InvalidParams {
  const quoted = variants.map((variant) => `\`${variant}\``);
  const expected = quoted.length > 2 ? `one of ${quoted.join(", ")}` : quoted.join(" or ");
  return new InvalidParams(
    "unknownVariant",
    `unknown variant \`${cut(word)}\`, expected ${expected}`,
  );
}

/** A value as serde names it in errors. */
function found(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "sequence";
  switch (typeof value) {
    case "string":
      return `string ${JSON.stringify(cut(value))}`;
    case "number":
      return isWireInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``;
    case "boolean":
      return `boolean \`${value}\``;
    default:
      return "map";
  }
}

/** Upstream reads what fits 64 bits as an integer. JSON's `1.0` cannot be told from `1` here. */
export function isWireInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= -(2 ** 63) &&
    value < 2 ** 64;
}

/** Upstream echoes the whole text; 20 MB of bad input need not travel back. */
const ECHO_LENGTH_MAX = 1000;

function cut(text: string): string {
  return text.length > ECHO_LENGTH_MAX ? `${text.slice(0, ECHO_LENGTH_MAX)}…` : text;
}

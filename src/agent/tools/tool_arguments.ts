/** Reads the arguments of a function call, which a model may have got wrong; must not know any tool. */
import { messageOf } from "../../lib/errors.ts";

/**
 * The members of an arguments object. A member that is missing or of the wrong type is remembered in
 * `problem` and read as an empty value, so a tool reads all of them first and then asks once.
 */
export class ToolArguments {
  readonly #members: ReadonlyMap<string, unknown>;
  #problem: string | null = null;

  /** `input` is JSON text, exactly as the model sent it. */
  constructor(input: string) {
    let value: unknown;
    try {
      value = JSON.parse(input);
    } catch (error) {
      this.#problem = messageOf(error);
    }
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject) this.#problem ??= "expected an object";
    this.#members = new Map(isObject ? Object.entries(value ?? {}) : []);
  }

  /** What the model is told, or null. Upstream's text begins the same way. */
  get problem(): string | null {
    return this.#problem === null ? null : `failed to parse function arguments: ${this.#problem}`;
  }

  string(name: string): string {
    const value = this.#members.get(name);
    if (value === undefined) this.#problem ??= `missing field \`${name}\``;
    return this.optionalString(name) ?? "";
  }

  optionalString(name: string): string | null {
    const value = this.#members.get(name) ?? null;
    if (value === null || typeof value === "string") return value;
    return this.#wrong(name, "a string");
  }

  optionalNumber(name: string): number | null {
    const value = this.#members.get(name) ?? null;
    if (value === null) return null;
    // Models write numbers as text now and then; what is meant is clear.
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
    return this.#wrong(name, "a number");
  }

  optionalBoolean(name: string): boolean | null {
    const value = this.#members.get(name) ?? null;
    if (value === null || typeof value === "boolean") return value;
    return this.#wrong(name, "a boolean");
  }

  optionalStrings(name: string): readonly string[] | null {
    const value = this.#members.get(name) ?? null;
    if (value === null) return null;
    if (Array.isArray(value)) {
      const strings = value.filter((each) => typeof each === "string");
      if (strings.length === value.length) return strings;
    }
    return this.#wrong(name, "a list of strings");
  }

  #wrong(name: string, expected: string): null {
    this.#problem ??= `invalid type for \`${name}\`, expected ${expected}`;
    return null;
  }
}

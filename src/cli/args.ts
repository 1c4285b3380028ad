/** The typed result of parsing a command line; must not know what any flag means. */
import { invariant } from "../lib/errors.ts";

/** What one command line said, with the flags of every level merged. */
export class Args {
  /** Names from the top down without `codex`: `["exec", "resume"]`; empty when no program was named. */
  readonly path: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(path: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.path = path;
    this.#values = values;
  }

  /** True when the flag, or the positional, was written. */
  isSet(name: string): boolean {
    return this.texts(name).length > 0;
  }

  /** The last value of a flag or positional, or null when it was not written. */
  text(name: string): string | null {
    return this.texts(name).at(-1) ?? null;
  }

  /** All values of a repeatable flag, in the order they were written. */
  texts(name: string): readonly string[] {
    const values = this.#values.get(name);
    // Every flag and positional of the command is a key, so a misspelled name is found at once.
    invariant(values !== undefined, `The command line has no flag or argument named ${name}`);
    return values;
  }

  /** True when the command of this path has such a flag or positional at all. */
  knows(name: string): boolean {
    return this.#values.has(name);
  }
}

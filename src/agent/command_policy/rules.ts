/** The user's own decisions on command prefixes, from `rules/*.rules`; must not know approvals or policies. */
import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { PlainCommand } from "./parse.ts";
import { parseRules, prefixRuleLine } from "./rule_file.ts";

/** What a rule says; the strictest of all that match counts. */
export type RuleDecision = "allow" | "prompt" | "forbidden";

/** Decides on commands that begin with a prefix; each place of the prefix may have alternatives. */
export interface PrefixRule {
  readonly pattern: readonly (readonly string[])[];
  readonly decision: RuleDecision;
  /** Why, in the user's words, or null. */
  readonly justification: string | null;
}

/** The file that accepted amendments go to. */
const AMENDED_FILE = "default.rules";
const STRICTNESS: readonly RuleDecision[] = ["allow", "prompt", "forbidden"];

/** The strictest rule that matches a command, or null. */
export function matchRule(command: PlainCommand, rules: readonly PrefixRule[]): PrefixRule | null {
  let strictest: PrefixRule | null = null;
  for (const rule of rules) {
    if (!rule.pattern.every((words, at) => words.includes(command[at] ?? ""))) continue;
    if (rule.pattern.length > command.length) continue;
    if (!strictest || rank(rule) > rank(strictest)) strictest = rule;
  }
  return strictest;
}

/** The rules of a home, read on first use; a rule that is added holds at once, for every thread. */
export class Rules {
  readonly #dir: string;
  readonly #append: (path: string, line: string) => Promise<void>;
  #loading: Promise<PrefixRule[]> | null = null;
  readonly #warnings: string[] = [];

  /** `append` adds a line to a file below the home, making file and folder when they are missing. */
  constructor(options: {
    readonly codexHome: string;
    readonly append: (path: string, line: string) => Promise<void>;
  }) {
    this.#dir = join(options.codexHome, "rules");
    this.#append = options.append;
  }

  /** What was wrong with reading or writing the files, one sentence each. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** All rules of all files. */
  all(): Promise<readonly PrefixRule[]> {
    return this.#load();
  }

  /** Allows a prefix from now on; on disk first, and at least until the end when the disk refuses. */
  async allow(prefix: readonly string[]): Promise<void> {
    const rules = await this.#load();
    const rule: PrefixRule = {
      pattern: prefix.map((word) => [word]),
      decision: "allow",
      justification: null,
    };
    const text = JSON.stringify(rule);
    if (prefix.length === 0 || rules.some((known) => JSON.stringify(known) === text)) return;
    const path = join(this.#dir, AMENDED_FILE);
    try {
      await this.#append(path, prefixRuleLine(prefix));
    } catch (error) {
      // A person has allowed it: a full disk must not turn that into a refusal.
      this.#warnings.push(`${path}: ${messageOf(error)}; the rule holds until this program ends`);
    }
    rules.push(rule);
  }

  #load(): Promise<PrefixRule[]> {
    return this.#loading ??= this.#read();
  }

  async #read(): Promise<PrefixRule[]> {
    const rules: PrefixRule[] = [];
    for (const path of await this.#files()) {
      const { rules: found, error } = parseRules(await Deno.readTextFile(path));
      // A file that cannot be read to its end may lack the exceptions to what it allows.
      rules.push(...(error ? found.filter((rule) => rule.decision !== "allow") : found));
      if (error) this.#warnings.push(`${path}: ${error}; its allow rules are ignored`);
    }
    return rules;
  }

  async #files(): Promise<string[]> {
    const paths: string[] = [];
    try {
      for await (const entry of Deno.readDir(this.#dir)) {
        if (!entry.isDirectory && entry.name.endsWith(".rules")) {
          paths.push(join(this.#dir, entry.name));
        }
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        this.#warnings.push(`${this.#dir}: ${messageOf(error)}`);
      }
    }
    return paths.sort();
  }
}

function rank(rule: PrefixRule): number {
  return STRICTNESS.indexOf(rule.decision);
}

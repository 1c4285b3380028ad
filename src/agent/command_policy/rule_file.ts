/** Reads and writes the text of rule files, a small part of Starlark; must not know where the files are. */
import type { PrefixRule, RuleDecision } from "./rules.ts";

/** What a file says as far as it could be read; `error` names the line that could not. */
export interface ParsedRules {
  readonly rules: readonly PrefixRule[];
  readonly error: string | null;
}

type Value = string | readonly Value[];
interface Token {
  readonly type: "string" | "name" | "punctuation";
  readonly value: string;
  readonly line: number;
}

const TOKEN =
  /[ \t\r\n]+|#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_][A-Za-z0-9_]*|[()[\],=]/y;
/** Calls that upstream knows and that say nothing about commands here. */
const OTHER_CALLS: ReadonlySet<string> = new Set(["network_rule", "host_executable"]);

/** The line that allows a prefix, with its line end. */
export function prefixRuleLine(prefix: readonly string[]): string {
  const words = prefix.map((word) => JSON.stringify(word)).join(", ");
  return `prefix_rule(pattern=[${words}], decision="allow")\n`;
}

/** Reads a rule file. */
export function parseRules(text: string): ParsedRules {
  const rules: PrefixRule[] = [];
  try {
    const reader = new Reader(tokenize(text));
    while (!reader.isAtEnd) {
      const rule = reader.readCall();
      if (rule) rules.push(rule);
    }
    return { rules, error: null };
  } catch (error) {
    if (error instanceof RuleSyntaxError) return { rules, error: error.message };
    throw error;
  }
}

class RuleSyntaxError extends Error {
  constructor(line: number, message: string) {
    super(`Line ${line}: ${message}`);
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const [value] = TOKEN.exec(text) ?? [];
    if (value === undefined) {
      throw new RuleSyntaxError(line, `Unexpected ${JSON.stringify(text.charAt(at))}`);
    }
    if (/^["']/.test(value)) tokens.push({ type: "string", value: unquote(value, line), line });
    else if (/^\w/.test(value)) tokens.push({ type: "name", value, line });
    else if (/^[()[\],=]/.test(value)) tokens.push({ type: "punctuation", value, line });
    line += value.split("\n").length - 1;
  }
  return tokens;
}

function unquote(quoted: string, line: number): string {
  const body = quoted.slice(1, -1);
  return body.replace(/\\(u[0-9a-fA-F]{4}|.)/g, (whole, escape: string) => {
    if (escape.length > 1) return String.fromCharCode(parseInt(escape.slice(1), 16));
    const plain: Readonly<Record<string, string>> = {
      n: "\n",
      t: "\t",
      r: "\r",
      b: "\b",
      f: "\f",
      "\\": "\\",
      "/": "/",
      '"': '"',
      "'": "'",
    };
    const char = plain[escape];
    if (char === undefined) throw new RuleSyntaxError(line, `Unknown escape ${whole} in a string`);
    return char;
  });
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** One `name(key=value, ...)`; null for calls that are not prefix rules. */
  readCall(): PrefixRule | null {
    const name = this.#expect("name");
    this.#expect("punctuation", "(");
    const values = new Map<string, Value>();
    while (!this.#accept(")")) {
      const key = this.#expect("name").value;
      this.#expect("punctuation", "=");
      values.set(key, this.#readValue());
      if (this.#accept(")")) break;
      this.#expect("punctuation", ",");
    }
    if (name.value === "prefix_rule") return prefixRule(values, name.line);
    if (OTHER_CALLS.has(name.value)) return null;
    throw new RuleSyntaxError(name.line, `Unknown rule ${name.value}`);
  }

  #readValue(): Value {
    if (!this.#accept("[")) return this.#expect("string").value;
    const list: Value[] = [];
    while (!this.#accept("]")) {
      list.push(this.#readValue());
      if (this.#accept("]")) break;
      this.#expect("punctuation", ",");
    }
    return list;
  }

  #accept(punctuation: string): boolean {
    const token = this.#tokens[this.#at];
    const isNext = token?.type === "punctuation" && token.value === punctuation;
    if (isNext) this.#at++;
    return isNext;
  }

  #expect(type: Token["type"], value?: string): Token {
    const token = this.#tokens[this.#at];
    if (!token || token.type !== type || (value !== undefined && token.value !== value)) {
      const line = token?.line ?? this.#tokens.at(-1)?.line ?? 1;
      throw new RuleSyntaxError(line, `Expected ${value ?? `a ${type}`}`);
    }
    this.#at++;
    return token;
  }
}

function prefixRule(values: ReadonlyMap<string, Value>, line: number): PrefixRule {
  const pattern = values.get("pattern");
  const decision = values.get("decision") ?? "allow";
  const justification = values.get("justification") ?? null;
  if (pattern === undefined || typeof pattern === "string" || pattern.length === 0) {
    throw new RuleSyntaxError(line, "The pattern must be a list with at least one word");
  }
  if (!isDecision(decision)) {
    throw new RuleSyntaxError(line, "The decision must be allow, prompt or forbidden");
  }
  return {
    pattern: pattern.map((words) => alternatives(words, line)),
    decision,
    justification: typeof justification === "string" ? justification : null,
  };
}

function alternatives(value: Value, line: number): string[] {
  const words = typeof value === "string" ? [value] : value;
  const plain = words.filter((word) => typeof word === "string");
  if (plain.length === 0 || plain.length !== words.length) {
    throw new RuleSyntaxError(line, "Alternatives in a pattern must be words");
  }
  return plain;
}

function isDecision(value: Value): value is RuleDecision {
  return value === "allow" || value === "prompt" || value === "forbidden";
}

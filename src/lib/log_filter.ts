/** Parses the filter language of `RUST_LOG`; must not know loggers or sinks. */
import { LOG_LEVELS, type LogLevel } from "./log.ts";

/** Which level is wanted from which category, and what of the text made no sense. */
export interface LogFilter {
  /** The least severe level that is wanted, or null for none. */
  levelOf(category: string): LogLevel | null;
  /** Directives that were ignored. */
  readonly ignored: readonly string[];
}

interface Directive {
  readonly target: string;
  readonly level: LogLevel | null;
}

/** Parts of this program under the names that they have in the real one, which users know by heart. */
const UPSTREAM_TARGETS: Readonly<Record<string, readonly string[]>> = {
  codex: [""],
  codex_core: ["agent", "store", "config", "account"],
  codex_app_server: ["server", "rpc"],
  codex_exec: ["exec"],
  codex_mcp_client: ["mcp"],
};

/**
 * Parses `level`, `target`, `target=level` and lists of them with commas. The longest matching target
 * decides. An empty text means `error`, as upstream. Text that makes no sense is ignored and reported.
 */
export function parseLogFilter(text: string): LogFilter {
  const ignored: string[] = [];
  const directives: Directive[] = [{ target: "", level: "error" }];
  for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
    const parsed = parseDirective(part);
    if (parsed === null) ignored.push(part);
    else directives.push(...parsed);
  }
  // Of two directives for one target the later one counts, so the search runs from the end.
  const ordered = directives.map((one, index) => ({ ...one, index }))
    .sort((a, b) => b.target.length - a.target.length || b.index - a.index);
  return {
    ignored,
    levelOf: (category) => ordered.find(({ target }) => covers(target, category))?.level ?? null,
  };
}

function covers(target: string, category: string): boolean {
  return target === "" || category === target || category.startsWith(`${target}::`);
}

function parseDirective(part: string): readonly Directive[] | null {
  const [name = "", levelText, ...rest] = part.split("=");
  if (rest.length > 0 || !/^[\w:-]+$/.test(name)) return null;
  if (levelText === undefined) {
    const level = parseLevel(name);
    // A bare target means all of its levels.
    return level === undefined ? targetsOf(name, "trace") : [{ target: "", level }];
  }
  const level = parseLevel(levelText);
  return level === undefined ? null : targetsOf(name, level);
}

function targetsOf(name: string, level: LogLevel | null): readonly Directive[] {
  const [crate = "", ...path] = name.split("::");
  const targets = Object.hasOwn(UPSTREAM_TARGETS, crate) ? UPSTREAM_TARGETS[crate] ?? [] : [crate];
  return targets.map((target) => ({ target: [target, ...path].join("::"), level }));
}

/** Null for `off`, undefined for what is no level. */
function parseLevel(text: string): LogLevel | null | undefined {
  const word = text.toLowerCase();
  return word === "off" ? null : LOG_LEVELS.find((level) => level === word);
}

/** Builds the environment of commands, without keys and tokens; must not read the environment itself. */

/** What `inherit = "core"` keeps. */
const CORE_NAMES: ReadonlySet<string> = new Set([
  "HOME",
  "LOGNAME",
  "PATH",
  "SHELL",
  "USER",
  "USERNAME",
  "TMPDIR",
  "TEMP",
  "TMP",
]);
const DEFAULT_EXCLUDES: readonly string[] = ["*KEY*", "*SECRET*", "*TOKEN*"];
/** Credentials of this program itself: no policy brings them back. */
const OWN_SECRETS: readonly string[] = [
  "OPENAI_API_KEY",
  "CODEX_API_KEY",
  "CODEX_*KEY*",
  "CODEX_*TOKEN*",
  "CODEX_*SECRET*",
  "OPENAI_*TOKEN*",
  "CODEX_APP_SERVER_AUTH",
];
/** Shorter values (`1`, `true`) say nothing about a secret, so other variables may contain them. */
const MIN_SECRET_CHARS = 8;
/** Commands run on pipes: nobody can answer a pager, and colours are noise for a model. */
const ON_PIPES: Readonly<Record<string, string>> = {
  NO_COLOR: "1",
  TERM: "dumb",
  COLORTERM: "",
  PAGER: "cat",
  GIT_PAGER: "cat",
  GH_PAGER: "cat",
};

/** Which variables commands inherit: the members of `[shell_environment_policy]` in the config file. */
export interface EnvironmentPolicy {
  readonly inherit: "all" | "core" | "none";
  readonly ignoreDefaultExcludes: boolean;
  readonly exclude: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly includeOnly: readonly string[];
}

/**
 * The environment of commands: worked out once per configuration, not per command.
 *
 * The order is upstream's: inherit, default excludes, excludes, `set`, include-only. Beyond upstream,
 * `secretNames` (the variables that hold provider keys), this program's own credentials, and every
 * variable whose value contains one of theirs are left out, whatever the policy says.
 */
export function commandEnvironment(options: {
  readonly env: Readonly<Record<string, string>>;
  readonly policy: EnvironmentPolicy;
  readonly secretNames: readonly string[];
  /** False for commands of a client, whose output may be a terminal and is its own business. */
  readonly isForModel?: boolean;
}): Record<string, string> {
  const { env, policy, secretNames, isForModel = true } = options;
  const excludes = [...(policy.ignoreDefaultExcludes ? [] : DEFAULT_EXCLUDES), ...policy.exclude];
  const isExcluded = nameTest(excludes);
  const isIncluded = policy.includeOnly.length > 0 ? nameTest(policy.includeOnly) : () => true;
  const isSecret = secretTest(env, secretNames);

  const result = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const isInherited = policy.inherit === "all" ||
      (policy.inherit === "core" && CORE_NAMES.has(name));
    if (isInherited && !isExcluded(name) && isIncluded(name)) result.set(name, value);
  }
  for (const [name, value] of Object.entries(isForModel ? ON_PIPES : {})) result.set(name, value);
  for (const [name, value] of Object.entries(policy.set)) {
    if (isIncluded(name)) result.set(name, value);
  }
  for (const [name, value] of result) {
    if (isSecret(name, value) || !isPossible(name, value)) result.delete(name);
  }
  return Object.fromEntries(result);
}

/** Tells the variables that are a secret or carry one. */
function secretTest(
  env: Readonly<Record<string, string>>,
  secretNames: readonly string[],
): (name: string, value: string) => boolean {
  const isSecretName = nameTest([...OWN_SECRETS, ...secretNames]);
  const secrets = Object.entries(env)
    .filter(([name, value]) => value.length >= MIN_SECRET_CHARS && isSecretName(name))
    .map(([, value]) => value);
  return (name, value) => isSecretName(name) || secrets.some((secret) => value.includes(secret));
}

/** Matches names against patterns with `*` and `?`, in any case, as upstream does. */
function nameTest(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => false;
  const alternatives = patterns.map((pattern) =>
    pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")
  );
  const expression = new RegExp(`^(?:${alternatives.join("|")})$`, "is");
  return (name) => expression.test(name);
}

/** A name or value that no process can have would make every command fail. */
function isPossible(name: string, value: string): boolean {
  return name !== "" && !name.includes("=") && !name.includes("\0") && !value.includes("\0");
}

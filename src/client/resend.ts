/** Which requests may be sent again when nobody knows whether the first was carried out; must not know connections. */

/** They read, or have the same effect however often they are sent; a watch has ended with its connection. */
const REPEATABLE: ReadonlySet<string> = new Set([
  "account/rateLimits/read",
  "account/read",
  "app/list",
  "collaborationMode/list",
  "config/read",
  "configRequirements/read",
  "experimentalFeature/list",
  "fs/getMetadata",
  "fs/readDirectory",
  "fs/readFile",
  "fs/unwatch",
  "fs/watch",
  "fuzzyFileSearch",
  "getAuthStatus",
  "gitDiffToRemote",
  "mcpServerStatus/list",
  "model/list",
  "plugin/list",
  "skills/list",
  "task/list",
  "thread/backgroundTerminals/list",
  "thread/list",
  "thread/loaded/list",
  "thread/read",
  "thread/resume",
  "thread/unsubscribe",
  "turn/interrupt",
]);

/** Whether a request without a key may be sent twice. */
export function isRepeatable(method: string): boolean {
  return REPEATABLE.has(method);
}

/**
 * Requests that change something and take an `idempotencyKey`. The schemas say so too; here is the list for programs
 * that must start without loading those, and a test holds the two together.
 */
export const KEYED: ReadonlySet<string> = new Set([
  "command/exec",
  "fs/copy",
  "fs/createDirectory",
  "fs/remove",
  "fs/writeFile",
  "thread/archive",
  "thread/backgroundTerminals/clean",
  "thread/backgroundTerminals/terminate",
  "thread/fork",
  "thread/metadata/update",
  "thread/name/set",
  "thread/rollback",
  "thread/shellCommand",
  "thread/start",
  "thread/unarchive",
  "turn/interrupt",
  "turn/start",
  "turn/steer",
]);

/** Whether a server with the `idempotency` extension carries such a request out once for a key. */
export function takesKey(method: string): boolean {
  return KEYED.has(method);
}

/** Tells by the environment what kind of terminal there is; must not know what is printed on it. */

const PLAIN: ReadonlySet<string> = new Set(["", "dumb", "unknown"]);

/** False where nothing but lines can be printed. */
export function canMoveCursor(env: Readonly<Record<string, string>>): boolean {
  return !PLAIN.has(env["TERM"] ?? "");
}

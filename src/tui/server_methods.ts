/** Which methods a server has, as far as it tells; must not call any. */
import type { Result } from "../protocol/mod.ts";

/** Methods that the real 0.120 and its successors do not all have, with the minor versions that do. */
const VARYING: Readonly<Record<string, { readonly from: number; readonly before: number }>> = {
  "thread/rollback": { from: 0, before: 169 },
  "thread/backgroundTerminals/list": { from: 169, before: Infinity },
  "thread/backgroundTerminals/terminate": { from: 169, before: Infinity },
};

/** Whether the server has the method; one that does not list its methods is taken for a real one. */
export function hasMethod(server: Result<"initialize"> | undefined, method: string): boolean {
  if (!server) return false;
  if (server.methods) return server.methods.includes(method);
  const varying = VARYING[method];
  const minor = minorOf(server.userAgent);
  return varying === undefined || (minor >= varying.from && minor < varying.before);
}

/** Whether `thread/fork` can end before a turn: the real 0.120 copies all of them whatever it is asked. */
export function canForkBefore(server: Result<"initialize"> | undefined): boolean {
  return server !== undefined &&
    (server.methods !== undefined || !hasMethod(server, "thread/rollback"));
}

/** `codex_cli_rs/0.120.0 (…)` has 120; 0 where nothing is said. */
function minorOf(userAgent: string): number {
  return Number(/^[^/]*\/0\.([0-9]+)\./.exec(userAgent)?.[1] ?? 0);
}

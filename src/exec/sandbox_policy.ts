/** What a sandbox policy lets this process itself write; commands are held to it by `sandbox/`. */
import { basename, dirname, join } from "node:path";
import { assertNever } from "../lib/errors.ts";
import type { SandboxPolicy } from "../protocol/policy.ts";
import { isBelow, linkTarget, resolveLinks } from "./sandbox/links.ts";
import { PROTECTED_NAMES } from "./sandbox/places.ts";

/** The places that policies are about. `tmpdir` is `$TMPDIR`, or null when it is not set. */
export interface PolicyPlaces {
  readonly cwd: string;
  readonly tmpdir: string | null;
  /**
   * Files and folders that no sandboxed write may touch, also inside a writable root and before they exist:
   * the code of this program is there, which runs unconfined at the next start.
   */
  readonly protectedPaths: readonly string[];
}

/** Lower case, because some file systems do not tell `.GIT` from `.git`. */
const PROTECTED: ReadonlySet<string> = new Set(PROTECTED_NAMES);

/** The folders below which files may be written; `/` when the policy does not restrict. */
export function writableRoots(
  policy: SandboxPolicy,
  places: Pick<PolicyPlaces, "cwd" | "tmpdir">,
): readonly string[] {
  switch (policy.type) {
    case "dangerFullAccess":
    case "externalSandbox":
      return ["/"];
    case "readOnly":
      return [];
    case "workspaceWrite": {
      const roots = [places.cwd, ...policy.writableRoots];
      if (!policy.excludeSlashTmp) roots.push("/tmp");
      if (!policy.excludeTmpdirEnvVar && places.tmpdir) roots.push(places.tmpdir);
      return [...new Set(roots.filter((root) => root.startsWith("/")))];
    }
    default:
      return assertNever(policy);
  }
}

/**
 * Whether writing to an absolute path stays within the policy. Links are followed as the system would
 * follow them, also for a leaf that does not exist yet. An answer holds for this moment only.
 */
export function isWritablePath(
  path: string,
  options: PolicyPlaces & { readonly policy: SandboxPolicy },
): boolean {
  const { policy } = options;
  if (policy.type === "dangerFullAccess" || policy.type === "externalSandbox") return true;
  if (!path.startsWith("/") || path.includes("\0")) return false;
  const target = resolveLinks(path);
  if (target === null) return false;
  const roots = writableRoots(policy, options).flatMap((root) => resolveLinks(root) ?? [])
    .filter((root) => target !== root && isBelow(target, root) && !isProtectedName(target, root));
  // Whoever makes a folder inside a protected one writable means it.
  const longest = Math.max(-1, ...roots.map((root) => root.length));
  return longest >= 0 && protectedAbove(target, options.protectedPaths) < longest;
}

/** The length of the longest protected path at or above a resolved one; -1 without one. */
function protectedAbove(target: string, protectedPaths: readonly string[]): number {
  const folded = fold(target);
  const above = protectedPaths.flatMap(whereItIs).filter((path) => isBelow(folded, fold(path)));
  return Math.max(-1, ...above.map((path) => path.length));
}

/** A path without links above it, and where it leads if it is a link itself, which must not be replaced either. */
function whereItIs(path: string): readonly string[] {
  // A folder that we may not look into is out of reach for every write of ours as well.
  const folder = resolveLinks(dirname(path)) ?? dirname(path);
  const place = join(folder, basename(path));
  if (linkTarget(place) === null) return [place];
  const target = resolveLinks(place);
  return target === null ? [place] : [place, target];
}

/** Some file systems take names for the same that differ in case or in how accents are written. */
function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function isProtectedName(target: string, root: string): boolean {
  const names = target.slice(root.length).split("/");
  return names.some((name) => PROTECTED.has(name.toLowerCase()));
}

/** What a sandbox policy allows and whether it can be enforced here; must not know tools or approvals. */
import { basename, dirname, join } from "node:path";
import { assertNever } from "../lib/errors.ts";
import type { SandboxPolicy } from "../protocol/policy.ts";

/** Whether a command can be held to a policy; `reason` is a sentence for people and models. */
export type Enforcement =
  | { readonly enforced: true }
  | { readonly enforced: false; readonly reason: string };

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

/** Folders below a writable root that stay read-only: what they hold is executed or trusted later. */
const PROTECTED_NAMES: ReadonlySet<string> = new Set([".git", ".codex", ".agents"]);
/** As in Linux: more links than this in one path are a loop. */
const MAX_SYMLINKS = 40;

/**
 * Whether commands can be held to `policy` on this machine.
 *
 * There is no sandbox backend yet, so only the policies that ask for no confinement by us can be honoured.
 * A command must never run less confined than its policy says, so the others are refused.
 */
export function enforcementOf(policy: SandboxPolicy): Enforcement {
  switch (policy.type) {
    case "dangerFullAccess":
    case "externalSandbox":
      return { enforced: true };
    case "readOnly":
    case "workspaceWrite":
      return {
        enforced: false,
        reason:
          `The sandbox policy ${policy.type} cannot be enforced because no sandbox is available here`,
      };
    default:
      return assertNever(policy);
  }
}

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
export async function isWritablePath(
  path: string,
  options: PolicyPlaces & { readonly policy: SandboxPolicy },
): Promise<boolean> {
  const { policy } = options;
  if (policy.type === "dangerFullAccess" || policy.type === "externalSandbox") return true;
  if (!path.startsWith("/") || path.includes("\0")) return false;
  const target = await resolveLinks(path);
  if (target === null || await isProtected(target, options.protectedPaths)) return false;
  for (const root of writableRoots(policy, options)) {
    const realRoot = await resolveLinks(root);
    if (realRoot !== null && isBelow(target, realRoot)) return true;
  }
  return false;
}

/** Whether a resolved path is one of the protected ones or below it, as it is written or as links lead. */
async function isProtected(target: string, protectedPaths: readonly string[]): Promise<boolean> {
  const folded = `${fold(target)}/`;
  const roots = await Promise.all(protectedPaths.map(whereItIs));
  return roots.flat().some((root) => folded.startsWith(`${fold(root)}/`));
}

/** A path without links above it, and where it leads if it is a link itself, which must not be replaced either. */
async function whereItIs(path: string): Promise<readonly string[]> {
  // A folder that we may not look into is out of reach for every write of ours as well.
  const folder = await resolveLinks(dirname(path)) ?? dirname(path);
  const place = join(folder, basename(path));
  if (await linkTarget(place) === null) return [place];
  const target = await resolveLinks(place);
  return target === null ? [place] : [place, target];
}

/** Some file systems take names for the same that differ in case or in how accents are written. */
function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function isBelow(target: string, root: string): boolean {
  const prefix = root === "/" ? "/" : `${root}/`;
  if (!target.startsWith(prefix)) return false;
  const names = target.slice(prefix.length).split("/");
  // Lower case, because some file systems do not tell `.GIT` from `.git`.
  return !names.some((name) => PROTECTED_NAMES.has(name.toLowerCase()));
}

/** Where an absolute path really leads; parts that do not exist are kept; null when that cannot be told. */
async function resolveLinks(path: string): Promise<string | null> {
  const rest = path.split("/").reverse();
  let resolved = "/";
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      resolved = dirname(resolved);
      continue;
    }
    const next = join(resolved, name);
    const target = await linkTarget(next);
    if (target === undefined) return null;
    if (target === null) {
      resolved = next;
      continue;
    }
    if (++links > MAX_SYMLINKS) return null;
    if (target.startsWith("/")) resolved = "/";
    rest.push(...target.split("/").reverse());
  }
  return resolved;
}

/** The target of a symlink, null for anything else or nothing, undefined when it cannot be read. */
async function linkTarget(path: string): Promise<string | null | undefined> {
  try {
    const { isSymlink } = await Deno.lstat(path);
    return isSymlink ? await Deno.readLink(path) : null;
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    return isAbsent ? null : undefined;
  }
}

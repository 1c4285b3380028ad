/** Finds the project that a directory belongs to, and whether the user trusts it; must not know what trust allows. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { isPlaceholder } from "./placeholder.ts";
import type { ApprovalPolicy, SandboxMode } from "../protocol/policy.ts";

/** What the user said about a project; null: nothing. */
export type Trust = "trusted" | "untrusted" | null;

/** What the trust of a directory is looked up by. */
export type TrustedProjects = Readonly<Record<string, "trusted" | "untrusted">>;

/**
 * The approval policy and sandbox mode of a thread in `cwd` that asks for neither.
 *
 * What the config says wins; else a trusted project may be written to, and any other may only be read.
 */
export function defaultPolicies(
  config: Pick<
    Config,
    "approvalPolicy" | "sandboxMode" | "trustedProjects" | "projectRootMarkers"
  >,
  cwd: string,
): { readonly approvalPolicy: ApprovalPolicy; readonly sandboxMode: SandboxMode } {
  const isSet = config.approvalPolicy !== null && config.sandboxMode !== null;
  const trust = isSet ? null : projectTrust(config.trustedProjects, {
    cwd,
    markers: config.projectRootMarkers,
  });
  return {
    approvalPolicy: config.approvalPolicy ?? (trust === "untrusted" ? "untrusted" : "on-request"),
    sandboxMode: config.sandboxMode ?? (trust === "trusted" ? "workspace-write" : "read-only"),
  };
}

/** The trust of the project that `cwd` lies in. */
export function projectTrust(
  projects: TrustedProjects,
  options: { readonly cwd: string; readonly markers: readonly string[] },
): Trust {
  if (Object.keys(projects).length === 0) return null;
  for (const key of trustPlaces(options.cwd, options.markers)) {
    const trust = Object.hasOwn(projects, key) ? projects[key] : undefined;
    if (trust) return trust;
  }
  return null;
}

/** Where trust in `cwd` is written: the main worktree of its repository, its project root, or `cwd` itself. */
export function trustTarget(cwd: string, markers: readonly string[]): string {
  return trustPlaces(cwd, markers).at(-1) ?? cwd;
}

/** The directories from the root of the project down to `cwd`; only `cwd` where there is no root. */
export function projectDirectories(cwd: string, markers: readonly string[]): readonly string[] {
  const directories: string[] = [];
  for (let dir = realPath(cwd);; dir = dirname(dir)) {
    directories.unshift(dir);
    if (markers.some((marker) => marker !== "" && exists(join(dir, marker)))) return directories;
    if (dirname(dir) === dir) return [realPath(cwd)];
  }
}

/** The nearest directory at or above `cwd` that holds one of the markers, or null. */
export function findProjectRoot(cwd: string, markers: readonly string[]): string | null {
  const [root] = projectDirectories(cwd, markers);
  const isRoot = markers.some((marker) => marker !== "" && exists(join(root ?? cwd, marker)));
  return isRoot ? root ?? null : null;
}

/** The paths under which trust in `cwd` may be recorded, the most specific first. */
export function trustPlaces(cwd: string, markers: readonly string[]): readonly string[] {
  const keys = [cwd, realPath(cwd)];
  // The root is looked for above the real path: a link inside a trusted project trusts nothing outside it.
  const root = findProjectRoot(cwd, markers);
  if (root !== null) keys.push(root);
  const repository = root === null ? null : mainWorktree(root);
  if (repository !== null) keys.push(repository);
  return [...new Set(keys)];
}

/**
 * The main worktree of the repository that a linked worktree belongs to, or null.
 *
 * A `.git` file is data of the project, so a foreign directory could name a trusted repository in it: the
 * repository must name this worktree in turn.
 */
function mainWorktree(root: string): string | null {
  const pointer = readSmallFile(join(root, ".git"));
  const target = /^gitdir: (.+)$/m.exec(pointer ?? "")?.[1];
  if (target === undefined) return null;
  const gitDir = isAbsolute(target) ? target : resolve(root, target);
  const main = /^(.+)[/\\]\.git[/\\]worktrees[/\\][^/\\]+$/.exec(gitDir)?.[1];
  const back = readSmallFile(join(gitDir, "gitdir"))?.trim();
  if (main === undefined || !back) return null;
  const backPath = isAbsolute(back) ? back : resolve(gitDir, back);
  return realPath(dirname(backPath)) === root ? realPath(main) : null;
}

function realPath(path: string): string {
  return onDisk(() => Deno.realPathSync(path)) ?? path;
}

function exists(path: string): boolean {
  const stat = onDisk(() => Deno.lstatSync(path));
  return stat !== null && !isPlaceholder(path, stat);
}

function readSmallFile(path: string): string | null {
  return onDisk(() => Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : null);
}

/** Null where the file system has no such thing, or does not let us see it. */
function onDisk<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && !(error instanceof TypeError)) return null;
    throw error;
  }
}

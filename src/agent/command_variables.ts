/** Tells commands where they run: thread, project and worktree; must not run git, nor anything else. */
import { findProjectRoot, trustTarget } from "../config/trust.ts";

/** What a folder is part of. */
export interface CommandPlace {
  /** The main worktree of the repository, else the root of the project, else the folder itself. */
  readonly projectRoot: string;
  /** The git worktree; null outside of any. */
  readonly worktree: string | null;
}

/** A linked worktree has a file of that name, which counts as well. */
const GIT_MARKERS = [".git"];

/** Looks on the disk; `markers` are files and folders that the root of a project holds. */
export function commandPlace(cwd: string, markers: readonly string[]): CommandPlace {
  return {
    projectRoot: trustTarget(cwd, markers),
    worktree: findProjectRoot(cwd, GIT_MARKERS),
  };
}

/**
 * The environment with `CODEX_PROJECT_ROOT`, `CODEX_WORKTREE_PATH` and `CODEX_THREAD_ID`. What does not apply is
 * absent, also when this program was started with it.
 */
export function commandVariables(
  env: Readonly<Record<string, string>>,
  { place, threadId }: { readonly place: CommandPlace; readonly threadId: string | null },
): Record<string, string> {
  const variables = { ...env, CODEX_PROJECT_ROOT: place.projectRoot };
  set(variables, "CODEX_WORKTREE_PATH", place.worktree);
  set(variables, "CODEX_THREAD_ID", threadId);
  return variables;
}

function set(variables: Record<string, string>, name: string, value: string | null): void {
  if (value === null) delete variables[name];
  else variables[name] = value;
}

/** Moves rollouts to the archive and back, each in one step; must not know who uses them. */
import { basename } from "node:path";
import { CodexError } from "../lib/errors.ts";
import { inHome, moveHomeFile } from "./home_file.ts";
import { archivedRolloutPath, livePath } from "./rollout_path.ts";

/** Moves a rollout to `archived_sessions/`; returns its new path. After a crash it is in one place or the other. */
export function archiveRollout(codexHome: string, path: string): string {
  const target = archivedRolloutPath(codexHome, basename(path));
  moveWithoutReplacing(path, target);
  return target;
}

/** Moves a rollout back to the folder of its day and marks it as changed at `atMs`; returns its new path. */
export function unarchiveRollout(
  codexHome: string,
  archived: { readonly path: string; readonly atMs: number },
): string {
  const target = livePath(codexHome, basename(archived.path));
  if (target === null) {
    throw new CodexError("io", `Cannot restore ${archived.path}: its name is not a rollout's`);
  }
  moveWithoutReplacing(archived.path, target);
  inHome(`mark ${target} as changed`, () => {
    const at = new Date(archived.atMs);
    Deno.utimeSync(target, at, at);
  });
  return target;
}

function moveWithoutReplacing(from: string, to: string): void {
  inHome(`look at ${from}`, () => {
    if (!exists(from)) throw new CodexError("rolloutNotFound", `No rollout at ${from}`);
    // A rename would replace the other one without a word.
    if (exists(to)) throw new CodexError("io", `Cannot move ${from}: ${to} exists already`);
  });
  moveHomeFile(from, to);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

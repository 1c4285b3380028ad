/** Finds the rollout of a thread by the names of files alone; must not open any. */
import { join } from "node:path";
import { ARCHIVED_DIR, SESSIONS_DIR, uuidTimeMs } from "./rollout_path.ts";

/** A rollout and where it lies. */
export interface FoundRollout {
  readonly path: string;
  readonly isArchived: boolean;
}

const DAY_MS = 86_400_000;

/**
 * Looks where the time inside the id points to, then among the archived ones, then everywhere, newest day first.
 * Null when there is none.
 */
export async function findRollout(
  codexHome: string,
  threadId: string,
): Promise<FoundRollout | null> {
  const suffix = `-${threadId.toLowerCase()}.jsonl`;
  const tried = new Set<string>();
  for (const day of likelyDays(threadId)) {
    const dir = join(codexHome, SESSIONS_DIR, day);
    tried.add(dir);
    const path = await fileIn(dir, suffix);
    if (path !== null) return { path, isArchived: false };
  }
  const archived = await fileIn(join(codexHome, ARCHIVED_DIR), suffix);
  if (archived !== null) return { path: archived, isArchived: true };
  for await (const dir of dayDirs(join(codexHome, SESSIONS_DIR))) {
    const path = tried.has(dir) ? null : await fileIn(dir, suffix);
    if (path !== null) return { path, isArchived: false };
  }
  return null;
}

/** Folders of days below `root`, newest first. */
export async function* dayDirs(root: string): AsyncGenerator<string> {
  for (const year of await numberedDirs(root)) {
    for (const month of await numberedDirs(join(root, year))) {
      for (const day of await numberedDirs(join(root, year, month))) {
        yield join(root, year, month, day);
      }
    }
  }
}

/** The folder is named after a local date, the id after UTC: the days before and after are possible. */
function likelyDays(threadId: string): string[] {
  const timeMs = uuidTimeMs(threadId);
  if (timeMs === null) return [];
  return [0, -1, 1].map((shift) => {
    const date = new Date(timeMs + shift * DAY_MS).toISOString();
    return join(date.slice(0, 4), date.slice(5, 7), date.slice(8, 10));
  });
}

async function fileIn(dir: string, suffix: string): Promise<string | null> {
  for (const entry of await entriesOf(dir)) {
    if (entry.name.toLowerCase().endsWith(suffix) && entry.name.startsWith("rollout-")) {
      return join(dir, entry.name);
    }
  }
  return null;
}

async function numberedDirs(dir: string): Promise<string[]> {
  const names = (await entriesOf(dir))
    .filter((entry) => !entry.isFile && /^\d{2,4}$/.test(entry.name))
    .map((entry) => entry.name);
  return names.sort().reverse();
}

async function entriesOf(dir: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(dir));
  } catch (error) {
    // A folder that is missing or cannot be listed holds nothing that could be opened.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

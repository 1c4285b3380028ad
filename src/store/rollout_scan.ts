/** Lists the rollouts of a home with size and time, folder by folder, newest first; must not open them. */
import { join, sep } from "node:path";
import { toHomeError } from "./home_file.ts";
import { dayDirs } from "./rollout_find.ts";
import {
  ARCHIVED_DIR,
  parseRolloutName,
  SESSIONS_DIR,
  ZONE_OFFSET_MAX_MS,
} from "./rollout_path.ts";
import type { TimeSlices } from "./time_slices.ts";

/** A rollout as the folder shows it. Times are Unix milliseconds. */
export interface ScannedFile {
  readonly path: string;
  readonly isArchived: boolean;
  readonly size: number;
  readonly mtimeMs: number;
  /** Upper bound of the creation time, from the name. */
  readonly createdAtMaxMs: number;
}

/** A folder that holds rollouts. */
export interface ScanDir {
  readonly dir: string;
  readonly isArchived: boolean;
  /** Upper bound of the creation times in all folders that come later, Unix milliseconds. */
  readonly laterCreatedAtMaxMs: number;
}

/** All folders of rollouts: live ones from the newest day on, then the archive. */
export async function* scanDirs(codexHome: string): AsyncGenerator<ScanDir> {
  for await (const dir of dayDirs(join(codexHome, SESSIONS_DIR))) {
    yield { dir, isArchived: false, laterCreatedAtMaxMs: dayStartMaxMs(dir) };
  }
  yield { dir: join(codexHome, ARCHIVED_DIR), isArchived: true, laterCreatedAtMaxMs: -Infinity };
}

/** The rollouts in one folder, newest first. */
export async function scanDir(
  { dir, isArchived }: ScanDir,
  options: { readonly slices: TimeSlices; readonly signal: AbortSignal },
): Promise<ScannedFile[]> {
  const files: ScannedFile[] = [];
  for (const name of namesIn(dir)) {
    const parsed = parseRolloutName(name);
    if (!parsed) continue;
    const path = join(dir, name);
    const stat = statFile(path);
    if (stat) files.push({ path, isArchived, ...stat, createdAtMaxMs: parsed.createdAtMaxMs });
    if (options.slices.isDue) await options.slices.pause(options.signal);
  }
  return files.sort((a, b) => b.createdAtMaxMs - a.createdAtMaxMs);
}

/** Size and time of a regular file; null when it is gone or something else. */
export function statFile(path: string): { readonly size: number; readonly mtimeMs: number } | null {
  try {
    // Synchronous: 4 us instead of 17 us with eight of them in flight.
    const stat = Deno.statSync(path);
    return stat.isFile ? { size: stat.size, mtimeMs: stat.mtime?.getTime() ?? 0 } : null;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw toHomeError(error, `look at ${path}`);
  }
}

function namesIn(dir: string): string[] {
  try {
    return Array.from(Deno.readDirSync(dir), (entry) => entry.name);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw toHomeError(error, `list ${dir}`);
  }
}

/** Gone, or closed to this user: nothing there that could be shown. */
function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied;
}

/** The latest moment at which the day of a `YYYY/MM/DD` folder begins anywhere, a minute of margin included. */
function dayStartMaxMs(dir: string): number {
  const [year, month, day] = dir.split(sep).slice(-3).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1) + ZONE_OFFSET_MAX_MS + 60_000;
}

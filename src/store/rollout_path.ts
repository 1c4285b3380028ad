/** Where rollouts live under the home folder and what their names say; must not open them. */
import { join } from "node:path";

/** Folder of live rollouts, as `YYYY/MM/DD/` below the home folder. */
export const SESSIONS_DIR = "sessions";
/** Flat folder of archived rollouts. */
export const ARCHIVED_DIR = "archived_sessions";

const NAME =
  /^rollout-(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.jsonl$/i;
/** No zone is further than this from UTC, so a local time is never off by more. */
export const ZONE_OFFSET_MAX_MS = 14 * 3_600_000;

/** What the name of a rollout file says. */
export interface RolloutName {
  readonly threadId: string;
  /** Upper bound of the creation time, Unix milliseconds. */
  readonly createdAtMaxMs: number;
  /** `["2026", "11", "21"]`: the folders of the day, in local time. */
  readonly day: readonly [string, string, string];
}

/** The path of a new rollout: local time in folders and name, as upstream. */
export function rolloutPath(
  codexHome: string,
  thread: { readonly threadId: string; readonly createdAtMs: number },
): string {
  const time = new Date(thread.createdAtMs);
  const year = String(time.getFullYear()).padStart(4, "0");
  const month = twoDigits(time.getMonth() + 1);
  const day = twoDigits(time.getDate());
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join("-");
  const name = `rollout-${year}-${month}-${day}T${clock}-${thread.threadId}.jsonl`;
  return join(codexHome, SESSIONS_DIR, year, month, day, name);
}

/** Reads the name of a rollout file; null when the file is something else. */
export function parseRolloutName(name: string): RolloutName | null {
  const match = NAME.exec(name);
  if (!match) return null;
  const [, year = "", month = "", day = "", hour, minute, second, id = ""] = match;
  const localMs = Date.UTC(+year, +month - 1, +day, Number(hour), Number(minute), Number(second));
  const threadId = id.toLowerCase();
  return { threadId, createdAtMaxMs: creationBound(threadId, localMs), day: [year, month, day] };
}

/** The path where an archived rollout lives, and where it came from. */
export function archivedRolloutPath(codexHome: string, name: string): string {
  return join(codexHome, ARCHIVED_DIR, name);
}

/** The path of the day's folder that a rollout of this name belongs to. */
export function livePath(codexHome: string, name: string): string | null {
  const parsed = parseRolloutName(name);
  return parsed && join(codexHome, SESSIONS_DIR, ...parsed.day, name);
}

/** Unix milliseconds inside a version 7 UUID, or null for other versions. */
export function uuidTimeMs(id: string): number | null {
  return id[14] === "7" ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;
}

/** The id tells the time exactly; a name alone tells it without its zone. */
function creationBound(threadId: string, localMs: number): number {
  const exactMs = uuidTimeMs(threadId);
  const isPlausible = exactMs !== null &&
    Math.abs(exactMs - localMs) <= ZONE_OFFSET_MAX_MS + 60_000;
  return isPlausible ? exactMs + 60_000 : localMs + ZONE_OFFSET_MAX_MS;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

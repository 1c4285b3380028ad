/** Cuts a thread to the part that a fork starts from; pure, must not read or write. */
import { CodexError } from "../lib/errors.ts";
import { recordsBefore, recordsThrough } from "../store/rollout_cut.ts";
import type { RolloutRecord } from "../store/rollout_reader.ts";
import { projectTurns } from "../store/rollout_turns.ts";
import type { ForkSource } from "./thread_library.ts";
import { pastOf } from "./thread_past.ts";

/** Where the history of a fork ends; absent and null mean nowhere. */
export interface ForkPoint {
  /** The first turn that is left out. */
  readonly beforeTurnId?: string | null | undefined;
  /** The last turn that is kept. */
  readonly lastTurnId?: string | null | undefined;
}

/**
 * The part of a thread that a fork starts from. What the thread goes on with, such as model and folder, stays that of
 * now (as 0.169, whose texts for threads of this form these are).
 */
export function upToForkPoint(
  source: ForkSource,
  { beforeTurnId, lastTurnId, runningTurnId }: ForkPoint & {
    readonly runningTurnId: string | null;
  },
): ForkSource {
  const [before, last] = [beforeTurnId ?? null, lastTurnId ?? null];
  if (before !== null && last !== null) {
    throw refused("`beforeTurnId` cannot be combined with `lastTurnId`");
  }
  if (before !== null) {
    const records = recordsBefore(source.records, before);
    if (!records) throw refused(`beforeTurnId '${before}' was not found in the source thread`);
    return withRecords(source, records);
  }
  if (last === null) return source;
  if (last === runningTurnId) throw refused(`lastTurnId '${last}' identifies an in-progress turn`);
  const records = recordsThrough(source.records, last);
  if (!records) throw refused(`lastTurnId '${last}' was not found in the source thread`);
  return withRecords(source, records);
}

function withRecords(source: ForkSource, records: readonly RolloutRecord[]): ForkSource {
  const replay = projectTurns(records);
  const meta = { ...source.meta, preview: replay.preview ?? "" };
  return { ...source, meta, records, past: pastOf(records, replay) };
}

function refused(text: string): CodexError {
  return new CodexError("invalidRequest", text);
}

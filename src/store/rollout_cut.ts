/** Cuts the records of a rollout where one of its turns begins or ends; pure, must not know files. */
import { fieldsOf } from "./fields.ts";
import type { RolloutRecord } from "./rollout_reader.ts";
import { TurnsProjection } from "./rollout_turns.ts";

/** The records before a turn; null when the thread has no such turn, or has it no more. */
export function recordsBefore(
  records: readonly RolloutRecord[],
  turnId: string,
): readonly RolloutRecord[] | null {
  const span = spanOf(records, turnId);
  return span && records.slice(0, span.start);
}

/** The records up to the end of a turn; null when the thread has no such turn, or has it no more. */
export function recordsThrough(
  records: readonly RolloutRecord[],
  turnId: string,
): readonly RolloutRecord[] | null {
  const span = spanOf(records, turnId);
  return span && records.slice(0, span.end);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a turn wrote after the next one had begun is not in its span, nor is it in that of 0.169. */
function spanOf(records: readonly RolloutRecord[], turnId: string): Span | null {
  const projection = new TurnsProjection();
  const starts: { readonly turnId: string; readonly at: number }[] = [];
  let openTurnId: string | null = null;
  for (const [at, record] of records.entries()) {
    projection.add(record);
    const now = projection.openTurnId;
    if (now !== null && now !== openTurnId) starts.push({ turnId: now, at: leadInOf(records, at) });
    openTurnId = now;
  }
  // A turn that was taken back is in the file all the same.
  if (!projection.finish().turns.some(({ id }) => id === turnId)) return null;
  const index = starts.findLastIndex((start) => start.turnId === turnId);
  const start = starts[index]?.at;
  return start === undefined ? null : { start, end: starts[index + 1]?.at ?? records.length };
}

/** Where no `task_started` opens a turn, the model's copy of the user's words stands before the event that does. */
function leadInOf(records: readonly RolloutRecord[], at: number): number {
  if (fieldsOf(records[at]?.payload)?.type !== "user_message") return at;
  let start = at;
  while (isLeadIn(records[start - 1])) start--;
  return start;
}

function isLeadIn(record: RolloutRecord | undefined): boolean {
  if (record?.type === "turn_context") return true;
  if (record?.type !== "response_item") return false;
  const item = fieldsOf(record.payload);
  return item?.type === "message" && (item.role === "user" || item.role === "developer");
}
